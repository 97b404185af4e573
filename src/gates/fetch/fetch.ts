/**
 * The gates for frameworks with handlers of `Request` and `Response`, such as Hono, Next.js and Bun: one in front of a
 * handler that sends, and one that receives the provider's webhooks. Both give the same answers as the functions for
 * Express.
 */

import { GuardError } from '../../errors.ts';
import {
  callback,
  integer,
  oneOf,
  optional,
  readFields,
  refuse,
  size,
  withDefault,
  type Size,
} from '../../options/fields.ts';
import type { WebhooksOptions } from '../../webhooks/options.ts';
import type { WebhookAnswer } from '../../webhooks/receiver.ts';
import { accessOf, type GateAccess, type GuardHandle } from '../guard-access.ts';
import { readBody, withBody } from './body.ts';
import {
  findRecipients,
  parseBody,
  parseRequest,
  type FoundRecipients,
  type ParsedRequest,
  type RecipientLookup,
} from './recipients.ts';
import { blockedProblem, problem, problemHeaders, type Problem } from '../problem.ts';
import {
  allowedRecipients,
  checkRecipients,
  countProblem,
  decisionsAfterStrip,
  gateDecisions,
  memberOf,
  type GateContext,
  type GateDecisions,
} from '../recipient-check.ts';

/** A handler of a framework that uses `Request` and `Response`. */
export type FetchHandler = (request: Request) => Promise<Response>;

type Handler = (request: Request, decisions: GateDecisions) => Response | Promise<Response>;

/** A parsed JSON body or form. Its type is `any`, as that of `request.json()`. */
type Body = ReturnType<typeof JSON.parse>;

/** The options of `guardFetch`. */
export interface GuardFetchOptions {
  /**
   * Answers a request that may pass. It gets a request with a buffered body that can be read; the body of the original
   * request has been read already. `decisions` are in the order of the recipients, and `decisions.allowed` is the list
   * to send to.
   */
  readonly next: Handler;
  /**
   * Returns the recipients of the request, or a promise of them. `body` is the parsed JSON or form; it is `undefined`
   * for any other body. Default `body.to`. The function is called for each way in which a handler could parse the body.
   * If the results name different recipients, the request is refused with 400 `ambiguous_recipient`. If the function
   * throws or rejects, the answer is 500 `recipient_lookup_failed`, and the event `error` is emitted.
   */
  readonly to?:
    | ((
        body: Body,
        request: Request,
      ) => string | readonly string[] | undefined | PromiseLike<string | readonly string[] | undefined>)
    | undefined;
  /** Returns our number or sender id, or a promise of it. Default `body.from`. */
  readonly from?:
    ((body: Body, request: Request) => string | undefined | PromiseLike<string | undefined>) | undefined;
  /**
   * How to treat a request that has blocked recipients. `reject` (default) refuses it. `strip` takes them out, and
   * refuses the request if none is left. `observe` allows it and reports the blocked recipients. A function answers the
   * request instead of the gate.
   */
  readonly onBlocked?: 'reject' | 'strip' | 'observe' | Handler | undefined;
  /**
   * Writes the remaining recipients into the body. Required for `strip` with your own `to`. It may return a promise.
   * Members that it does not change keep their bytes. After it, `to` is called again, and the request is refused if it
   * still names a blocked recipient.
   */
  readonly setTo?: ((body: Body, recipients: readonly string[]) => unknown) | undefined;
  /** The most recipients of one request. A request with more is refused with 413. Default 1000. */
  readonly maxRecipients?: number | undefined;
  /** The largest body, in bytes or as `'64kb'`. A larger one is refused with 413. Default 1 MiB. */
  readonly maxBody?: Size | undefined;
}

const GATE = 'fetch';

/** A gate with its options, checked. */
interface Gate {
  readonly access: GateAccess;
  readonly context: GateContext;
  readonly next: Handler;
  readonly lookup: RecipientLookup;
  readonly setTo: (body: object, recipients: readonly string[]) => unknown;
  readonly onBlocked: 'reject' | 'strip' | 'observe' | Handler;
  /** Bytes. */
  readonly maxBody: number;
  /** Says where the recipients are looked for, to complete the message about a request without any. */
  readonly hint: string;
}

