/** Counts the answers of checks, and emits events for refusals and for gates that only observe. */

import type { Clock } from '../clock.ts';
import type { Decision } from '../decision.ts';
import { blockedEvent, type EventHub } from '../events.ts';

/** How often each answer was given since the start. */
export interface CheckCounters {
  allowed: number;
  blocked: Record<Extract<Decision, { allowed: false }>['reason'], number>;
  /** Refusals that a gate only observed. */
  observed: number;
}

export interface CheckReports {
  readonly counters: CheckCounters;
  /** The listeners of the event `blocked`. Live. */
  readonly blockedListeners: ReadonlySet<unknown>;
  /** Counts a decision, and emits `blocked` for a refusal. */
  report(decision: Decision, options: { readonly gate: string; readonly isObserved: boolean }): void;
  /** Counts numbers that a gate allowed without a decision. */
  reportPermitted(count: number): void;
  /** Emits the warning `observe_only` for a gate, once an hour. */
  remindObserving(gate: string): void;
}

/** How often a gate that only observes emits its warning, ms. */
const REMINDER_MS = 3_600_000;

/** Creates the reports of a guard. All counters are 0. */
export function createCheckReports(events: EventHub, clock: Clock): CheckReports {
  const counters: CheckCounters = {
    allowed: 0,
    blocked: { opted_out: 0, invalid_number: 0, not_ready: 0, stale: 0, expired: 0, closed: 0 },
    observed: 0,
  };
  const blockedListeners = events.listenersOf('blocked');
  const remindedAt = new Map<string, number>();

  return {
    counters,
    blockedListeners,
    report(decision, { gate, isObserved }) {
      if (decision.allowed) {
        counters.allowed++;
        return;
      }
      if (isObserved) counters.observed++;
      else counters.blocked[decision.reason]++;
      if (blockedListeners.size > 0) events.emit('blocked', blockedEvent(decision, gate, isObserved));
    },
    reportPermitted(count) {
      counters.allowed += count;
    },
    remindObserving(gate) {
      const now = clock.monotonic();
      if (now - (remindedAt.get(gate) ?? -Infinity) < REMINDER_MS) return;
      remindedAt.set(gate, now);
      const message = `${gate} only observes: sends to people who opted out are not stopped there`;
      events.emit('warn', { code: 'observe_only', message });
    },
  };
}
