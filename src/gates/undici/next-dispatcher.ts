/**
 * The dispatcher behind a gate: what a gate must know about it, and how an interceptor finds that out, although it gets
 * only a `dispatch` function. Nothing in this file sends a request.
 */

import { errors, type Dispatcher } from 'undici';

export type Dispatch = Dispatcher['dispatch'];

/** The dispatcher behind a gate. */
export interface NextDispatcher {
  readonly dispatch: Dispatch;
  /** Whether requests go to their `origin`. `false` if the dispatcher is bound to one host, or if that is unknown. */
  isRoutedByOrigin(): boolean;
  /**
   * Watches the dispatcher while a request waits for its body.
   *
   * @param onEnd called once if the dispatcher was closed or destroyed, so that it cannot take the request any more.
   * @returns a function to call when the request was dispatched or has failed.
   */
  watch(onEnd: (error: Error) => void): () => void;
}

/** A gate in front of a dispatcher. */
export type Gate = (
  next: NextDispatcher,
  opts: Dispatcher.DispatchOptions,
  handler: Dispatcher.DispatchHandler,
) => boolean;

/** How often a dispatcher is probed while a body is read for it, ms. */
const PROBE_EVERY_MS = 50;

/** Returns the dispatcher behind an interceptor. */
export function nextDispatcherOf(dispatch: Dispatch): NextDispatcher {
  let isRouted: boolean | undefined;
  return {
    dispatch,
    isRoutedByOrigin() {
      if (isRouted !== undefined) return isRouted;
      const error = probeRefusal(dispatch);
      if (isClosedError(error)) return false;
      return (isRouted = isOriginError(error));
    },
    watch(onEnd) {
      const timer = setInterval(() => {
        const error = probeRefusal(dispatch);
        // A dispatcher that puts the probe into a queue is not probed again.
        if (error === undefined || isClosedError(error)) clearInterval(timer);
        if (isClosedError(error)) onEnd(error);
      }, PROBE_EVERY_MS);
      timer.unref();
      return () => clearInterval(timer);
    },
  };
}

const isClosedError = (error: unknown): error is Error =>
  error instanceof Error && /^(?:ClientDestroyedError|ClientClosedError)$/.test(error.name);

/**
 * Whether a dispatcher refused a request for its origin. Agents check it before anything else, clients and pools never.
 */
function isOriginError(error: unknown): boolean {
  const { code, message } = Object(error) as { code?: unknown; message?: unknown };
  return code === 'ERR_INVALID_URL' || (code === 'UND_ERR_INVALID_ARG' && /origin/.test(String(message)));
}

const NO_ORIGIN = {};

/**
 * Dispatches an invalid request, without origin and path, and returns the error with which it is refused; `undefined`
 * if it was not refused at once, since a busy pool puts it into its queue.
 *
 * Pools of undici 5 to 7 never use a client again if it refuses a request. An error thrown by the handler prevents
 * that, so the handler throws the error that it gets while the probe runs. In a queue the probe becomes a valid
 * request, which is aborted before its first byte.
 */
function probeRefusal(dispatch: Dispatch): unknown {
  let isProbing = true;
  let refusal: unknown;
  function onError(error: Error): void {
    refusal ??= error;
    if (isProbing) throw error;
  }
  const opts = {
    ...{ origin: NO_ORIGIN, method: 'HEAD' },
    get path() {
      return isProbing ? undefined : '/';
    },
  };
  const handler: Dispatcher.DispatchHandler = {
    onConnect: (abort) => abort(),
    onRequestStart: (controller) => controller.abort(new errors.RequestAbortedError()),
    onError,
    onResponseError: (_controller, error) => onError(error),
    onHeaders: () => true,
    onData: () => true,
    onComplete: () => undefined,
    onUpgrade: () => undefined,
  };
  try {
    dispatch(opts as unknown as Dispatcher.DispatchOptions, handler);
  } catch (error) {
    refusal ??= error;
  }
  isProbing = false;
  return refusal;
}
