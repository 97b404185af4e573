/**
 * The access that a guard gives to the gates that are entry points of their own. Such a gate gets a guard from its
 * caller, and needs the guard's checker, its webhook receiver, and a way to report opt-outs. No other code can get this
 * access.
 */

import type { CheckOptions, Checker, Decision } from '../decision.ts';
import type { GuardError } from '../errors.ts';
import { refuse } from '../options/fields.ts';
import type { WebhooksOptions } from '../webhooks/options.ts';
import type { Receiver } from '../webhooks/receiver.ts';

/**
 * A guard, as the caller of a gate passes it. The gate uses it only to look up its access: a guard is known by the
 * object itself, and any other object of this type is refused ({@link accessOf}).
 */
export interface GuardHandle {
  check(msisdn: unknown, options?: CheckOptions): Decision;
}

/** The opt-out of a person to whom the provider refused to send a message for that reason. */
export interface LearntOptOut {
  /** Digits. */
  readonly msisdn: string;
  /** Our number or sender id that the message was sent from. */
  readonly from?: string | undefined;
}

/** The functions of a guard that a gate may call. */
export interface GateAccess extends Checker {
  /**
   * Records an opt-out, which blocks at once. The promise resolves when the opt-out is durable, or when it could not be
   * stored, which is reported as an event.
   */
  learn(learnt: LearntOptOut): Promise<void>;
  /** Creates a receiver of the provider's webhooks. @throws ConfigError for invalid options. */
  receiver(options: WebhooksOptions): Receiver;
  /** Emits the event `warn`: something that an operator should correct. */
  warn(code: string, message: string): void;
  /** Emits the event `error`. */
  fail(error: GuardError): void;
  /**
   * Makes `status().ready` false and adds the code to `status().reasons`. For a gate that does not see all sends.
   *
   * @returns a function that undoes this.
   */
  addObstacle(code: string): () => void;
}

const accesses = new WeakMap<object, GateAccess>();

/** Registers the access of a guard, for {@link accessOf}. */
export function registerAccess(guard: GuardHandle, access: GateAccess): void {
  accesses.set(guard, access);
}

/**
 * Returns the access of a guard.
 *
 * @throws ConfigError if `guard` is not a guard of this copy of the package.
 */
export function accessOf(guard: unknown): GateAccess {
  const access = typeof guard === 'object' && guard !== null ? accesses.get(guard) : undefined;
  return access ?? refuse('guard', guard, 'a guard made by createGuard of the same copy of sms-send-guard');
}
