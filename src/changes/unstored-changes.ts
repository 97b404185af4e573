/**
 * Changes that the store could not keep when they came: opt-outs, which block in this process all the same, and the
 * person's own opt-ins, which count from their first time and not from that of a retry. They are stored as soon as the
 * store works again. An operator's opt-in is not among them: its call was refused, and nothing may come of it later.
 */

import { startTimer, type Clock } from '../clock.ts';
import type { OptOutChange } from '../ledger/evidence.ts';

export interface UnstoredChanges {
  /** Remembers changes that could not be stored, and tries again later. */
  add(changes: readonly OptOutChange[]): void;
  /** The change as it came first, if it is among them. */
  firstCopyOf(change: OptOutChange): OptOutChange;
  /** Tries now. Never rejects. */
  flush(): Promise<void>;
  /** Ends the tries. */
  stop(): void;
}

/** Changes that are remembered. Opt-outs beyond it block until the process ends. */
const MOST = 100_000;
const BATCH = 500;
/** First wait before a try, ms; it doubles up to the cap. */
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 60_000;

/** Creates it. `store` rejects if the changes could not be kept. */
export function createUnstoredChanges(
  clock: Clock,
  store: (changes: readonly OptOutChange[]) => Promise<unknown>,
): UnstoredChanges {
  const waiting = new Map<string, OptOutChange>();
  let wait = FIRST_WAIT_MS;
  let cancelTimer: (() => void) | undefined;
  let flushing: Promise<void> | undefined;
  let isStopped = false;

  const keyOf = ({ list, msisdn, evidence: { direction, id } }: OptOutChange) =>
    JSON.stringify([list, msisdn, direction, id]);

  const isRemembered = ({ evidence: { direction, kind } }: OptOutChange) =>
    direction === 'out' || kind === 'told';

  async function storeAll(): Promise<void> {
    while (waiting.size > 0) {
      const batch = [...waiting].slice(0, BATCH);
      await store(batch.map(([, change]) => change));
      for (const [key] of batch) waiting.delete(key);
    }
  }

  function flush(): Promise<void> {
    cancelTimer?.();
    cancelTimer = undefined;
    flushing ??= storeAll()
      .then(
        () => {
          wait = FIRST_WAIT_MS;
        },
        () => schedule(),
      )
      .finally(() => {
        flushing = undefined;
      });
    return flushing;
  }

  function schedule(): void {
    if (isStopped || cancelTimer !== undefined || waiting.size === 0) return;
    cancelTimer = startTimer(clock, wait, () => {
      cancelTimer = undefined;
      void flush();
    });
    wait = Math.min(wait * 2, LONGEST_WAIT_MS);
  }

  return {
    add(changes) {
      for (const change of changes) {
        const key = keyOf(change);
        if (isRemembered(change) && !waiting.has(key) && waiting.size < MOST) waiting.set(key, change);
      }
      schedule();
    },
    firstCopyOf: (change) => (waiting.size === 0 ? change : (waiting.get(keyOf(change)) ?? change)),
    flush,
    stop() {
      isStopped = true;
      cancelTimer?.();
    },
  };
}
