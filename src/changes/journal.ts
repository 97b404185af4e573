/**
 * The write path of all changes: store first, then apply. When a promise resolves, its change is durable and visible to
 * checks. An opt-out blocks from the moment it is known, even while the store writes it or when the store fails;
 * an opt-in counts only when it is stored.
 */

import { createAppender } from './appender.ts';
import type { ClockSkew } from '../lists/clock-skew.ts';
import { atMost, type Clock } from '../clock.ts';
import { createCarryOver } from './carry-over.ts';
import { GuardError, StoreError } from '../errors.ts';
import type { WarnEvent } from '../events.ts';
import type { LogPosition, OptOutChange } from '../ledger/evidence.ts';
import type { Lists, OptOutList } from '../lists/opt-out-lists.ts';
import { createStoreLoader } from './store-loader.ts';
import { createAppliedPosition, positionIn } from '../ledger/positions.ts';
import { withoutWords } from '../ledger/evidence-words.ts';
import { holdPending } from './pending-opt-outs.ts';
import type { RecentOptIns } from './recent-opt-ins.ts';
import { createSweepSaver } from './sweep-saver.ts';
import type { AppendResult, ListingSpan, LogEnd, Store } from '../stores/store.ts';
import { createUnstoredChanges } from './unstored-changes.ts';

export interface JournalPorts {
  readonly store: Store;
  readonly lists: Lists;
  readonly clock: Clock;
  readonly recentOptIns: RecentOptIns;
  readonly clockSkew: ClockSkew;
  /** Which account each list with a provider belongs to. */
  readonly accounts: Readonly<Record<string, string>>;
  /** Told of each change that was new, after it counts. */
  readonly onChange: (change: OptOutChange) => void;
  readonly onError: (error: GuardError) => void;
  readonly onWarn: (warning: WarnEvent) => void;
  /** Told once, when everything the store held is loaded. */
  readonly onLoaded: () => void;
  /** Told when another process's sweep was taken over. */
  readonly onFollowed: () => void;
}

export interface Journal {
  /** Opens and loads the store, again and again until it succeeds or `close()`. Resolves then, never rejects. */
  open(): Promise<void>;
  /**
   * Keeps changes and lets them count.
   *
   * @param options.wantsBefore whether to read what was known of each number on its list before the change.
   * @throws StoreError if nothing was stored; opt-outs block in this process all the same, and are stored later.
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
   * Forgets words, reasons, senders and message ids about a number, and all evidence where nothing lists it.
   *
   * @returns whether words are still in a log of the store that another process reads.
   * @throws StoreError where the store failed; nothing is forgotten then.
   */
  erase(msisdn: string): Promise<{ readonly pending: boolean }>;
  /** The evidence that the store keeps about a number. @throws StoreError */
  history(
    msisdn: string,
    options: { readonly list?: string | undefined; readonly limit?: number | undefined },
  ): Promise<readonly OptOutChange[]>;
  /** When sweeps listed a number. @throws StoreError */
  listings(msisdn: string, options: { readonly list?: string | undefined }): Promise<readonly ListingSpan[]>;
  /** Forgets evidence that decides nothing any more. @throws StoreError */
  prune(olderThan: number): Promise<number>;
  /** Resolves when the store was tried to be opened once. */
  readonly opened: Promise<void>;
  /** Keeps what a ledger knows of its provider's list, soon: one save of a list at a time, the latest state wins. */
  saveSweep(list: OptOutList): void;
  /** The code of the last failure, until something succeeds. */
  readonly lastErrorCode: string | undefined;
  readonly isOpen: boolean;
  /** Waits up to `timeoutMs` for writes, then closes the store; at the deadline it resolves whatever is under way. */
  close(timeoutMs: number): Promise<void>;
}

/** What came of one change. */
export type Recorded = Pick<AppendResult, 'isNew' | 'before'>;

