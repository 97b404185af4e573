/**
 * The gate in front of a send handler: `(req, res, next)` for Express 4 and 5. It uses structural types and imports no
 * Express. It refuses a request with a blocked recipient. It also refuses a request for which the gate or one of the
 * caller's functions fails.
 */

import type { Checker } from '../decision.ts';
import { ConfigError, GuardError } from '../errors.ts';
import { callback, integer, oneOf, optional, readFields, refuse, withDefault } from '../options/fields.ts';
import { blockedProblem, problem, problemHeaders, type Problem } from './problem.ts';
import {
  allowedRecipients,
  checkRecipients,
  countProblem,
  decisionsAfterStrip,
  gateDecisions,
  memberOf,
  recipientsIn,
  type GateContext,
  type GateDecisions,
} from './recipient-check.ts';
import { attempt, isThenable, whenSettled, type MaybePromise } from './settling.ts';

declare global {
  // Express's own types extend this namespace. It can be declared without an import of Express.
  namespace Express {
    interface Request {
      /** The guard's decision for each recipient of this request, in their order. `allowed` is the list to send to. */
      sendGuard?: GateDecisions;
    }
  }
}

/** The members of a request that the gate uses. Express's `Request` has them. */
export interface GateRequest {
  /**
   * The parsed body. Its type is `any`, as in Express: with `unknown`, handlers after the gate would get `unknown` too.
   */
  body?: ReturnType<typeof JSON.parse>;
  readonly method?: string | undefined;
  sendGuard?: GateDecisions;
}

/** The members of a response that the gate uses. Express's `Response` and node's `ServerResponse` have them. */
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
   * Returns the recipients of the request, or a promise of them. Default `req.body.to`. It must return every recipient
   * that the handler may send to: if the handler reads query and body, this function must read both. If it throws or
   * rejects, the answer is 500 `recipient_lookup_failed`, and the event `error` is emitted.
   */
  readonly to?:
    | ((
        req: Req,
      ) => string | readonly string[] | undefined | PromiseLike<string | readonly string[] | undefined>)
    | undefined;
  /** Returns our number or sender id, or a promise of it. Default `req.body.from`. */
  readonly from?: ((req: Req) => string | undefined | PromiseLike<string | undefined>) | undefined;
  /**
   * How to treat a request that has blocked recipients. `reject` (default) refuses it. `strip` takes them out, and
   * refuses the request if none is left. `observe` allows it and reports the blocked recipients. A function answers the
   * request instead of the gate. In each mode `req.sendGuard.allowed` has only the numbers that may be sent to.
   */
  readonly onBlocked?: 'reject' | 'strip' | 'observe' | OnBlocked<Req, Res> | undefined;
  /**
   * Writes the remaining recipients back into the request. Required for `strip` with your own `to`. It may return a
   * promise. After it, `to` is called again, and the request is refused if it still names a blocked recipient.
   */
  readonly setTo?: ((req: Req, recipients: readonly string[]) => unknown) | undefined;
  /** The most recipients of one request. A request with more is refused with 413. Default 1000. */
  readonly maxRecipients?: number | undefined;
}

/** The result of checking a request: it may pass, it has a problem, or some of its recipients are blocked. */
type Outcome = 'pass' | Problem | GateDecisions;

/** A gate with its options, checked. */
interface Gate<Req, Res> {
  readonly context: GateContext;
  readonly to: (req: Req) => unknown;
  readonly from: (req: Req) => unknown;
  readonly setTo: (req: Req, recipients: readonly string[]) => unknown;
  readonly onBlocked: 'reject' | 'strip' | 'observe' | OnBlocked<Req, Res>;
  /** Explains why a request may name no recipient. */
  readonly whyMissing: (req: Req) => string;
  readonly onFault: (error: GuardError) => void;
}

/**
 * Creates the gate.
 *
 * @param onFault gets the errors of the caller's functions.
 * @throws ConfigError for invalid options.
 */
