/**
 * The gate in front of a send handler: `(req, res, next)` for Express 4 and 5, by structure alone. A request with a
 * blocked recipient does not get past it; a fault of its own, or of the caller's functions, refuses the request.
 */

import type { Checker } from '../decision.ts';
import { ConfigError, GuardError } from '../errors.ts';
import { callback, integer, oneOf, optional, readFields, refuse, withDefault } from '../options/fields.ts';
import {
  countProblem,
  gateDecisions,
  judge,
  memberOf,
  permitted,
  recipientsIn,
  strippedDecisions,
  type GateDecisions,
} from './judging.ts';
import { blockedProblem, problem, problemHeaders, type Problem } from './problem.ts';
import { attempt, isThenable, whenSettled, type MaybePromise } from './settling.ts';

declare global {
  // The namespace that Express's own types read; it needs no import of Express.
  namespace Express {
    interface Request {
      /** The guard's decision for each recipient of this request, in their order; `allowed` is the list to send to. */
      sendGuard?: GateDecisions;
    }
  }
}

/** What the gate needs of a request. Express's `Request` fits. */
export interface GateRequest {
  /** `any`, as in Express: were it `unknown`, handlers after the gate would find it so. */
  body?: ReturnType<typeof JSON.parse>;
  readonly method?: string | undefined;
  sendGuard?: GateDecisions;
}

/** What the gate needs of a response. Express's `Response` and node's `ServerResponse` fit. */
export interface GateResponse {
  statusCode: number;
  readonly headersSent?: boolean;
  setHeader(name: string, value: string): unknown;
  end(body: string): unknown;
}

export type Next = (error?: unknown) => void;

type OnBlocked<Req, Res> = (req: Req, res: Res, next: Next, decisions: GateDecisions) => unknown;

/** The options of `middleware`. */
export interface MiddlewareOptions<
  Req extends GateRequest = GateRequest,
  Res extends GateResponse = GateResponse,
> {
  /**
   * The recipients of the request, or a promise of them. Default `req.body.to`. It has to name everybody whom the handler
   * may send to: where that reads query and body, so must this. What it throws or rejects with is a 500
   * `recipient_lookup_failed` and an event `error`.
   */
  readonly to?:
    | ((
        req: Req,
      ) => string | readonly string[] | undefined | PromiseLike<string | readonly string[] | undefined>)
    | undefined;
  /** Our number or sender id, or a promise of it. Default `req.body.from`. */
  readonly from?: ((req: Req) => string | undefined | PromiseLike<string | undefined>) | undefined;
  /**
   * What happens to a request with blocked recipients. `reject` (default) refuses it; `strip` takes them out and
   * refuses it if none is left; `observe` lets it pass and says so; a function takes over. In each of them
   * `req.sendGuard.allowed` has the numbers that may be sent to, and no other.
   */
  readonly onBlocked?: 'reject' | 'strip' | 'observe' | OnBlocked<Req, Res> | undefined;
  /**
   * Writes the recipients that are left back; needed for `strip` with a `to` of your own. It may return a promise.
   * Afterwards `to` is asked again, and the request refused if it still names somebody who is blocked.
   */
  readonly setTo?: ((req: Req, recipients: readonly string[]) => unknown) | undefined;
  /** More recipients than that are refused with 413. Default 1000. */
  readonly maxRecipients?: number | undefined;
}

/** What becomes of a request: it passes, it has a problem, or some of its recipients are blocked. */
type Outcome = 'pass' | Problem | GateDecisions;

/**
 * Creates the gate.
 *
 * @param onFault gets what the caller's functions failed with.
 * @throws ConfigError for options that cannot be used.
 */
