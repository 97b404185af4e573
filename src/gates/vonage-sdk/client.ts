/**
 * The gate in the official SDK: a proxy of the client that checks the recipients of a send before it calls the client.
 * If a later SDK version sends by methods that are unknown here, these are refused. The given client is not changed.
 */

import type { Decision } from '../../decision.ts';
import { GuardError } from '../../errors.ts';
import { maskMsisdn } from '../../msisdn/msisdn.ts';
import { listOf, oneOf, readFields, refuse, text, withDefault } from '../../options/fields.ts';
import { SendBlockedError } from '../../send-blocked.ts';
import { accessOf, type GateAccess, type GuardHandle } from '../guard-access.ts';
import { isOptOutError, isOptOutReply } from '../vonage-api/reply.ts';
import { replaceMembers } from './proxy.ts';
import { SENDER_NAMES, sdkMethod, type SdkCall, type SdkSend } from './send-methods.ts';

/** The options of `guardVonage`. */
export interface GuardVonageOptions {
  /** `observe` allows every send, and reports those that would be refused. Default `reject`. */
  readonly onBlocked?: 'reject' | 'observe' | undefined;
  /** Methods that look like sends, and may be called without a check, such as `messages.sendBulk`. */
  readonly allow?: readonly string[] | undefined;
}

/** The gate of one client, with its options. */
interface Gate {
  readonly access: GateAccess;
  readonly isObserved: boolean;
  readonly allow: ReadonlySet<string>;
}

type Method = (...args: readonly unknown[]) => unknown;

const GATE = 'vonage-sdk';

/** Members with settings and credentials. They have no methods that send. */
const DATA_MEMBERS = new Set(['credentials', 'options', 'auth', 'config']);

/** The guarded clients, and the guard and options with which they were made. */
const guarded = new WeakMap<object, { readonly access: GateAccess; readonly options: string }>();

/**
 * Returns a guarded client with the same members. `sms.send`, `messages.send` (SMS and MMS), `verify.start`,
 * `verify2.newRequest` and `conversations.createMember` (with a channel that carries texts) check every recipient
 * first, and reject with a {@link SendBlockedError} if a recipient is blocked. The given client is not changed.
 *
 * @param guard a guard that `createGuard` has made.
 * @param vonage a client of @vonage/server-sdk, or an object of its parts such as `{ sms }`.
 * @throws ConfigError if `guard` is no guard or `vonage` no such client, and for options that cannot be used.
 *
 * @example
 * const vonage = guardVonage(guard, new Vonage({ apiKey: 'my-key', apiSecret: 'my-secret' }));
 * await vonage.sms.send({ to: '15551234567', from: '73737', text: 'hello' });
 */
export function guardVonage<V extends object>(
  guard: GuardHandle,
  vonage: V,
  options: GuardVonageOptions = {},
): V {
  const access = accessOf(guard);
  const { onBlocked, allow } = readFields(options, 'guardVonage', {
    onBlocked: withDefault('reject', oneOf(['reject', 'observe'])),
    allow: withDefault([], listOf(text)),
  });
  if (!isClient(vonage)) {
    return refuse(
      'vonage',
      vonage,
      'a client of @vonage/server-sdk, or an object of its parts such as { sms }',
    );
  }
  const guardedSend = allow.find((path) => typeof sdkMethod(...splitPath(path)) === 'object');
  if (guardedSend !== undefined) {
    return refuse('guardVonage.allow', allow, `methods that are not guarded; ${guardedSend} is`);
  }
  const origin = { access, options: JSON.stringify([onBlocked, allow.toSorted()]) };
  const existing = guarded.get(vonage);
  // The same guard with the same options does not check a send twice.
  if (existing?.access === access && existing.options === origin.options) return vonage;
  const gate = { access, isObserved: onBlocked === 'observe', allow: new Set(allow) };
  const client = guardClient(gate, '', vonage);
  guarded.set(client, origin);
  return client;
}

function isClient(vonage: unknown): boolean {
  if (typeof vonage !== 'object' || vonage === null) return false;
  return SENDER_NAMES.some((name) => {
    const part = (vonage as Record<string, unknown>)[name];
    return typeof part === 'object' && part !== null;
  });
}

