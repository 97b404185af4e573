/**
 * A store in memory, which is lost with the process. It keeps the promises of the port as far as memory can: what it
 * has resolved can be loaded again from the same object, and no opt-out is forgotten.
 */

import { randomUUID } from 'node:crypto';
import type { Evidence, OptOutChange } from '../ledger/evidence.ts';
import { createNumberMap } from '../number-set/number-map.ts';
import type { NumberSet } from '../number-set/number-set.ts';
import { joinPositions, positionIn } from '../ledger/positions.ts';
import { joinListed } from '../ledger/evidence-rules.ts';
import { withoutWords } from '../ledger/evidence-words.ts';
import { numberSetOf } from './read-numbers.ts';
import type { AppendResult, ListedRow, SavedSweep, Store } from './store.ts';

type KeptSweep = Pick<SavedSweep, 'number' | 'start' | 'ageMs' | 'heldMs'> & {
  readonly numbers: NumberSet;
  readonly missingOnce: NumberSet;
  readonly rows: ReadonlyMap<string, ListedRow>;
};

/**
 * Creates a memory store. Its contents are lost with the process. A later guard with the same store starts with the
 * contents of an earlier one.
 *
 * @param options.keepsSweeps whether sweeps are copied, so that a later guard can start with them. Default `true`.
 *
 * @example
 * const store = memoryStore();
 * const guard = createGuard({ store });
 */
export function memoryStore({
  keepsSweeps = true,
}: { readonly keepsSweeps?: boolean | undefined } = {}): Store {
  // The name sorts after the logs of any other store, so that no carried-over position is from a newer log.
  const logId = `99999999-${randomUUID()}`;
  const byNumber = createNumberMap<Map<string, OptOutChange>>();
  const sweeps = new Map<string, KeptSweep>();
  const leases = new Map<string, object>();
  let position = 0;
  let lastSweep = 0;

  function resultOf({ evidence: { positions, seenAt } }: OptOutChange, isNew: boolean): AppendResult {
    return { isNew, logId, firstSeenAt: seenAt, position: positionIn(positions, logId) as number };
  }

  /** Stores an entry, or joins its positions with those of the known one. */
  function keep(change: OptOutChange): AppendResult {
    const { list, msisdn, evidence } = change;
    const entries = byNumber.get(msisdn) ?? new Map<string, OptOutChange>();
    const key = JSON.stringify([evidence.direction, evidence.id, list]);
    const known = entries.get(key);
    if (known) {
      const joined = joinPositions(known.evidence.positions, evidence.positions);
      entries.set(key, { ...known, evidence: { ...known.evidence, positions: joined } });
      return resultOf(known, false);
    }
    const positions = joinPositions([{ log: logId, position: ++position }], evidence.positions);
    const kept = { ...change, evidence: { ...evidence, positions } };
    entries.set(key, kept);
    byNumber.set(msisdn, entries);
    return resultOf(kept, true);
  }

  function* allChanges(): Generator<OptOutChange> {
    for (const [, entries] of byNumber) yield* entries.values();
  }

  /** Returns the evidence of that number on that list before a position. */
  function evidenceBefore({ list, msisdn }: OptOutChange, end: number): readonly Evidence[] {
    return [...(byNumber.get(msisdn)?.values() ?? [])]
      .filter((one) => one.list === list && one.evidence.proves !== false)
      .filter((one) => resultOf(one, false).position < end)
      .map(({ evidence }) => withoutWords(evidence));
  }

  function append(change: OptOutChange, wantsBefore: boolean): AppendResult {
    const result = keep(change);
    return wantsBefore ? { ...result, before: evidenceBefore(change, result.position) } : result;
  }

  const isOlder = (number: number, kept: KeptSweep | undefined): boolean =>
    kept !== undefined && number < kept.number;

  return {
    kind: 'memory',
    isShared: false,
    async open() {},
    async load() {
      const saved = [...sweeps].map(([list, { rows, numbers, ...kept }]): [string, SavedSweep] => [
        list,
        { ...kept, numbers: [...numbers], size: numbers.size, rows: [...rows.values()] },
      ]);
      return { changes: allChanges(), sweeps: new Map(saved), cursor: '', logId, position };
    },
    async append(entries, { wantsBefore = false } = {}) {
      return entries.map((change) => append(change, wantsBefore));
    },
    async saveSweep(list, { number, start, ageMs, numbers, missingOnce, heldMs, rows }) {
      if (isOlder(number, sweeps.get(list))) return false;
      lastSweep = Math.max(lastSweep, number);
      if (!keepsSweeps) return true;
      const copies = { numbers: await numberSetOf(numbers), missingOnce: await numberSetOf(missingOnce) };
      const last = sweeps.get(list);
      if (isOlder(number, last)) return false;
      const joined = new Map(last?.rows);
      for (const row of rows) {
        const known = joined.get(row.msisdn);
        joined.set(row.msisdn, known ? { msisdn: row.msisdn, ...joinListed(known, row) } : row);
      }
      sweeps.set(list, { ...copies, number, start, ageMs, heldMs, rows: joined });
      return true;
    },
    // No other process can write to this memory: there is nothing to report.
    tail: () => () => undefined,
    async lease(name, { isForced = false } = {}) {
      if (leases.has(name) && !isForced) return undefined;
      const token = {};
      leases.set(name, token);
      const isHeld = () => leases.get(name) === token;
      return {
        nextSweep: async () => ++lastSweep,
        isHeld,
        async release() {
          if (isHeld()) leases.delete(name);
        },
      };
    },
    async history(msisdn, { list, limit = Infinity } = {}) {
      return [...(byNumber.get(msisdn)?.values() ?? [])]
        .filter((change) => list === undefined || change.list === list)
        .toSorted(newestFirst)
        .slice(0, limit);
    },
    async erase(msisdn, forget) {
      const entries = byNumber.get(msisdn);
      for (const [key, change] of entries ?? []) {
        const upTo = forget.logId === logId ? forget.lists.get(change.list) : undefined;
        const isForgotten = upTo !== undefined && resultOf(change, false).position <= upTo;
        const left = withoutWords(change.evidence);
        entries?.set(key, { ...change, evidence: isForgotten ? { ...left, proves: false } : left });
      }
      for (const [list, kept] of sweeps) {
        if (!forget.lists.has(list)) continue;
        const rows = new Map(kept.rows);
        rows.delete(msisdn);
        sweeps.set(list, { ...kept, rows });
      }
    },
    async close() {},
  };
}

/** Compares changes for a history: newest first; of the same time, the one that was stored last. */
function newestFirst({ evidence: a }: OptOutChange, { evidence: b }: OptOutChange): number {
  const [[one], [other]] = [a.positions ?? [], b.positions ?? []];
  return b.at - a.at || b.seenAt - a.seenAt || (other?.position ?? 0) - (one?.position ?? 0);
}
