/**
 * Adapts a store of the first edition of the port: its `append` returns booleans, its entries have no positions and its
 * sweeps no numbers. Positions then come from a counter of this process, above everything that it loaded. Entries of
 * other processes count as unseen, so that an opt-in lifts none of their opt-outs, and no confirmation is sent. Opt-ins
 * of the first edition lift no opt-out any more; a new opt-in does.
 */

import { randomUUID } from 'node:crypto';
import { LATEST_TIME, type Evidence, type OptOutChange } from '../ledger/evidence.ts';
import { joinPositions, positionIn } from '../ledger/positions.ts';
import { withoutWords } from '../ledger/evidence-words.ts';
import { EMPTY_RECORD, mergeEvidence, standingOptOuts, type NumberRecord } from '../ledger/evidence-rules.ts';
import type { AppendResult, Lease, ListedRow, SavedSweep, Store, StoreContents, SweepNews } from './store.ts';

export interface EditionPorts {
  /** Wall clock, ms UTC: sweeps of the first edition are ordered by their start. */
  readonly now: () => number;
  /** Called once, if the store is of the first edition. */
  readonly onFirstEdition: () => void;
}

/** Adapts a store of either edition to the second. Its edition is known when it has been loaded. */
export function secondEdition(store: Store, { now, onFirstEdition }: EditionPorts): Store {
  const logId = randomUUID();
  let position = 0;
  let lastSweep = 0;
  let isFirstEdition = false;

  /** Gives an entry the next position of this process's log. */
  function positioned({ list, msisdn, evidence }: OptOutChange): OptOutChange {
    const converted = asEvidence(evidence);
    const positions = joinPositions([{ log: logId, position: ++position }], converted.positions);
    return { list, msisdn, evidence: { ...converted, positions } };
  }

  async function appendFirst(entries: readonly OptOutChange[]): Promise<readonly AppendResult[]> {
    // The store keeps evidence as it is given, including its position in the log of this process.
    const given = entries.map(positioned);
    const answers: readonly unknown[] = await store.append(given);
    return given.map(({ evidence: { positions, seenAt } }, index) => {
      const own = positionIn(positions, logId) as number;
      return { isNew: answers[index] === true, logId, position: own, firstSeenAt: seenAt };
    });
  }

  async function loadFirst(contents: StoreContents): Promise<StoreContents> {
    isFirstEdition = true;
    onFirstEdition();
    const changes: OptOutChange[] = [];
    for await (const one of contents.changes) changes.push(...[one].flat().map(positioned));
    const sweeps = new Map([...contents.sweeps].map(([list, sweep]) => [list, numbered(sweep)]));
    return { ...contents, changes, sweeps, logId, position };
  }

  async function eraseFirst(msisdn: string, forgotten: ReadonlyMap<string, number>): Promise<void> {
    const history = (await store.history(msisdn)).map((one) => ({
      ...one,
      evidence: asEvidence(one.evidence),
    }));
    const left = history
      .filter(({ list }) => !forgotten.has(list) || isOut(history, list))
      .map(({ list, evidence }) => ({ list, msisdn, evidence: withoutWords(evidence) }));
    // In the first edition, `erase` takes the evidence that stays.
    const erase = store.erase.bind(store) as unknown as EraseOfFirstEdition;
    await erase(msisdn, left);
  }

  function nextSweep(): number {
    lastSweep = Math.max(lastSweep + 1, now());
    return lastSweep;
  }

  const adapted: Store = {
    kind: store.kind,
    isShared: store.isShared,
    open: (opening) => store.open(opening),
    async load() {
      const contents = await store.load();
      return typeof contents.logId === 'string' ? contents : loadFirst(contents);
    },
    append: (entries, options) => (isFirstEdition ? appendFirst(entries) : store.append(entries, options)),
    saveSweep: (list, sweep) => store.saveSweep(list, sweep),
    tail(since, handlers) {
      if (!isFirstEdition) return store.tail(since, handlers);
      return store.tail(since, {
        ...handlers,
        onChanges: (news) =>
          handlers.onChanges({
            ...news,
            // These entries have no position in this log and count as unseen.
            changes: news.changes.map((one) => ({ ...one, evidence: asEvidence(one.evidence) })),
            sweeps: news.sweeps.map(numbered),
            ...{ logId, position },
          }),
        onCaughtUp: () => handlers.onCaughtUp({ logId, position }),
      });
    },
    async lease(name, options) {
      const lease = await store.lease(name, options);
      return lease && countedLease(lease, nextSweep);
    },
    async history(msisdn, options) {
      const history = await store.history(msisdn, options);
      return history.map((one) => ({ ...one, evidence: asEvidence(one.evidence) }));
    },
    erase: (msisdn, forget) =>
      isFirstEdition ? eraseFirst(msisdn, forget.lists) : store.erase(msisdn, forget),
    close: () => store.close(),
  };
  // A member that the store does not have stays undefined.
  if (store.loaded) adapted.loaded = () => store.loaded?.() ?? Promise.resolve();
  if (store.listings)
    adapted.listings = (msisdn, options) => store.listings?.(msisdn, options) ?? Promise.resolve([]);
  if (store.prune) adapted.prune = (olderThan) => store.prune?.(olderThan) ?? Promise.resolve(0);
  return adapted;
}

