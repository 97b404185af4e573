/**
 * Every error class this package throws and the closed union of their codes.
 * No message, property or JSON form in here may carry a full phone number or a secret.
 */

import type { Decision } from './decision.ts';

/** What went wrong, as a stable word for programs. The README lists each with its meaning. */
export type ErrorCode =
  | 'invalid_option'
  | 'unknown_option'
  | 'invalid_number'
  | 'ambiguous_number'
  | 'guard_closed'
  | 'csv_unreadable'
  | 'recipient_lookup_failed'
  | 'provider_unreachable'
  | 'provider_timeout'
  | 'provider_aborted'
  | 'provider_throttled'
  | 'provider_credentials'
  | 'provider_rejected'
  | 'provider_number_refused'
  | 'provider_unavailable'
  | 'provider_bad_reply'
  | 'provider_reply_too_large'
  | 'provider_incomplete'
  | 'webhook_unreadable'
  | 'webhook_unauthorized'
  | 'webhook_method'
  | 'webhook_too_large'
  | 'webhook_failed'
  | 'store_unavailable'
  | 'store_damaged'
  | 'store_read_only'
  | 'store_newer'
  | 'dispatcher_composed'
  | 'global_guard_blind'
  | 'store_other_account'
  | 'send_blocked'
  | 'send_unguarded';

/** Base of every error of this package. `code` is stable; `message` is for people; `cause` is kept when there is one. */
export class GuardError extends Error {
  override name = 'GuardError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** An option that cannot be used. `key` is the path of the option (`refresh.every`). */
export class ConfigError extends GuardError {
  override name = 'ConfigError';
  readonly key: string;

  constructor(
    code: 'invalid_option' | 'unknown_option' | 'dispatcher_composed' | 'global_guard_blind',
    key: string,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(code, message, options);
    this.key = key;
  }
}

/** The codes a {@link ProviderError} can have. */
export type ProviderErrorCode = Extract<ErrorCode, `provider_${string}`>;

/** The provider could not be asked, refused, or answered something that cannot be believed. */
export class ProviderError extends GuardError {
  override name = 'ProviderError';
  declare readonly code: ProviderErrorCode;
  /** HTTP status of the reply, where there was one. */
  readonly httpStatus: number | undefined;
  /** The provider's own status code (`'101'`), where the reply carried one. */
  readonly providerStatus: string | undefined;
  /** How long the provider asked us to wait, in ms, where it did. */
  readonly retryAfterMs: number | undefined;

  constructor(
    code: ProviderErrorCode,
    message: string,
    details: { cause?: unknown; httpStatus?: number; providerStatus?: string; retryAfterMs?: number } = {},
  ) {
    super(code, message, 'cause' in details ? { cause: details.cause } : undefined);
    this.httpStatus = details.httpStatus;
    this.providerStatus = details.providerStatus;
    this.retryAfterMs = details.retryAfterMs;
  }
}

/** The codes a {@link WebhookError} can have. */
export type WebhookErrorCode = Extract<ErrorCode, `webhook_${string}`>;

/** A webhook that was answered with a 4xx, or with 500 for a fault of our own. `status` is that answer. */
export class WebhookError extends GuardError {
  override name = 'WebhookError';
  declare readonly code: WebhookErrorCode;
  /** The HTTP status the sender of the webhook got. */
  readonly status: 400 | 401 | 405 | 413 | 415 | 500;

  constructor(
    code: WebhookErrorCode,
    status: 400 | 401 | 405 | 413 | 415 | 500,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(code, message, options);
    this.status = status;
  }
}

/** The codes a {@link StoreError} can have. */
export type StoreErrorCode = Extract<ErrorCode, `store_${string}`>;

/**
 * The store failed. `store_unavailable`: it could not be reached or refused a write, and nothing that this error
 * reports was acknowledged. `store_damaged`: it could not be used and was put aside. `store_read_only`: what it
 * holds counts, but nothing can be stored. `store_newer`: it is of a later version of this package and is left as it
 * is. `store_other_account`: it holds lists of another account, whose process uses it; nothing is loaded or stored.
 */
export class StoreError extends GuardError {
  override name = 'StoreError';
  declare readonly code: StoreErrorCode;

