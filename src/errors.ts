/**
 * The error classes of this package, but for that of a refused send (send-blocked.ts), and the closed union of all codes.
 * No message, enumerable property or JSON form of an error may contain a full phone number or a secret.
 */

/** The code of an error, for programs. It is stable. docs/codes.md lists each with its meaning. */
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

/**
 * The base class of every error of this package. `code` is stable; `message` is for people and may change; `cause` is
 * the error behind it, if there is one.
 *
 * @example
 * try {
 *   await guard.resubscribe('15551234567');
 * } catch (error) {
 *   if (error instanceof GuardError) console.error(error.code, error.message);
 * }
 */
export class GuardError extends Error {
  override name = 'GuardError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/**
 * An option or argument cannot be used. `code` is `invalid_option` or `unknown_option`; of undici's global guard also
 * `dispatcher_composed` or `global_guard_blind`.
 *
 * @example
 * try {
 *   createGuard({ refresh: { every: 'soon' } as never });
 * } catch (error) {
 *   if (error instanceof ConfigError) console.error(error.key); // refresh.every
 * }
 */
export class ConfigError extends GuardError {
  override name = 'ConfigError';
  /** The path of the option, such as `refresh.every`. */
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

/**
 * The provider could not be reached, refused a request, or sent a reply that cannot be used. A guard emits it as the
 * event `error`; `resubscribe` rejects with it.
 *
 * @example
 * guard.on('error', (error) => {
 *   if (error instanceof ProviderError) console.error(error.code, error.httpStatus, error.retryAfterMs);
 * });
 */
export class ProviderError extends GuardError {
  override name = 'ProviderError';
  declare readonly code: ProviderErrorCode;
  /** The HTTP status of the reply; `undefined` if there was no reply. */
  readonly httpStatus: number | undefined;
  /** The provider's own status code, such as `'101'`; `undefined` if the reply had none. */
  readonly providerStatus: string | undefined;
  /** How long the provider asks to wait, ms; `undefined` if it does not. */
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

/**
 * A webhook was answered with a 4xx; or with 500, for a fault of this package or of the user's `parse`. A guard emits
 * it as the event `error`.
 *
 * @example
 * guard.on('error', (error) => {
 *   if (error instanceof WebhookError) console.error(error.status, error.code, error.message);
 * });
 */
export class WebhookError extends GuardError {
  override name = 'WebhookError';
  declare readonly code: WebhookErrorCode;
  /** The HTTP status that the webhook was answered with. */
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
 * The store failed. A guard emits it as the event `error`; calls that write or read the store reject with it.
 *
 * - `store_unavailable`: the store could not be reached, or refused a write. The change was not acknowledged.
 * - `store_damaged`: the store could not be used and was put aside.
 * - `store_read_only`: the contents of the store count, but nothing can be stored.
 * - `store_newer`: the store was written by a later version of this package and is left as it is.
 * - `store_other_account`: the store holds lists of another account, whose process uses it. Nothing is loaded or
 *   stored.
 *
 * @example
 * try {
 *   await guard.optOut('15551234567', { reason: 'by phone' });
 * } catch (error) {
 *   // This process blocks the number already. The opt-out is stored once the store works again.
 *   if (!(error instanceof StoreError)) throw error;
 * }
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
