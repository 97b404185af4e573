/**
 * The gates for hosts that speak `Request` and `Response`: Hono, Next.js, Bun and their like. One in front of a handler
 * that sends, one that takes the provider's webhooks; they answer what their counterparts for Express answer.
 */

import type { Decision } from '../decision.ts';
import type { Guard } from '../contract.ts';
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
} from '../option-fields.ts';
import type { WebhooksOptions } from '../webhooks/options.ts';
import type { WebhookAnswer } from '../webhooks/receiver.ts';
import { accessOf } from './access.ts';
import { formOf, parseBody, readBody, withBody, type BodyForm } from './fetch-body.ts';
import {
  blockedProblem,
  judge,
  memberOf,
  permitted,
  problem,
  problemHeaders,
  type Problem,
} from './refusal.ts';

/** A handler as fetch-style hosts take it. */
export type FetchHandler = (request: Request) => Promise<Response>;

type Answering = (request: Request, decisions: readonly Decision[]) => Response | Promise<Response>;

/** What a JSON body or a form says; `any`, as what `request.json()` resolves to. */
type Body = ReturnType<typeof JSON.parse>;

/** The options of `guardFetch`. */
export interface GuardFetchOptions {
  /**
   * Answers a request that may pass. Its body can be read as if nobody had; the decisions are in the order of the
   * recipients.
   */
  readonly next: Answering;
  /** The recipients of the request. `body` is what JSON or a form says, else `undefined`. Default `body.to`. */
  readonly to?: (body: Body, request: Request) => string | readonly string[] | undefined;
  /** Our number or sender id. Default `body.from`. */
  readonly from?: (body: Body, request: Request) => string | undefined;
  /**
   * What happens to a request with blocked recipients. `reject` (default) refuses it; `strip` takes them out and
   * refuses it if none is left; `observe` lets it pass and says so; a function answers instead.
   */
  readonly onBlocked?: 'reject' | 'strip' | 'observe' | Answering;
  /** Writes the recipients that are left into the body; needed for `strip` with a `to` of your own. */
  readonly setTo?: (body: Body, recipients: readonly string[]) => void;
  /** More recipients than that are refused with 413. Default 1000. */
  readonly maxRecipients?: number;
  /** A body over that is refused with 413. Default 1 MiB. */
  readonly maxBody?: Size;
}

const GATE = 'fetch';

/** What is known of a request before it is judged. */
interface Told {
  readonly body: unknown;
  readonly form: BodyForm | undefined;
  /** Why there may be no recipient. */
  readonly missing: string;
}

/**
 * A gate in front of a handler: `next` is called for requests all of whose recipients may be sent to.
 *
 * @throws ConfigError for anything but a guard and for options that cannot be used.
 *
 * @example
 * const gate = guardFetch(guard, { next: async (request) => Response.json(await send(await request.json())) });
 * app.post('/messages', (c) => gate(c.req.raw)); // Hono
 * export const POST = gate; // Next.js
 */