/**
 * Creates a gate in front of a handler of fetch's `Request` and `Response`. It calls `next` for requests whose
 * recipients may all be sent to, and answers the others with a problem (RFC 9457).
 *
 * @param guard a guard that `createGuard` has made.
 * @throws ConfigError if `guard` is no guard, and for options that cannot be used.
 *
 * @example
 * // In Hono: app.post('/messages', (c) => POST(c.req.raw)). In Next.js, this is the whole route.
 * export const POST = guardFetch(guard, {
 *   next: async (request) => Response.json(await request.json()),
 * });
 */
export function guardFetch(guard: GuardHandle, options: GuardFetchOptions): FetchHandler {
  const gate = readOptions(accessOf(guard), options);
  const answer = gate.context.isObserved ? observe : enforce;
  return async function sendGuard(request) {
    return answer(gate, request);
  };
}

function readOptions(access: GateAccess, options: GuardFetchOptions): Gate {
  const { next, to, from, onBlocked, setTo, maxRecipients, maxBody } = readFields(options, 'guardFetch', {
    next: callback<Handler>(),
    to: optional(callback<(body: Body, request: Request) => unknown>()),
    from: optional(callback<(body: Body, request: Request) => unknown>()),
    onBlocked: withDefault('reject', onBlockedField),
    setTo: optional(callback<(body: Body, recipients: readonly string[]) => unknown>()),
    maxRecipients: withDefault(1000, integer({ min: 1, max: Number.MAX_SAFE_INTEGER })),
    maxBody: withDefault('1mb', size({ min: 1, max: Number.MAX_SAFE_INTEGER })),
  });
  if (onBlocked === 'strip' && to && !setTo) {
    return refuse('guardFetch.setTo', undefined, "a function, since onBlocked is 'strip' and to is your own");
  }
  return {
    access,
    context: { checker: access, gate: GATE, maxRecipients, isObserved: onBlocked === 'observe' },
    next,
    lookup: {
      to: to ?? ((body) => memberOf(body, 'to')),
      from: from ?? ((body) => memberOf(body, 'from')),
    },
    setTo: setTo ?? ((body, remaining) => void Object.assign(body, { to: remaining })),
    onBlocked,
    maxBody,
    hint: to ? 'the option to returned none' : 'say with the option to where it is, if not in body.to',
  };
}

/** Refuses a request with blocked recipients, or takes them out, or lets the caller's function answer it. */
async function enforce(gate: Gate, request: Request): Promise<Response> {
  const { context, next, onBlocked, maxBody } = gate;
  const parsed = await parseRequest(request, maxBody);
  if ('withWholeBody' in parsed) {
    parsed.cancel();
    return refusalOf(problem('body_too_large', `the body is larger than the ${maxBody} bytes that are read`));
  }
  const found = await recipientsOf(gate, parsed);
  if ('code' in found) return refusalOf(found);
  const decisions = checkRecipients(context, found.recipients, found.from);
  if (decisions.every(({ allowed }) => allowed)) return next(parsed.request, decisions);
  if (typeof onBlocked === 'function') return onBlocked(parsed.request, decisions);
  const canStrip = onBlocked === 'strip' && decisions.allowed.length > 0;
  const stripped = canStrip ? await strip(gate, parsed, found, decisions) : undefined;
  if (stripped === undefined) return refusalOf(blockedProblem(decisions));
  return next(stripped.request, stripped.decisions);
}

/** Reports blocked recipients and allows every request. */
async function observe(gate: Gate, request: Request): Promise<Response> {
  const { access, context, next, maxBody } = gate;
  access.remindObserving(GATE);
  // The request is allowed even if its body ends with an error.
  const parsed = await parseRequest(request, maxBody).catch(() => undefined);
  if (parsed === undefined) return next(request, gateDecisions([]));
  if ('withWholeBody' in parsed) return next(parsed.withWholeBody(), gateDecisions([]));
  const found = await recipientsOf(gate, parsed);
  return next(
    parsed.request,
    'code' in found ? gateDecisions([]) : checkRecipients(context, found.recipients, found.from),
  );
}

