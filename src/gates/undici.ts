/**
 * The gate in undici, and so in the global `fetch`: a request that would send to somebody who opted out fails before
 * a socket is written. A send whose recipient cannot be found is one of those; everything else passes untouched.
 */

import type { Dispatcher } from 'undici';
import { SendBlockedError } from '../errors.ts';
import type { Guard } from '../contract.ts';
import { maskMsisdn } from '../msisdn.ts';
import { listOf, oneOf, readFields, size, withDefault, type Size } from '../option-fields.ts';
import { accessOf, type GateAccess, type LearntOptOut } from './access.ts';
import { createSendFinder, hostField, sendRule, type Send, type SendRule } from './send-endpoints.ts';
import type { Findings } from './send-recipients.ts';
import { tellsOptOut } from './send-reply.ts';
import { placeGate, type Gate } from './undici-global.ts';
import { bytesAtHand, isReadable, letGo, readBody, type Flow } from './undici-body.ts';
import { asError, failRequest, holdRequest, listenToReply } from './undici-handler.ts';
import { contentOf, rereadable, targetOf } from './undici-request.ts';

export type { SendRequest, SendRule } from './send-endpoints.ts';

/** The options of {@link guardDispatcher} and {@link installGlobalGuard}. */
export interface UndiciGuardOptions {
  /** Further hosts at which the provider's endpoints stand: proxies and simulators. */
  readonly hosts?: readonly string[] | undefined;
  /** Endpoints of others, guarded as the provider's are. */
  readonly rules?: readonly SendRule[] | undefined;
  /** The largest body of a send; one that flows is read into memory. Default `'1mb'`. */
  readonly maxBody?: Size | undefined;
  /** `observe` lets sends pass that would be refused, and reports them. Default `reject`. */
  readonly onBlocked?: 'reject' | 'observe' | undefined;
}

type Dispatch = Dispatcher['dispatch'];
type Options = Dispatcher.DispatchOptions;
type Handler = Dispatcher.DispatchHandler;

const GATE = 'undici';

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
  const gate = createGate(guard, options);
  return (dispatch) => (opts, handler) => gate(dispatch, opts, handler);
}

function createGate(guard: Guard, options: UndiciGuardOptions): Gate {
  const access = accessOf(guard);
  const { hosts, rules, maxBody, onBlocked } = readFields(options, 'undici', {
    hosts: withDefault([], listOf(hostField)),
    rules: withDefault([], listOf(sendRule)),
    maxBody: withDefault('1mb', size({ min: 1024, max: 64 * 1024 ** 2 })),
    onBlocked: withDefault('reject', oneOf(['reject', 'observe'])),
  });
  const findSend = createSendFinder(hosts, rules);
  const isObserved = onBlocked === 'observe';
  const judge = judgeOf(access, isObserved);

  /** @param bytes those of the body; `undefined` where it cannot be read. */
  function judged(send: Send, opts: Options, bytes: Uint8Array | undefined): Verdict {
    if (bytes === undefined || bytes.byteLength > maxBody) {
      const doubt = bytes === undefined ? UNREAD : `the body is over ${maxBody} bytes`;
      return judge({ ...send.find(contentOf(opts, send.query, undefined)), doubt });
    }
    return judge(send.find(contentOf(opts, send.query, bytes)));
  }

  function pass(dispatch: Dispatch, send: Send, opts: Options, handler: Handler, sent: Verdict): boolean {
    if (!send.tellsOptOuts || sent.recipients.length !== 1) return dispatch(opts, handler);
    const [recipient] = sent.recipients as [LearntOptOut];
    const learning = listenToReply(handler, (reply) => {
      // It blocks at once; when it is durable is nothing that the caller of a request can wait for.
      if (tellsOptOut(reply, recipient.msisdn)) void access.learn(recipient);
    });
    return dispatch(opts, learning);
  }

  /** Reads a body that flows, and dispatches it as bytes. */
  function hold(dispatch: Dispatch, send: Send, given: Options, flow: Flow, handler: Handler): void {
    const opts = { ...given };
    const held = holdRequest(handler);
    async function wait(): Promise<void> {
      const { bytes, body } = await readBody(flow, maxBody, held.aborted);
      const verdict = judged(send, opts, bytes);
      if (verdict.refusal) {
        letGo(body);
        letGo(flow);
        throw verdict.refusal;
      }
      pass(dispatch, send, { ...opts, body: body as Buffer }, held.handler(), verdict);
    }
    void wait().catch((error: unknown) => held.fail(error));
  }

  /** What a request is. What cannot be read of it makes it fail, as in undici. */
  function readSend(given: Options): { readonly opts: Options; readonly send: Send | undefined } {
    const opts = rereadable(given);
    const target = targetOf(opts);
    return { opts, send: target && findSend(target) };
  }

  return function guarded(dispatch, given, handler) {
    let goOn: () => boolean;
    try {
      const { opts, send } = readSend(given);
      goOn = send === undefined ? () => dispatch(opts, handler) : decide(dispatch, send, opts, handler);
    } catch (error) {
      goOn = () => failed(handler, error);
    }
    return goOn();
  };

  /** @returns what is to be done with a send. */
  function decide(dispatch: Dispatch, send: Send, opts: Options, handler: Handler): () => boolean {
    if (isObserved) access.remindObserving(GATE);
    const bytes = bytesAtHand(opts.body);
    if (bytes === undefined && isReadable(opts.body)) {
      hold(dispatch, send, opts, opts.body, handler);
      return () => true;
    }
    const verdict = judged(send, opts, bytes);
    if (verdict.refusal === undefined) return () => pass(dispatch, send, opts, handler, verdict);
    letGo(opts.body);
    return () => failed(handler, verdict.refusal);
  }
}

