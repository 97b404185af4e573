/**
 * Work that goes on at once with a value that is there, and later with a promise: so a gate stays synchronous for callers
 * whose functions are.
 */

export type MaybePromise<T> = T | Promise<T>;

/** Goes on with a value: at once, or when its promise has resolved. */
export function whenSettled<T, R>(value: T, goOn: (value: Awaited<T>) => MaybePromise<R>): MaybePromise<R> {
  return isThenable(value) ? Promise.resolve(value).then(goOn) : goOn(value as Awaited<T>);
}

/** Runs work; what it throws or rejects with becomes what `onFault` makes of it. */
export function attempt<R>(
  work: () => MaybePromise<R>,
  onFault: (error: unknown) => MaybePromise<R>,
): MaybePromise<R> {
  try {
    const result = work();
    return isThenable(result) ? Promise.resolve(result).catch(onFault) : result;
  } catch (error) {
    return onFault(error);
  }
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
    typeof (value as { then?: unknown }).then === 'function'
  );
}
