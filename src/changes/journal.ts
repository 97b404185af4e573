/**
 * The write path of all changes: store first, then merge. When a promise resolves, its change is durable and visible to
 * checks. An opt-out blocks from the moment it is known, also while the store writes it and if the store fails. An
 * opt-in counts only after it is stored.
 */

import { createAppender } from './appender.ts';
import type { ClockSkew } from '../lists/clock-skew.ts';
import { atMost, type Clock } from '../clock.ts';
import { createCarryOver } from './carry-over.ts';
import { eraseNumber } from './erasure.ts';
import { GuardError, type StoreError } from '../errors.ts';
import type { WarnEvent } from '../events.ts';
import type { LogPosition, OptOutChange } from '../ledger/evidence.ts';
import type { Lists, OptOutList } from '../lists/opt-out-lists.ts';
import { createLogFollower } from './log-follower.ts';
import { createMerger } from './merger.ts';
import { createStoreLoader } from './store-loader.ts';
import { asStoreError } from './store-failure.ts';
import { createAppliedPosition } from '../ledger/positions.ts';
import { addPending } from './pending-opt-outs.ts';
import type { RecentOptIns } from './recent-opt-ins.ts';
import { createSweepSaver } from './sweep-saver.ts';
import type { AppendResult, ListingSpan, Store } from '../stores/store.ts';
import { createUnstoredChanges } from './unstored-changes.ts';

export interface JournalPorts {
  readonly store: Store;
  readonly lists: Lists;
  readonly clock: Clock;
  readonly recentOptIns: RecentOptIns;
  readonly clockSkew: ClockSkew;
  /** Which account each list with a provider belongs to. */
  readonly accounts: Readonly<Record<string, string>>;
  /** Called with each change that was new, after it was merged. */
  readonly onChange: (change: OptOutChange) => void;
  readonly onError: (error: GuardError) => void;
  readonly onWarn: (warning: WarnEvent) => void;
  /** Called once everything that the store held is loaded. */
  readonly onLoaded: () => void;
  /** Called after a sweep of another process was applied. */
  readonly onFollowed: () => void;
}

export interface Journal {
  /** Opens and loads the store, again and again until it succeeds or `close()` is called. Never rejects. */
  open(): Promise<void>;
  /**
   * Stores changes, then merges them.
   *
   * @param options.wantsBefore whether to read what was known of each number on its list before the change.
   * @throws StoreError if nothing was stored; opt-outs block in this process all the same, and are stored later
   * @throws GuardError `guard_closed` after `close()`
   */
  record(
    changes: readonly OptOutChange[],
    options?: { readonly wantsBefore?: boolean },
  ): Promise<readonly Recorded[]>;
  /**
   * The last position of the store's log that this process has applied: the basis of an act that begins now.
   * `undefined` before the store is loaded.
   */
  readonly applied: LogPosition | undefined;
  /**
   * Erases words, reasons, senders and message ids about a number, and all evidence about it on the lists that do not
   * block it and whose provider does not list it.
   *
   * @returns whether words are still in a log of the store that another process reads.
   * @throws StoreError if the store failed; nothing is erased then
   */
  erase(msisdn: string): Promise<{ readonly pending: boolean }>;
  /** The evidence that the store keeps about a number. @throws StoreError */
  history(
    msisdn: string,
    options: { readonly list?: string | undefined; readonly limit?: number | undefined },
  ): Promise<readonly OptOutChange[]>;
  /** When sweeps listed a number. @throws StoreError */
  listings(msisdn: string, options: { readonly list?: string | undefined }): Promise<readonly ListingSpan[]>;
  /**
   * Removes evidence received before `olderThan` (ms UTC) that decides nothing any more. @returns how many pieces.
   *
   * @throws StoreError
   */
  prune(olderThan: number): Promise<number>;
  /** Resolves after the first try to open the store. */
  readonly opened: Promise<void>;
  /**
   * Saves what a ledger knows of its provider's list, soon. Each list has one save at a time; the latest state wins.
   */
  saveSweep(list: OptOutList): void;
  /** The code of the last failure, until the store works again. */
  readonly lastErrorCode: string | undefined;
  readonly isOpen: boolean;
  /** Waits up to `timeoutMs` for writes, then closes the store. Resolves at the deadline at the latest. */
  close(timeoutMs: number): Promise<void>;
}

/** The result of one recorded change. */
export type Recorded = Pick<AppendResult, 'isNew' | 'before'>;

