/**
 * The one way in for changes: store, then show. What a promise of this room resolves for is durable and visible to
 * checks. An opt-out blocks from the moment it is known, even while the store writes it or when the store fails;
 * an opt-in counts only when it is stored.
 */

import { atMost, type ActTime, type Clock } from './clock.ts';
import { GuardError, StoreError } from './errors.ts';
import type { Evidence, OptOutChange } from './optouts/change.ts';
import type { Lists, OptOutList } from './lists.ts';
import { createLoading } from './loading.ts';
import { holdPending } from './pending.ts';
import { createSaves } from './saves.ts';
import type { ListingSpan, Store } from './stores/store.ts';

export interface JournalPorts {
  readonly store: Store;
  readonly lists: Lists;
  readonly clock: Clock;
  readonly actTime: ActTime;
  /** Which account each list with a provider belongs to. */
  readonly accounts: Readonly<Record<string, string>>;
  /** Told of each change that was new, after it counts. */
  readonly onChange: (change: OptOutChange) => void;
  readonly onError: (error: GuardError) => void;
  /** Told once, when everything the store held is loaded. */
  readonly onLoaded: () => void;
  /** Told when another process's sweep was taken over. */
  readonly onFollowed: () => void;
}

export interface Journal {
  /** Opens and loads the store, again and again until it succeeds or `close()`. Resolves then, never rejects. */
  open(): Promise<void>;
  /**
   * Keeps changes and lets them count. @returns for each whether it was new.
   *
   * @throws StoreError where nothing was stored; opt-outs block in this process all the same.
   */
  record(changes: readonly OptOutChange[]): Promise<readonly boolean[]>;
  /**
   * Forgets words, reasons, senders and message ids about a number, and all evidence where nothing lists it.
   *
   * @throws StoreError where the store failed; nothing is forgotten then.
   */
  erase(msisdn: string): Promise<void>;
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

/** Creates the journal of a guard. */
export function createJournal(ports: JournalPorts): Journal {
  const { store, lists, clock, actTime, onChange, onError } = ports;
  const underWay = new Set<Promise<unknown>>();
  const writing = new Set<Promise<unknown>>();
  let isClosed = false;
  let lastErrorCode: string | undefined;
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

  /** Words are the store's to keep: nothing in here decides by them. */
  function merge({ list, msisdn, evidence }: OptOutChange): boolean {
    actTime.atLeast(evidence.seenAt);
    return lists.ensure(list).ledger.merge(msisdn, withoutWords(evidence));
  }

  function mergeAll(changes: readonly OptOutChange[]): void {
    for (const change of changes) merge(change);
  }

  function replace(msisdn: string, changes: readonly OptOutChange[]): void {
    for (const { config, ledger } of lists.all()) {
      const left = changes.filter((one) => one.msisdn === msisdn && one.list === config.name);
      ledger.replace(
        msisdn,
        left.map(({ evidence }) => withoutWords(evidence)),
      );
    }
  }

  function saveSweep(list: OptOutList): void {
    void track(saves.save(list));
  }

  const loading = createLoading({
    ...{ store, lists, clock, accounts: ports.accounts },
    ...{ merge, replace, saveSweep, onChange, onTrouble: onError },
    onFailure: (cause) => onError(fail(cause, 'to open')),
    onOpen: () => (lastErrorCode = undefined),
    ...{ onLoaded: ports.onLoaded, onFollowed: ports.onFollowed },
  });

  /** One act counts from when it was first received, also where it could not be stored then. */
  function asFirstSeen(change: OptOutChange): OptOutChange {
    const { list, msisdn, evidence } = change;
    const known = lists
      .ensure(list)
      .ledger.evidence(msisdn)
      .find(({ id, direction }) => id === evidence.id && direction === evidence.direction);
    if (known === undefined || known.seenAt >= evidence.seenAt) return change;
    return { list, msisdn, evidence: { ...evidence, seenAt: known.seenAt } };
  }

  /**
   * Merges what the store has about numbers where this process may know less: of an act that was known to it, and of
   * an opt-out so late that an opt-in after it may have been dropped here.
   *
   * @returns the numbers whose history could not be read.
   */
  async function catchUp(
    changes: readonly OptOutChange[],
    isNew: readonly boolean[],
  ): Promise<ReadonlySet<string>> {
    const unread = new Set<string>();
    const behind = new Set<string>();
    for (const [index, { list, msisdn, evidence }] of changes.entries()) {
      const isLate = evidence.at < clock.now() - lists.optInsKeptMs;
      if (isNew[index] !== true) behind.add(msisdn);
      else if (isLate && lists.ensure(list).ledger.evidence(msisdn).length === 0) behind.add(msisdn);
    }
    for (const msisdn of behind) {
      try {
        mergeAll(await store.history(msisdn));
      } catch (cause) {
        unread.add(msisdn);
        onError(fail(cause, 'to read a history'));
      }
    }
    return unread;
  }

  async function write(given: readonly OptOutChange[]): Promise<readonly boolean[]> {
    const release = holdPending(lists, given);
    // Of the erasures that were asked for before it: those after it wait for it.
    const erasedBefore = erasing;
    const changes = given.map(asFirstSeen);
    try {
      // A change that comes while the process starts waits for the store instead of being refused.
      await loading.tried;
      await erasedBefore;
      requireOpen();
      const isNew = await store.append(changes);
      lastErrorCode = undefined;
      const unread = await catchUp(changes, isNew);
      // What the store knew counts as it first came. Where that cannot be read, our own copy of it has to do.
      mergeAll(changes.filter(({ msisdn }, index) => isNew[index] === true || unread.has(msisdn)));
      for (const [index, change] of changes.entries()) if (isNew[index] === true) onChange(change);
      return isNew;
    } catch (cause) {
      mergeAll(changes.filter(({ evidence }) => evidence.direction === 'out'));
      const error = fail(cause, 'to keep a change');
      onError(error);
      throw error;
    } finally {
      release();
    }
  }

  function requireOpen(): void {
    if (!loading.isOpen) throw new StoreError('the store is not open');
  }

  async function forget(msisdn: string): Promise<void> {
    const kept = lists.all().map(({ config: { name }, ledger }) => {
      const isNeeded = ledger.blocks(msisdn) || ledger.isListedByProvider(msisdn);
      return { ledger, name, evidence: isNeeded ? ledger.evidence(msisdn) : [] };
    });
    const changes = kept.flatMap(({ name, evidence }) =>
      evidence.map((one) => ({ list: name, msisdn, evidence: one })),
    );
    await store.erase(msisdn, changes);
    for (const { ledger, evidence } of kept) ledger.replace(msisdn, evidence);
  }

  const saves = createSaves(async (list, sweep) => {
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
    record(changes) {
      if (isClosed) return Promise.reject(new GuardError('guard_closed', 'the guard is closed'));
      return track(write(changes), writing);
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
        await forget(msisdn);
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
      const deadline = clock.monotonic() + timeoutMs;
      await atMost(clock, timeoutMs, Promise.allSettled(underWay));
      const closing = store.close().catch((cause: unknown) => onError(fail(cause, 'to close')));
      await atMost(clock, Math.max(0, deadline - clock.monotonic()), closing);
    },
  };
}

/** The evidence without what a person or operator wrote and what links it to a message. */
function withoutWords({ direction, at, clock, seenAt, source, id }: Evidence): Evidence {
  return { direction, at, clock, seenAt, source, id };
}
