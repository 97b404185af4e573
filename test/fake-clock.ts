/** A clock that only moves when a test says so. Wall and monotonic time can be moved apart. */

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../src/clock.ts';

export interface FakeClock extends Clock {
  /** Moves both clocks, running the timers that come due, each at its time, and what they start. */
  advance(ms: number): Promise<void>;
  /** Moves the wall clock alone. */
  jumpWall(ms: number): void;
  /** Moves both clocks without running timers: the process was stopped. */
  skip(ms: number): void;
  /** Timers that are set. */
  readonly timers: number;
  /** Readings of the monotonic clock so far. */
  readonly monotonicReads: number;
}

/** 2026-01-01T00:00:00Z. */
export const START = Date.UTC(2026, 0, 1);

/** Lets promises and immediates that are under way finish. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await nextTurn();
}

export function createFakeClock(): FakeClock {
  let wall = START;
  let monotonic = 1_000;
  let monotonicReads = 0;
  let nextId = 0;
  const timers = new Map<number, { at: number; callback: () => void }>();

  return {
    now: () => wall,
    monotonic: () => {
      monotonicReads++;
      return monotonic;
    },
    setTimeout(callback, ms) {
      timers.set(nextId, { at: monotonic + ms, callback });
      return nextId++;
    },
    clearTimeout: (id) => void timers.delete(id as number),
    async advance(ms) {
      const end = monotonic + ms;
      await settle();
      for (;;) {
        const due = [...timers].filter(([, { at }]) => at <= end).toSorted((a, b) => a[1].at - b[1].at)[0];
        if (due === undefined) break;
        const [id, { at, callback }] = due;
        timers.delete(id);
        wall += Math.max(0, at - monotonic);
        monotonic = Math.max(monotonic, at);
        callback();
        await settle();
      }
      wall += end - monotonic;
      monotonic = end;
      await settle();
    },
    jumpWall: (ms) => void (wall += ms),
    skip(ms) {
      wall += ms;
      monotonic += ms;
    },
    get timers() {
      return timers.size;
    },
    get monotonicReads() {
      return monotonicReads;
    },
  };
}