export function guardFetch(guard: Guard, options: GuardFetchOptions): FetchHandler {
  const access = accessOf(guard);
  const read = readFields(options, 'guardFetch', {
    next: callback<Answering>(),
    to: optional(callback<(body: Body, request: Request) => unknown>()),
    from: optional(callback<(body: Body, request: Request) => unknown>()),
    onBlocked: withDefault('reject', onBlockedField),
    setTo: optional(callback<(body: Body, recipients: readonly string[]) => void>()),
    maxRecipients: withDefault(1000, integer({ min: 1, max: Number.MAX_SAFE_INTEGER })),
    maxBody: withDefault('1mb', size({ min: 1, max: Number.MAX_SAFE_INTEGER })),
  });
  const { next, onBlocked, maxRecipients, maxBody } = read;
  const to = read.to ?? ((body: unknown) => memberOf(body, 'to'));
  const from = read.from ?? ((body: unknown) => memberOf(body, 'from'));
  if (onBlocked === 'strip' && read.to && !read.setTo) {
    return refuse('guardFetch.setTo', undefined, "a function, since onBlocked is 'strip' and to is your own");
  }
  const setTo =
    read.setTo ?? ((body: object, rest: readonly string[]) => void Object.assign(body, { to: rest }));
  const isObserved = onBlocked === 'observe';
  const bench = { checker: access, gate: GATE, maxRecipients, isObserved };

  async function verdictOn(request: Request) {
    const told = await tellingOf(request, maxBody);
    if ('code' in told) return { problem: told };
    const { body, form, missing } = told;
    const verdict = judge(
      bench,
      to(body, request),
      () => from(body, request),
      () => missing,
    );
    return verdict.problem === undefined ? { ...verdict, body, form } : { problem: verdict.problem };
  }

  async function observe(request: Request): Promise<Response> {
    access.remindObserving(GATE);
    // Whatever goes wrong here, the request is to pass.
    const verdict = await verdictOn(request).catch(() => undefined);
    return next(request, verdict?.problem === undefined ? (verdict?.decisions ?? []) : []);
  }

  return async function sendGuard(request) {
    if (isObserved) return observe(request);
    const verdict = await verdictOn(request);
    if (verdict.problem !== undefined) return refusalOf(verdict.problem);
    const { recipients, decisions, body, form } = verdict;
    if (decisions.every(({ allowed }) => allowed)) return next(request, decisions);
    if (typeof onBlocked === 'function') return onBlocked(request, decisions);
    const rest = permitted(recipients, decisions);
    if (onBlocked !== 'strip' || rest.length === 0) return refusalOf(blockedProblem(decisions));
    if (form === undefined) {
      throw new TypeError("onBlocked 'strip' needs a JSON body or a form to write the recipients to");
    }
    setTo(body as object, rest);
    return next(withBody(request, body, form), decisions);
  };
}

/**
 * The handler of the provider's webhooks. Hand it the request before anything reads its body.
 *
 * @throws ConfigError for anything but a guard and for options that cannot be used.
 */
export function webhooksFetch(guard: Guard, options: WebhooksOptions): FetchHandler {
  const receiver = accessOf(guard).receiver(options);

  async function answerTo(request: Request): Promise<WebhookAnswer> {
    const body = await readBody(request, receiver.maxBody);
    if (body === 'too_large') return receiver.tooLarge();
    if (body === 'used') return receiver.bodyLost();
    const { method, headers } = request;
    const { pathname, search } = new URL(request.url);
    const told = { method, url: pathname + search, headers: Object.fromEntries(headers) };
    return receiver.receive(body === 'none' ? told : { ...told, body });
  }

  return async (request) => {
    // A body that broke off may come whole the next time.
    const { status, body, headers } = await answerTo(request).catch(() => NOT_STORED);
    return new Response(body, { status, headers: { 'content-type': 'application/json', ...headers } });
  };
}

const NOT_STORED: WebhookAnswer = { status: 500, body: '{"status":"not_stored"}' };

/** Reads a copy of the body, so that the request can be read again by whoever comes next. */
async function tellingOf(request: Request, maxBody: number): Promise<Told | Problem> {
  const isUsed = request.bodyUsed || request.body?.locked === true;
  const bytes = isUsed ? 'used' : await readBody(request.clone(), maxBody);
  if (bytes === 'too_large') {
    return problem('body_too_large', `the body is larger than the ${maxBody} bytes that are read`);
  }
  const form = formOf(request.headers);
  const nothing = { body: undefined, form: undefined };
  if (bytes === 'used') {
    return { ...nothing, missing: 'the body was read before the guard saw it: hand the request on unread' };
  }
  if (bytes === 'none') return { ...nothing, missing: 'the request has no body' };
  if (form === undefined) return { ...nothing, missing: 'the content type is neither JSON nor a form' };
  try {
    return { body: parseBody(bytes, form), form, missing: 'no recipient was found in the request' };
  } catch {
    return { ...nothing, missing: 'the body cannot be read as JSON' };
  }
}

function refusalOf(body: Problem): Response {
  return new Response(JSON.stringify(body), { status: body.status, headers: problemHeaders(body) });
}

function onBlockedField(value: unknown, key: string) {
  return typeof value === 'function'
    ? (value as Answering)
    : oneOf(['reject', 'strip', 'observe'])(value, key);
}
