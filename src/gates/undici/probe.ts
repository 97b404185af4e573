/**
 * Requests that ask whether a gate sees them. A gate answers one by failing it: nothing is sent. One that no gate sees
 * goes to a host that nobody can have (RFC 6761).
 */

import type { Dispatcher } from 'undici';

/** A host that does not exist. */
const HOST = 'sms-send-guard.invalid';

/** By the path of the request: whose gate it is for, and whether that one has seen it. */
const asked = new Map<string, { readonly owner: object; isSeen: boolean }>();
let count = 0;

/** Whether a request is a question to the gate of `owner`; it counts as seen then, and has to be failed. */
export function isProbe(opts: Dispatcher.DispatchOptions, owner: object): boolean {
  if (asked.size === 0) return false;
  const { path } = Object(opts) as { path?: unknown };
  const probe = asked.get(String(path));
  if (probe?.owner !== owner) return false;
  probe.isSeen = true;
  return true;
}

/** What a probe is failed with. */
export const probeAnswer = () => new Error('this request was a question to sms-send-guard, and was not sent');

/**
 * Whether `fetch` passes the gate of `owner`.
 *
 * @param signal ends the question.
 */
export async function isSeenByFetch(owner: object, signal?: AbortSignal): Promise<boolean> {
  const path = `/probe-${++count}`;
  const probe = { owner, isSeen: false };
  asked.set(path, probe);
  try {
    await fetch(`http://${HOST}${path}`, signal === undefined ? {} : { signal });
  } catch {
    // It fails in any case.
  }
  asked.delete(path);
  return probe.isSeen;
}

/** Whether what a dispatcher is handed reaches the gate of `owner` at once. A request that does not is invalid. */
export function isSeenBy(dispatcher: Pick<Dispatcher, 'dispatch'>, owner: object): boolean {
  const path = `probe-${++count}`;
  const probe = { owner, isSeen: false };
  asked.set(path, probe);
  const ignore = () => undefined;
  const handler: Dispatcher.DispatchHandler = {
    ...{ onConnect: (abort) => abort(), onError: ignore, onHeaders: () => true, onData: () => true },
    ...{ onComplete: ignore, onRequestStart: ignore, onResponseError: ignore },
  };
  try {
    dispatcher.dispatch({ origin: 'http://127.0.0.1:1', path, method: 'GET' }, handler);
  } catch {
    // It was not seen, then.
  }
  asked.delete(path);
  return probe.isSeen;
}
