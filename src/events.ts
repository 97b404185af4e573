/**
 * The events of a guard, and its log. An error in a listener affects no other listener and no send. An `error` without
 * a listener is logged. Phone numbers are masked in the log and in the enumerable properties of events.
 */

import type { Clock } from './clock.ts';
import type { Decision, State } from './decision.ts';
import type { GuardError } from './errors.ts';
import type { OptOutChange } from './ledger/evidence.ts';
import { sinceOf } from './ledger/evidence-rules.ts';
import { maskMsisdn } from './msisdn/msisdn.ts';
import type { Logger } from './options/guard-options.ts';
import type { Anomaly, SweepOutcome } from './sync/sweep.ts';
import type { UnclearText } from './webhooks/change-recorder.ts';

/**
 * A number opted out or in. `msisdn`, `text` and `reason` are not enumerable, so that a log of the event does not
 * contain them.
 */
export interface ChangeEvent {
  /** The number, masked. */
  readonly to: string;
  readonly list: string;
  /** The source of the evidence. */
  readonly source: OptOutChange['evidence']['source'];
  /** When the person or operator acted, ms UTC. */
  readonly at: number;
  /** The full number, digits. */
  readonly msisdn: string;
  /** The text of the message, if there is one. */
  readonly text: string | undefined;
  /** The `reason` of `optOut`, if there is one. */
  readonly reason: string | undefined;
}

/** A send was refused, or was only observed (`observed`). `decision` is not enumerable. */
export interface BlockedEvent {
  /** The number, masked. */
  readonly to: string;
  readonly reason: Extract<Decision, { allowed: false }>['reason'];
  /** The gate that asked, such as `check`, `send` or `fetch`. */
  readonly gate: string;
  /** Whether the gate only observes: the send was not stopped. */
  readonly observed: boolean;
  /** The decision, with the full number. */
  readonly decision: Decision;
}

/** A person wrote a text that may or may not mean an opt-out. `msisdn` and `text` are not enumerable. */
export interface UnclearEvent {
  /** The person's number, masked. */
  readonly to: string;
  /** Your number that the text was sent to. */
  readonly sender: string | undefined;
  /** The word or phrase that was recognised. */
  readonly matched: string;
  /** Whether an opt-out was recorded for it. */
  readonly blocked: boolean;
  /** The person's full number, digits. */
  readonly msisdn: string;
  readonly text: string;
}

/** A problem that an operator can solve. `code` is stable; `message` is for people. */
export interface WarnEvent {
  readonly code: string;
  readonly message: string;
}

/** The events of a guard by name. */
export interface GuardEvents {
  /** A first decision is possible. It is emitted once. */
  ready: { readonly state: State };
  /** The guard's state has changed. `ageMs` is the age of the list, `null` if it has none. */
  state: { readonly state: State; readonly previous: State; readonly ageMs: number | null };
  /** A sweep was complete: a provider's list was read to its end. */
  swept: Extract<SweepOutcome, { status: 'complete' }>;
  /** An opt-out was recorded. */
  optOut: ChangeEvent;
  /** An opt-in was recorded. */
  optIn: ChangeEvent;
  /** A send was refused or observed. */
  blocked: BlockedEvent;
  /** Something is unusual in a provider's list; `code` says what. */
  anomaly: Anomaly;
  /** A text may mean an opt-out. */
  unclear: UnclearEvent;
  /** A problem that an operator can solve. */
  warn: WarnEvent;
  /** A fault of the provider, the store, a gate or the sender of a webhook. If it has no listener, it is logged. */
  error: GuardError;
}

export interface EventHub {
  /** @returns a function that ends the subscription. */
  on<K extends keyof GuardEvents>(event: K, listener: (payload: GuardEvents[K]) => unknown): () => void;
  /** Calls the listeners in turn. An error in one does not affect the others. Never throws. */
  emit<K extends keyof GuardEvents>(event: K, payload: GuardEvents[K]): void;
  /** Returns the live set of an event's listeners, so that costly events are created only if there are listeners. */
  listenersOf(event: keyof GuardEvents): ReadonlySet<unknown>;
}

