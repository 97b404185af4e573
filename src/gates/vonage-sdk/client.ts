/**
 * The gate in the official SDK: the client as it is, with sends that ask the guard first. What a later SDK sends by
 * methods that are not known here is refused, never let pass unseen; the given client is not changed.
 */

import type { Decision } from '../../decision.ts';
import { GuardError, SendBlockedError } from '../../errors.ts';
import type { Guard } from '../../guard-api.ts';
import { maskMsisdn } from '../../msisdn/msisdn.ts';
import { listOf, oneOf, readFields, refuse, text, withDefault } from '../../options/fields.ts';
import { accessOf, type GateAccess } from '../guard-access.ts';
import { SENDER_NAMES, sdkMethod, type SdkCall, type SdkSend } from './send-methods.ts';
import { errorTellsOptOut, tellsOptOut } from '../vonage-api/reply.ts';
import { standIn } from './proxy.ts';

/** The options of `guardVonage`. */
export interface GuardVonageOptions {
  /** `observe` lets every send happen and reports those that would be refused. Default `reject`. */
  readonly onBlocked?: 'reject' | 'observe' | undefined;
  /** Methods that look like sends and may be called all the same, unguarded, such as `messages.sendBulk`. */
  readonly allow?: readonly string[] | undefined;
}

/** What the methods of one client need. */
interface Gate {
  readonly access: GateAccess;
  readonly isObserved: boolean;
  readonly allow: ReadonlySet<string>;
}

type Method = (...args: readonly unknown[]) => unknown;

const GATE = 'vonage-sdk';

/** Members that hold settings and credentials, and no methods that send. */
const PLAIN = new Set(['credentials', 'options', 'auth', 'config']);

/** How the clients that stand in for others were made. */
const guarded = new WeakMap<object, { readonly access: GateAccess; readonly options: string }>();

/**
 * The same client, guarded: `sms.send`, `messages.send` (SMS and MMS), `verify.start`, `verify2.newRequest` and
 * `conversations.createMember` (with a channel that carries texts) ask about every recipient first, and reject with a
 * {@link SendBlockedError} if one of them may not be sent to.
 *
 * @param vonage a client of @vonage/server-sdk, or an object of its parts such as `{ sms }`.
 * @throws ConfigError for anything but a guard and such a client, and for options that cannot be used.
 *
 * @example
 * const vonage = guardVonage(guard, new Vonage({ apiKey, apiSecret }));
 * await vonage.sms.send({ to: '15551234567', from: '73737', text: 'hello' });
 */
export function guardVonage<V extends object>(guard: Guard, vonage: V, options: GuardVonageOptions = {}): V {
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
  const kept = allow.find((path) => typeof sdkMethod(...parted(path)) === 'object');
  if (kept !== undefined) {
    return refuse('guardVonage.allow', allow, `methods that are not guarded; ${kept} is`);
  }
  const made = { access, options: JSON.stringify([onBlocked, allow.toSorted()]) };
  const before = guarded.get(vonage);
  // One and the same guard does not ask twice.
  if (before?.access === access && before.options === made.options) return vonage;
  const gate = { access, isObserved: onBlocked === 'observe', allow: new Set(allow) };
  const client = standFor(gate, '', vonage);
  guarded.set(client, made);
  return client;
}

function isClient(vonage: unknown): boolean {
  if (typeof vonage !== 'object' || vonage === null) return false;
  return SENDER_NAMES.some((name) => {
    const part = (vonage as Record<string, unknown>)[name];
    return typeof part === 'object' && part !== null;
  });
}

/** The client and the method of a path such as `messages.send`. */
function parted(path: string): [client: string, method: string] {
  const dot = path.lastIndexOf('.');
  return [path.slice(0, Math.max(dot, 0)), path.slice(dot + 1)];
}

function standFor<T extends object>(gate: Gate, path: string, real: T): T {
  const client: T = standIn(real, (name, value) => {
    if (name === 'constructor') return value;
    if (typeof value === 'function') return methodFor(value as Method, String(name));
    const isPlain = typeof name === 'symbol' || PLAIN.has(name) || Array.isArray(value);
    if (isPlain || typeof value !== 'object' || value === null) return value;
    return standFor(gate, joined(path, name), value);
  });

  /** The method, run on the client itself wherever it is called from. */
  function methodFor(method: Method, name: string): Method {
    const kind = sdkMethod(path, name);
    const run = (args: readonly unknown[]) => method.apply(real, [...args]);
    const called = joined(path, name);
    const act =
      typeof kind === 'object'
        ? (args: readonly unknown[]) => send(gate, kind, run, args)
        : (args: readonly unknown[]) => {
            if (kind === 'unguarded' && !gate.allow.has(called)) refuseUnguarded(gate, called);
            const result = run(args);
            return result === real ? client : result;
          };
    return new Proxy(method, { apply: (_method, _self, args: readonly unknown[]) => act(args) });
  }

  return client;
}

function joined(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

/** Nobody can tell whom such a call reaches. Where the gate observes it happens, and is told of. */
function refuseUnguarded({ access, isObserved }: Gate, called: string): void {
  const message = `${called} looks like a send that is not guarded: use a send that is, or name it in allow: ['${called}'] and ask the guard yourself`;
  if (!isObserved) throw new GuardError('send_unguarded', message);
  access.remindObserving(GATE);
  access.warn('send_unguarded', message);
}

async function send(
  gate: Gate,
  { at, read }: SdkSend,
  run: (args: readonly unknown[]) => unknown,
  args: readonly unknown[],
): Promise<unknown> {
  const { access, isObserved } = gate;
  if (isObserved) access.remindObserving(GATE);
  const { params, recipients } = readSafely(read, args[at], isObserved);
  const asked = recipients.map(({ to, from }) => ({ from, decision: access.decide(to, { from }) }));
  for (const { decision } of asked) access.report(decision, { gate: GATE, isObserved });
  const blocked = asked.map(({ decision }) => decision).find(isRefusal);
  if (blocked !== undefined && !isObserved) throw new SendBlockedError(blocked, maskMsisdn(blocked.to));

  /** Keeps who turned out to have opted out. */
  async function learn(isOut: (msisdn: string) => boolean): Promise<void> {
    for (const { from, decision } of asked) {
      const msisdn = decision.to;
      if (msisdn !== null && isOut(msisdn)) await access.learn({ msisdn, from });
    }
  }

  try {
    const reply = await run([...args.slice(0, at), params, ...args.slice(at + 1)]);
    await learn((msisdn) => tellsOptOut(reply, msisdn));
    return reply;
  } catch (error) {
    await learn((msisdn) => errorTellsOptOut(error, msisdn));
    throw error;
  }
}

/** What cannot be read is not sent, unless the gate only observes. */
function readSafely(read: (params: unknown) => SdkCall, given: unknown, isObserved: boolean): SdkCall {
  try {
    return read(given);
  } catch (error) {
    if (!isObserved) throw error;
    return { params: given, recipients: [{ to: undefined, from: undefined }] };
  }
}

function isRefusal(decision: Decision): decision is Extract<Decision, { allowed: false }> {
  return !decision.allowed;
}
