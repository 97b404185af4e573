/**
 * Lets a store of the first edition of the port go on working: one whose `append` answers with booleans, whose entries
 * have no positions and whose sweeps have no numbers. Positions then come from a counter of this process, above
 * everything that it loaded. Entries of other processes count as unseen, so that an opt-in lifts none of their opt-outs,
 * and nobody is sent a confirmation. Opt-ins of the first edition answer nothing any more: asking again does.
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

/** Makes a store of either edition one of the second. Which one it is shows when it is loaded. */
export function secondEdition(store: Store, { now, onFirstEdition }: EditionPorts): Store {
  const logId = randomUUID();
  let position = 0;
  let lastSweep = 0;
  let isFirstEdition = false;

  function positioned({ list, msisdn, evidence }: OptOutChange): OptOutChange {
    const read = asEvidence(evidence);
    const positions = joinPositions([{ log: logId, position: ++position }], read.positions);
    return { list, msisdn, evidence: { ...read, positions } };
  }

  async function appendFirst(entries: readonly OptOutChange[]): Promise<readonly AppendResult[]> {
    // The store keeps evidence as it is given, with its position in the log of this process.
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
    // It takes the evidence that is to stay.
    const erase = store.erase.bind(store) as unknown as EraseOfFirstEdition;
    await erase(msisdn, left);
  }

  function countedLease(lease: Lease): Lease {
    if (typeof lease.nextSweep === 'function') return lease;
    return {
      async nextSweep() {
        lastSweep = Math.max(lastSweep + 1, now());
        return lastSweep;
      },
      isHeld: () => lease.isHeld(),
      release: () => lease.release(),
    };
  }

  const second: Store = {
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
            // They have no position here and count as unseen.
            changes: news.changes.map((one) => ({ ...one, evidence: asEvidence(one.evidence) })),
            sweeps: news.sweeps.map(numbered),
            ...{ logId, position },
          }),
        onCaughtUp: () => handlers.onCaughtUp({ logId, position }),
      });
    },
    async lease(name, options) {
      const lease = await store.lease(name, options);
      return lease && countedLease(lease);
    },
    async history(msisdn, options) {
      const history = await store.history(msisdn, options);
      return history.map((one) => ({ ...one, evidence: asEvidence(one.evidence) }));
    },
    erase: (msisdn, forget) =>
      isFirstEdition ? eraseFirst(msisdn, forget.lists) : store.erase(msisdn, forget),
    close: () => store.close(),
  };
  // Optional members stay optional: what a store lacks is lost, and nothing else.
  if (store.loaded) second.loaded = () => store.loaded?.() ?? Promise.resolve();
  if (store.listings)
    second.listings = (msisdn, options) => store.listings?.(msisdn, options) ?? Promise.resolve([]);
  if (store.prune) second.prune = (olderThan) => store.prune?.(olderThan) ?? Promise.resolve(0);
  return second;
}

/** Whether an opt-out stands on a list: another process may have stored one that this process has not read. */
function isOut(history: readonly OptOutChange[], list: string): boolean {
  const record = history
    .filter((one) => one.list === list)
    .reduce<NumberRecord>((known, { evidence }) => mergeEvidence(known, evidence), EMPTY_RECORD);
  // In doubt about the date of an imported row it stays.
  return standingOptOuts(record, { clockSlackMs: Infinity }).length > 0;
}

type EraseOfFirstEdition = (msisdn: string, keep: readonly OptOutChange[]) => Promise<void>;

/** Evidence as the first edition had it: ordered by one of two clocks. */
type EvidenceOfFirstEdition = Evidence & { readonly clock?: 'provider' | 'local' };

/** Reads evidence of either edition. */
export function asEvidence(given: Evidence): Evidence {
  const { clock, ...evidence }: EvidenceOfFirstEdition = given;
  if (typeof evidence.kind === 'string') return evidence;
  const kind = clock === 'provider' ? 'told' : 'act';
  // Rows that were opted in proved an opt-in then, and prove nothing now.
  if (evidence.id.startsWith('row:')) return { ...evidence, kind, proves: false };
  const isUndated = kind === 'told' && !(evidence.at >= Date.UTC(2000, 0, 1));
  if (!isUndated) return { ...evidence, kind };
  // An opt-out without a date is as late as can be, an opt-in without one proves nothing.
  return { ...evidence, kind, ...(evidence.direction === 'out' ? { at: LATEST_TIME } : { proves: false }) };
}

/** A sweep of either edition: one without a number is ordered by its start. */
function numbered<T extends SavedSweep | SweepNews>(sweep: T): T {
  const number = sweep.number ?? sweep.start ?? 0;
  const rows = sweep.rows.map((row: ListedRow & { readonly start?: number }): ListedRow => ({
    msisdn: row.msisdn,
    sweep: row.sweep ?? row.start ?? 0,
    date: row.date === row.start ? null : row.date,
  }));
  return { ...sweep, number, rows, ageMs: sweep.ageMs ?? 0, heldMs: sweep.heldMs ?? null };
}
