/**
 * Time as a parameter. `systemClock` is the one place of this package that reads the machine's clocks;
 * everything else is handed a {@link Clock}.
 */

/** The times and timers the guard runs on. Replace it in tests. */
export interface Clock {
  /** Wall clock: ms since 1970, UTC. May jump. */
  now(): number;
  /** A clock in ms that never goes back. May stand still while the machine sleeps. */
  monotonic(): number;
  /** Runs `callback` once, `ms` from now. What it returns is `unref`ed if it can be. */
  setTimeout(callback: () => void, ms: number): unknown;
  /** Cancels what `setTimeout` returned. Left out: a cancelled callback still fires, and is ignored. */
  clearTimeout?(handle: unknown): void;
}

/** The machine's clocks. Looked up at each call, so that fake timers installed later are honoured. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimeout: (callback, ms) => setTimeout(callback, ms),
  clearTimeout: (handle) => clearTimeout(handle as NodeJS.Timeout),
};

/**
 * Starts a timer that never keeps the process alive.
 *
 * @returns a function that cancels it; any number of calls.
 */
export function startTimer(clock: Clock, ms: number, callback: () => void): () => void {
  let isOver = false;
  const handle = clock.setTimeout(() => {
    if (isOver) return;
    isOver = true;
    callback();
  }, ms);
  if (isUnrefable(handle)) handle.unref();
  return () => {
    if (isOver) return;
    isOver = true;
    clock.clearTimeout?.(handle);
  };
}

function isUnrefable(handle: unknown): handle is { unref(): void } {
  return (
    typeof handle === 'object' && handle !== null && 'unref' in handle && typeof handle.unref === 'function'
  );
}
