/**
 * The gate in front of a send handler: `(req, res, next)` for Express 4 and 5, by structure alone. A request with a
 * blocked recipient does not get past it; a fault of its own is an error for the framework, never a pass.
 */

import type { Checker, Decision } from '../decision.ts';
import { maskMsisdn } from '../msisdn.ts';
import { callback, integer, oneOf, optional, readFields, refuse, withDefault } from '../option-fields.ts';

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

/** What a problem body's `code` can be. */
export type ProblemCode =
  Extract<Decision, { allowed: false }>['reason'] | 'missing_recipient' | 'too_many_recipients';

/** The body of a refusal: `application/problem+json`, RFC 9457. */
export interface Problem {
  readonly type: `urn:sms-send-guard:${ProblemCode}`;
  readonly title: string;
  readonly status: number;
  readonly code: ProblemCode;
  readonly detail: string;
  /** The blocked recipients: place in the request, masked number, reason. */
  readonly recipients: readonly { readonly index: number; readonly to: string; readonly code: ProblemCode }[];
}

const PROBLEMS: Readonly<Record<ProblemCode, { readonly status: number; readonly title: string }>> = {
  opted_out: { status: 403, title: 'The recipient has opted out' },
  invalid_number: { status: 422, title: 'The recipient is not a readable phone number' },
  missing_recipient: { status: 400, title: 'The request names no recipient' },
  too_many_recipients: { status: 413, title: 'The request names too many recipients' },
  not_ready: { status: 503, title: 'The opt-out list has not been read yet' },
  stale: { status: 503, title: 'The opt-out list is out of date' },
  expired: { status: 503, title: 'The opt-out list is too old to be trusted' },
  closed: { status: 503, title: 'The guard is closed' },
};

/** Which status is answered where recipients are blocked for different reasons: the first that occurs. */
const PRECEDENCE: readonly number[] = [503, 422, 403];

/** What a 503 that can pass asks a client to wait, s. */
const RETRY_AFTER_S = 30;

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

  /** @returns the refusal, or what else is to be done; throws only what the caller's functions throw. */
  function judge(req: Req): Problem | 'pass' | readonly Decision[] {
    const given = to(req);
    const recipients: readonly unknown[] = Array.isArray(given) ? given : isNothing(given) ? [] : [given];
    if (recipients.length === 0) return missingRecipient(req);
    if (recipients.length > maxRecipients && !isObserved) {
      return problem(
        'too_many_recipients',
        `${recipients.length} recipients, at most ${maxRecipients} are allowed`,
      );
    }
    const sender = from(req);
    const asked = typeof sender === 'string' ? { from: sender } : undefined;
    const decisions = recipients.map((recipient) => checker.decide(recipient, asked));
    req.sendGuard = decisions;
    for (const decision of decisions) checker.report(decision, { gate: 'middleware', isObserved });
    if (decisions.every(({ allowed }) => allowed)) return 'pass';
    if (onBlocked === 'strip' && decisions.some(({ allowed }) => allowed)) {
      setTo(req, recipients.filter((_, index) => decisions[index]?.allowed === true) as string[]);
      return 'pass';
    }
    return decisions;
  }

  return function sendGuard(req, res, next) {
    if (isObserved) checker.remindObserving('middleware');
    let verdict: ReturnType<typeof judge>;
    try {
      verdict = judge(req);
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

function memberOf(body: unknown, name: string): unknown {
  return typeof body === 'object' && body !== null && Object.hasOwn(body, name)
    ? (body as Record<string, unknown>)[name]
    : undefined;
}

function isNothing(value: unknown): boolean {
  return value === undefined || value === null || value === '';
}

function missingRecipient(req: GateRequest): Problem {
  const detail =
    req.body === undefined
      ? 'req.body is undefined: mount a body parser such as express.json() before the guard'
      : 'no recipient was found in the request';
  return problem('missing_recipient', detail);
}

function blockedProblem(decisions: readonly Decision[]): Problem {
  const recipients = decisions.flatMap((decision, index) =>
    decision.allowed ? [] : [{ index, to: maskMsisdn(decision.to), code: decision.reason }],
  );
  const rank = (code: ProblemCode) => PRECEDENCE.indexOf(PROBLEMS[code].status);
  const code = recipients
    .map((recipient) => recipient.code)
    .reduce((first, other) => (rank(other) < rank(first) ? other : first));
  const detail = `${recipients.length} of ${decisions.length} recipients may not be sent to; nothing was sent`;
  return problem(code, detail, recipients);
}

function problem(code: ProblemCode, detail: string, recipients: Problem['recipients'] = []): Problem {
  return { type: `urn:sms-send-guard:${code}`, ...PROBLEMS[code], code, detail, recipients };
}

function answer(res: GateResponse, body: Problem): void {
  res.statusCode = body.status;
  res.setHeader('content-type', 'application/problem+json; charset=utf-8');
  res.setHeader('cache-control', 'no-store');
  if (body.status === 503 && body.code !== 'closed') res.setHeader('retry-after', String(RETRY_AFTER_S));
  res.end(JSON.stringify(body));
}
