/**
 * Writes the first-hand evidence of this process into a log that lacks it: one that was lost, emptied, rolled back or
 * replaced while the process ran. Each piece of evidence gets a position in the new log and keeps its old one, so that
 * acts from before and after can be compared. The store knows evidence that the new log already holds by its id, and
 * keeps it once.
 */

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../clock.ts';
import type { Lists } from '../lists/opt-out-lists.ts';
import type { OptOutChange } from '../ledger/evidence.ts';
import { evidenceOf } from '../ledger/evidence-rules.ts';
import { waitUnlessAborted } from './retry-wait.ts';

export interface CarryOverPorts {
  readonly lists: Pick<Lists, 'all'>;
  readonly clock: Clock;
  /** Stores changes and merges them with their positions. */
  readonly store: (changes: readonly OptOutChange[]) => Promise<void>;
  /** Called with each failure. The write is tried again. */
  readonly onFailure: (cause: unknown) => void;
}

export interface CarryOver {
  /**
   * Writes all evidence of the ledgers; once more if it is called meanwhile. Resolves when that is done, never rejects.
   */
  run(): Promise<void>;
  /** Ends the tries. If one is waiting, it is made now, as the last one. */
  stop(): void;
}

/** A run under way. */
interface Run {
  /** Whether everything has to be written, for the first time or again. */
  isWriteDue: boolean;
  ended: Promise<void>;
}

/** Pieces of evidence that are written at a time. */
const BATCH = 500;
/** First wait after a failure, ms. It doubles up to the longest. */
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 30_000;

/** Creates it. Nothing is written before `run()`. */
export function createCarryOver({ lists, clock, store, onFailure }: CarryOverPorts): CarryOver {
  const stopping = new AbortController();
  let current: Run | undefined;

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

  async function writeWhileDue(run: Run): Promise<void> {
    let waitMs = FIRST_WAIT_MS;
    while (run.isWriteDue) {
      run.isWriteDue = false;
      try {
        await writeAll();
        waitMs = FIRST_WAIT_MS;
      } catch (cause) {
        onFailure(cause);
        if (stopping.signal.aborted) break;
        run.isWriteDue = true;
        await waitUnlessAborted(clock, waitMs, stopping.signal);
        waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
      }
    }
    current = undefined;
  }

  return {
    run() {
      if (current !== undefined) {
        current.isWriteDue = true;
        return current.ended;
      }
      const run: Run = { isWriteDue: true, ended: Promise.resolve() };
      current = run;
      run.ended = writeWhileDue(run);
      return run.ended;
    },
    stop: () => stopping.abort(),
  };
}