/** Undici's own way: the handler is told at once, and nothing is to be waited for. */
function failed(handler: Handler, error: unknown): true {
  failRequest(handler, asError(error));
  return true;
}

const UNREAD = 'the body cannot be read';

/** What is to be done with a send: it fails with the refusal, or goes to the recipients. */
interface Verdict {
  readonly refusal: Error | undefined;
  readonly recipients: readonly LearntOptOut[];
}

/** Asks about everybody whom a send would reach. A doubt is a recipient that cannot be read. */
function judgeOf(access: GateAccess, isObserved: boolean): (findings: Findings) => Verdict {
  return ({ recipients, isOther, doubt }) => {
    const isUnfound = recipients.length === 0 && !isOther;
    const decisions = recipients.map(({ number, from }) => access.decide(number, { from }));
    if (doubt !== undefined || isUnfound) decisions.push(access.decide(undefined));
    for (const decision of decisions) access.report(decision, { gate: GATE, isObserved });
    const blocked = decisions.find(({ allowed }) => !allowed);
    if (blocked !== undefined && !blocked.allowed && !isObserved) {
      const cause = blocked.to === null ? new Error(doubt ?? 'no recipient was found') : undefined;
      const details = cause === undefined ? undefined : { cause };
      return { refusal: new SendBlockedError(blocked, maskMsisdn(blocked.to), details), recipients: [] };
    }
    const reached = new Map<string, LearntOptOut>();
    for (const [place, { from }] of recipients.entries()) {
      const msisdn = decisions[place]?.to;
      if (typeof msisdn === 'string') reached.set(msisdn, { msisdn, from });
    }
    return { refusal: undefined, recipients: [...reached.values()] };
  };
}

/**
 * Guards the global dispatcher: every `fetch`, and every request of undici that names no dispatcher. Whoever sets
 * another global dispatcher afterwards removes the guard with it.
 *
 * @returns a function that ends it, and tells whether the dispatcher from before is in its place again. Where somebody
 * has set or wrapped one meanwhile theirs stays, and the guard in it does nothing any more.
 * @throws ConfigError for anything but a guard, and for options that cannot be used.
 */
export function installGlobalGuard(guard: Guard, options: UndiciGuardOptions = {}): () => boolean {
  const gate = createGate(guard, options);
  return placeGate(gate, {
    guard,
    options: options.rules === undefined ? JSON.stringify(options) : undefined,
  });
}