export function expressGate<Req extends GateRequest, Res extends GateResponse>(
  checker: Checker,
  options: MiddlewareOptions<Req, Res> = {},
  onFault: (error: GuardError) => void = () => undefined,
): (req: Req, res: Res, next: Next) => void {
  refuseRequest(options);
  const read = readFields(options, 'middleware', {
    to: optional(callback<(req: Req) => unknown>()),
    from: optional(callback<(req: Req) => unknown>()),
    onBlocked: withDefault('reject', onBlockedField<Req, Res>),
    setTo: optional(callback<(req: Req, recipients: readonly string[]) => unknown>()),
    maxRecipients: withDefault(1000, integer({ min: 1, max: Number.MAX_SAFE_INTEGER })),
  });
  const { onBlocked, maxRecipients } = read;
  const to = read.to ?? ((req: Req) => memberOf(req.body, 'to'));
  const from = read.from ?? ((req: Req) => memberOf(req.body, 'from'));
  if (onBlocked === 'strip' && read.to && !read.setTo) {
    return refuse('middleware.setTo', undefined, "a function, since onBlocked is 'strip' and to is your own");
  }
  const setTo =
    read.setTo ??
    ((req: Req, rest: readonly string[]) => void Object.assign(req.body as object, { to: rest }));
  const isObserved = onBlocked === 'observe';
  const bench = { checker, gate: 'middleware', maxRecipients, isObserved };
  const missing = (req: Req) => whyMissing(req, read.to !== undefined);

  function fail(doing: string, cause: unknown): void {
    const message = `middleware: ${doing} failed, and the request was ${isObserved ? 'let pass' : 'refused'}`;
    onFault(new GuardError('recipient_lookup_failed', message, { cause }));
  }

  function examine(req: Req): MaybePromise<Outcome> {
    return whenSettled(to(req), (given) => {
      const recipients = recipientsIn(given);
      const refusal = countProblem(bench, recipients, () => missing(req));
      if (refusal !== undefined) return refusal;
      return whenSettled(from(req), (sender): MaybePromise<Outcome> => {
        const decisions = judge(bench, recipients, sender);
        req.sendGuard = decisions;
        if (decisions.every(({ allowed }) => allowed)) return 'pass';
        if (onBlocked !== 'strip' || decisions.allowed.length === 0) return decisions;
        return attempt(
          () => strip(req, recipients, decisions),
          (error) => {
            fail('taking blocked recipients out', error);
            return decisions;
          },
        );
      });
    });
  }

  /** Takes the blocked recipients out, and believes only what the request names afterwards. */
  function strip(req: Req, recipients: readonly unknown[], decisions: GateDecisions): MaybePromise<Outcome> {
    return whenSettled(setTo(req, permitted(recipients, decisions)), () =>
      whenSettled(to(req), (given) =>
        whenSettled(from(req), (sender) => {
          req.sendGuard = strippedDecisions(bench, decisions, recipientsIn(given), sender);
          return 'pass';
        }),
      ),
    );
  }

  function conclude(req: Req, res: Res, next: Next, outcome: Outcome): void {
    if (isObserved) req.sendGuard ??= gateDecisions([]);
    if (outcome === 'pass' || isObserved) next();
    else if ('status' in outcome) answer(res, next, outcome);
    else if (typeof onBlocked === 'function') handOver(onBlocked, req, res, next, outcome);
    else answer(res, next, blockedProblem(outcome));
  }

  return function sendGuard(req, res, next) {
    if (isObserved) checker.remindObserving('middleware');
    const outcome = attempt(
      () => examine(req),
      (error): Outcome => {
        fail('looking up the recipients', error);
        return problem('recipient_lookup_failed', 'the recipients of the request could not be looked up');
      },
    );
    // What a handler behind `next` throws is not for the gate to swallow.
    if (isThenable(outcome)) void outcome.then((settled) => conclude(req, res, next, settled));
    else conclude(req, res, next, outcome);
  };
}

/** @throws ConfigError where the options are the request that a framework hands to a middleware. */
function refuseRequest(options: object): void {
  const isRequest =
    typeof options === 'object' && options !== null && 'method' in options && 'headers' in options;
  if (!isRequest) return;
  const message =
    "middleware: it was handed a request instead of options: call it, as in app.post('/messages', guard.middleware(), handler)";
  throw new ConfigError('invalid_option', 'middleware', message);
}

/** Calls the user's handler; whatever it throws or rejects with goes to `next`, which it may call once. */
function handOver<Req, Res>(
  handler: OnBlocked<Req, Res>,
  req: Req,
  res: Res,
  next: Next,
  decisions: GateDecisions,
): void {
  let isOver = false;
  const once: Next = (...error) => {
    if (isOver) return;
    isOver = true;
    next(...error);
  };
  void (async () => handler(req, res, once, decisions))().catch((error: unknown) =>
    once(error ?? new TypeError('onBlocked failed')),
  );
}

function onBlockedField<Req, Res>(value: unknown, key: string) {
  return typeof value === 'function'
    ? (value as OnBlocked<Req, Res>)
    : oneOf(['reject', 'strip', 'observe'])(value, key);
}

/** Methods whose requests have no body as a rule. */
const BODILESS = ['GET', 'HEAD', 'OPTIONS', 'TRACE'];
const MOUNT =
  "mount the guard on the route that sends, as in app.post('/messages', guard.middleware(), handler)";

/** Why there may be no recipient. */
function whyMissing({ body, method = '' }: GateRequest, isOwn: boolean): string {
  if (isOwn)
    return `no recipient was found: the option to returned none. If this request sends nothing, ${MOUNT}`;
  if (BODILESS.includes(method)) {
    return `no recipient was found in req.body.to, and a ${method} request has no body: ${MOUNT}, or say with the option to where the recipient is`;
  }
  if (body === undefined) {
    return 'no recipient was found in req.body.to: req.body is undefined, so mount a body parser such as express.json() before the guard';
  }
  return `no recipient was found in req.body.to: say with the option to where it is, as in guard.middleware({ to: (req) => req.body.phone }). If this request sends nothing, ${MOUNT}`;
}

/** A request that somebody else has answered meanwhile is over: it neither gets another answer nor passes. */
function answer(res: GateResponse, next: Next, body: Problem): void {
  if (res.headersSent === true) return;
  try {
    res.statusCode = body.status;
    for (const [name, value] of Object.entries(problemHeaders(body))) res.setHeader(name, value);
    res.end(JSON.stringify(body));
  } catch (error) {
    next(error ?? new TypeError('the refusal could not be answered'));
  }
}
