/**
 * Writes what this process knows first-hand into a log that lacks it: one that was lost, emptied, rolled back or
 * replaced while the process ran. Each piece of evidence gets a position in the new log and keeps its old one, so that
 * acts of before and after can be compared. What the new log already holds is known by its id and stored once.
 */

import { setImmediate as nextTurn } from 'node:timers/promises';
import { startTimer, type Clock } from '../clock.ts';
import type { Lists } from '../lists/opt-out-lists.ts';
import type { OptOutChange } from '../ledger/evidence.ts';
import { evidenceOf } from '../ledger/evidence-rules.ts';

export interface CarryOverPorts {
  readonly lists: Pick<Lists, 'all'>;
  readonly clock: Clock;
  /** Stores changes and merges them with their positions. */
  readonly store: (changes: readonly OptOutChange[]) => Promise<void>;
  /** Called with each failure; it is tried again. */
  readonly onFailure: (cause: unknown) => void;
}

export interface CarryOver {
  /** Writes everything that the ledgers hold, and again if the log is lost meanwhile. Resolves then, never rejects. */
  run(): Promise<void>;
  /** Ends the tries: one that waits is made now, as the last one. */
  stop(): void;
}

/** Pieces of evidence that are written at a time. */
const BATCH = 500;
/** First wait after a failure, ms; it doubles up to the cap. */
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 30_000;

/** Creates it; nothing is written before `run()`. */
export function createCarryOver({ lists, clock, store, onFailure }: CarryOverPorts): CarryOver {
  let running: Promise<void> | undefined;
  let isWanted = false;
  let isStopped = false;
  let wake: (() => void) | undefined;

  async function writeAll(): Promise<void> {
    let batch: OptOutChange[] = [];
    async function flush(): Promise<void> {
      if (batch.length > 0) await store(batch);
      batch = [];
      await nextTurn();
    }
    for (const { config, ledger } of lists.all()) {
      for (const [msisdn, record] of ledger.records()) {
        for (const evidence of evidenceOf(record)) batch.push({ list: config.name, msisdn, evidence });
        if (batch.length >= BATCH) await flush();
      }
    }
    await flush();
  }

  function pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = startTimer(clock, ms, resolve);
      wake = () => {
        cancel();
        resolve();
      };
    });
  }

  async function keepWriting(): Promise<void> {
    let wait = FIRST_WAIT_MS;
    while (isWanted) {
      isWanted = false;
      try {
        await writeAll();
        wait = FIRST_WAIT_MS;
      } catch (cause) {
        isWanted = true;
        onFailure(cause);
        if (isStopped) return;
        await pause(wait);
        wait = Math.min(wait * 2, LONGEST_WAIT_MS);
      }
    }
  }

  return {
    run() {
      isWanted = true;
      running ??= keepWriting().finally(() => {
        running = undefined;
      });
      return running;
    },
    stop() {
      isStopped = true;
      wake?.();
    },
  };
}
