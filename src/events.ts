/**
 * What the guard tells its listeners and its log. A listener that throws harms nobody, an error that nobody hears
 * is logged, and nothing that is enumerable in an event or written to the log shows a number in clear.
 */

import type { Clock } from './clock.ts';
import type { Decision, State } from './decision.ts';
import type { GuardError } from './errors.ts';
import type { OptOutChange } from './ledger/evidence.ts';
import { sinceOf } from './ledger/evidence-rules.ts';
import { maskMsisdn } from './msisdn/msisdn.ts';
import type { Logger } from './options/guard-options.ts';
import type { Anomaly, SweepOutcome } from './sync/sweep.ts';

/** A number opted out or in. `msisdn`, `text` and `reason` are there but not enumerable, so that logging the event does not show them. */
export interface ChangeEvent {
  /** The number, masked. */
  readonly to: string;
  readonly list: string;
  readonly source: OptOutChange['evidence']['source'];
  /** When the person or operator acted, ms UTC. */
  readonly at: number;
  readonly msisdn: string;
  readonly text: string | undefined;
  readonly reason: string | undefined;
}

/** A send was refused, or would have been (`observed`). `decision` is not enumerable. */
export interface BlockedEvent {
  readonly to: string;
  readonly reason: Extract<Decision, { allowed: false }>['reason'];
  readonly gate: string;
  readonly observed: boolean;
  readonly decision: Decision;
}

/** A person wrote something that may or may not mean an opt-out. `msisdn` and `text` are not enumerable. */
export interface UnclearEvent {
  readonly to: string;
  readonly sender: string | undefined;
  /** The words that were recognised. */
  readonly matched: string;
  /** Whether the number is blocked for it. */
  readonly blocked: boolean;
  readonly msisdn: string;
  readonly text: string;
}

/** Something an operator should know and can mend. */
export interface WarnEvent {
  readonly code: string;
  readonly message: string;
}

/** The events of a guard by name. */
export interface GuardEvents {
  /** A first answer is possible. Once. */
  ready: { readonly state: State };
  /** How far answers can be trusted has changed. */
  state: { readonly state: State; readonly previous: State; readonly ageMs: number | null };
  /** A sweep was complete. */
  swept: Extract<SweepOutcome, { status: 'complete' }>;
  optOut: ChangeEvent;
  optIn: ChangeEvent;
  blocked: BlockedEvent;
  anomaly: Anomaly;
  unclear: UnclearEvent;
  warn: WarnEvent;
  /** A fault of the provider, the store or the sender of a webhook. */
  error: GuardError;
}

export interface EventHub {
  /** @returns a function that ends the subscription. */
  on<K extends keyof GuardEvents>(event: K, listener: (payload: GuardEvents[K]) => unknown): () => void;
  /** Tells the listeners, each in its own turn of fortune. */
  emit<K extends keyof GuardEvents>(event: K, payload: GuardEvents[K]): void;
  /** Who listens. Live. An event that costs something is made only where anybody does. */
  listenersOf(event: keyof GuardEvents): ReadonlySet<unknown>;
}

/** The events there are. */
export const EVENT_NAMES: readonly (keyof GuardEvents)[] = [
  'ready',
  'state',
  'swept',
  'optOut',
  'optIn',
  'blocked',
  'anomaly',
  'unclear',
  'warn',
  'error',
];

/** How often one and the same error is logged while nobody listens for it, ms. */
const LOG_ERROR_EVERY_MS = 60_000;

/** Creates a hub that logs what nobody hears but somebody should. */
export function createEventHub(logger: Logger, clock: Clock): EventHub {
  const listeners = new Map<keyof GuardEvents, Set<(payload: never) => unknown>>();
  const listenersOf = (event: keyof GuardEvents) => {
    const known = listeners.get(event) ?? new Set();
    listeners.set(event, known);
    return known;
  };
  const loggedAt = new Map<string, number>();

  /** Whether an error that nobody hears is to be logged: a webhook storm must not become a log storm. */
  function isDue(code: string): boolean {
    const now = clock.monotonic();
    if (now - (loggedAt.get(code) ?? -Infinity) < LOG_ERROR_EVERY_MS) return false;
    loggedAt.set(code, now);
    return true;
  }

  function emit<K extends keyof GuardEvents>(event: K, payload: GuardEvents[K]): void {
    const hearing = [...listenersOf(event)] as ((payload: GuardEvents[K]) => unknown)[];
    const entry = logEntry(event, payload);
    const isUnheard = event !== 'error' || (hearing.length === 0 && isDue((payload as GuardError).code));
    if (entry && isUnheard) logSafely(logger, entry.level, entry.details, entry.message);
    const complain = (cause: unknown) =>
      logSafely(logger, 'error', { event, cause: nameOf(cause) }, `a listener of '${event}' threw`);
    for (const listener of hearing) {
      try {
        heed(listener(payload), complain);
      } catch (cause) {
        complain(cause);
      }
    }
  }

  return {
    on(event, listener) {
      const known = listenersOf(event);
      // A wrapper of its own for each subscription, so that one function may listen twice.
      const hearing = (payload: never): unknown => listener(payload);
      known.add(hearing);
      return () => {
        known.delete(hearing);
      };
    },
    emit,
    listenersOf,
  };
}

