/**
 * Handlers of a dispatch, of undici's present interface and of the older one, which the `fetch` of Node 20 uses: how to
 * fail one, how to let one wait for a request that is not dispatched yet, and how to read the reply that it gets. All
 * calls are passed on unchanged.
 */

import { brotliDecompressSync, unzipSync } from 'node:zlib';
import { errors, type Dispatcher } from 'undici';

type Handler = Dispatcher.DispatchHandler;
type Controller = Dispatcher.DispatchController;

/** A larger reply is no reply to a send, and is not read. */
const MAX_REPLY_BYTES = 64 * 1024;

/**
 * Ends a request with an error, as undici does: it calls the error method of the handler.
 *
 * @throws `error` if the handler has no such method.
 */
export function failRequest(
  handler: Handler,
  error: Error,
  controller = inactiveController(() => undefined),
): void {
  if (typeof handler.onResponseError === 'function') handler.onResponseError(controller, error);
  else if (typeof handler.onError === 'function') handler.onError(error);
  else throw error;
}

/** A request that waits to be dispatched. */
export interface WaitingRequest {
  /** Rejects when the request is aborted before it is dispatched. */
  readonly aborted: Promise<never>;
  /** Aborts the request, if its dispatcher was closed or destroyed. */
  abort(reason: Error): void;
  /** Ends the request with an error. */
  fail(error: unknown): void;
  /** Returns the handler to dispatch with. */
  handler(): Handler;
}

/** `abort` aborts the request: before the dispatch by rejecting `aborted`, then by undici. */
type WaitingState =
  | { readonly isAborted: false; readonly abort: (reason: Error) => void }
  | { readonly isAborted: true; readonly reason: Error };

/**
 * Starts a request for its handler, so that the handler can abort it while it waits. When the request is dispatched,
 * the handler is started once more, as for a retry.
 */
export function startWaiting(handler: Handler): WaitingRequest {
  let rejectAborted: (reason: Error) => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => (rejectAborted = reject));
  aborted.catch(() => undefined);
  let state: WaitingState = { isAborted: false, abort: rejectAborted };

  function abort(given?: Error): void {
    if (state.isAborted) return;
    const reason = given ?? new errors.RequestAbortedError();
    const { abort: abortNow } = state;
    state = { isAborted: true, reason };
    abortNow(reason);
  }

  /** Passes the start of the dispatched request to the handler, or aborts it if it was aborted meanwhile. */
  function start(abortDispatched: (reason: Error) => void, startHandler: () => void): void {
    if (state.isAborted) {
      abortDispatched(state.reason);
      return;
    }
    state = { isAborted: false, abort: abortDispatched };
    startHandler();
  }

  const controller = inactiveController(() => (state.isAborted ? state.reason : undefined), abort);
  if (typeof handler.onRequestStart === 'function') handler.onRequestStart(controller, {});
  else handler.onConnect?.(abort);

  // These methods are only called if the handler has them.
  const original = handler as Required<Handler>;
  return {
    aborted,
    abort,
    fail: (error) => failRequest(handler, toError(error), controller),
    handler: () =>
      overrideMethods(handler, {
        onConnect(abortDispatched, ...rest) {
          start(abortDispatched, () => original.onConnect(abortDispatched, ...rest));
        },
        onRequestStart(started, context) {
          start(
            (reason) => started.abort(reason),
            () => original.onRequestStart(started, context),
          );
        },
      }),
  };
}

/**
 * Returns what was thrown, of any type, as undici passes it on. A handler could take `undefined` and `null` for
 * success, so these become an error.
 */
export function toError(thrown: unknown): Error {
  return (thrown ?? new Error('the request failed')) as Error;
}

/** Returns the controller of a request that is not dispatched: there is no response that could be paused. */
function inactiveController(
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

/** A reply whose text is not needed, or one that is being read. */
type ReplyState =
  | { readonly isRead: false }
  | { readonly isRead: true; readonly encoding: string; readonly chunks: Buffer[]; size: number };

const UNREAD: ReplyState = { isRead: false };

/**
 * Returns a handler that also reads a successful reply (status 200) of at most {@link MAX_REPLY_BYTES}.
 *
 * @param onReply gets the text of the reply, before the handler gets its end.
 */
export function readReply(handler: Handler, onReply: (text: string) => void): Handler {
  let reply: ReplyState = UNREAD;

  function begin(statusCode: number, contentEncoding: string | undefined): void {
    const encoding = contentEncoding?.trim().toLowerCase() ?? '';
    reply = statusCode === 200 ? { isRead: true, encoding, chunks: [], size: 0 } : UNREAD;
  }
  function add(chunk: Buffer): void {
    if (!reply.isRead) return;
    reply.size += chunk.length;
    if (reply.size > MAX_REPLY_BYTES) reply = UNREAD;
    else reply.chunks.push(Buffer.from(chunk));
  }
  function end(): void {
    const text = reply.isRead ? decode(Buffer.concat(reply.chunks), reply.encoding) : undefined;
    reply = UNREAD;
    if (text !== undefined) onReply(text);
  }

  // These methods are only called if the handler has them.
  const original = handler as Required<Handler>;
  return overrideMethods(handler, {
    onHeaders(statusCode, headers, ...rest) {
      begin(statusCode, rawHeader(headers, 'content-encoding'));
      return original.onHeaders(statusCode, headers, ...rest);
    },
    onData(chunk) {
      add(chunk);
      return original.onData(chunk);
    },
    onComplete(trailers) {
      end();
      original.onComplete(trailers);
    },
    onResponseStart(controller, statusCode, headers, ...rest) {
      begin(statusCode, headers['content-encoding']?.toString());
      original.onResponseStart(controller, statusCode, headers, ...rest);
    },
    onResponseData(controller, chunk) {
      add(chunk);
      original.onResponseData(controller, chunk);
    },
    onResponseEnd(controller, trailers) {
      end();
      original.onResponseEnd(controller, trailers);
    },
  });
}

/** Returns the text of a reply; `undefined` if it cannot be decompressed, or is too large then. */
function decode(bytes: Buffer, encoding: string): string | undefined {
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

/** Returns a header of the older interface, which has names and values in turn in one array. */
function rawHeader(headers: readonly unknown[], name: string): string | undefined {
  const index = headers.findIndex((part, i) => i % 2 === 0 && String(part).toLowerCase() === name);
  return index === -1 ? undefined : String(headers[index + 1]);
}

/** Returns a proxy of a handler in which `methods` replace the methods that the handler has. It gets no new methods. */
function overrideMethods(handler: Handler, methods: Handler): Handler {
  return new Proxy<Handler>(
    {},
    {
      get(_, name) {
        const original: unknown = Reflect.get(handler, name);
        if (typeof original !== 'function') return original;
        const override: unknown = Reflect.get(methods, name);
        return override ?? (original.bind(handler) as unknown);
      },
      has: (_, name) => name in handler,
    },
  );
}
