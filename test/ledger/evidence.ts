/** Makes evidence and sweeps for tests of the ledger. */

import type { Direction, Evidence, OptInProof } from '../../src/ledger/evidence.ts';
import type { Ledger, LedgerOptions } from '../../src/ledger/ledger.ts';
import { createNumberSet } from '../../src/number-set/number-set.ts';
import type { ProviderListSnapshot } from '../../src/ledger/provider-list-types.ts';
import type { CommitEffect, Removals, SweepRun } from '../../src/ledger/sweep-types.ts';
import { columnsOf, type Row } from './columns.ts';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const T = Date.UTC(2026, 0, 1);
export const LOG = 'log 1';

export const LEDGER: LedgerOptions = {
  ...{ list: 'default', clockSlackMs: MINUTE, lagGraceMs: 10 * MINUTE, shrinkHoldMs: 24 * HOUR },
  ...{ longestStepMs: 2 * HOUR, trustProviderRemoval: false },
};

export const at = (position: number, log = LOG) => ({ log, position });

let ids = 0;

/** Creates a message or receipt, which is ordered by `time`. */
export function told(direction: Direction, time: number, position: number, change: Partial<Evidence> = {}) {
  return evidence({ direction, kind: 'told', at: time, positions: [at(position)], ...change });
}

/** Creates an opt-out of an operator or a website, which is ordered by `position`. */
export function outAct(position: number, change: Partial<Evidence> = {}): Evidence {
  return evidence({ direction: 'out', kind: 'act', positions: [at(position)], source: 'manual', ...change });
}

/** Creates an opt-in of an operator or a website, which beats opt-outs up to position `basis`. */
export function inAct(basis: number, change: Partial<Evidence> = {}): Evidence {
  return evidence({
    ...{ direction: 'in', kind: 'act', basis: at(basis), positions: [at(basis + 1)], source: 'manual' },
    ...change,
  });
}

/** Creates the same opt-in, proven by the provider's manage endpoint. */
export function provenIn(basis: number, proof: Partial<OptInProof> = {}, change: Partial<Evidence> = {}) {
  return inAct(basis, { proof: { optInDate: null, sweep: 0, ...proof }, ...change });
}

export function evidence(change: Partial<Evidence> = {}): Evidence {
  return {
    ...{ direction: 'out', kind: 'told', at: T, seenAt: T, source: 'inbound', id: `id ${ids++}` },
    ...change,
  };
}

/** Begins a sweep, by default at minute `number` of the monotonic clock. */
export function begin(ledger: Ledger, number: number, began = number * MINUTE, basis?: number): SweepRun {
  const applied = basis === undefined ? {} : { basis: at(basis) };
  return ledger.begin({ number, start: T + number, began, ...applied });
}

/** Commits a sweep. @returns its effect. */
export function finish(run: SweepRun, removals: Removals = 'apply'): CommitEffect {
  const commit = run.commit(removals);
  for (;;) {
    const { done, value } = commit.next();
    if (done) return value;
  }
}

/** Runs one complete sweep of rows. A string is an opted-out number without a date. */
export function sweep(
  ledger: Ledger,
  number: number,
  rows: readonly (string | Row)[],
  { removals, began, basis }: { removals?: Removals; began?: number; basis?: number } = {},
): CommitEffect {
  const run = begin(ledger, number, began, basis);
  run.page(columnsOf(rows.map((row) => (typeof row === 'string' ? { kind: 'out', msisdn: row } : row))));
  return finish(run, removals);
}

/** Creates a saved list, as of sweep `number`. */
export function snapshot(
  number: number,
  numbers: readonly string[],
  change: Partial<ProviderListSnapshot> = {},
): ProviderListSnapshot {
  return {
    ...{ number, start: number === 0 ? null : T + number, heldMs: null },
    ...{ numbers: createNumberSet(numbers), missingOnce: createNumberSet() },
    ...change,
  };
}

export const many = (count: number) =>
  Array.from({ length: count }, (_, index) => String(15_551_000_000 + index));