/** Creates the journal of a guard. */
export function createJournal(ports: JournalPorts): Journal {
  const { store, lists, clock, recentOptIns, onChange, onError } = ports;
  const underWay = new Set<Promise<unknown>>();
  const writing = new Set<Promise<unknown>>();
  const applied = createAppliedPosition();
  const unstored = createUnstoredChanges(clock, append);
  let isClosed = false;
  // The newest time that any process wrote: one that lies ahead of our clock tells of a clock that is wrong.
  let newestSeenAt = -Infinity;
  let lastErrorCode: string | undefined;
  // Why the store is not open.
  let openingError: StoreError | undefined;
  let erasing: Promise<unknown> = Promise.resolve();

  function fail(cause: unknown, doing: string): StoreError {
    const error =
      cause instanceof StoreError ? cause : new StoreError(`the store failed ${doing}`, { cause });
    lastErrorCode = error.code;
    return error;
  }

  function track<T>(work: Promise<T>, ...also: Set<Promise<unknown>>[]): Promise<T> {
    const sets = [underWay, ...also];
    for (const set of sets) set.add(work);
    const end = (): void => {
      for (const set of sets) set.delete(work);
    };
    work.then(end, end);
    return work;
  }

  /**
   * Words are the store's to keep: no rule reads them.
   *
   * @param appliedAt by the monotonic clock; left out for what is loaded.
   */
  function merge({ list, msisdn, evidence }: OptOutChange, appliedAt?: number): boolean {
    if (evidence.seenAt > newestSeenAt) {
      newestSeenAt = evidence.seenAt;
      ports.clockSkew.storedTime(newestSeenAt);
    }
    const known = lists.ensure(list);
    const isNews = known.ledger.merge(msisdn, withoutWords(evidence), appliedAt);
    if (!isNews || appliedAt === undefined || evidence.direction !== 'in') return isNews;
    recentOptIns.note(list, msisdn);
    // A running sweep may have listed the number again. Save that now, or the opt-in would win after a crash.
    if (evidence.proof !== undefined && known.ledger.hasNews) saveSweep(known);
    return isNews;
  }

  function mergeNow(changes: readonly OptOutChange[]): void {
    for (const change of changes) merge(change, clock.monotonic());
  }

  function replace(msisdn: string, changes: readonly OptOutChange[], { logId, position }: LogEnd): void {
    for (const { config, ledger } of lists.all()) {
      const left = changes.filter((one) => one.msisdn === msisdn && one.list === config.name);
      // `changes` lacks evidence that is not stored yet or was stored after `position`. Such evidence still counts.
      const later = ledger
        .evidence(msisdn)
        .filter(({ positions }) => !((positionIn(positions, logId) ?? Infinity) <= position));
      ledger.replace(msisdn, [...left.map(({ evidence }) => withoutWords(evidence)), ...later]);
    }
  }

  function saveSweep(list: OptOutList): void {
    void track(saves.save(list));
  }

  const loading = createStoreLoader({
    ...{ store, lists, clock, accounts: ports.accounts },
    ...{ merge, replace, saveSweep, onChange, onTrouble: onError, onWarn: ports.onWarn },
    onFailure(cause) {
      openingError = fail(cause, 'to open');
      onError(openingError);
    },
    onOpen() {
      lastErrorCode = undefined;
      openingError = undefined;
      void track(unstored.flush());
    },
    ...{ onLoaded: ports.onLoaded, onFollowed: ports.onFollowed },
    applied,
    onLogLost: () => void track(carrying.run()),
  });

  const appender = createAppender({
    ...{ store, lists, clock, applied, onChange, merge: mergeNow },
    onUnread: (cause) => onError(fail(cause, 'to read a history')),
  });

  /** @throws StoreError while the store is not open, and what it rejects with. */
  async function append(
    changes: readonly OptOutChange[],
    options?: { readonly wantsBefore?: boolean },
  ): Promise<readonly AppendResult[]> {
    requireOpen();
    const results = await appender.append(changes, options);
    lastErrorCode = undefined;
    return results;
  }

  const carrying = createCarryOver({
    ...{ lists, clock },
    async store(changes) {
      requireOpen();
      await appender.carry(changes);
    },
    onFailure: (cause) => onError(fail(cause, 'to carry evidence over')),
  });

  async function write(
    given: readonly OptOutChange[],
    options: { readonly wantsBefore?: boolean },
  ): Promise<readonly Recorded[]> {
    const release = holdPending(lists, given);
    // Erasures that were asked for before it; those after it wait for it.
    const erasedBefore = erasing;
    const changes = given.map(unstored.firstCopyOf);
    try {
      // A change that comes while the process starts waits for the store instead of being refused.
      await loading.tried;
      await erasedBefore;
      const results = await append(changes, options);
      void track(unstored.flush());
      return results;
    } catch (cause) {
      mergeNow(changes.filter(({ evidence }) => evidence.direction === 'out'));
      unstored.add(changes);
      const error = fail(cause, 'to keep a change');
      onError(error);
      throw error;
    } finally {
      release();
    }
  }

  function requireOpen(): void {
    if (loading.isOpen) return;
    if (openingError === undefined) throw new StoreError('the store is not open');
    const { code, message } = openingError;
    throw new StoreError(`the store is not open: ${message}`, { code, cause: openingError });
  }

  async function forget(msisdn: string): Promise<{ readonly pending: boolean }> {
    const end = applied.current;
    const released = lists.all().filter(({ ledger }) => {
      return !ledger.blocks(msisdn) && !ledger.isListedByProvider(msisdn);
    });
    const upTo = released.map(({ config }): [string, number] => [config.name, end?.position ?? 0]);
    const { pending = false } =
      (await store.erase(msisdn, { logId: end?.log ?? '', lists: new Map(upTo) })) ?? {};
    for (const { ledger } of released) if (!ledger.blocks(msisdn)) ledger.replace(msisdn, []);
    return { pending };
  }

  const saves = createSweepSaver(lists, async (list, sweep) => {
    try {
      requireOpen();
      const isKept = await store.saveSweep(list, sweep);
      lastErrorCode = undefined;
      return isKept ? 'kept' : 'refused';
    } catch (cause) {
      onError(fail(cause, 'to keep a sweep'));
      return 'failed';
    }
  });

  /** Asks the store. @throws StoreError */
  async function ask<T>(doing: string, asking: () => Promise<T>): Promise<T> {
    await loading.tried;
    try {
      requireOpen();
      return await asking();
    } catch (cause) {
      throw fail(cause, doing);
    }
  }

  return {
    open: () => track(loading.open()),
    record(changes, options = {}) {
      if (isClosed) return Promise.reject(new GuardError('guard_closed', 'the guard is closed'));
      return track(write(changes, options), writing);
    },
    get applied() {
      return applied.current;
    },
    opened: loading.tried,
    history: (msisdn, { list, limit }) =>
      ask('to read a history', () =>
        store.history(msisdn, {
          ...(list === undefined ? {} : { list }),
          ...(limit === undefined ? {} : { limit }),
        }),
      ),
    listings: (msisdn, { list }) =>
      ask(
        'to read a history',
        async () => (await store.listings?.(msisdn, list === undefined ? {} : { list })) ?? [],
      ),
    prune: (olderThan) => ask('to prune', async () => (await store.prune?.(olderThan)) ?? 0),
    erase(msisdn) {
      const before = [...writing];
      // What is being written is written first, and what comes now is written afterwards.
      const work = ask('to erase', async () => {
        await Promise.allSettled(before);
        return forget(msisdn);
      });
      erasing = Promise.allSettled([erasing, work]);
      return track(work);
    },
    saveSweep,
    get lastErrorCode() {
      return lastErrorCode;
    },
    get isOpen() {
      return loading.isOpen;
    },
    async close(timeoutMs) {
      isClosed = true;
      loading.end();
      carrying.stop();
      const deadline = clock.monotonic() + timeoutMs;
      unstored.stop();
      // Writes that failed are tried again, so that an orderly end loses nothing; then those that failed meanwhile.
      const flush = () => (loading.isOpen ? unstored.flush() : Promise.resolve());
      const work = Promise.allSettled([...underWay, flush()]).then(flush);
      await atMost(clock, timeoutMs, work);
      const closing = store.close().catch((cause: unknown) => onError(fail(cause, 'to close')));
      await atMost(clock, Math.max(0, deadline - clock.monotonic()), closing);
    },
  };
}