export function expressGate<Req extends GateRequest, Res extends GateResponse>(
  checker: Checker,
  options: MiddlewareOptions<Req, Res> = {},
  onFault: (error: GuardError) => void = () => undefined,
): (req: Req, res: Res, next: Next) => void {
  const gate = readOptions(checker, options, onFault);
  const { isObserved } = gate.context;

  return function sendGuard(req, res, next) {
    if (isObserved) checker.remindObserving('middleware');
    const outcome = attempt(
      () => check(gate, req),
      (error): Outcome => {
        reportFault(gate, 'looking up the recipients', error);
        return problem('recipient_lookup_failed', 'the recipients of the request could not be looked up');
      },
    );
    // An error that a handler behind `next` throws must reach the caller: it is not caught here.
    if (isThenable(outcome)) void outcome.then((settled) => finish(gate, req, res, next, settled));
    else finish(gate, req, res, next, outcome);
  };
}

function readOptions<Req extends GateRequest, Res extends GateResponse>(
  checker: Checker,
  options: MiddlewareOptions<Req, Res>,
  onFault: (error: GuardError) => void,
): Gate<Req, Res> {
  refuseRequest(options);
  const { to, from, onBlocked, setTo, maxRecipients } = readFields(options, 'middleware', {
    to: optional(callback<(req: Req) => unknown>()),
    from: optional(callback<(req: Req) => unknown>()),
    onBlocked: withDefault('reject', onBlockedField<Req, Res>),
    setTo: optional(callback<(req: Req, recipients: readonly string[]) => unknown>()),
    maxRecipients: withDefault(1000, integer({ min: 1, max: Number.MAX_SAFE_INTEGER })),
  });
  if (onBlocked === 'strip' && to && !setTo) {
    return refuse('middleware.setTo', undefined, "a function, since onBlocked is 'strip' and to is your own");
  }
  return {
    context: { checker, gate: 'middleware', maxRecipients, isObserved: onBlocked === 'observe' },
    to: to ?? ((req) => memberOf(req.body, 'to')),
    from: from ?? ((req) => memberOf(req.body, 'from')),
    setTo: setTo ?? ((req, remaining) => void Object.assign(req.body as object, { to: remaining })),
    onBlocked,
    whyMissing: (req) => whyMissing(req, to !== undefined),
    onFault,
  };
}

/**
 * Refuses options that are a request. A framework passes one if `guard.middleware` was mounted without calling it.
 *
 * @throws ConfigError
 */
function refuseRequest(options: object): void {
  const isRequest =
    typeof options === 'object' && options !== null && 'method' in options && 'headers' in options;
  if (!isRequest) return;
  const message =
    "middleware: it was handed a request instead of options: call it, as in app.post('/messages', guard.middleware(), handler)";
  throw new ConfigError('invalid_option', 'middleware', message);
}

/** Checks the recipients of a request and, with `strip`, takes the blocked ones out. */
function check<Req extends GateRequest, Res>(gate: Gate<Req, Res>, req: Req): MaybePromise<Outcome> {
  const { context, to, from, onBlocked } = gate;
  return whenSettled(to(req), (value) => {
    const recipients = recipientsIn(value);
    const refusal = countProblem(context, recipients, () => gate.whyMissing(req));
    if (refusal !== undefined) return refusal;
    return whenSettled(from(req), (sender): MaybePromise<Outcome> => {
      const decisions = checkRecipients(context, recipients, sender);
      req.sendGuard = decisions;
      if (decisions.every(({ allowed }) => allowed)) return 'pass';
      if (onBlocked !== 'strip' || decisions.allowed.length === 0) return decisions;
      return attempt(
        () => strip(gate, req, recipients, decisions),
        (error) => {
          reportFault(gate, 'taking blocked recipients out', error);
          return decisions;
        },
      );
    });
  });
}

