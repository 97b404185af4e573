/** The error of a refused send, and how it is found in the errors of other programs that contain it. */

import type { Decision } from './decision.ts';
import { GuardError } from './errors.ts';

/** A {@link Decision} that blocks. */
export type BlockedDecision = Extract<Decision, { allowed: false }>;

/** Marks the errors of refused sends, including those of other copies of this package. */
const SEND_BLOCKED = Symbol.for('sms-send-guard.SendBlockedError');

/**
 * A send was refused. `decision` contains the full number. It is therefore a getter on the prototype, which loggers,
 * `JSON.stringify` and `util.inspect` do not see. In `message` and `toJSON()` the number is masked.
 *
 * @example
 * try {
 *   guard.assertCanSend('15551234567');
 * } catch (error) {
 *   if (error instanceof SendBlockedError) console.info(error.decision.reason);
 * }
 */
export class SendBlockedError extends GuardError {
  override name = 'SendBlockedError';
  declare readonly code: 'send_blocked';
  readonly #decision: BlockedDecision;
  readonly #masked: string;

  static {
    // It is on the prototype and not enumerable, so that loggers and JSON do not see it.
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

/**
 * An error that contains the error of a refused send: as its `cause`, or in its `errors`, as an `AggregateError` does.
 */
export type SendBlockedWrapper = Error &
  (
    | { readonly cause: SendBlockedError | SendBlockedWrapper }
    | { readonly errors: readonly [unknown, ...unknown[]] }
  );

/**
 * Finds the error of a refused send: `error` itself, its `cause` at any depth (`fetch` wraps the errors of its
 * dispatcher), or one of the `errors` of an `AggregateError`. Never throws.
 *
 * Errors of another copy of this package are found too, although they are no `instanceof SendBlockedError`.
 *
 * @returns the outermost one; `undefined` if there is none.
 * @example
 * try {
 *   await fetch('https://rest.nexmo.com/sms/json', { method: 'POST', body });
 * } catch (error) {
 *   const blocked = findSendBlocked(error);
 *   if (blocked === undefined) throw error;
 *   console.info(`not sent: ${blocked.decision.reason}`);
 * }
 */
export function findSendBlocked(error: unknown): SendBlockedError | undefined {
  const found = new Set<unknown>([error]);
  // The loop also visits errors that are added to the set meanwhile. Each is visited once, so that circular causes end.
  for (const one of found) {
    if (typeof one !== 'object' || one === null) continue;
    try {
      if (isMarked(one)) return one;
      if (!isErrorLike(one)) continue;
      found.add(one.cause);
      if (Array.isArray(one.errors)) for (const each of one.errors) found.add(each);
    } catch {
      // A getter or a proxy has thrown: there is nothing to find in this value.
    }
  }
  return undefined;
}

function isMarked(value: object): value is SendBlockedError {
  return SEND_BLOCKED in value;
}

/** Checks the structure: in Jest and other sandboxes, errors of Node itself are no `instanceof Error`. */
function isErrorLike(value: object): value is { message: string; cause?: unknown; errors?: unknown } {
  return 'message' in value && typeof value.message === 'string';
}

/**
 * Returns whether `error` is or contains the error of a refused send, as {@link findSendBlocked} finds it. Never
 * throws.
 *
 * The error may be a wrapper without a `decision`. Use `findSendBlocked` to get the {@link SendBlockedError}.
 *
 * @example
 * try {
 *   await fetch('https://rest.nexmo.com/sms/json', { method: 'POST', body });
 * } catch (error) {
 *   if (!isSendBlocked(error)) throw error;
 * }
 */
export function isSendBlocked(error: unknown): error is SendBlockedError | SendBlockedWrapper {
  return findSendBlocked(error) !== undefined;
}
