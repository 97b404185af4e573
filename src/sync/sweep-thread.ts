/**
 * Which sweeps have a thread of their own: those of a long list. It is started for one sweep and ended with it. Where
 * threads cannot be started, or one died, sweeps go on without for a while: slower for everybody else, and otherwise the
 * same.
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
 * From how many rows on. `npm run bench -- sweep` measures it: sweeps of 10,000 rows keep the main thread as busy with a
 * thread as without, those of 25,000 for four fifths of the time and of 100,000 for half of it. A thread takes memory and
 * 100 ms to start, which a list that costs nobody much is spared.
 */
export const LONG_LIST_ROWS = 25_000;

/** How long sweeps go without after the first loss, ms; each further one doubles it. A thread that dies costs a sweep. */
const FIRST_PAUSE_MS = 3_600_000;
const LONGEST_PAUSE_MS = 24 * FIRST_PAUSE_MS;

export interface OffloadOptions {
  readonly fromRows: number;
  /** The time for a thread to start and for each of its answers, ms. */
  readonly timeoutMs: number;
}

export interface OffloadPorts {
  readonly clock: Clock;
  readonly spawn?: SpawnThread | undefined;
  /** Told each time sweeps begin to go without. */
  readonly onLost: () => void;
}

/** The thread of one sweep, if it comes to have one. */
export interface SweepThread {
  /** Tells how long the list is at least; where that is long, a thread is started. */
  expect(rows: number): void;
  /** Resolves when the thread runs, or when there is none. */
  readonly started: Promise<void>;
  /** The thread, once it runs. One that died goes on to be it. */
  readonly running: Pick<ThreadConnection, 'ask'> | undefined;
  /** Ends the thread. */
  end(): Promise<void>;
}

export interface Offload {
  /** For a sweep that starts at `start` (ms UTC). Where the signal aborts, the thread is ended at once. */
  begin(start: number, signal: AbortSignal): SweepThread;
}

/** Creates it for the sweeps of one list. */
export function createOffload({ fromRows, timeoutMs }: OffloadOptions, ports: OffloadPorts): Offload {
  const { clock, spawn = spawnThread } = ports;
  let pauseMs = FIRST_PAUSE_MS;
  let lostUntil = -Infinity;

  const isLost = () => clock.monotonic() < lostUntil;

  function lose(): void {
    if (isLost()) return;
    lostUntil = clock.monotonic() + pauseMs;
    pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
    ports.onLost();
  }

  /** The thread died or does not answer. */
  function asked<T>(answer: Promise<T>, signal: AbortSignal): Promise<T> {
    return within(clock, timeoutMs, answer).catch((error: unknown) => {
      const isRefusal = error instanceof ProviderError && !(error instanceof ThreadEndedError);
      if (!isRefusal && !signal.aborted) lose();
      throw error;
    });
  }

  function begin(start: number, signal: AbortSignal): SweepThread {
    let connection: ThreadConnection | undefined;
    let started = Promise.resolve();
    let running: SweepThread['running'];

    async function startUp(own: ThreadConnection): Promise<void> {
      await within(clock, timeoutMs, own.settled).catch(() => undefined);
      if (own.isReady) running = { ask: (...request) => asked(own.ask(...request), signal) };
      else if (!signal.aborted && !isEnded) lose();
    }

    let isEnded = false;
    async function end(): Promise<void> {
      isEnded = true;
      await connection?.end();
    }
    signal.addEventListener('abort', () => void end());

    return {
      expect(rows) {
        if (connection !== undefined || rows < fromRows || isLost()) return;
        connection = connectThread({ start }, spawn);
        started = startUp(connection);
      },
      get started() {
        return started;
      },
      get running() {
        return running;
      },
      end,
    };
  }

  return { begin };
}
