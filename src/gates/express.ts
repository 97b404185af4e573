/**
 * The gate in front of a send handler: `(req, res, next)` for Express 4 and 5, by structure alone. A request with a
 * blocked recipient does not get past it; a fault of its own is an error for the framework, never a pass.
 */

import type { Checker, Decision } from '../decision.ts';
import { callback, integer, oneOf, optional, readFields, refuse, withDefault } from '../option-fields.ts';
import { blockedProblem, judge, memberOf, permitted, problemHeaders, type Problem } from './refusal.ts';

declare global {
  // The namespace that Express's own types read; it needs no import of Express.
  namespace Express {
    interface Request {
      /** The guard's decision for each recipient of this request, in their order. */
      sendGuard?: readonly Decision[];
    }
  }
}

/** What the gate needs of a request. Express's `Request` fits. */
export interface GateRequest {
  /** `any`, as in Express: were it `unknown`, handlers after the gate would find it so. */
  body?: ReturnType<typeof JSON.parse>;
  sendGuard?: readonly Decision[];
}

/** What the gate needs of a response. Express's `Response` and node's `ServerResponse` fit. */
export interface GateResponse {
  statusCode: number;
  setHeader(name: string, value: string): unknown;
  end(body: string): unknown;
}

export type Next = (error?: unknown) => void;

/** The options of `middleware`. */
export interface MiddlewareOptions<
  Req extends GateRequest = GateRequest,
  Res extends GateResponse = GateResponse,
> {
  /** The recipients of the request. Default `req.body.to`. */
  readonly to?: (req: Req) => string | readonly string[] | undefined;
  /** Our number or sender id. Default `req.body.from`. */
  readonly from?: (req: Req) => string | undefined;
  /**
   * What happens to a request with blocked recipients. `reject` (default) refuses it; `strip` takes them out and
   * refuses it if none is left; `observe` lets it pass and says so; a function takes over.
   */
  readonly onBlocked?:
    | 'reject'
    | 'strip'
    | 'observe'
    | ((req: Req, res: Res, next: Next, decisions: readonly Decision[]) => unknown);
  /** Writes the recipients that are left back; needed for `strip` with a `to` of your own. */
  readonly setTo?: (req: Req, recipients: readonly string[]) => void;
  /** More recipients than that are refused with 413. Default 1000. */
  readonly maxRecipients?: number;
}

/**
 * Creates the gate.
 *
 * @throws ConfigError for options that cannot be used.
 */
export function expressGate<Req extends GateRequest, Res extends GateResponse>(
  checker: Checker,
  options: MiddlewareOptions<Req, Res> = {},
): (req: Req, res: Res, next: Next) => void {
  const read = readFields(options, 'middleware', {
    to: optional(callback<(req: Req) => unknown>()),
    from: optional(callback<(req: Req) => unknown>()),
    onBlocked: withDefault('reject', onBlockedField<Req, Res>),
    setTo: optional(callback<(req: Req, recipients: readonly string[]) => void>()),
    maxRecipients: withDefault(1000, integer({ min: 1, max: Number.MAX_SAFE_INTEGER })),
  });
  const { onBlocked, maxRecipients } = read;
  const to = read.to ?? ((req: Req) => memberOf(req.body, 'to'));
  const from = read.from ?? ((req: Req) => memberOf(req.body, 'from'));
  if (onBlocked === 'strip' && read.to && !read.setTo) {
    return refuse('middleware.setTo', undefined, "a function, since onBlocked is 'strip' and to is your own");
  }
  const setTo =
    read.setTo ?? ((req: Req, rest: readonly string[]) => Object.assign(req.body as object, { to: rest }));
  const isObserved = onBlocked === 'observe';
  const takeOver =
    typeof onBlocked === 'function'
      ? onBlocked
      : (_req: Req, res: Res, _next: Next, decisions: readonly Decision[]) =>
          answer(res, blockedProblem(decisions));

  const bench = { checker, gate: 'middleware', maxRecipients, isObserved };

  /** @returns the refusal, or what else is to be done; throws only what the caller's functions throw. */
  function verdictOn(req: Req): Problem | 'pass' | readonly Decision[] {
    const verdict = judge(
      bench,
      to(req),
      () => from(req),
      () => whyMissing(req),
    );
    if (verdict.problem !== undefined) return verdict.problem;
    const { recipients, decisions } = verdict;
    req.sendGuard = decisions;
    if (decisions.every(({ allowed }) => allowed)) return 'pass';
    if (onBlocked === 'strip' && decisions.some(({ allowed }) => allowed)) {
      setTo(req, permitted(recipients, decisions));
      return 'pass';
    }
    return decisions;
  }

  return function sendGuard(req, res, next) {
    if (isObserved) checker.remindObserving('middleware');
    let verdict: ReturnType<typeof verdictOn>;
    try {
      verdict = verdictOn(req);
    } catch (error) {
      if (isObserved) return next();
      return next(error ?? new TypeError('the recipients of the request could not be read'));
    }
    if (verdict === 'pass' || isObserved) return next();
    if ('status' in verdict) return answer(res, verdict);
    return handOver(takeOver, req, res, next, verdict);
  };
}

/** Calls the user's handler; whatever it throws or rejects with goes to `next`, which it may call once. */
function handOver<Req, Res>(
  handler: (req: Req, res: Res, next: Next, decisions: readonly Decision[]) => unknown,
  req: Req,
  res: Res,
  next: Next,
  decisions: readonly Decision[],
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
    ? (value as (req: Req, res: Res, next: Next, decisions: readonly Decision[]) => unknown)
    : oneOf(['reject', 'strip', 'observe'])(value, key);
}

/** Why there may be no recipient. */
function whyMissing({ body }: GateRequest): string {
  return body === undefined
    ? 'req.body is undefined: mount a body parser such as express.json() before the guard'
    : 'no recipient was found in the request';
}

function answer(res: GateResponse, body: Problem): void {
  res.statusCode = body.status;
  for (const [name, value] of Object.entries(problemHeaders(body))) res.setHeader(name, value);
  res.end(JSON.stringify(body));
}
