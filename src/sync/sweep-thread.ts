/**
 * Gives each sweep of a long list a thread of its own, which is started for the sweep and ended with it. If a thread
 * cannot be started, dies or does not answer, sweeps run without threads for at least an hour. Their result is the
 * same, but they keep the main thread busier.
 */

import { within, type Clock } from '../clock.ts';
import { ProviderError } from '../errors.ts';
import {
  ThreadEndedError,
  connectThread,
  spawnThread,
  type SpawnThread,
  type ThreadConnection,
} from './thread/connection.ts';

/**
 * A list of this many rows is long. `npm run bench -- sweep` measures it: sweeps of 10,000 rows keep the main thread as
 * busy with a thread as without, those of 25,000 for four fifths of the time, those of 100,000 for half of it. A thread
 * takes memory and 100 ms to start, which is too much for a short list.
 */
export const LONG_LIST_ROWS = 25_000;

/** How long sweeps run without threads after the first failure of a thread, ms. Each further failure doubles it. */
const FIRST_PAUSE_MS = 3_600_000;
const LONGEST_PAUSE_MS = 24 * FIRST_PAUSE_MS;

export interface SweepThreadsOptions {
  /** Sweeps of lists with at least this many rows have a thread. */
  readonly fromRows: number;
  /** The time for a thread to start, and for each of its answers, ms. */
  readonly timeoutMs: number;
}

export interface SweepThreadsPorts {
  readonly clock: Clock;
  readonly spawn?: SpawnThread | undefined;
  /** Called each time the sweeps begin to run without threads, because a thread failed. */
  readonly onLost: () => void;
}

/** The thread of one sweep, if the sweep needs one. */
export interface SweepThread {
  /**
   * Takes the least number of rows that the list has. If such a list is long, it starts the thread, unless the thread
   * was started before, threads are paused or the sweep has ended.
   */
  expectRows(rows: number): void;
  /** Resolves when a thread that was started is running or has failed to start. */
  readonly started: Promise<void>;
  /** The thread, once it runs, until `end`. It stays here if it dies: then its requests are rejected. */
  readonly running: Pick<ThreadConnection, 'ask'> | undefined;
  /** Ends the thread. */
  end(): Promise<void>;
}

export interface SweepThreads {
  /**
   * Creates the thread of a sweep that starts at `sweepStart` (ms UTC). If the signal aborts, the thread ends at once.
   */
  forSweep(sweepStart: number, signal: AbortSignal): SweepThread;
}

/** The state of a sweep's thread. `failed`: it did not start in time. `ended`: the sweep needs no thread any more. */
type ThreadState =
  | { readonly kind: 'none'; readonly connection?: never }
  | { readonly kind: 'starting'; readonly connection: ThreadConnection; readonly started: Promise<void> }
  | {
      readonly kind: 'running';
      readonly connection: ThreadConnection;
      readonly running: Pick<ThreadConnection, 'ask'>;
    }
  | { readonly kind: 'failed'; readonly connection: ThreadConnection }
  | { readonly kind: 'ended'; readonly connection: ThreadConnection | undefined };

/** Creates the threads for the sweeps of one list. */
export function createSweepThreads(
  { fromRows, timeoutMs }: SweepThreadsOptions,
  ports: SweepThreadsPorts,
): SweepThreads {
  const { clock, spawn = spawnThread } = ports;
  let nextPauseMs = FIRST_PAUSE_MS;
  // By the monotonic clock.
  let pausedUntil = -Infinity;

  const isPaused = () => clock.monotonic() < pausedUntil;

  /** Lets sweeps run without threads for a while, because a thread failed. */
  function pauseThreads(): void {
    if (isPaused()) return;
    pausedUntil = clock.monotonic() + nextPauseMs;
    nextPauseMs = Math.min(2 * nextPauseMs, LONGEST_PAUSE_MS);
    ports.onLost();
  }

  /** Waits for an answer of a thread. Threads are paused if the thread died or does not answer in time. */
  function awaitAnswer<T>(answer: Promise<T>, signal: AbortSignal): Promise<T> {
    return within(clock, timeoutMs, answer).catch((error: unknown) => {
      const isRefusal = error instanceof ProviderError && !(error instanceof ThreadEndedError);
      if (!isRefusal && !signal.aborted) pauseThreads();
      throw error;
    });
  }

  function forSweep(sweepStart: number, signal: AbortSignal): SweepThread {
    let state: ThreadState = { kind: 'none' };

    async function awaitStart(connection: ThreadConnection): Promise<void> {
      await within(clock, timeoutMs, connection.settled).catch(() => undefined);
      if (state.kind === 'ended') return;
      if (connection.isReady) {
        const running: SweepThread['running'] = {
          ask: (...request) => awaitAnswer(connection.ask(...request), signal),
        };
        state = { kind: 'running', connection, running };
      } else {
        state = { kind: 'failed', connection };
        if (!signal.aborted) pauseThreads();
      }
    }

    async function end(): Promise<void> {
      const { connection } = state;
      state = { kind: 'ended', connection };
      await connection?.end();
    }
    signal.addEventListener('abort', () => void end());

    return {
      expectRows(rows) {
        if (state.kind !== 'none' || rows < fromRows || isPaused()) return;
        const connection = connectThread({ sweepStart }, spawn);
        state = { kind: 'starting', connection, started: awaitStart(connection) };
      },
      get started() {
        return state.kind === 'starting' ? state.started : Promise.resolve();
      },
      get running() {
        return state.kind === 'running' ? state.running : undefined;
      },
      end,
    };
  }

  return { forSweep };
}
