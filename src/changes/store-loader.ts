/**
 * Opens and loads the store, and tries again until that succeeds. From then on the follower gets what other processes
 * write to the store.
 */

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../clock.ts';
import { StoreError } from '../errors.ts';
import type { Lists } from '../lists/opt-out-lists.ts';
import type { OptOutChange } from '../ledger/evidence.ts';
import type { AppliedPosition } from '../ledger/positions.ts';
import type { Store, StoreContents, TailHandlers } from '../stores/store.ts';
import type { Merger } from './merger.ts';
import { waitUnlessAborted } from './retry-wait.ts';
import { asStoreError } from './store-failure.ts';

export interface StoreLoaderPorts {
  readonly store: Store;
  readonly lists: Lists;
  readonly clock: Clock;
  /** Which account each list with a provider belongs to. */
  readonly accounts: Readonly<Record<string, string>>;
  readonly merger: Pick<Merger, 'merge'>;
  /** How far the store's log was read and applied. */
  readonly applied: AppliedPosition;
  /** Handles what other processes write, and what the store reports of itself. */
  readonly follower: Required<TailHandlers>;
  /** Called with each failure to open or load the store. It is tried again. */
  readonly onFailure: (error: StoreError) => void;
  /** Called once the store can be used, before other processes are followed. */
  readonly onOpen: () => void;
  /** Called once everything that the store held is loaded. */
  readonly onLoaded: () => void;
}

export interface StoreLoader {
  /** Opens and loads the store until it succeeds or `end()` is called. Resolves then, never rejects. */
  open(): Promise<void>;
  /** Resolves after the first try to open the store. */
  readonly tried: Promise<void>;
  readonly isOpen: boolean;
  /** @throws StoreError if the store is not open, with the reason if it is known */
  requireOpen(): void;
  /** Ends the tries to open the store, or the tail of its log. */
  end(): void;
}

/** Whether the store can be used. */
type Opening =
  | { readonly kind: 'untried' }
  /** The last try failed; another one follows or is under way. */
  | { readonly kind: 'failed'; readonly error: StoreError }
  | { readonly kind: 'open'; readonly stopTail: () => void };

/** First wait before the store is opened again, ms. It doubles up to the longest. */
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 30_000;

/** Changes that are merged before other work gets its turn. */
const CHANGES_PER_TURN = 500;

/** Creates the loader. Nothing happens before `open()`. */
export function createStoreLoader(ports: StoreLoaderPorts): StoreLoader {
  const { store, lists, clock, merger, applied, follower } = ports;
  const ending = new AbortController();
  const isEnded = () => ending.signal.aborted;
  let opening: Opening = { kind: 'untried' };
  let endFirstTry = (): void => undefined;
  const tried = new Promise<void>((resolve) => {
    endFirstTry = resolve;
  });

  /** Opens and loads the store. If the guard is closed meanwhile, it closes the store again. */
  async function load(): Promise<void> {
    const evidence = () => allEvidence(lists);
    const trouble = await store.open({ accounts: ports.accounts, evidence });
    if (isEnded()) return store.close();
    if (trouble) follower.onTrouble(trouble);
    const { changes, sweeps, cursor, logId, position } = await store.load();
    await mergeAll(changes);
    for (const [name, sweep] of sweeps) await lists.restore(name, sweep);
    await store.loaded?.();
    if (isEnded()) return store.close();
    lists.markLoaded();
    applied.restart({ log: logId, position });
    opening = { kind: 'open', stopTail: () => undefined };
    ports.onOpen();
    opening = { kind: 'open', stopTail: store.tail(cursor, follower) };
    if (store.isShared) lists.markCaughtUp();
    ports.onLoaded();
  }

  async function mergeAll(changes: StoreContents['changes']): Promise<void> {
    let merged = 0;
    for await (const batch of changes) {
      for (const change of [batch].flat()) {
        merger.merge(change);
        if (++merged % CHANGES_PER_TURN === 0) await nextTurn();
      }
    }
  }

  async function openUntilLoaded(): Promise<void> {
    for (let waitMs = FIRST_WAIT_MS; !isEnded(); waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)) {
      try {
        return await load();
      } catch (cause) {
        endFirstTry();
        if (isEnded()) return;
        const error = asStoreError(cause, 'to open');
        opening = { kind: 'failed', error };
        ports.onFailure(error);
        await waitUnlessAborted(clock, waitMs, ending.signal);
      }
    }
  }

  return {
    open: () => openUntilLoaded().finally(endFirstTry),
    tried,
    get isOpen() {
      return opening.kind === 'open';
    },
    requireOpen() {
      switch (opening.kind) {
        case 'open':
          return;
        case 'untried':
          throw new StoreError('the store is not open');
        case 'failed': {
          const { code, message } = opening.error;
          throw new StoreError(`the store is not open: ${message}`, { code, cause: opening.error });
        }
      }
    },
    end() {
      ending.abort();
      if (opening.kind === 'open') opening.stopTail();
    },
  };
}

function* allEvidence(lists: Lists): Generator<OptOutChange> {
  for (const { ledger } of lists.all()) yield* ledger.changes();
}
