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
 * Starts a timer. It does not keep the process alive, unless somebody waits for it (`keepsAlive`) and the clock
 * can cancel timers.
 *
 * @returns a function that cancels it; any number of calls.
 */
export function startTimer(
  clock: Clock,
  ms: number,
  callback: () => void,
  { keepsAlive = false }: { keepsAlive?: boolean } = {},
): () => void {
  let isOver = false;
  const handle = clock.setTimeout(() => {
    if (isOver) return;
    isOver = true;
    callback();
  }, ms);
  if (isUnrefable(handle) && !(keepsAlive && clock.clearTimeout)) handle.unref();
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

/** Ages that neither a set-back wall clock nor a machine that slept can make younger. */
export interface AgeClock {
  /**
   * A time in ms that only differences of mean something. It runs with the monotonic clock, and jumps ahead by
   * what the wall clock gained on it (sleep of the machine, a clock set forward).
   */
  now(): number;
  /** The time in `now()`'s terms of a wall clock time (ms UTC). */
  at(wallTime: number): number;
}

/** How far the two clocks may drift apart before the difference counts as a jump, in ms. */
const JUMP_MS = 250;
/** How often the machine's wall clock may show the same millisecond before it is not believed to run. */
const MOST_REPEATS = 1_000;
/** After so many readings that show the same millisecond they are taken to come from a loop. */
const DENSE = 16;
/** Readings of a loop for which one is made. */
const AT_ONCE = 64;

/**
 * Creates an {@link AgeClock}. Each reading takes one monotonic and one wall time: on Linux the monotonic clock
 * stands still while the machine is suspended, so that only the wall clock can tell. Of the machine's own clocks the
 * second one is read once in a millisecond of the first. A loop that checks many numbers without giving anything else
 * its turn is one instant to everybody but the clock, which would cost it more than its lookups: in there one reading
 * serves {@link AT_ONCE}.
 */
export function createAgeClock(clock: Clock): AgeClock {
  let wall = clock.now();
  let monotonic = clock.monotonic();
  let lead = 0;
  let lastWall = Number.NaN;
  let lastAge = 0;
  let repeats = 0;
  let isInLoop = false;
  /** Readings of this loop that need no clock. */
  let spare = 0;

  function leaveLoop(): void {
    isInLoop = false;
    spare = 0;
  }

  function repeat(): number {
    if (!isInLoop && repeats >= DENSE) {
      isInLoop = true;
      void Promise.resolve().then(leaveLoop);
    }
    if (isInLoop) {
      spare = AT_ONCE - 1;
      repeats += spare;
    }
    return lastAge;
  }

  function now(): number {
    if (spare > 0) {
      spare--;
      return lastAge;
    }
    const newWall = clock.now();
    if (newWall === lastWall && clock === systemClock && ++repeats < MOST_REPEATS) return repeat();
    lastWall = newWall;
    repeats = 0;
    return (lastAge = read(newWall));
  }

  function read(newWall: number): number {
    const newMonotonic = clock.monotonic();
    const gained = newWall - wall - (newMonotonic - monotonic);
    if (gained > JUMP_MS || gained < -JUMP_MS) {
      if (gained > 0) lead += gained;
      wall += newMonotonic - monotonic + gained;
      monotonic = newMonotonic;
    }
    return newMonotonic + lead;
  }

  return {
    now,
    at: (wallTime) => now() - (clock.now() - wallTime),
  };
}

/** When {@link withDeadline} ends its work early, and what it rejects with then. */
export interface Deadline {
  readonly clock: Clock;
  /** How long the work may take, ms. */
  readonly ms: number;
  /** Ends the work when it aborts. */
  readonly signal: AbortSignal;
  readonly timeoutError: () => Error;
  /** Makes the error from the `signal` that aborted. */
  readonly abortError: (signal: AbortSignal) => Error;
  /** Whether the wait keeps the process alive. Default `false`. */
  readonly keepsAlive?: boolean;
}

/**
 * The result of `work`, which gets a signal that aborts at the deadline or with the caller's signal. It ends then even
 * if the work does not. The work is not started if the caller's signal has aborted before.
 *
 * @throws Error from `timeoutError` or `abortError`, or what `work` throws or rejects with
 */
export async function withDeadline<T>(
  { clock, ms, signal, timeoutError, abortError, keepsAlive = false }: Deadline,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (signal.aborted) throw abortError(signal);
  const ended = new AbortController();
  const onAbort = () => ended.abort(abortError(signal));
  signal.addEventListener('abort', onAbort);
  const cancel = startTimer(clock, ms, () => ended.abort(timeoutError()), { keepsAlive });
  try {
    return await new Promise<T>((resolve, reject) => {
      ended.signal.addEventListener('abort', () => reject(ended.signal.reason as Error));
      // The async function turns a throw into a rejection.
      (async () => work(ended.signal))().then(resolve, reject);
    });
  } finally {
    cancel();
    signal.removeEventListener('abort', onAbort);
  }
}

/**
 * The result of `work`, if it ends within `ms`. The wait does not keep the process alive.
 *
 * @throws Error where it does not; what `work` rejects with is thrown as it is.
 */
export function within<T>(clock: Clock, ms: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = startTimer(clock, ms, () => reject(new Error(`not finished within ${ms} ms`)));
    work.then(resolve, reject).finally(cancel);
  });
}

/** Resolves when `work` has ended in any way, after `ms` at the latest. The wait keeps the process alive. */
export function atMost(clock: Clock, ms: number, work: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const cancel = startTimer(clock, ms, resolve, { keepsAlive: true });
    const end = () => {
      cancel();
      resolve();
    };
    work.then(end, end);
  });
}
