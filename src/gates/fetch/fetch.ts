/**
 * The gates for hosts that speak `Request` and `Response`: Hono, Next.js, Bun and their like. One in front of a handler
 * that sends, one that takes the provider's webhooks; they answer what their counterparts for Express answer.
 */

import type { Guard } from '../../guard-api.ts';
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
import { accessOf } from '../guard-access.ts';
import { readBody, withBody } from './body.ts';
import { findRecipients, takeBody, takenBody, type Found, type TakenBody } from './recipients.ts';
import {
  countProblem,
  gateDecisions,
  judge,
  memberOf,
  permitted,
  strippedDecisions,
  type GateDecisions,
} from '../judging.ts';
import { blockedProblem, problem, problemHeaders, type Problem } from '../problem.ts';

/** A handler as fetch-style hosts take it. */
export type FetchHandler = (request: Request) => Promise<Response>;

type Answering = (request: Request, decisions: GateDecisions) => Response | Promise<Response>;

/** What a JSON body or a form says; `any`, as what `request.json()` resolves to. */
type Body = ReturnType<typeof JSON.parse>;

/** The options of `guardFetch`. */
export interface GuardFetchOptions {
  /**
   * Answers a request that may pass: the request that it is given, whose body was buffered and can be read; that of the
   * original request has been read. `decisions` are in the order of the recipients, and `decisions.allowed` is the list to
   * send to.
   */
  readonly next: Answering;
  /**
   * The recipients of the request, or a promise of them. `body` is what JSON or a form says, else `undefined`. Default
   * `body.to`. It is called for each way in which the body can be read, and where they name different recipients the
   * request is refused with 400 `ambiguous_recipient`. What it throws or rejects with is a 500 `recipient_lookup_failed`
   * and an event `error`.
   */
  readonly to?:
    | ((
        body: Body,
        request: Request,
      ) => string | readonly string[] | undefined | PromiseLike<string | readonly string[] | undefined>)
    | undefined;
  /** Our number or sender id, or a promise of it. Default `body.from`. */
  readonly from?:
    ((body: Body, request: Request) => string | undefined | PromiseLike<string | undefined>) | undefined;
  /**
   * What happens to a request with blocked recipients. `reject` (default) refuses it; `strip` takes them out and
   * refuses it if none is left; `observe` lets it pass and says so; a function answers instead.
   */
  readonly onBlocked?: 'reject' | 'strip' | 'observe' | Answering | undefined;
  /**
   * Writes the recipients that are left into the body; needed for `strip` with a `to` of your own. It may return a promise.
   * What it leaves alone keeps its bytes. Afterwards `to` is asked again, and the request refused if it still names
   * somebody who is blocked.
   */
  readonly setTo?: ((body: Body, recipients: readonly string[]) => unknown) | undefined;
  /** More recipients than that are refused with 413. Default 1000. */
  readonly maxRecipients?: number | undefined;
  /** A body over that is refused with 413. Default 1 MiB. */
  readonly maxBody?: Size | undefined;
}

