/**
 * Probes: requests that find out whether a gate gets the requests of a dispatcher or of `fetch`. A gate fails a probe,
 * so it is never sent. Without a gate it goes to a host that cannot exist (RFC 6761).
 */

import type { Dispatcher } from 'undici';

/** A host that does not exist. */
const HOST = 'sms-send-guard.invalid';

/** The probes that run, by the path of their request: the gate's owner, and whether that gate got the probe. */
const probes = new Map<string, { readonly owner: object; isSeen: boolean }>();
let count = 0;

/** Whether a request is a probe for the gate of `owner`. If so, it is marked as seen, and the gate must fail it. */
export function isProbe(opts: Dispatcher.DispatchOptions, owner: object): boolean {
  if (probes.size === 0) return false;
  const { path } = Object(opts) as { path?: unknown };
  const probe = probes.get(String(path));
  if (probe?.owner !== owner) return false;
  probe.isSeen = true;
  return true;
}

/** Returns the error with which a gate fails a probe. */
export const probeError = () => new Error('this request was a question to sms-send-guard, and was not sent');

/**
 * Whether the gate of `owner` gets the requests of `fetch`.
 *
 * @param signal ends the probe.
 */
export async function isSeenByFetch(owner: object, signal?: AbortSignal): Promise<boolean> {
  const path = `/probe-${++count}`;
  const probe = { owner, isSeen: false };
  probes.set(path, probe);
  try {
    await fetch(`http://${HOST}${path}`, signal === undefined ? {} : { signal });
  } catch {
    // A probe always fails.
  }
  probes.delete(path);
  return probe.isSeen;
}

/**
 * Whether the gate of `owner` gets the requests of a dispatcher, at once. Without a gate the dispatcher refuses the
 * probe.
 */
export function isSeenBy(dispatcher: Pick<Dispatcher, 'dispatch'>, owner: object): boolean {
  // A path without a slash is invalid.
  const path = `probe-${++count}`;
  const probe = { owner, isSeen: false };
  probes.set(path, probe);
  const ignore = () => undefined;
  const handler: Dispatcher.DispatchHandler = {
    ...{ onConnect: (abort) => abort(), onError: ignore, onHeaders: () => true, onData: () => true },
    ...{ onComplete: ignore, onRequestStart: ignore, onResponseError: ignore },
  };
  try {
    dispatcher.dispatch({ origin: 'http://127.0.0.1:1', path, method: 'GET' }, handler);
  } catch {
    // The dispatcher refused the probe: no gate got it.
  }
  probes.delete(path);
  return probe.isSeen;
}
