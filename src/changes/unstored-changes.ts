/**
 * Changes that could not be stored at first, and that are stored as soon as the store works again. They are in memory
 * only: if the process ends before, the provider's repeated webhook brings them again. They are opt-outs,
 * which block in this process all the same, and the person's own opt-ins, which count from their first time and not
 * from that of a retry. An operator's opt-in is not among them: its call was rejected, so it must not count later.
 */

import { startTimer, type Clock } from '../clock.ts';
import type { OptOutChange } from '../ledger/evidence.ts';

export interface UnstoredChanges {
  /** Remembers changes that could not be stored, and tries again later. */
  add(changes: readonly OptOutChange[]): void;
  /** The first copy of the change, if it is among them; else the change itself. */
  firstCopyOf(change: OptOutChange): OptOutChange;
  /** Tries now. Never rejects. */
  flush(): Promise<void>;
  /** Plans no further tries. */
  stop(): void;
}

/** The state of the tries. */
type Retry =
  | { readonly kind: 'idle' }
  | { readonly kind: 'scheduled'; readonly cancel: () => void }
  | { readonly kind: 'storing'; readonly ended: Promise<void> };

/** The most changes that are remembered. Opt-outs beyond it block until the process ends, and are not stored. */
const MAX_CHANGES = 100_000;
/** Changes that are stored at a time. */
const BATCH = 500;
/** First wait before a try, ms. It doubles up to the longest. */
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 60_000;

/** Creates an empty collection. `store` rejects if it could not store the changes. */
export function createUnstoredChanges(
  clock: Clock,
  store: (changes: readonly OptOutChange[]) => Promise<unknown>,
): UnstoredChanges {
  const changesByKey = new Map<string, OptOutChange>();
  let retry: Retry = { kind: 'idle' };
  let nextWaitMs = FIRST_WAIT_MS;
  let isStopped = false;

  /** Stores all changes, including those that are added meanwhile. */
  async function storeAll(): Promise<void> {
    try {
      while (changesByKey.size > 0) {
        const batch = [...changesByKey].slice(0, BATCH);
        await store(batch.map(([, change]) => change));
        for (const [key] of batch) changesByKey.delete(key);
      }
      nextWaitMs = FIRST_WAIT_MS;
      retry = { kind: 'idle' };
    } catch {
      retry = { kind: 'idle' };
      schedule();
    }
  }

  function flush(): Promise<void> {
    if (retry.kind === 'storing') return retry.ended;
    if (retry.kind === 'scheduled') retry.cancel();
    if (changesByKey.size === 0) return Promise.resolve();
    const ended = storeAll();
    retry = { kind: 'storing', ended };
    return ended;
  }

  function schedule(): void {
    if (isStopped || retry.kind !== 'idle' || changesByKey.size === 0) return;
    const cancel = startTimer(clock, nextWaitMs, () => void flush());
    retry = { kind: 'scheduled', cancel };
    nextWaitMs = Math.min(nextWaitMs * 2, LONGEST_WAIT_MS);
  }

  return {
    add(changes) {
      for (const change of changes) {
        const key = keyOf(change);
        const isKnown = changesByKey.has(key);
        if (isRemembered(change) && !isKnown && changesByKey.size < MAX_CHANGES)
          changesByKey.set(key, change);
      }
      schedule();
    },
    firstCopyOf: (change) => (changesByKey.size === 0 ? change : (changesByKey.get(keyOf(change)) ?? change)),
    flush,
    stop() {
      isStopped = true;
      if (retry.kind === 'scheduled') retry.cancel();
    },
  };
}

/** A key that all copies of a change have in common. */
function keyOf({ list, msisdn, evidence: { direction, id } }: OptOutChange): string {
  return JSON.stringify([list, msisdn, direction, id]);
}

function isRemembered({ evidence: { direction, kind } }: OptOutChange): boolean {
  return direction === 'out' || kind === 'told';
}
