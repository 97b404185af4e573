/**
 * Stores changes and merges them with the positions that the store gave. Where the store knew a change already, its own
 * copy counts: one id is one piece of evidence, as it first came.
 */

import type { Clock } from '../clock.ts';
import type { Lists } from '../lists/opt-out-lists.ts';
import type { LogPosition, OptOutChange } from '../ledger/evidence.ts';
import { joinPositions, type AppliedPosition } from '../ledger/positions.ts';
import type { AppendResult, Store } from '../stores/store.ts';

export interface AppenderPorts {
  readonly store: Store;
  readonly lists: Lists;
  readonly clock: Clock;
  readonly applied: AppliedPosition;
  /** Merges changes into the ledgers, as applied now. */
  readonly merge: (changes: readonly OptOutChange[]) => void;
  /** Called with each change that was new, after it counts. */
  readonly onChange: (change: OptOutChange) => void;
  /** Called with each failure to read a history. */
  readonly onUnread: (cause: unknown) => void;
}

export interface Appender {
  /** Stores changes and lets them count. @throws what the store rejects with. */
  append(
    changes: readonly OptOutChange[],
    options?: { readonly wantsBefore?: boolean },
  ): Promise<readonly AppendResult[]>;
  /** Stores evidence that the ledgers hold already: only its positions are new. @throws what the store rejects with. */
  carry(changes: readonly OptOutChange[]): Promise<void>;
}

/** Creates it. */
export function createAppender(ports: AppenderPorts): Appender {
  const { store, lists, clock, applied, merge, onChange, onUnread } = ports;
  let writes = 0;
  let last: LogPosition | undefined;

  /** Stores changes, and merges them by `use`, before anything else happens. */
  async function storeAndPlace(
    changes: readonly OptOutChange[],
    options: { readonly wantsBefore?: boolean } | undefined,
    use: (results: readonly AppendResult[]) => readonly OptOutChange[],
  ): Promise<{ results: readonly AppendResult[]; placed: readonly OptOutChange[] }> {
    writes++;
    try {
      const results = await store.append(changes, options);
      return { results, placed: use(results) };
    } finally {
      writes--;
      // No other process writes to this store. A missing position below the last one is a failed write: do not wait for it.
      const isLast = !store.isShared && writes === 0 && last?.log === applied.current?.log;
      if (isLast && last !== undefined) applied.follow(last);
    }
  }

  /**
   * Numbers of which the store may know more than this process: those of an act that was known to it, and those of an
   * opt-out so late that an opt-in after it may have been dropped here.
   */
  function numbersBehind(
    changes: readonly OptOutChange[],
    results: readonly AppendResult[],
  ): ReadonlySet<string> {
    const behind = new Set<string>();
    for (const [index, { list, msisdn, evidence }] of changes.entries()) {
      const isLate = evidence.at < clock.now() - lists.optInsKeptMs;
      if (results[index]?.isNew !== true) behind.add(msisdn);
      else if (isLate && lists.ensure(list).ledger.evidence(msisdn).length === 0) behind.add(msisdn);
    }
    return behind;
  }

  /** Merges what the store has about numbers. @returns those whose history could not be read. */
  async function catchUp(behind: ReadonlySet<string>): Promise<ReadonlySet<string>> {
    const unread = new Set<string>();
    for (const msisdn of behind) {
      try {
        merge(await store.history(msisdn));
      } catch (cause) {
        unread.add(msisdn);
        onUnread(cause);
      }
    }
    return unread;
  }

  /** Merges stored changes with their positions. @returns them. */
  function place(
    changes: readonly OptOutChange[],
    results: readonly AppendResult[],
    isMerged: (index: number) => boolean = () => true,
  ): readonly OptOutChange[] {
    const placed = changes.map((change, index) => withPosition(change, results[index]));
    merge(placed.filter((_, index) => isMerged(index)));
    for (const result of results) {
      const stored = storedAt(result);
      applied.own(stored);
      if (last?.log !== stored.log || stored.position > last.position) last = stored;
    }
    return placed;
  }

  /** Nothing is stored before the store is loaded, which names its log. */
  function storedAt({ logId, position }: AppendResult): LogPosition {
    return { log: logId ?? (applied.current as LogPosition).log, position };
  }

  function withPosition(change: OptOutChange, result: AppendResult | undefined): OptOutChange {
    // A store that does not answer for an entry has told no position.
    if (result === undefined) return change;
    const positions = joinPositions([storedAt(result)], change.evidence.positions);
    return { ...change, evidence: { ...change.evidence, positions } };
  }

  async function append(
    changes: readonly OptOutChange[],
    options: { readonly wantsBefore?: boolean } = {},
  ): Promise<readonly AppendResult[]> {
    let behind: ReadonlySet<string> = new Set();
    const { results, placed } = await storeAndPlace(changes, options, (answers) => {
      behind = numbersBehind(changes, answers);
      // Of other processes, perhaps not read yet.
      for (const [index, { before = [] }] of answers.entries()) {
        const { list, msisdn } = changes[index] as OptOutChange;
        merge(before.map((evidence) => ({ list, msisdn, evidence })));
      }
      return place(changes, answers, (index) => answers[index]?.isNew === true);
    });
    const isOwn = (index: number) => results[index]?.isNew === true;
    const unread = await catchUp(behind);
    // A known change counts as it first came. If that cannot be read, our own copy blocks; an opt-in has to wait.
    merge(placed.filter((one) => unread.has(one.msisdn) && one.evidence.direction === 'out'));
    for (const [index, change] of placed.entries()) if (isOwn(index)) onChange(change);
    return results;
  }

  return {
    append,
    async carry(changes) {
      await storeAndPlace(changes, undefined, (results) => place(changes, results));
    },
  };
}