/** The names of all events. */
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

/** While `error` has no listener, errors with one code are logged at most this often, ms. */
const LOG_ERROR_EVERY_MS = 60_000;

/** Creates an event hub that logs `warn`, `anomaly`, `state` and `swept`, and each `error` that has no listener. */
export function createEventHub(logger: Logger, clock: Clock): EventHub {
  const listeners = new Map<keyof GuardEvents, Set<(payload: never) => unknown>>();
  const listenersOf = (event: keyof GuardEvents) => {
    const added = listeners.get(event) ?? new Set();
    listeners.set(event, added);
    return added;
  };
  const loggedAt = new Map<string, number>();

  /** Returns whether an error without a listener is to be logged: many bad webhooks must not fill the log. */
  function isDue(code: string): boolean {
    const now = clock.monotonic();
    if (now - (loggedAt.get(code) ?? -Infinity) < LOG_ERROR_EVERY_MS) return false;
    loggedAt.set(code, now);
    return true;
  }

  function emit<K extends keyof GuardEvents>(event: K, payload: GuardEvents[K]): void {
    const current = [...listenersOf(event)] as ((payload: GuardEvents[K]) => unknown)[];
    const entry = logEntry(event, payload);
    const isLogged = event !== 'error' || (current.length === 0 && isDue((payload as GuardError).code));
    if (entry && isLogged) logSafely(logger, entry.level, entry.details, entry.message);
    const logThrown = (cause: unknown) =>
      logSafely(logger, 'error', { event, cause: nameOf(cause) }, `a listener of '${event}' threw`);
    for (const listener of current) {
      try {
        catchRejection(listener(payload), logThrown);
      } catch (cause) {
        logThrown(cause);
      }
    }
  }

  return {
    on(event, listener) {
      const added = listenersOf(event);
      // Each subscription has its own wrapper, so that one function can subscribe twice.
      const subscription = (payload: never): unknown => listener(payload);
      added.add(subscription);
      return () => {
        added.delete(subscription);
      };
    },
    emit,
    listenersOf,
  };
}

/**
 * Returns the log entry of an event; `undefined` if it is not logged. An `error` is logged only if it has no listener.
 */
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

/** A logger that emits warnings and errors as warnings of Node (`process.emitWarning`), and drops the rest. */
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

/** Writes a log entry. Never throws, even if the logger does. */
export function logSafely(logger: Logger, level: keyof Logger, details: object, message: string): void {
  try {
    // A failing logger must not prevent that a send is refused.
    catchRejection(logger[level](details, message), () => undefined);
  } catch {
    // The entry is lost.
  }
}

/** Handles the rejection of an async listener or logger, which would otherwise be unhandled. */
function catchRejection(result: unknown, onRejected: (cause: unknown) => void): void {
  if (result instanceof Promise) result.catch(onRejected);
}

function nameOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.name : typeof thrown;
}

/** Adds properties that are not enumerable: loggers and JSON do not see them. */
function withHidden<T extends object, H extends object>(visible: T, hidden: H): T & H {
  for (const [key, value] of Object.entries(hidden)) Object.defineProperty(visible, key, { value });
  return visible as T & H;
}

/** Creates the event of a change. */
export function changeEvent({ list, msisdn, evidence }: OptOutChange): ChangeEvent {
  const { source, text, reason } = evidence;
  const visible = { to: maskMsisdn(msisdn), list, source, at: sinceOf(evidence) };
  return withHidden(visible, { msisdn, text, reason });
}

/** Creates the event of a refused or observed send. */
export function blockedEvent(
  decision: Extract<Decision, { allowed: false }>,
  gate: string,
  observed: boolean,
): BlockedEvent {
  return withHidden({ to: maskMsisdn(decision.to), reason: decision.reason, gate, observed }, { decision });
}

/** Creates the event of an unclear text. */
export function unclearEvent({ msisdn, sender, matched, blocked, text }: UnclearText): UnclearEvent {
  return withHidden({ to: maskMsisdn(msisdn), sender, matched, blocked }, { msisdn, text });
}
