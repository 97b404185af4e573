/**
 * The gate in undici: asks about every recipient of a request that sends, and fails the request before a socket is
 * written if one of them is blocked. A send whose recipient cannot be found is blocked too; every other request passes.
 */

import type { Dispatcher } from 'undici';
import { SendBlockedError } from '../../errors.ts';
import { maskMsisdn } from '../../msisdn/msisdn.ts';
import type { GateAccess, LearntOptOut } from '../guard-access.ts';
import { createSendFinder, type Send, type SendRule } from '../vonage-api/endpoints.ts';
import type { Findings } from '../vonage-api/recipients.ts';
import { tellsOptOut } from '../vonage-api/reply.ts';
import { bytesAtHand, isReadable, letGo, openBody, type Flow } from './body.ts';
import { copyOptions, copySend } from './request-copy.ts';
import type { Exit, Gate } from './exit.ts';
import { asError, failRequest, holdRequest, listenToReply } from './handler.ts';
import { isProbe, probeAnswer } from './probe.ts';
import { contentOf, targetOf } from './request.ts';

type Options = Dispatcher.DispatchOptions;
type Handler = Dispatcher.DispatchHandler;

/** How a gate judges. */
export interface GateConfig {
  readonly hosts: readonly string[];
  readonly rules: readonly SendRule[];
  /** Bytes. */
  readonly maxBody: number;
  readonly onBlocked: 'reject' | 'observe';
}

const GATE = 'undici';

/** Creates a gate of a guard. */
export function createGate(access: GateAccess, { hosts, rules, maxBody, onBlocked }: GateConfig): Gate {
  const findSend = createSendFinder(hosts, rules);
  const isObserved = onBlocked === 'observe';
  const judge = judgeOf(access, isObserved);

  /** @param bytes those of the body; `undefined` if it cannot be read. */
  function judged(send: Send, opts: Options, bytes: Uint8Array | undefined): Verdict {
    if (bytes === undefined || bytes.byteLength > maxBody) {
      const doubt = bytes === undefined ? UNREAD : `the body is over ${maxBody} bytes`;
      return judge({ ...send.find(contentOf(opts, send.query, undefined)), doubt });
    }
    return judge(send.find(contentOf(opts, send.query, bytes)));
  }

  function pass(exit: Exit, send: Send, opts: Options, handler: Handler, sent: Verdict): boolean {
    if (!send.tellsOptOuts || sent.recipients.length !== 1) return exit.dispatch(opts, handler);
    const [recipient] = sent.recipients as [LearntOptOut];
    const learning = listenToReply(handler, (reply) => {
      // It blocks at once; the caller of a request cannot wait until it is durable.
      if (tellsOptOut(reply, recipient.msisdn)) void access.learn(recipient);
    });
    return exit.dispatch(opts, learning);
  }

  /** Reads a streamed body, and dispatches it as bytes. */
  function hold(exit: Exit, send: Send, opts: Options, flow: Flow, handler: Handler): void {
    const body = openBody(flow);
    const held = holdRequest(handler);
    const end = exit.watch(held.abort);
    async function wait(): Promise<void> {
      const read = await body.read(maxBody, held.aborted);
      const verdict = judged(send, opts, read.bytes);
      if (verdict.refusal) throw verdict.refusal;
      pass(exit, send, { ...opts, body: read.body as Buffer }, held.handler(), verdict);
    }
    void wait()
      .catch((error: unknown) => {
        // The handler destroys the body with the error, as it does without a guard; what is left of it ends after that.
        held.fail(error);
        body.end();
      })
      .finally(end);
  }

  return function guarded(exit, given, handler) {
    let goOn: () => boolean;
    try {
      // What cannot be read of it makes a request fail, as in undici.
      const opts = copyOptions(given);
      if (isProbe(opts, access)) return failed(handler, probeAnswer());
      const target = targetOf(opts, () => exit.honoursOrigin());
      const send = target && findSend(target);
      goOn =
        send === undefined ? () => exit.dispatch(opts, handler) : decide(exit, send, copySend(opts), handler);
    } catch (error) {
      goOn = () => failed(handler, error);
    }
    return goOn();
  };

  /** @returns what is to be done with a send. */
  function decide(exit: Exit, send: Send, opts: Options, handler: Handler): () => boolean {
    if (isObserved) access.remindObserving(GATE);
    const bytes = bytesAtHand(opts.body);
    if (bytes === undefined && isReadable(opts.body)) {
      hold(exit, send, opts, opts.body, handler);
      return () => true;
    }
    const verdict = judged(send, opts, bytes);
    if (verdict.refusal === undefined) return () => pass(exit, send, opts, handler, verdict);
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