/** Splits a path such as `messages.send` into the path of the client and the name of the method. */
function splitPath(path: string): [client: string, method: string] {
  const dot = path.lastIndexOf('.');
  return [path.slice(0, Math.max(dot, 0)), path.slice(dot + 1)];
}

/** Returns a proxy of the client at `path` that checks sends. The clients in its members are guarded too. */
function guardClient<T extends object>(gate: Gate, path: string, original: T): T {
  const client: T = replaceMembers(original, (name, value) => {
    if (name === 'constructor') return value;
    if (typeof value === 'function') return guardMethod(value as Method, String(name));
    const isData = typeof name === 'symbol' || DATA_MEMBERS.has(name) || Array.isArray(value);
    if (isData || typeof value !== 'object' || value === null) return value;
    return guardClient(gate, joinPath(path, name), value);
  });

  /** Returns the guarded method. It runs on the original client, whatever object it is called on. */
  function guardMethod(method: Method, name: string): Method {
    const kind = sdkMethod(path, name);
    const run = (args: readonly unknown[]) => method.apply(original, [...args]);
    const fullName = joinPath(path, name);
    const call =
      typeof kind === 'object'
        ? (args: readonly unknown[]) => send(gate, kind, run, args)
        : (args: readonly unknown[]) => {
            if (kind === 'unknown_send' && !gate.allow.has(fullName)) refuseUnknownSend(gate, fullName);
            const result = run(args);
            // A method that returns its own client must not reveal the client without a guard.
            return result === original ? client : result;
          };
    return new Proxy(method, { apply: (_method, _self, args: readonly unknown[]) => call(args) });
  }

  return client;
}

function joinPath(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

/**
 * Refuses a call whose recipients cannot be found. If the gate only observes, the call is allowed, and the event `warn`
 * is emitted.
 */
function refuseUnknownSend({ access, isObserved }: Gate, method: string): void {
  const message = `${method} looks like a send that is not guarded: use a send that is, or name it in allow: ['${method}'] and ask the guard yourself`;
  if (!isObserved) throw new GuardError('send_unguarded', message);
  access.remindObserving(GATE);
  access.warn('send_unguarded', message);
}

/** Checks the recipients of a call, makes the call if it is allowed, and records an opt-out that the reply shows. */
async function send(
  gate: Gate,
  { argument, read }: SdkSend,
  run: (args: readonly unknown[]) => unknown,
  args: readonly unknown[],
): Promise<unknown> {
  const { access, isObserved } = gate;
  if (isObserved) access.remindObserving(GATE);
  const { params, recipients } = readSafely(read, args[argument], isObserved);
  const checked = recipients.map(({ to, from }) => ({ from, decision: access.decide(to, { from }) }));
  for (const { decision } of checked) access.report(decision, { gate: GATE, isObserved });
  const blocked = checked.map(({ decision }) => decision).find(isRefusal);
  if (blocked !== undefined && !isObserved) throw new SendBlockedError(blocked, maskMsisdn(blocked.to));

  /** Records the opt-outs of the recipients for whom `isOptedOut` is true. */
  async function learn(isOptedOut: (msisdn: string) => boolean): Promise<void> {
    for (const { from, decision } of checked) {
      const msisdn = decision.to;
      if (msisdn !== null && isOptedOut(msisdn)) await access.learn({ msisdn, from });
    }
  }

  try {
    const reply = await run([...args.slice(0, argument), params, ...args.slice(argument + 1)]);
    await learn((msisdn) => isOptOutReply(reply, msisdn));
    return reply;
  } catch (error) {
    await learn((msisdn) => isOptOutError(error, msisdn));
    throw error;
  }
}

/**
 * Reads the parameters of a call. If that fails and the gate only observes, the call counts as one with an unreadable
 * recipient.
 *
 * @throws the error of a getter or `toJSON`, unless the gate only observes.
 */
function readSafely(read: (params: unknown) => SdkCall, original: unknown, isObserved: boolean): SdkCall {
  try {
    return read(original);
  } catch (error) {
    if (!isObserved) throw error;
    return { params: original, recipients: [{ to: undefined, from: undefined }] };
  }
}

function isRefusal(decision: Decision): decision is Extract<Decision, { allowed: false }> {
  return !decision.allowed;
}
