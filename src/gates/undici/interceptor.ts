/**
 * The entry point for undici, and so for the global `fetch`: a request that would send to a person who opted out fails
 * before anything is written to a socket. This module checks options and connects the gate to dispatchers.
 */

import type { Dispatcher } from 'undici';
import { ConfigError } from '../../errors.ts';
import { listOf, oneOf, readFields, size, withDefault, type Size } from '../../options/fields.ts';
import { accessOf, type GateAccess, type GuardHandle } from '../guard-access.ts';
import { hostField, sendRule, type SendRule } from '../vonage-api/endpoints.ts';
import { createGate } from './gate.ts';
import { installGate } from './global-dispatcher.ts';
import { nextDispatcherOf, type Gate } from './next-dispatcher.ts';
import { isSeenByFetch } from './probe.ts';

export type { SendRequest, SendRule } from '../vonage-api/endpoints.ts';

/** The options of {@link guardDispatcher} and {@link installGlobalGuard}. */
export interface UndiciGuardOptions {
  /** Further hosts with the provider's endpoints, such as proxies and simulators. */
  readonly hosts?: readonly string[] | undefined;
  /** Further endpoints that send messages. They are guarded like the provider's endpoints. */
  readonly rules?: readonly SendRule[] | undefined;
  /**
   * The largest body of a send, from 1 KiB to 64 MiB. A send with a larger one is refused. A streamed body is read into
   * memory. Default `'1mb'`.
   */
  readonly maxBody?: Size | undefined;
  /** `observe` allows sends that would be refused, and reports them. Default `reject`. */
  readonly onBlocked?: 'reject' | 'observe' | undefined;
}

/**
 * Creates an interceptor for `dispatcher.compose()`. A request that would send to a blocked number fails with a
 * SendBlockedError. Compose it first, so that it also checks the requests of later interceptors, which redirect or
 * retry.
 *
 * @param guard a guard that `createGuard` has made.
 * @throws ConfigError if `guard` is no guard, and for options that cannot be used.
 *
 * @example
 * const agent = new Agent().compose(guardDispatcher(guard), interceptors.retry());
 * await request('https://rest.nexmo.com/sms/json', { method: 'POST', body, dispatcher: agent });
 */
export function guardDispatcher(
  guard: GuardHandle,
  options: UndiciGuardOptions = {},
): Dispatcher.DispatcherComposeInterceptor {
  const gate = gateOf(accessOf(guard), options);
  return (dispatch) => {
    const next = nextDispatcherOf(dispatch);
    return (opts, handler) => gate(next, opts, handler);
  };
}

/**
 * Guards the global dispatchers: every `fetch`, and every request of undici without a dispatcher of its own. A global
 * dispatcher that is set afterwards is not guarded. The guard then makes a request through the built-in `fetch`, which
 * is not sent, to check that it sees requests. If it does not, as in Jest and in vitest's `vmThreads`, it emits the
 * event `error` with the code `global_guard_blind`.
 *
 * @param guard a guard that `createGuard` has made.
 * @returns a function that removes the guard. It returns whether the global dispatchers are the same as before. If
 * another dispatcher was set meanwhile, it stays, and the guard in it has no effect any more.
 * @throws ConfigError if `guard` is no guard, and for options that cannot be used; `dispatcher_composed` if the global
 * dispatcher redirects or retries and the guard cannot be put behind it; `global_guard_blind` in runtimes whose `fetch`
 * is not that of undici (Bun, Deno).
 *
 * @example
 * const uninstall = installGlobalGuard(guard);
 * await verifyGlobalGuard(guard);
 * // Every fetch to the provider is checked now.
 * uninstall();
 */
export function installGlobalGuard(guard: GuardHandle, options: UndiciGuardOptions = {}): () => boolean {
  const access = accessOf(guard);
  const gate = gateOf(access, options);
  if (!isFetchUndici()) throw new ConfigError('global_guard_blind', 'installGlobalGuard', NOT_UNDICI);
  const key = { guard, options: options.rules === undefined ? JSON.stringify(options) : undefined };
  const installed = installGate(gate, key);
  const removal = new AbortController();
  if (installed.isNew && isFetchBuiltIn()) void verifyInBackground(access, removal.signal);
  return () => {
    removal.abort();
    return installed.remove();
  };
}

/**
 * Checks that the global `fetch` of this realm is guarded by `guard`. It makes a request that the guard answers; no
 * request is sent. Resolves if the guard has seen it.
 *
 * @param guard a guard that `createGuard` has made.
 * @throws ConfigError `global_guard_blind` if the guard has not seen it, or was not installed.
 *
 * @example
 * installGlobalGuard(guard);
 * await verifyGlobalGuard(guard);
 */
export async function verifyGlobalGuard(guard: GuardHandle): Promise<void> {
  const access = accessOf(guard);
  const isSeen = await isSeenByFetch(access);
  recordVisibility(access, isSeen);
  if (!isSeen) throw blindError();
}

/** Checks whether `fetch` passes a guard that was just installed. If not, the event `error` is emitted. */
async function verifyInBackground(access: GateAccess, signal: AbortSignal): Promise<void> {
  const isSeen = await isSeenByFetch(access, signal);
  if (signal.aborted) return;
  recordVisibility(access, isSeen);
  if (!isSeen) access.fail(blindError());
}

/** The guards that the built-in `fetch` does not pass, each with a function that makes its `status()` ready again. */
const blindGuards = new WeakMap<GateAccess, () => void>();

/** Makes `status()` of a guard not ready while the built-in `fetch` does not pass the guard. */
function recordVisibility(access: GateAccess, isSeen: boolean): void {
  const makeReady = blindGuards.get(access);
  if (isSeen) {
    makeReady?.();
    blindGuards.delete(access);
  } else if (makeReady === undefined) blindGuards.set(access, access.addObstacle('global_guard_blind'));
}

const blindError = () => new ConfigError('global_guard_blind', 'installGlobalGuard', UNSEEN);

const UNSEEN =
  'installGlobalGuard: the built-in fetch does not pass the guard. In Jest and in vitest’s vmThreads it reads the dispatcher of another realm: use the pool forks or threads, or set globalThis.fetch to the fetch of undici';
const NOT_UNDICI =
  'installGlobalGuard: the fetch of this runtime is not undici’s, and would pass by the guard. Send by guard.send, or by the fetch of undici with a dispatcher composed with guardDispatcher';

/** Whether the runtime's `fetch` is undici's. Bun and Deno have their own. */
function isFetchUndici(): boolean {
  const { undici, bun, deno } = process.versions;
  return undici !== undefined && bun === undefined && deno === undefined;
}

/** Whether `fetch` is the runtime's own, which loads undici, and not a mock of a test. */
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
