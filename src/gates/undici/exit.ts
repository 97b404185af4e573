/**
 * The way out of a gate: what a gate must know of the dispatcher behind it, and how an interceptor, which is handed
 * nothing but a `dispatch` function, finds it out. Nothing in here sends.
 */

import { errors, type Dispatcher } from 'undici';

export type Dispatch = Dispatcher['dispatch'];

/** The dispatcher behind a gate. */
export interface Exit {
  readonly dispatch: Dispatch;
  /** Whether requests go to their `origin`. `false` where the dispatcher is bound to a host, or may be. */
  honoursOrigin(): boolean;
  /**
   * Watches the dispatcher for a request that waits for its body.
   *
   * @param fail called once if the request cannot be dispatched any more.
   * @returns a function to call when the request was dispatched or has failed.
   */
  watch(fail: (error: Error) => void): () => void;
}

/** A gate in front of a dispatcher. */
export type Gate = (
  exit: Exit,
  opts: Dispatcher.DispatchOptions,
  handler: Dispatcher.DispatchHandler,
) => boolean;

/** How often a dispatcher is asked whether it was destroyed, while a body is read for it, ms. */
const ASK_EVERY_MS = 50;

/** The way out for an interceptor. */
export function exitOf(dispatch: Dispatch): Exit {
  let isHonoured: boolean | undefined;
  return {
    dispatch,
    honoursOrigin() {
      if (isHonoured !== undefined) return isHonoured;
      const answer = answerOf(dispatch);
      if (isOver(answer)) return false;
      return (isHonoured = asksForOrigin(answer));
    },
    watch(fail) {
      const timer = setInterval(() => {
        const answer = answerOf(dispatch);
        // A dispatcher that keeps the question in a queue is not asked again.
        if (answer === undefined || isOver(answer)) clearInterval(timer);
        if (isOver(answer)) fail(answer);
      }, ASK_EVERY_MS);
      timer.unref();
      return () => clearInterval(timer);
    },
  };
}

const isOver = (answer: unknown): answer is Error =>
  answer instanceof Error && /^(?:ClientDestroyedError|ClientClosedError)$/.test(answer.name);

/** Agents refuse a request for its origin before anything else; clients and pools do not look at it. */
function asksForOrigin(answer: unknown): boolean {
  const { code, message } = Object(answer) as { code?: unknown; message?: unknown };
  return code === 'ERR_INVALID_URL' || (code === 'UND_ERR_INVALID_ARG' && /origin/.test(String(message)));
}

const NO_ORIGIN = {};

/**
 * Dispatches a request that cannot be sent, without origin and path, and returns the error that it is refused with.
 * `undefined` if it was not refused at once: a pool that is busy keeps it in its queue.
 *
 * Pools of undici 5 to 7 take a client out of use for ever if it refuses a request. So the handler throws what it is
 * told while the question is asked, which skips that; and in a queue the question becomes a request that can be sent,
 * and is aborted before its first byte.
 */
function answerOf(dispatch: Dispatch): unknown {
  let isAsking = true;
  let answer: unknown;
  function tell(error: Error): void {
    answer ??= error;
    if (isAsking) throw error;
  }
  const opts = {
    ...{ origin: NO_ORIGIN, method: 'HEAD' },
    get path() {
      return isAsking ? undefined : '/';
    },
  };
  const handler: Dispatcher.DispatchHandler = {
    onConnect: (abort) => abort(),
    onRequestStart: (controller) => controller.abort(new errors.RequestAbortedError()),
    onError: tell,
    onResponseError: (_controller, error) => tell(error),
    onHeaders: () => true,
    onData: () => true,
    onComplete: () => undefined,
    onUpgrade: () => undefined,
  };
  try {
    dispatch(opts as unknown as Dispatcher.DispatchOptions, handler);
  } catch (error) {
    answer ??= error;
  }
  isAsking = false;
  return answer;
}
