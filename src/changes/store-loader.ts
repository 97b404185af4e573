/**
 * Opens and loads the store, and tries again until that succeeds. From then on it follows what other processes write to
 * the store.
 */

import { setImmediate as nextTurn } from 'node:timers/promises';
import { startTimer, type Clock } from '../clock.ts';
import { StoreError, type GuardError } from '../errors.ts';
import type { WarnEvent } from '../events.ts';
import type { Lists, OptOutList } from '../lists/opt-out-lists.ts';
import type { OptOutChange } from '../ledger/evidence.ts';
import type { AppliedPosition } from '../ledger/positions.ts';
import type { LogEnd, Store, StoreNews, StoreTrouble } from '../stores/store.ts';

export interface StoreLoaderPorts {
  readonly store: Store;
  readonly lists: Lists;
  readonly clock: Clock;
  /** Which account each list with a provider belongs to. */
  readonly accounts: Readonly<Record<string, string>>;
  /** Lets a change count; `appliedAt` (monotonic, ms) is left out while the store is loaded. @returns whether it was new. */
  readonly merge: (change: OptOutChange, appliedAt?: number) => boolean;
  /** Lets what changes say about a number stand for all that was known of it up to a position. */
  readonly replace: (msisdn: string, changes: readonly OptOutChange[], upTo: LogEnd) => void;
  /** Keeps what a ledger knows of its provider's list. */
  readonly saveSweep: (list: OptOutList) => void;
  /** Told of each change of another process that was new, after it counts. */
  readonly onChange: (change: OptOutChange) => void;
  /** Told of what the store says about itself. */
  readonly onTrouble: (error: GuardError) => void;
  /** Told of what an operator should mend. */
  readonly onWarn: (warning: WarnEvent) => void;
  /** Told of each failure to open or load; it is tried again. */
  readonly onFailure: (cause: unknown) => void;
  /** Told once the store can be used: before anything of other processes is followed. */
  readonly onOpen: () => void;
  /** Told once, when everything the store held is loaded. */
  readonly onLoaded: () => void;
  /** Told when another process's sweep was taken over. */
  readonly onFollowed: () => void;
  /** Follows what was read of the store's log. */
  readonly applied: AppliedPosition;
  /** Called when the log is another one than before: what memory knows gets a position in it. */
  readonly onLogLost: () => void;
}

export interface StoreLoader {
  /** Opens and loads the store until it succeeds or `end()`. Resolves then, never rejects. */
  open(): Promise<void>;
  /** Resolves when the store was tried to be opened once. */
  readonly tried: Promise<void>;
  readonly isOpen: boolean;
  /** Opens and follows no more. */
  end(): void;
}

/** First wait before the store is opened again, ms; doubles up to the cap. */
const FIRST_REOPEN_MS = 500;
const REOPEN_CAP_MS = 30_000;

/** Changes merged before other work gets its turn. */
const CHANGES_PER_TURN = 500;

/** Creates it; nothing happens before `open()`. */
export function createStoreLoader(ports: StoreLoaderPorts): StoreLoader {
  const { store, lists, clock, merge } = ports;
  let isOpen = false;
  let isEnded = false;
  let stopTail: (() => void) | undefined;
  let wake: (() => void) | undefined;
  let endFirstAttempt = (): void => undefined;
  const tried = new Promise<void>((resolve) => {
    endFirstAttempt = resolve;
  });

  /** Resolves once a closed guard has nothing more to do with the store. */
  async function load(): Promise<void> {
    const evidence = () => allEvidence(lists);
    const trouble = await store.open({ accounts: ports.accounts, evidence });
    if (isEnded) return store.close();
    if (trouble) report(trouble);
    const { changes, sweeps, cursor, logId, position } = await store.load();
    let merged = 0;
    for await (const news of changes) {
      for (const change of [news].flat()) {
        merge(change);
        if (++merged % CHANGES_PER_TURN === 0) await nextTurn();
      }
    }
    for (const [name, sweep] of sweeps) await lists.restore(name, sweep);
    await store.loaded?.();
    if (isEnded) return store.close();
    lists.markLoaded();
    ports.applied.restart({ log: logId, position });
    isOpen = true;
    ports.onOpen();
    stopTail = store.tail(cursor, { onChanges: follow, onCaughtUp, onTrouble: report });
    if (store.isShared) lists.markCaughtUp();
    ports.onLoaded();
  }

  /** Everything up to the end of the log was applied. */
  function onCaughtUp(end: LogEnd): void {
    lists.markCaughtUp();
    followLog(end);
  }

  function followLog({ logId, position }: Partial<LogEnd> = {}): void {
    // A store of the first edition does not say.
    if (logId === undefined || position === undefined) return;
    const isOther = ports.applied.current?.log !== logId;
    ports.applied.follow({ log: logId, position });
    if (isOther) ports.onLogLost();
  }

  function report({ kind, message }: StoreTrouble): void {
    if (kind === 'migrated' || kind === 'exposed') {
      return ports.onWarn({ code: `store_${kind}`, message });
    }
    ports.onTrouble(new StoreError(message, { code: `store_${kind}` }));
    // A file that took another's place has no sweep yet.
    if (kind === 'damaged' && isOpen) for (const list of lists.all()) saveIfSwept(list);
  }

  function saveIfSwept(list: OptOutList): void {
    if (list.ledger.lastStart !== null) ports.saveSweep(list);
  }

  function follow({ changes, sweeps, erased, ...end }: StoreNews): void {
    const now = clock.monotonic();
    for (const change of changes) {
      const isNews = merge(change, now);
      if (isNews && !erased.includes(change.msisdn)) ports.onChange(change);
    }
    // Afterwards, so that what is new here counts as applied now, also if it is of a person who was erased.
    for (const msisdn of erased) ports.replace(msisdn, changes, end);
    followLog(end);
    for (const news of sweeps) {
      lists.follow(news);
      const list = lists.ensure(news.list);
      // Where the two differ, the store gets what is newer here.
      if (list.ledger.hasNews && list.ledger.lastNumber !== news.number) ports.saveSweep(list);
    }
    if (sweeps.length > 0) ports.onFollowed();
  }

  async function keepOpening(): Promise<void> {
    for (let wait = FIRST_REOPEN_MS; !isEnded; wait = Math.min(wait * 2, REOPEN_CAP_MS)) {
      try {
        return await load();
      } catch (cause) {
        endFirstAttempt();
        if (isEnded) return;
        ports.onFailure(cause);
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

  return {
    open: () => keepOpening().finally(endFirstAttempt),
    tried,
    get isOpen() {
      return isOpen;
    },
    end() {
      isEnded = true;
      wake?.();
      stopTail?.();
    },
  };
}

function* allEvidence(lists: Lists): Generator<OptOutChange> {
  for (const { ledger } of lists.all()) yield* ledger.changes();
}