/** Finds the recipients of a request. @returns a problem if there is none, too many, or if they cannot be found. */
async function recipientsOf(gate: Gate, parsed: ParsedRequest): Promise<Problem | FoundRecipients> {
  try {
    const found = await findRecipients(parsed, gate.lookup);
    if ('code' in found) return found;
    const missing = () => `${parsed.missing}: ${gate.hint}`;
    return countProblem(gate.context, found.recipients, missing) ?? found;
  } catch (error) {
    reportFault(gate, 'looking up the recipients', error);
    return problem('recipient_lookup_failed', 'the recipients of the request could not be looked up');
  }
}

interface Stripped {
  readonly request: Request;
  readonly decisions: GateDecisions;
}

/** Takes the blocked recipients out. @returns `undefined` if that failed, or if the request still names one of them. */
async function strip(
  gate: Gate,
  parsed: ParsedRequest,
  { interpretation, recipients }: FoundRecipients,
  decisions: GateDecisions,
): Promise<Stripped | undefined> {
  try {
    if (interpretation === undefined) throw new TypeError('there is no JSON or form to write to');
    await gate.setTo(interpretation.body as object, allowedRecipients(recipients, decisions));
    const bytes = Buffer.from(interpretation.write());
    const stripped = parseBody(withBody(parsed.request, bytes), bytes);
    const remaining = await findRecipients(stripped, gate.lookup);
    if ('code' in remaining) throw new Error(remaining.detail);
    return {
      request: stripped.request,
      decisions: decisionsAfterStrip(gate.context, decisions, remaining.recipients, remaining.from),
    };
  } catch (error) {
    reportFault(gate, 'taking blocked recipients out', error);
    return undefined;
  }
}

function reportFault({ access, context }: Gate, task: string, cause: unknown): void {
  const message = `guardFetch: ${task} failed, and the request was ${context.isObserved ? 'let pass' : 'refused'}`;
  access.fail(new GuardError('recipient_lookup_failed', message, { cause }));
}

/**
 * Creates a handler of the provider's webhooks, for fetch's `Request` and `Response`. Call it before the body is read.
 *
 * @param guard a guard that `createGuard` has made.
 * @throws ConfigError if `guard` is no guard, and for options that cannot be used.
 *
 * @example
 * const receive = webhooksFetch(guard, { signature: { secret: 'my-secret', method: 'sha256' } });
 * // In Hono: app.all('/webhooks/sms', (c) => receive(c.req.raw)). In Next.js:
 * export const GET = receive;
 * export const POST = receive;
 */
export function webhooksFetch(guard: GuardHandle, options: WebhooksOptions): FetchHandler {
  const receiver = accessOf(guard).receiver(options);

  async function receive(request: Request): Promise<WebhookAnswer> {
    const body = await readBody(request, receiver.maxBody);
    if (body.state === 'used') return receiver.bodyLost();
    if (body.state === 'too_large') {
      body.cancel();
      return receiver.tooLarge();
    }
    const { method, headers } = request;
    const { pathname, search } = new URL(request.url);
    const head = { method, url: pathname + search, headers: Object.fromEntries(headers) };
    return receiver.receive(body.state === 'none' ? head : { ...head, body: body.bytes });
  }

  return async (request) => {
    // A body that ends with an error may arrive completely when the provider sends the event again.
    const { status, body, headers } = await receive(request).catch(() => NOT_STORED);
    return new Response(body, { status, headers: { 'content-type': 'application/json', ...headers } });
  };
}

const NOT_STORED: WebhookAnswer = { status: 500, body: '{"status":"not_stored"}' };

function refusalOf(refusal: Problem): Response {
  return new Response(JSON.stringify(refusal), { status: refusal.status, headers: problemHeaders(refusal) });
}

function onBlockedField(value: unknown, key: string) {
  return typeof value === 'function' ? (value as Handler) : oneOf(['reject', 'strip', 'observe'])(value, key);
}