/** How an event is written to the log; `undefined` for those that are not. An error is written where nobody hears it. */
function logEntry<K extends keyof GuardEvents>(
  event: K,
  payload: GuardEvents[K],
): { level: keyof Logger; details: object; message: string } | undefined {
  switch (event) {
    case 'error': {
      const { code, message } = payload as GuardEvents['error'];
      return { level: 'error', details: { event, code }, message };
    }
    case 'warn': {
      const { code, message } = payload as GuardEvents['warn'];
      return { level: 'warn', details: { event, code }, message };
    }
    case 'anomaly': {
      const { code, list, count, message } = payload as GuardEvents['anomaly'];
      return { level: 'warn', details: { event, code, list, count }, message };
    }
    case 'state': {
      const { state, previous } = payload as GuardEvents['state'];
      return { level: 'info', details: { event, state, previous }, message: `the guard is ${state}` };
    }
    case 'swept': {
      const { list, size, added, removed } = payload as GuardEvents['swept'];
      return {
        level: 'debug',
        details: { event, list, size, added, removed },
        message: 'a sweep was complete',
      };
    }
    default:
      return undefined;
  }
}

/** A log that only speaks up: warnings and errors go to Node's warning channel. */
export const warningLogger: Logger = {
  debug() {},
  info() {},
  warn(details, message) {
    warnOnProcess(details, message);
  },
  error(details, message) {
    warnOnProcess(details, message);
  },
};

function warnOnProcess(details: object, message: string): void {
  const code = 'code' in details && typeof details.code === 'string' ? details.code : undefined;
  process.emitWarning(message, { type: 'SmsSendGuardWarning', ...(code === undefined ? {} : { code }) });
}

/** Writes to a log that may itself be broken. */
export function logSafely(logger: Logger, level: keyof Logger, details: object, message: string): void {
  try {
    // A broken log must not stop a send from being refused.
    heed(logger[level](details, message), () => undefined);
  } catch {
    // Neither now nor later.
  }
}

/** An async function rejects where another one throws: that too is heard by nobody else. */
function heed(result: unknown, onRejected: (cause: unknown) => void): void {
  if (result instanceof Promise) result.catch(onRejected);
}

function nameOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.name : typeof thrown;
}

/** Adds properties that neither loggers nor JSON see. */
function withHidden<T extends object, H extends object>(shown: T, hidden: H): T & H {
  for (const [key, value] of Object.entries(hidden)) Object.defineProperty(shown, key, { value });
  return shown as T & H;
}

/** The event of a change. */
export function changeEvent({ list, msisdn, evidence }: OptOutChange): ChangeEvent {
  const { source, text, reason } = evidence;
  const shown = { to: maskMsisdn(msisdn), list, source, at: sinceOf(evidence) };
  return withHidden(shown, { msisdn, text, reason });
}

/** The event of a refused send. */
export function blockedEvent(
  decision: Extract<Decision, { allowed: false }>,
  gate: string,
  observed: boolean,
): BlockedEvent {
  return withHidden({ to: maskMsisdn(decision.to), reason: decision.reason, gate, observed }, { decision });
}

/** The event of words that may mean an opt-out. */
export function unclearEvent(news: {
  msisdn: string;
  sender?: string | undefined;
  matched: string;
  blocked: boolean;
  text: string;
}): UnclearEvent {
  const { msisdn, sender, matched, blocked, text } = news;
  return withHidden({ to: maskMsisdn(msisdn), sender, matched, blocked }, { msisdn, text });
}
