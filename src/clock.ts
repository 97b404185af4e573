/**
 * Time as a parameter: a guard reads times and sets timers through a {@link Clock}. `systemClock` is the machine's.
 * Only the SQLite store and the test tools read the machine's clocks directly.
 */

/** The times and timers of a guard. Replace it in tests. */
export interface Clock {
  /** Returns the wall clock's time: ms since 1970, UTC. It may jump. */
  now(): number;
  /** Returns a time in ms that never goes back. It may stand still while the machine sleeps. */
  monotonic(): number;
  /** Calls `callback` once, after `ms`. If the returned handle has a method `unref`, the guard calls it. */
  setTimeout(callback: () => void, ms: number): unknown;
  /**
   * Cancels a timer by the handle that `setTimeout` returned. If left out, a cancelled callback still runs and has no
   * effect.
   */
  clearTimeout?(handle: unknown): void;
}

/**
 * The machine's clocks. The functions are looked up at each call, so that fake timers that are installed later work.
 */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimeout: (callback, ms) => setTimeout(callback, ms),
  clearTimeout: (handle) => clearTimeout(handle as NodeJS.Timeout),
};

/**
 * Starts a timer. It does not keep the process alive, unless `keepsAlive` is true and the clock can cancel timers.
 *
 * @returns a function that cancels the timer; it may be called any number of times.
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

/** A clock for ages. Neither a wall clock that is set back nor a machine that sleeps makes an age younger. */
export interface AgeClock {
  /**
   * Returns a time in ms. Only differences between two of them have a meaning. It runs with the monotonic clock, and
   * jumps ahead when the wall clock does: after the machine slept, or when the clock was set forward.
   */
  now(): number;
  /** Converts a wall clock time (ms UTC) to a time of `now()`. */
  at(wallTime: number): number;
}

/** How far the two clocks may drift apart before the difference counts as a jump, ms. */
const JUMP_MS = 250;
/** How many calls in a row may get the same millisecond before the machine's wall clock is taken to stand still. */
const MAX_REPEATS = 1_000;
/** After this many calls in the same millisecond, the calls are taken to come from a loop. */
const LOOP_REPEATS = 16;
/** How many calls of a loop share one reading of the clock. */
const CALLS_PER_READING = 64;

/**
 * Creates an {@link AgeClock}. It needs both clocks: on Linux the monotonic clock stands still while the machine is
 * suspended, and only the wall clock shows the sleep.
 *
 * Reading clocks costs more than looking a number up, so that `systemClock` is read less often. The monotonic clock is
 * read once per millisecond of the wall clock. In a synchronous loop that checks many numbers, one reading of the wall
 * clock serves {@link CALLS_PER_READING} calls.
 */
export function createAgeClock(clock: Clock): AgeClock {
  // Both clocks at the last jump of the wall clock, and the sum of its jumps ahead.
  let wallAtJump = clock.now();
  let monotonicAtJump = clock.monotonic();
  let lead = 0;
  // The last reading, and how often it was repeated.
  let lastWall = Number.NaN;
  let lastTime = 0;
  let repeats = 0;
  let isInLoop = false;
  /** How many further calls of this loop get the last time. */
  let callsLeft = 0;

  function leaveLoop(): void {
    isInLoop = false;
    callsLeft = 0;
  }

  function repeatLast(): number {
    if (!isInLoop && repeats >= LOOP_REPEATS) {
      isInLoop = true;
      void Promise.resolve().then(leaveLoop);
    }
    if (isInLoop) {
      callsLeft = CALLS_PER_READING - 1;
      repeats += callsLeft;
    }
    return lastTime;
  }

  function now(): number {
    if (callsLeft > 0) {
      callsLeft--;
      return lastTime;
    }
    const wall = clock.now();
    if (wall === lastWall && clock === systemClock && ++repeats < MAX_REPEATS) return repeatLast();
    lastWall = wall;
    repeats = 0;
    return (lastTime = timeAt(wall));
  }

  function timeAt(wall: number): number {
    const monotonic = clock.monotonic();
    const gained = wall - wallAtJump - (monotonic - monotonicAtJump);
    if (gained > JUMP_MS || gained < -JUMP_MS) {
      if (gained > 0) lead += gained;
      wallAtJump += monotonic - monotonicAtJump + gained;
      monotonicAtJump = monotonic;
    }
    return monotonic + lead;
  }

  return {
    now,
    at: (wallTime) => now() - (clock.now() - wallTime),
  };
}

/** When {@link withDeadline} ends its work early, and the errors that it rejects with then. */
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
 * Returns the result of `work`. Its signal aborts at the deadline or with the caller's signal. The wait ends then, even
 * if the work does not. The work is not started if the caller's signal has aborted before.
 *
 * @throws Error from `timeoutError` or `abortError`, or the error that `work` throws or rejects with.
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
 * Returns the result of `work`, if it ends within `ms`. The wait does not keep the process alive.
 *
 * @throws Error if the work does not end in time, or the error that it rejects with.
 */
export function within<T>(clock: Clock, ms: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = startTimer(clock, ms, () => reject(new Error(`not finished within ${ms} ms`)));
    work.then(resolve, reject).finally(cancel);
  });
}

/** Resolves when `work` has resolved or rejected, after `ms` at the latest. The wait keeps the process alive. */
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