/** Creates the journal of a guard. */
export function createJournal(ports: JournalPorts): Journal {
  const { store, lists, clock, onChange, onError } = ports;
  /** All work with the store, and the writes of changes among it. */
  const underWay = new Set<Promise<unknown>>();
  const writing = new Set<Promise<unknown>>();
  /** Ends with the last erasure. */
  let erasing: Promise<unknown> = Promise.resolve();
  let isClosed = false;
  let lastErrorCode: string | undefined;

  const applied = createAppliedPosition();
  const merger = createMerger({ ...ports, saveSweep });
  const unstored = createUnstoredChanges(clock, append);
  const follower = createLogFollower({
    ...ports,
    ...{ merger, applied, saveSweep, isOpen: () => loader.isOpen },
    onLogLost: () => track(carryOver.run()),
  });
  const loader = createStoreLoader({
    ...ports,
    ...{ merger, applied, follower },
    onFailure: (error) => onError(failure(error, 'to open')),
    onOpen() {
      lastErrorCode = undefined;
      track(unstored.flush());
    },
  });
  const appender = createAppender({
    ...{ store, lists, clock, applied, onChange, merge: merger.mergeNow },
    onHistoryError: (cause) => onError(failure(cause, 'to read a history')),
  });
  const carryOver = createCarryOver({
    ...{ lists, clock },
    async store(changes) {
      loader.requireOpen();
      await appender.carryOver(changes);
    },
    onFailure: (cause) => onError(failure(cause, 'to carry evidence over')),
  });
  const sweepSaver = createSweepSaver(lists, async (list, sweep) => {
    try {
      loader.requireOpen();
      const isKept = await store.saveSweep(list, sweep);
      lastErrorCode = undefined;
      return isKept ? 'kept' : 'refused';
    } catch (cause) {
      onError(failure(cause, 'to keep a sweep'));
      return 'failed';
    }
  });

  /** Notes a failure. @returns it as a StoreError. */
  function failure(cause: unknown, action: string): StoreError {
    const error = asStoreError(cause, action);
    lastErrorCode = error.code;
    return error;
  }

  /** Lets `close()` wait for work. */
  function track(work: Promise<unknown>): void {
    void addUntilSettled(work, [underWay]);
  }

  function saveSweep(list: OptOutList): void {
    track(sweepSaver.save(list));
  }

  /** Stores changes and merges them. @throws StoreError while the store is not open, and what the store rejects with */
  async function append(
    changes: readonly OptOutChange[],
    options?: { readonly wantsBefore?: boolean },
  ): Promise<readonly AppendResult[]> {
    loader.requireOpen();
    const results = await appender.append(changes, options);
    lastErrorCode = undefined;
    return results;
  }

  async function write(
    given: readonly OptOutChange[],
    options: { readonly wantsBefore?: boolean },
  ): Promise<readonly Recorded[]> {
    const removePending = addPending(lists, given);
    // This write waits for the erasures that were requested before it. Those requested after it wait for this write.
    const erasedBefore = erasing;
    const changes = given.map(unstored.firstCopyOf);
    try {
      // A change that arrives while the process starts waits for the store, and is not refused.
      await loader.tried;
      await erasedBefore;
      const results = await append(changes, options);
      track(unstored.flush());
      return results;
    } catch (cause) {
      merger.mergeNow(changes.filter(({ evidence }) => evidence.direction === 'out'));
      unstored.add(changes);
      const error = failure(cause, 'to keep a change');
      onError(error);
      throw error;
    } finally {
      removePending();
    }
  }

  /** Calls the store after the first try to open it. @throws StoreError */
  async function callStore<T>(action: string, call: () => Promise<T>): Promise<T> {
    await loader.tried;
    try {
      loader.requireOpen();
      return await call();
    } catch (cause) {
      throw failure(cause, action);
    }
  }

  return {
    open: () => addUntilSettled(loader.open(), [underWay]),
    record(changes, options = {}) {
      if (isClosed) return Promise.reject(new GuardError('guard_closed', 'the guard is closed'));
      return addUntilSettled(write(changes, options), [underWay, writing]);
    },
    get applied() {
      return applied.current;
    },
    opened: loader.tried,
    history: (msisdn, { list, limit }) =>
      callStore('to read a history', () =>
        store.history(msisdn, {
          ...(list === undefined ? {} : { list }),
          ...(limit === undefined ? {} : { limit }),
        }),
      ),
    listings: (msisdn, { list }) =>
      callStore(
        'to read a history',
        async () => (await store.listings?.(msisdn, list === undefined ? {} : { list })) ?? [],
      ),
    prune: (olderThan) => callStore('to prune', async () => (await store.prune?.(olderThan)) ?? 0),
    erase(msisdn) {
      const writesBefore = [...writing];
      const work = callStore('to erase', async () => {
        await Promise.allSettled(writesBefore);
        return eraseNumber(msisdn, store, lists, applied.current);
      });
      erasing = Promise.allSettled([erasing, work]);
      return addUntilSettled(work, [underWay]);
    },
    saveSweep,
    get lastErrorCode() {
      return lastErrorCode;
    },
    get isOpen() {
      return loader.isOpen;
    },
    async close(timeoutMs) {
      isClosed = true;
      loader.end();
      carryOver.stop();
      const deadline = clock.monotonic() + timeoutMs;
      unstored.stop();
      // Failed writes are tried again, so that an orderly end loses nothing; then those that failed meanwhile.
      const flush = () => (loader.isOpen ? unstored.flush() : Promise.resolve());
      const work = Promise.allSettled([...underWay, flush()]).then(flush);
      await atMost(clock, timeoutMs, work);
      const closing = store.close().catch((cause: unknown) => onError(failure(cause, 'to close')));
      await atMost(clock, Math.max(0, deadline - clock.monotonic()), closing);
    },
  };
}

/** Adds work to sets until it has settled. @returns the work. */
function addUntilSettled<T>(work: Promise<T>, sets: readonly Set<Promise<unknown>>[]): Promise<T> {
  for (const set of sets) set.add(work);
  const remove = (): void => {
    for (const set of sets) set.delete(work);
  };
  work.then(remove, remove);
  return work;
}
