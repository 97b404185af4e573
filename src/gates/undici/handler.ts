/**
 * Handlers of a dispatch, of undici's present interface and of the one before it, which the `fetch` of Node 20 speaks:
 * how one is failed, kept waiting for a request that is not dispatched yet, and listened in on. What passes is passed on
 * as it is.
 */

import { brotliDecompressSync, unzipSync } from 'node:zlib';
import { errors, type Dispatcher } from 'undici';

type Handler = Dispatcher.DispatchHandler;
type Controller = Dispatcher.DispatchController;

/** A reply of more bytes than that is none to a send. */
const MAX_REPLY_BYTES = 64 * 1024;

/** Ends a request with an error, as undici does: the handler is told, and only one that cannot be told makes it throw. */
export function failRequest(
  handler: Handler,
  error: Error,
  controller = idleController(() => undefined),
): void {
  if (typeof handler.onResponseError === 'function') handler.onResponseError(controller, error);
  else if (typeof handler.onError === 'function') handler.onError(error);
  else throw error;
}

/** A request that waits to be dispatched. */
export interface HeldRequest {
  /** Rejects when the request is aborted. */
  readonly aborted: Promise<never>;
  /** Aborts it, for a dispatcher that will not take it any more. */
  abort(reason: Error): void;
  /** Ends it. */
  fail(error: unknown): void;
  /** The handler to dispatch with, when the waiting is over. */
  handler(): Handler;
}

/**
 * Starts a request for its handler, so that it can be aborted while it waits. It is started once more when it is
 * dispatched, as a request that is retried.
 */
export function holdRequest(handler: Handler): HeldRequest {
  let reason: Error | undefined;
  let abortDispatched: ((reason: Error) => void) | undefined;
  let reject: (reason: Error) => void = () => undefined;
  const aborted = new Promise<never>((_, onAbort) => (reject = onAbort));
  aborted.catch(() => undefined);

  function abort(given?: Error): void {
    if (reason !== undefined) return;
    reason = given ?? new errors.RequestAbortedError();
    if (abortDispatched) abortDispatched(reason);
    else reject(reason);
  }

  const controller = idleController(() => reason, abort);
  if (typeof handler.onRequestStart === 'function') handler.onRequestStart(controller, {});
  else handler.onConnect?.(abort);

  // Asked for only where the handler has them.
  const theirs = handler as Required<Handler>;
  return {
    aborted,
    abort,
    fail: (error) => failRequest(handler, asError(error), controller),
    handler: () =>
      relay(handler, {
        onConnect(abortIt, ...rest) {
          abortDispatched = abortIt;
          if (reason === undefined) theirs.onConnect(abortIt, ...rest);
          else abortIt(reason);
        },
        onRequestStart(started, context) {
          abortDispatched = (why) => started.abort(why);
          if (reason === undefined) theirs.onRequestStart(started, context);
          else started.abort(reason);
        },
      }),
  };
}

/** What was thrown, for a handler: undici hands on any value; without one, a handler would take it for success. */
export function asError(error: unknown): Error {
  return (error ?? new Error('the request failed')) as Error;
}

/** The controller of a request that is not under way: nothing comes in that could be paused. */
function idleController(
  reason: () => Error | undefined,
  abort: (reason: Error) => void = () => undefined,
): Controller {
  return {
    get aborted() {
      return reason() !== undefined;
    },
    get reason() {
      return reason() ?? null;
    },
    paused: false,
    rawHeaders: null,
    rawTrailers: null,
    abort,
    pause() {},
    resume() {},
  };
}

/** Reads a successful reply while it is passed on, and hands its text over before the handler is told of its end. */
export function listenToReply(handler: Handler, onReply: (text: string) => void): Handler {
  let chunks: Buffer[] | undefined;
  let size = 0;
  let encoding = '';

  function begin(statusCode: number, contentEncoding: string | undefined): void {
    chunks = statusCode === 200 ? [] : undefined;
    size = 0;
    encoding = contentEncoding?.trim().toLowerCase() ?? '';
  }
  function take(chunk: Buffer): void {
    size += chunk.length;
    if (size > MAX_REPLY_BYTES) chunks = undefined;
    chunks?.push(Buffer.from(chunk));
  }
  function end(): void {
    const text = chunks && decoded(Buffer.concat(chunks), encoding);
    chunks = undefined;
    if (text !== undefined) onReply(text);
  }

  // Asked for only where the handler has them.
  const theirs = handler as Required<Handler>;
  return relay(handler, {
    onHeaders(statusCode, headers, ...rest) {
      begin(statusCode, rawHeader(headers, 'content-encoding'));
      return theirs.onHeaders(statusCode, headers, ...rest);
    },
    onData(chunk) {
      take(chunk);
      return theirs.onData(chunk);
    },
    onComplete(trailers) {
      end();
      theirs.onComplete(trailers);
    },
    onResponseStart(controller, statusCode, headers, ...rest) {
      begin(statusCode, headers['content-encoding']?.toString());
      theirs.onResponseStart(controller, statusCode, headers, ...rest);
    },
    onResponseData(controller, chunk) {
      take(chunk);
      theirs.onResponseData(controller, chunk);
    },
    onResponseEnd(controller, trailers) {
      end();
      theirs.onResponseEnd(controller, trailers);
    },
  });
}

/** The text of a reply; `undefined` where it cannot be read. */
function decoded(bytes: Buffer, encoding: string): string | undefined {
  const limit = { maxOutputLength: MAX_REPLY_BYTES };
  try {
    switch (encoding) {
      case '':
      case 'identity':
        return bytes.toString('utf8');
      case 'gzip':
      case 'deflate':
        return unzipSync(bytes, limit).toString('utf8');
      case 'br':
        return brotliDecompressSync(bytes, limit).toString('utf8');
      default:
        return undefined;
    }
  } catch {
    return undefined;
  }
}

function rawHeader(headers: readonly unknown[], name: string): string | undefined {
  const place = headers.findIndex((part, index) => index % 2 === 0 && String(part).toLowerCase() === name);
  return place === -1 ? undefined : String(headers[place + 1]);
}

/** A handler that is `handler`, but for some of the methods that it has. */
function relay(handler: Handler, own: Handler): Handler {
  return new Proxy<Handler>(
    {},
    {
      get(_, name) {
        const theirs: unknown = Reflect.get(handler, name);
        if (typeof theirs !== 'function') return theirs;
        const ours: unknown = Reflect.get(own, name);
        return ours ?? (theirs.bind(handler) as unknown);
      },
      has: (_, name) => name in handler,
    },
  );
}