/** Takes the blocked recipients out, and then checks all recipients that the request names afterwards. */
function strip<Req extends GateRequest, Res>(
  { context, to, from, setTo }: Gate<Req, Res>,
  req: Req,
  recipients: readonly unknown[],
  decisions: GateDecisions,
): MaybePromise<Outcome> {
  return whenSettled(setTo(req, allowedRecipients(recipients, decisions)), () =>
    whenSettled(to(req), (value) =>
      whenSettled(from(req), (sender) => {
        req.sendGuard = decisionsAfterStrip(context, decisions, recipientsIn(value), sender);
        return 'pass';
      }),
    ),
  );
}

/** Calls `next`, or answers the request. */
function finish<Req extends GateRequest, Res extends GateResponse>(
  { context: { isObserved }, onBlocked }: Gate<Req, Res>,
  req: Req,
  res: Res,
  next: Next,
  outcome: Outcome,
): void {
  if (isObserved) req.sendGuard ??= gateDecisions([]);
  if (outcome === 'pass' || isObserved) next();
  else if ('status' in outcome) answer(res, next, outcome);
  else if (typeof onBlocked === 'function') callOnBlocked(onBlocked, req, res, next, outcome);
  else answer(res, next, blockedProblem(outcome));
}

function reportFault<Req, Res>({ context, onFault }: Gate<Req, Res>, task: string, cause: unknown): void {
  const message = `middleware: ${task} failed, and the request was ${context.isObserved ? 'let pass' : 'refused'}`;
  onFault(new GuardError('recipient_lookup_failed', message, { cause }));
}

/**
 * Calls the caller's function. An error that it throws or rejects with goes to `next`, which is called at most once.
 */
function callOnBlocked<Req, Res>(
  onBlocked: OnBlocked<Req, Res>,
  req: Req,
  res: Res,
  next: Next,
  decisions: GateDecisions,
): void {
  let isCalled = false;
  const nextOnce: Next = (...error) => {
    if (isCalled) return;
    isCalled = true;
    next(...error);
  };
  void (async () => onBlocked(req, res, nextOnce, decisions))().catch((error: unknown) =>
    nextOnce(error ?? new TypeError('onBlocked failed')),
  );
}

function onBlockedField<Req, Res>(value: unknown, key: string) {
  return typeof value === 'function'
    ? (value as OnBlocked<Req, Res>)
    : oneOf(['reject', 'strip', 'observe'])(value, key);
}

/** Methods whose requests usually have no body. */
const BODILESS = ['GET', 'HEAD', 'OPTIONS', 'TRACE'];
const MOUNT =
  "mount the guard on the route that sends, as in app.post('/messages', guard.middleware(), handler)";

/**
 * Explains why a request names no recipient.
 *
 * @param hasOwnTo whether the option `to` was given.
 */
function whyMissing({ body, method = '' }: GateRequest, hasOwnTo: boolean): string {
  if (hasOwnTo)
    return `no recipient was found: the option to returned none. If this request sends nothing, ${MOUNT}`;
  if (BODILESS.includes(method)) {
    return `no recipient was found in req.body.to, and a ${method} request has no body: ${MOUNT}, or say with the option to where the recipient is`;
  }
  if (body === undefined) {
    return 'no recipient was found in req.body.to: req.body is undefined, so mount a body parser such as express.json() before the guard';
  }
  return `no recipient was found in req.body.to: say with the option to where it is, as in guard.middleware({ to: (req) => req.body.phone }). If this request sends nothing, ${MOUNT}`;
}

/** Answers with a problem. If the request was answered already, it gets no second answer and does not pass either. */
function answer(res: GateResponse, next: Next, refusal: Problem): void {
  if (res.headersSent === true) return;
  try {
    res.statusCode = refusal.status;
    for (const [name, value] of Object.entries(problemHeaders(refusal))) res.setHeader(name, value);
    res.end(JSON.stringify(refusal));
  } catch (error) {
    next(error ?? new TypeError('the refusal could not be answered'));
  }
}
