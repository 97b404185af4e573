/**
 * The one way in for changes: store, then show. What a promise of this room resolves for is durable and visible to
 * checks. An opt-out blocks from the moment it is known, even while the store writes it or when the store fails;
 * an opt-in counts only when it is stored.
 */

import { startTimer, type Clock } from './clock.ts';
import { GuardError, StoreError } from './errors.ts';
import type { Evidence, OptOutChange } from './optouts/change.ts';
import type { Lists, OptOutList } from './lists.ts';
import type { Store } from './stores/store.ts';

export interface JournalPorts {
  readonly store: Store;
  readonly lists: Lists;
  readonly clock: Clock;
  /** Told of each change that was new, after it counts. */
  readonly onChange: (change: OptOutChange) => void;
  readonly onError: (error: GuardError) => void;
  /** Told once, when everything the store held is loaded. */
  readonly onLoaded: () => void;
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
  /** The evidence that the store keeps about a number. */
  history(
    msisdn: string,
    options: { readonly list?: string | undefined; readonly limit?: number | undefined },
  ): Promise<readonly OptOutChange[]>;
  /** Resolves when the store was tried to be opened once. */
  readonly opened: Promise<void>;
  /** Keeps what a ledger knows of its provider's list. */
  saveSweep(list: OptOutList): Promise<void>;
  /** Writes that are still under way. */
  readonly writes: number;
  /** The code of the last failure, until something succeeds. */
  readonly lastErrorCode: string | undefined;
  readonly isOpen: boolean;
  /** Waits up to `timeoutMs` for writes, then closes the store. */
  close(timeoutMs: number): Promise<void>;
}

/** First wait before the store is opened again, ms; doubles up to the cap. */
const FIRST_REOPEN_MS = 500;
const REOPEN_CAP_MS = 30_000;

