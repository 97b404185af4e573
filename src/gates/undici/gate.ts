/**
 * The gate in undici: checks every recipient of a request that sends, and fails the request before anything is written
 * to a socket if one of them is blocked. A send whose recipients cannot be found is blocked too. Every other request
 * passes.
 */

import type { Dispatcher } from 'undici';
import { SendBlockedError } from '../../send-blocked.ts';
import { maskMsisdn } from '../../msisdn/msisdn.ts';
import type { GateAccess, LearntOptOut } from '../guard-access.ts';
import { createSendFinder, type Send, type SendFinder, type SendRule } from '../vonage-api/endpoints.ts';
import type { Findings } from '../vonage-api/recipients.ts';
import { isOptOutReply } from '../vonage-api/reply.ts';
import { bytesInMemory, endBody, isReadable, openBody, type StreamedBody } from './body.ts';
import { failRequest, readReply, startWaiting, toError } from './handler.ts';
import type { Gate, NextDispatcher } from './next-dispatcher.ts';
import { isProbe, probeError } from './probe.ts';
import { copyOptions, copySend } from './request-copy.ts';
import { contentOf, targetOf } from './request.ts';

type Options = Dispatcher.DispatchOptions;
type Handler = Dispatcher.DispatchHandler;

/** The options of a gate, checked. */
export interface GateConfig {
  /** Further hosts at which the provider's endpoints count. */
  readonly hosts: readonly string[];
  readonly rules: readonly SendRule[];
  /** Bytes. */
  readonly maxBody: number;
  readonly onBlocked: 'reject' | 'observe';
}

/** The state that the functions of one gate share. */
interface GateContext {
  readonly access: GateAccess;
  readonly findSend: SendFinder;
  /** Bytes. */
  readonly maxBody: number;
  readonly isObserved: boolean;
}

/** The result of checking a send: it is refused, or may go to its recipients. */
type CheckResult =
  | { readonly isAllowed: false; readonly error: SendBlockedError }
  | { readonly isAllowed: true; readonly recipients: readonly LearntOptOut[] };

const GATE = 'undici';

/** Creates a gate of a guard. */
export function createGate(access: GateAccess, { hosts, rules, maxBody, onBlocked }: GateConfig): Gate {
  const context: GateContext = {
    access,
    findSend: createSendFinder(hosts, rules),
    maxBody,
    isObserved: onBlocked === 'observe',
  };

  return function dispatchGuarded(next, original, handler) {
    let dispatch: () => boolean;
    try {
      // An error of a getter of the options fails the request, as in undici.
      const opts = copyOptions(original);
      if (isProbe(opts, access)) return fail(handler, probeError());
      const target = targetOf(opts, () => next.isRoutedByOrigin());
      const send = target && context.findSend(target);
      dispatch =
        send === undefined
          ? () => next.dispatch(opts, handler)
          : checkSend(context, next, send, copySend(opts), handler);
    } catch (error) {
      dispatch = () => fail(handler, error);
    }
    // Outside of the `try`: an error of the dispatcher must reach the caller.
    return dispatch();
  };
}

/** Checks a send. @returns a function that dispatches or fails it. A send with a streamed body is handled already. */
function checkSend(
  context: GateContext,
  next: NextDispatcher,
  send: Send,
  opts: Options,
  handler: Handler,
): () => boolean {
  if (context.isObserved) context.access.remindObserving(GATE);
  const bytes = bytesInMemory(opts.body);
  if (bytes === undefined && isReadable(opts.body)) {
    readAndDispatch(context, next, send, opts, opts.body, handler);
    return () => true;
  }
  const result = checkFindings(context, findRecipients(context, send, opts, bytes));
  if (result.isAllowed) return () => dispatchSend(context, next, send, opts, handler, result.recipients);
  endBody(opts.body);
  return () => fail(handler, result.error);
}

/** Reads a streamed body, checks the send, and dispatches it with the bytes that were read. */
function readAndDispatch(
  context: GateContext,
  next: NextDispatcher,
  send: Send,
  opts: Options,
  streamed: StreamedBody,
  handler: Handler,
): void {
  const reader = openBody(streamed);
  const waiting = startWaiting(handler);
  const stopWatching = next.watch(waiting.abort);
  async function run(): Promise<void> {
    const { bytes, body } = await reader.read(context.maxBody, waiting.aborted);
    const result = checkFindings(context, findRecipients(context, send, opts, bytes));
    if (!result.isAllowed) throw result.error;
    dispatchSend(
      context,
      next,
      send,
      { ...opts, body: body as Buffer },
      waiting.handler(),
      result.recipients,
    );
  }
  void run()
    .catch((error: unknown) => {
      // First the handler destroys the body with the error, as it does without a guard. Then the rest of the body is
      // ended.
      waiting.fail(error);
      reader.end();
    })
    .finally(stopWatching);
}

/** Dispatches a send. If its reply can say that its one recipient has opted out, that opt-out is recorded. */
function dispatchSend(
  { access }: GateContext,
  next: NextDispatcher,
  send: Send,
  opts: Options,
  handler: Handler,
  recipients: readonly LearntOptOut[],
): boolean {
  if (!send.repliesWithOptOuts || recipients.length !== 1) return next.dispatch(opts, handler);
  const [recipient] = recipients as [LearntOptOut];
  const withReply = readReply(handler, (reply) => {
    // The opt-out blocks at once. The caller of the request cannot wait until it is durable.
    if (isOptOutReply(reply, recipient.msisdn)) void access.learn(recipient);
  });
  return next.dispatch(opts, withReply);
}

/** Fails a request as undici does: the handler gets the error at once, and the caller needs not wait for anything. */
function fail(handler: Handler, error: unknown): true {
  failRequest(handler, toError(error));
  return true;
}

const UNREADABLE = 'the body cannot be read';

/** Finds the recipients of a send. @param bytes those of its body; `undefined` if it cannot be read or is too large. */
function findRecipients(
  { maxBody }: GateContext,
  send: Send,
  opts: Options,
  bytes: Uint8Array | undefined,
): Findings {
  if (bytes !== undefined && bytes.byteLength <= maxBody)
    return send.find(contentOf(opts, send.query, bytes));
  const doubt = bytes === undefined ? UNREADABLE : `the body is over ${maxBody} bytes`;
  return { ...send.find(contentOf(opts, send.query, undefined)), doubt };
}

/** Checks every recipient of a send and reports the decisions. A doubt counts as one more, unreadable recipient. */
function checkFindings(
  { access, isObserved }: GateContext,
  { recipients, needsNoRecipient, doubt }: Findings,
): CheckResult {
  const isMissing = recipients.length === 0 && !needsNoRecipient;
  const decisions = recipients.map(({ number, from }) => access.decide(number, { from }));
  if (doubt !== undefined || isMissing) decisions.push(access.decide(undefined));
  for (const decision of decisions) access.report(decision, { gate: GATE, isObserved });
  const blocked = decisions.find(({ allowed }) => !allowed);
  if (blocked !== undefined && !blocked.allowed && !isObserved) {
    const cause = blocked.to === null ? new Error(doubt ?? 'no recipient was found') : undefined;
    const details = cause === undefined ? undefined : { cause };
    return { isAllowed: false, error: new SendBlockedError(blocked, maskMsisdn(blocked.to), details) };
  }
  const reached = new Map<string, LearntOptOut>();
  for (const [index, { from }] of recipients.entries()) {
    const msisdn = decisions[index]?.to;
    if (typeof msisdn === 'string') reached.set(msisdn, { msisdn, from });
  }
  return { isAllowed: true, recipients: [...reached.values()] };
}
