/**
 * What a guard lends to the gates that are entry points of their own: they are handed a guard, and need its checker, its
 * receiver of webhooks, and a way to tell it what they learnt. Nobody else gets at it.
 */

import type { Checker } from '../decision.ts';
import type { GuardError } from '../errors.ts';
import { refuse } from '../options/fields.ts';
import type { WebhooksOptions } from '../webhooks/options.ts';
import type { Receiver } from '../webhooks/receiver.ts';

/** A person who turned out to have opted out, because a send to them was refused for that. */
export interface LearntOptOut {
  /** Digits. */
  readonly msisdn: string;
  /** Our number or sender id of that send. */
  readonly from?: string | undefined;
}

/** What a gate may do with a guard. */
export interface GateAccess extends Checker {
  /** Keeps an opt-out. It blocks at once; resolves when it is durable or could not be kept, which is an event. */
  learn(learnt: LearntOptOut): Promise<void>;
  /** A receiver of the provider's webhooks. @throws ConfigError for options that cannot be used. */
  receiver(options: WebhooksOptions): Receiver;
  /** Tells an operator of something to mend. */
  warn(code: string, message: string): void;
  /** Emits the event `error`. */
  fail(error: GuardError): void;
  /**
   * Makes `status().ready` false and adds the code to `status().reasons`, for a gate that does not see sends.
   *
   * @returns a function that takes it back.
   */
  hinder(code: string): () => void;
}

const accesses = new WeakMap<object, GateAccess>();

/** Lends access to whoever has the guard. */
export function lendAccess(guard: object, access: GateAccess): void {
  accesses.set(guard, access);
}

/**
 * The access of a guard.
 *
 * @throws ConfigError for anything but a guard.
 */
export function accessOf(guard: unknown): GateAccess {
  const access = typeof guard === 'object' && guard !== null ? accesses.get(guard) : undefined;
  return access ?? refuse('guard', guard, 'a guard made by createGuard of the same copy of sms-send-guard');
}