/** Adapts a lease of either edition: one that gives sweeps no numbers gets them from `nextSweep`. */
function countedLease(lease: Lease, nextSweep: () => number): Lease {
  if (typeof lease.nextSweep === 'function') return lease;
  return {
    nextSweep: async () => nextSweep(),
    isHeld: () => lease.isHeld(),
    release: () => lease.release(),
  };
}

/** Returns whether an opt-out counts on a list: another process may have stored one that this process has not read. */
function isOut(history: readonly OptOutChange[], list: string): boolean {
  const record = history
    .filter((one) => one.list === list)
    .reduce<NumberRecord>((known, { evidence }) => mergeEvidence(known, evidence), EMPTY_RECORD);
  // With this slack, an opt-out with a doubtful date counts.
  return standingOptOuts(record, { clockSlackMs: Infinity }).length > 0;
}

type EraseOfFirstEdition = (msisdn: string, keep: readonly OptOutChange[]) => Promise<void>;

/** Evidence of the first edition: ordered by one of two clocks. */
type EvidenceOfFirstEdition = Evidence & { readonly clock?: 'provider' | 'local' };

/** Converts evidence of either edition to the second. */
export function asEvidence(given: Evidence): Evidence {
  const { clock, ...evidence }: EvidenceOfFirstEdition = given;
  if (typeof evidence.kind === 'string') return evidence;
  const kind = clock === 'provider' ? 'told' : 'act';
  // In the first edition, a row of the provider's list that said "in" proved an opt-in. Now it proves nothing.
  if (evidence.id.startsWith('row:')) return { ...evidence, kind, proves: false };
  const isUndated = kind === 'told' && !(evidence.at >= Date.UTC(2000, 0, 1));
  if (!isUndated) return { ...evidence, kind };
  // An opt-out without a date gets the latest time; an opt-in without one proves nothing.
  return { ...evidence, kind, ...(evidence.direction === 'out' ? { at: LATEST_TIME } : { proves: false }) };
}

/** Converts a sweep of either edition to the second: one without a number gets its start as number. */
function numbered<T extends SavedSweep | SweepNews>(sweep: T): T {
  const number = sweep.number ?? sweep.start ?? 0;
  const rows = sweep.rows.map((row: ListedRow & { readonly start?: number }): ListedRow => ({
    msisdn: row.msisdn,
    sweep: row.sweep ?? row.start ?? 0,
    date: row.date === row.start ? null : row.date,
  }));
  return { ...sweep, number, rows, ageMs: sweep.ageMs ?? 0, heldMs: sweep.heldMs ?? null };
}