  constructor(
    message: string,
    { code = 'store_unavailable', ...options }: { code?: StoreErrorCode; cause?: unknown } = {},
  ) {
    super(code, message, options);
  }
}

/** A {@link Decision} that refuses. */
export type BlockedDecision = Extract<Decision, { allowed: false }>;

/** Marks the errors of a refused send, those of another copy of this package included. */
const SEND_BLOCKED = Symbol.for('sms-send-guard.SendBlockedError');

/**
 * A send that was refused. `decision` holds the full number and is therefore a getter on the prototype,
 * which loggers, `JSON.stringify` and `util.inspect` do not see; `message` and `toJSON()` are masked.
 */
export class SendBlockedError extends GuardError {
  override name = 'SendBlockedError';
  declare readonly code: 'send_blocked';
  readonly #decision: BlockedDecision;
  readonly #masked: string;

  static {
    // On the prototype and not enumerable: loggers and JSON do not see it.
    Object.defineProperty(this.prototype, SEND_BLOCKED, { value: true });
  }

  constructor(decision: BlockedDecision, masked: string, options?: { cause?: unknown }) {
    super('send_blocked', `Sending to ${masked} is blocked: ${decision.reason}`, options);
    this.#decision = decision;
    this.#masked = masked;
  }

  /** The decision, with the number in clear. */
  get decision(): BlockedDecision {
    return this.#decision;
  }

  /** A form that is safe to log. */
  toJSON(): { name: string; code: string; message: string; reason: string; to: string } {
    return {
      name: this.name,
      code: this.code,
      message: this.message,
      reason: this.#decision.reason,
      to: this.#masked,
    };
  }
}

/** An error that carries a refused send: in its `cause`, or among its `errors` as an `AggregateError` does. */
export type SendBlockedWrapper = Error &
  (
    | { readonly cause: SendBlockedError | SendBlockedWrapper }
    | { readonly errors: readonly [unknown, ...unknown[]] }
  );

/**
 * Finds the refused send that `error` is or carries: in `cause`, at any depth (`fetch` wraps what its dispatcher throws),
 * and among the `errors` of an `AggregateError`. Never throws.
 *
 * Errors of another copy of this package are found too: theirs are no `instanceof SendBlockedError` here.
 *
 * @returns the first one found, the outermost first; `undefined` if there is none.
 * @example
 * const blocked = findSendBlocked(error);
 * if (blocked) log.info({ reason: blocked.decision.reason }, 'not sent');
 */
export function findSendBlocked(error: unknown): SendBlockedError | undefined {
  const found = new Set<unknown>([error]);
  // A set is iterated over what is added meanwhile, and holds nothing twice: a circle of causes ends.
  for (const one of found) {
    if (typeof one !== 'object' || one === null) continue;
    try {
      if (isMarked(one)) return one;
      if (!isErrorLike(one)) continue;
      found.add(one.cause);
      if (Array.isArray(one.errors)) for (const each of one.errors) found.add(each);
    } catch {
      // A getter or proxy that throws carries nothing.
    }
  }
  return undefined;
}

function isMarked(value: object): value is SendBlockedError {
  return SEND_BLOCKED in value;
}

/** By structure: in Jest and other sandboxes the errors of Node itself are no `instanceof Error`. */
function isErrorLike(value: object): value is { message: string; cause?: unknown; errors?: unknown } {
  return 'message' in value && typeof value.message === 'string';
}

/**
 * Whether `error` is or carries a refused send. It looks where {@link findSendBlocked} looks.
 *
 * The error itself may be a wrapper without a `decision`, and the type says so: `findSendBlocked` gives the
 * {@link SendBlockedError}.
 */
export function isSendBlocked(error: unknown): error is SendBlockedError | SendBlockedWrapper {
  return findSendBlocked(error) !== undefined;
}
