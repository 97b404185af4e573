/**
 * The entry point for undici, and so for the global `fetch`: a request that would send to a person who opted out fails
 * before a socket is written. It checks options and wires the gate into dispatchers.
 */

import type { Dispatcher } from 'undici';
import { ConfigError } from '../../errors.ts';
import type { Guard } from '../../guard-api.ts';
import { listOf, oneOf, readFields, size, withDefault, type Size } from '../../options/fields.ts';
import { accessOf, type GateAccess } from '../guard-access.ts';
import { hostField, sendRule, type SendRule } from '../vonage-api/endpoints.ts';
import { exitOf, type Gate } from './exit.ts';
import { createGate } from './gate.ts';
import { placeGate } from './global-dispatcher.ts';
import { isSeenByFetch } from './probe.ts';

export type { SendRequest, SendRule } from '../vonage-api/endpoints.ts';

/** The options of {@link guardDispatcher} and {@link installGlobalGuard}. */
export interface UndiciGuardOptions {
  /** Further hosts at which the provider's endpoints stand: proxies and simulators. */
  readonly hosts?: readonly string[] | undefined;
  /** Endpoints of others, guarded as the provider's are. */
  readonly rules?: readonly SendRule[] | undefined;
  /** The largest body of a send; a streamed one is read into memory. Default `'1mb'`. */
  readonly maxBody?: Size | undefined;
  /** `observe` lets sends pass that would be refused, and reports them. Default `reject`. */
  readonly onBlocked?: 'reject' | 'observe' | undefined;
}

/**
 * An interceptor for `dispatcher.compose()`. Compose it first: what redirects or retries after it comes back through it.
 *
 * @example
 * const agent = new Agent().compose(guardDispatcher(guard), interceptors.retry());
 * @throws ConfigError for anything but a guard, and for options that cannot be used.
 */
export function guardDispatcher(
  guard: Guard,
  options: UndiciGuardOptions = {},
): Dispatcher.DispatcherComposeInterceptor {
  const gate = gateOf(accessOf(guard), options);
  return (dispatch) => {
    const exit = exitOf(dispatch);
    return (opts, handler) => gate(exit, opts, handler);
  };
}

/**
 * Guards the global dispatchers: every `fetch`, and every request of undici that names no dispatcher. A global dispatcher
 * that is set afterwards has no guard. Asks through the built-in `fetch` whether the guard is seen; if it is not, as in
 * Jest and in vitest's `vmThreads`, `error` `global_guard_blind` is emitted.
 *
 * @returns a function that ends it, and returns whether the global dispatchers are again as they were before. A dispatcher
 * that was set meanwhile stays, and the guard in it does nothing any more.
 * @throws ConfigError for anything but a guard, and for options that cannot be used; `dispatcher_composed` if the global
 * dispatcher redirects or retries where the guard cannot be put behind it; `global_guard_blind` in runtimes whose `fetch`
 * is not undici's (Bun, Deno).
 */
export function installGlobalGuard(guard: Guard, options: UndiciGuardOptions = {}): () => boolean {
  const access = accessOf(guard);
  const gate = gateOf(access, options);
  if (!isFetchUndici()) throw new ConfigError('global_guard_blind', 'installGlobalGuard', NOT_UNDICI);
  const key = { guard, options: options.rules === undefined ? JSON.stringify(options) : undefined };
  const place = placeGate(gate, key);
  const ending = new AbortController();
  if (place.isNew && isFetchBuiltIn()) void look(access, ending.signal);
  return () => {
    ending.abort();
    return place.remove();
  };
}

/**
 * Checks that the global `fetch` of this realm is guarded by `guard`: resolves if a question through it, which is not
 * sent, is answered by the guard.
 *
 * @throws ConfigError `global_guard_blind` if the guard does not see it, or was not installed.
 */
export async function verifyGlobalGuard(guard: Guard): Promise<void> {
  const access = accessOf(guard);
  const isSeen = await isSeenByFetch(access);
  noteSight(access, isSeen);
  if (!isSeen) throw blind();
}

/** Looks whether the guard that was just installed is seen. */
async function look(access: GateAccess, signal: AbortSignal): Promise<void> {
  const isSeen = await isSeenByFetch(access, signal);
  if (signal.aborted) return;
  noteSight(access, isSeen);
  if (!isSeen) access.fail(blind());
}

/** Takes back what makes `status()` not ready, by guard, while the built-in `fetch` does not pass it. */
const blindGuards = new WeakMap<GateAccess, () => void>();

function noteSight(access: GateAccess, isSeen: boolean): void {
  const takeBack = blindGuards.get(access);
  if (isSeen) {
    takeBack?.();
    blindGuards.delete(access);
  } else if (takeBack === undefined) blindGuards.set(access, access.hinder('global_guard_blind'));
}

const blind = () => new ConfigError('global_guard_blind', 'installGlobalGuard', UNSEEN);

const UNSEEN =
  'installGlobalGuard: the built-in fetch does not pass the guard. In Jest and in vitest’s vmThreads it reads the dispatcher of another realm: use the pool forks or threads, or set globalThis.fetch to the fetch of undici';
const NOT_UNDICI =
  'installGlobalGuard: the fetch of this runtime is not undici’s, and would pass by the guard. Send by guard.send, or by the fetch of undici with a dispatcher composed with guardDispatcher';

/** Whether the runtime's `fetch` is undici's. Bun and Deno have one of their own. */
function isFetchUndici(): boolean {
  const { undici, bun, deno } = process.versions;
  return undici !== undefined && bun === undefined && deno === undefined;
}

/** Whether `fetch` is the runtime's own, which loads undici, and not a stand-in of a test. */
function isFetchBuiltIn(): boolean {
  return typeof fetch === 'function' && /\bundici\b/.test(Function.prototype.toString.call(fetch));
}

function gateOf(access: GateAccess, options: UndiciGuardOptions): Gate {
  const config = readFields(options, 'undici', {
    hosts: withDefault([], listOf(hostField)),
    rules: withDefault([], listOf(sendRule)),
    maxBody: withDefault('1mb', size({ min: 1024, max: 64 * 1024 ** 2 })),
    onBlocked: withDefault('reject', oneOf(['reject', 'observe'])),
  });
  return createGate(access, config);
}
