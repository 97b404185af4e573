/**
 * Continues with a value at once, or with a promise when it resolves. So a gate stays synchronous if the functions of
 * its caller are synchronous.
 */

export type MaybePromise<T> = T | Promise<T>;

/** Calls `use` with a value: at once, or after its promise has resolved. */
export function whenSettled<T, R>(value: T, use: (value: Awaited<T>) => MaybePromise<R>): MaybePromise<R> {
  return isThenable(value) ? Promise.resolve(value).then(use) : use(value as Awaited<T>);
}

/** Runs `work`. If it throws or rejects, the result is that of `onError`. */
export function attempt<R>(
  work: () => MaybePromise<R>,
  onError: (error: unknown) => MaybePromise<R>,
): MaybePromise<R> {
  try {
    const result = work();
    return isThenable(result) ? Promise.resolve(result).catch(onError) : result;
  } catch (error) {
    return onError(error);
  }
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
    typeof (value as { then?: unknown }).then === 'function'
  );
}
