/**
 * Stores changes and merges them with the positions that the store returned. If the store already had a change, its own
 * copy counts: one id is one piece of evidence, and the first stored copy of it is the evidence.
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
  /** Called with each change that was new, after it was merged. */
  readonly onChange: (change: OptOutChange) => void;
  /** Called with each failure to read the history of a number. */
  readonly onHistoryError: (cause: unknown) => void;
}

export interface Appender {
  /** Stores changes, then merges them. @throws what the store rejects with */
  append(
    changes: readonly OptOutChange[],
    options?: { readonly wantsBefore?: boolean },
  ): Promise<readonly AppendResult[]>;
  /**
   * Stores evidence that the ledgers hold already, then merges its new positions.
   *
   * @throws what the store rejects with
   */
  carryOver(changes: readonly OptOutChange[]): Promise<void>;
}

/** Creates the appender of a store. */
export function createAppender(ports: AppenderPorts): Appender {
  const { store, lists, clock, applied, merge, onChange, onHistoryError } = ports;
  let writesUnderWay = 0;
  /** The last position that this process has stored. */
  let lastStored: LogPosition | undefined;

  /** Stores changes, and passes the results to `apply` before anything else happens. */
  async function storeAndApply(
    changes: readonly OptOutChange[],
    options: { readonly wantsBefore?: boolean } | undefined,
    apply: (results: readonly AppendResult[]) => readonly OptOutChange[],
  ): Promise<{ results: readonly AppendResult[]; stored: readonly OptOutChange[] }> {
    writesUnderWay++;
    try {
      const results = await store.append(changes, options);
      return { results, stored: apply(results) };
    } finally {
      writesUnderWay--;
      // If no other process writes to the store, a gap below the last position is a failed write: nothing will fill it.
      const isComplete = !store.isShared && writesUnderWay === 0 && lastStored?.log === applied.current?.log;
      if (isComplete && lastStored !== undefined) applied.follow(lastStored);
    }
  }

  /**
   * The numbers of which the store may know more than this process: those of changes that the store already had, and
   * those of changes so old that this process may have dropped a later opt-in.
   */
  function numbersToReload(
    changes: readonly OptOutChange[],
    results: readonly AppendResult[],
  ): ReadonlySet<string> {
    const numbers = new Set<string>();
    for (const [index, { list, msisdn, evidence }] of changes.entries()) {
      const isLate = evidence.at < clock.now() - lists.optInsKeptMs;
      if (results[index]?.isNew !== true) numbers.add(msisdn);
      else if (isLate && lists.ensure(list).ledger.evidence(msisdn).length === 0) numbers.add(msisdn);
    }
    return numbers;
  }

  /** Merges the history that the store has of numbers. @returns the numbers whose history could not be read. */
  async function reload(numbers: ReadonlySet<string>): Promise<ReadonlySet<string>> {
    const unread = new Set<string>();
    for (const msisdn of numbers) {
      try {
        merge(await store.history(msisdn));
      } catch (cause) {
        unread.add(msisdn);
        onHistoryError(cause);
      }
    }
    return unread;
  }

  /** Merges stored changes with their positions. @returns the changes with their positions. */
  function mergeStored(
    changes: readonly OptOutChange[],
    results: readonly AppendResult[],
    isMerged: (index: number) => boolean = () => true,
  ): readonly OptOutChange[] {
    const stored = changes.map((change, index) => withPosition(change, results[index]));
    merge(stored.filter((_, index) => isMerged(index)));
    for (const result of results) {
      const position = positionOf(result);
      applied.own(position);
      const isLast = lastStored?.log !== position.log || position.position > lastStored.position;
      if (isLast) lastStored = position;
    }
    return stored;
  }

  /** Nothing is stored before the store is loaded, and loading it gives the name of its log. */
  function positionOf({ logId, position }: AppendResult): LogPosition {
    return { log: logId ?? (applied.current as LogPosition).log, position };
  }

  function withPosition(change: OptOutChange, result: AppendResult | undefined): OptOutChange {
    // The store returned no result for the entry, so its position is unknown.
    if (result === undefined) return change;
    const positions = joinPositions([positionOf(result)], change.evidence.positions);
    return { ...change, evidence: { ...change.evidence, positions } };
  }

  async function append(
    changes: readonly OptOutChange[],
    options: { readonly wantsBefore?: boolean } = {},
  ): Promise<readonly AppendResult[]> {
    let toReload: ReadonlySet<string> = new Set();
    const { results, stored } = await storeAndApply(changes, options, (answers) => {
      toReload = numbersToReload(changes, answers);
      // `before` may hold evidence of other processes that this one has not read yet.
      for (const [index, { before = [] }] of answers.entries()) {
        const { list, msisdn } = changes[index] as OptOutChange;
        merge(before.map((evidence) => ({ list, msisdn, evidence })));
      }
      return mergeStored(changes, answers, (index) => answers[index]?.isNew === true);
    });
    const isNew = (index: number) => results[index]?.isNew === true;
    const unread = await reload(toReload);
    // If the first stored copy of a change cannot be read, our copy blocks. An opt-in does not count before it is read.
    merge(stored.filter((one) => unread.has(one.msisdn) && one.evidence.direction === 'out'));
    for (const [index, change] of stored.entries()) if (isNew(index)) onChange(change);
    return results;
  }

  return {
    append,
    async carryOver(changes) {
      await storeAndApply(changes, undefined, (results) => mergeStored(changes, results));
    },
  };
}