const GATE = 'fetch';

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
    setTo: optional(callback<(body: Body, recipients: readonly string[]) => unknown>()),
    maxRecipients: withDefault(1000, integer({ min: 1, max: Number.MAX_SAFE_INTEGER })),
    maxBody: withDefault('1mb', size({ min: 1, max: Number.MAX_SAFE_INTEGER })),
  });
  const { next, onBlocked, maxRecipients, maxBody } = read;
  const lookup = {
    to: read.to ?? ((body: unknown) => memberOf(body, 'to')),
    from: read.from ?? ((body: unknown) => memberOf(body, 'from')),
  };
  const hint = read.to
    ? 'the option to returned none'
    : 'say with the option to where it is, if not in body.to';
  if (onBlocked === 'strip' && read.to && !read.setTo) {
    return refuse('guardFetch.setTo', undefined, "a function, since onBlocked is 'strip' and to is your own");
  }
  const setTo =
    read.setTo ?? ((body: object, rest: readonly string[]) => void Object.assign(body, { to: rest }));
  const isObserved = onBlocked === 'observe';
  const bench = { checker: access, gate: GATE, maxRecipients, isObserved };

  function failed(doing: string, cause: unknown): Problem {
    const message = `guardFetch: ${doing} failed, and the request was ${isObserved ? 'let pass' : 'refused'}`;
    access.fail(new GuardError('recipient_lookup_failed', message, { cause }));
    return problem('recipient_lookup_failed', 'the recipients of the request could not be looked up');
  }

  /** Whom the request names; or why nobody can be asked about. */
  async function recipientsOf(taken: TakenBody): Promise<Problem | Found> {
    try {
      const found = await findRecipients(taken, lookup);
      if ('code' in found) return found;
      const missing = () => `${taken.missing}: ${hint}`;
      return countProblem(bench, found.recipients, missing) ?? found;
    } catch (error) {
      return failed('looking up the recipients', error);
    }
  }

  async function observe(request: Request): Promise<Response> {
    access.remindObserving(GATE);
    // The request is to pass, also where its body breaks off.
    const taken = await takeBody(request, maxBody).catch(() => undefined);
    if (taken === undefined) return next(request, gateDecisions([]));
    if ('whole' in taken) return next(taken.whole(), gateDecisions([]));
    const found = await recipientsOf(taken);
    return next(
      taken.request,
      'code' in found ? gateDecisions([]) : judge(bench, found.recipients, found.from),
    );
  }

  /** Takes the blocked recipients out. @returns `undefined` where somebody who is blocked is left. */
  async function strip(
    taken: TakenBody,
    found: Found,
    decisions: GateDecisions,
  ): Promise<Stripped | undefined> {
    const { reading, recipients } = found;
    try {
      if (reading === undefined) throw new TypeError('there is no JSON or form to write to');
      await setTo(reading.body as object, permitted(recipients, decisions));
      const bytes = Buffer.from(reading.write());
      const rest = takenBody(withBody(taken.request, bytes), bytes);
      const left = await findRecipients(rest, lookup);
      if ('code' in left) throw new Error(left.detail);
      const stripped = strippedDecisions(bench, decisions, left.recipients, left.from);
      return { request: rest.request, decisions: stripped };
    } catch (error) {
      failed('taking blocked recipients out', error);
      return undefined;
    }
  }

  return async function sendGuard(request) {
    if (isObserved) return observe(request);
    const taken = await takeBody(request, maxBody);
    if ('whole' in taken) {
      taken.cancel();
      return refusalOf(
        problem('body_too_large', `the body is larger than the ${maxBody} bytes that are read`),
      );
    }
    const found = await recipientsOf(taken);
    if ('code' in found) return refusalOf(found);
    const decisions = judge(bench, found.recipients, found.from);
    if (decisions.every(({ allowed }) => allowed)) return next(taken.request, decisions);
    if (typeof onBlocked === 'function') return onBlocked(taken.request, decisions);
    const canStrip = onBlocked === 'strip' && decisions.allowed.length > 0;
    const stripped = canStrip ? await strip(taken, found, decisions) : undefined;
    if (stripped === undefined) return refusalOf(blockedProblem(decisions));
    return next(stripped.request, stripped.decisions);
  };
}

interface Stripped {
  readonly request: Request;
  readonly decisions: GateDecisions;
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
    if (body.state === 'used') return receiver.bodyLost();
    if (body.state === 'too_large') {
      body.cancel();
      return receiver.tooLarge();
    }
    const { method, headers } = request;
    const { pathname, search } = new URL(request.url);
    const told = { method, url: pathname + search, headers: Object.fromEntries(headers) };
    return receiver.receive(body.state === 'none' ? told : { ...told, body: body.bytes });
  }

  return async (request) => {
    // A body that broke off may come whole the next time.
    const { status, body, headers } = await answerTo(request).catch(() => NOT_STORED);
    return new Response(body, { status, headers: { 'content-type': 'application/json', ...headers } });
  };
}

const NOT_STORED: WebhookAnswer = { status: 500, body: '{"status":"not_stored"}' };

function refusalOf(body: Problem): Response {
  return new Response(JSON.stringify(body), { status: body.status, headers: problemHeaders(body) });
}

function onBlockedField(value: unknown, key: string) {
  return typeof value === 'function'
    ? (value as Answering)
    : oneOf(['reject', 'strip', 'observe'])(value, key);
}