/** Creates the journal of a guard. */
export function createJournal({ store, lists, clock, onChange, onError, onLoaded }: JournalPorts): Journal {
  const underWay = new Set<Promise<unknown>>();
  let isOpen = false;
  let isClosed = false;
  let lastErrorCode: string | undefined;
  let stopTail: (() => void) | undefined;
  let wake: (() => void) | undefined;
  let firstAttemptEnded = (): void => undefined;
  const firstAttempt = new Promise<void>((resolve) => {
    firstAttemptEnded = resolve;
  });

  function fail(cause: unknown, doing: string): StoreError {
    const error =
      cause instanceof StoreError ? cause : new StoreError(`the store failed ${doing}`, { cause });
    lastErrorCode = error.code;
    return error;
  }

  function merge({ list, msisdn, evidence }: OptOutChange): void {
    lists.ensure(list).ledger.merge(msisdn, evidence);
  }

  async function load(): Promise<void> {
    await store.open();
    const { changes, sweeps, cursor } = await store.load();
    for await (const change of changes) merge(change);
    for (const [name, sweep] of sweeps) lists.restore(name, sweep);
    if (isClosed) return;
    lists.markLoaded();
    isOpen = true;
    lastErrorCode = undefined;
    stopTail = store.tail(cursor, {
      onChanges(news) {
        for (const change of news.changes) {
          merge(change);
          onChange(change);
        }
        for (const [name, sweep] of news.sweeps) lists.restore(name, sweep);
      },
      onCaughtUp: () => lists.markCaughtUp(),
    });
    if (store.isShared) lists.markCaughtUp();
    onLoaded();
  }

  async function keepOpening(): Promise<void> {
    for (let wait = FIRST_REOPEN_MS; !isClosed; wait = Math.min(wait * 2, REOPEN_CAP_MS)) {
      try {
        return await load();
      } catch (cause) {
        firstAttemptEnded();
        if (isClosed) return;
        onError(fail(cause, 'to open'));
        await new Promise<void>((resolve) => {
          const cancel = startTimer(clock, wait, resolve);
          wake = () => {
            cancel();
            resolve();
          };
        });
      }
    }
  }

  function open(): Promise<void> {
    return keepOpening().finally(firstAttemptEnded);
  }

  /** Lets opt-outs block while they are written. @returns the end of it. */
  function hold(changes: readonly OptOutChange[]): () => void {
    const held = changes.filter(({ evidence }) => evidence.direction === 'out');
    for (const { list, msisdn, evidence } of held) {
      const { pending } = lists.ensure(list);
      const known = pending.get(msisdn);
      if (known) known.writes++;
      else {
        const listing = { list, source: evidence.source, since: evidence.at };
        pending.set(msisdn, { listing, writes: 1 });
      }
    }
    return () => {
      for (const { list, msisdn } of held) {
        const { pending } = lists.ensure(list);
        const known = pending.get(msisdn);
        if (known !== undefined && --known.writes === 0) pending.delete(msisdn);
      }
    };
  }

  async function write(changes: readonly OptOutChange[]): Promise<readonly boolean[]> {
    const release = hold(changes);
    try {
      // A change that comes while the process starts waits for the store instead of being refused.
      await firstAttempt;
      if (!isOpen) throw new StoreError('the store is not open yet');
      const isNew = await store.append(changes);
      for (const [index, change] of changes.entries()) {
        if (isNew[index] === true) merge(change);
        // Known to the store: it counts as the store first got it, and perhaps another process did.
        else for (const kept of await store.history(change.msisdn)) merge(kept);
      }
      lastErrorCode = undefined;
      for (const [index, change] of changes.entries()) if (isNew[index] === true) onChange(change);
      return isNew;
    } catch (cause) {
      for (const change of changes) if (change.evidence.direction === 'out') merge(change);
      throw fail(cause, 'to keep a change');
    } finally {
      release();
    }
  }

  function record(changes: readonly OptOutChange[]): Promise<readonly boolean[]> {
    if (isClosed) return Promise.reject(new GuardError('guard_closed', 'the guard is closed'));
    const writing = write(changes);
    underWay.add(writing);
    const end = (): void => void underWay.delete(writing);
    writing.then(end, end);
    return writing;
  }

  return {
    open,
    record,
    opened: firstAttempt,
    async history(msisdn, { list, limit }) {
      await firstAttempt;
      try {
        return await store.history(msisdn, {
          ...(list === undefined ? {} : { list }),
          ...(limit === undefined ? {} : { limit }),
        });
      } catch (cause) {
        throw fail(cause, 'to read a history');
      }
    },
    async erase(msisdn) {
      await firstAttempt;
      const kept = lists.all().map(({ config: { name }, ledger }) => {
        const isNeeded = ledger.blocks(msisdn) || ledger.isListedByProvider(msisdn);
        const before = ledger.evidence(msisdn);
        return { ledger, name, before, evidence: isNeeded ? before.map(withoutWords) : [] };
      });
      const changes = kept.flatMap(({ name, evidence }) =>
        evidence.map((one) => ({ list: name, msisdn, evidence: one })),
      );
      try {
        await store.erase(msisdn, changes);
      } catch (cause) {
        throw fail(cause, 'to erase');
      }
      for (const { ledger, before, evidence } of kept) {
        const cameMeanwhile = ledger.evidence(msisdn).filter((one) => !before.includes(one));
        ledger.replace(msisdn, [...evidence, ...cameMeanwhile]);
      }
    },
    async saveSweep(list) {
      try {
        await store.saveSweep(list.config.name, list.ledger.sweep());
        lastErrorCode = undefined;
      } catch (cause) {
        throw fail(cause, 'to keep a sweep');
      }
    },
    get writes() {
      return underWay.size;
    },
    get lastErrorCode() {
      return lastErrorCode;
    },
    get isOpen() {
      return isOpen;
    },
    async close(timeoutMs) {
      isClosed = true;
      wake?.();
      stopTail?.();
      let cancel: (() => void) | undefined;
      const late = new Promise<void>((resolve) => {
        cancel = startTimer(clock, timeoutMs, resolve, { keepsAlive: true });
      });
      await Promise.race([Promise.allSettled(underWay), late]);
      cancel?.();
      try {
        await store.close();
      } catch (cause) {
        onError(fail(cause, 'to close'));
      }
    },
  };
}

/** The evidence without what a person or operator wrote and what links it to a message. */
function withoutWords({ direction, at, clock, seenAt, source, id }: Evidence): Evidence {
  return { direction, at, clock, seenAt, source, id };
}
