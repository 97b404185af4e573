/**
 * Wires the poller of a list to the journal, the store, the events and the state of the guard. When and how a list is
 * read is decided by the poller.
 */

import type { ClockSkew } from './lists/clock-skew.ts';
import type { AgeClock } from './clock.ts';
import { GuardError, StoreError } from './errors.ts';
import type { EventHub } from './events.ts';
import type { Journal } from './changes/journal.ts';
import type { OptOutList } from './lists/opt-out-lists.ts';
import type { Config } from './options/guard-options.ts';
import { createPoller, type Poller } from './sync/poller.ts';
import type { Store } from './stores/store.ts';
import type { StateMonitor } from './lists/state-monitor.ts';

export interface PollingPorts {
  readonly config: Config;
  readonly store: Store;
  readonly journal: Journal;
  readonly stateMonitor: StateMonitor;
  readonly events: EventHub;
  readonly ageClock: AgeClock;
  /** Called after each complete sweep. */
  readonly onSwept: () => void;
  readonly clockSkew: ClockSkew;
}

/** Creates the poller of a list; `undefined` if the list has no provider. */
export function pollerOf(
  list: OptOutList,
  { config, store, journal, stateMonitor, events, ageClock, clockSkew, onSwept }: PollingPorts,
): Poller | undefined {
  const { clock } = config;
  const { provider, name } = list.config;
  if (provider === undefined) return undefined;
  const { every, jitter, timeout, pageSize, concurrency, maxPages } = config.refresh;
  return createPoller(
    { list: name, everyMs: every, jitter, timeoutMs: timeout, pageSize, concurrency, maxPages },
    {
      provider,
      ledger: list.ledger,
      clock,
      ageClock,
      applied: () => journal.applied,
      random: config.random,
      keepOptIns: async (optIns) => void (await journal.record(optIns)),
      requestLease: store.isShared ? (isForced) => store.lease(`sweep ${name}`, { isForced }) : undefined,
      notReadyError: () => (journal.isOpen ? undefined : new StoreError('the store is not open')),
      saveSweep: () => journal.saveSweep(list),
      onOutcome(outcome) {
        stateMonitor.update();
        if (outcome.status === 'complete') {
          events.emit('swept', outcome);
          onSwept();
        } else if (outcome.status === 'failed') {
          events.emit('error', outcome.error);
        }
      },
      onAnomaly: (anomaly) => events.emit('anomaly', anomaly),
      onError: (error) => events.emit('error', asGuardError(error)),
      onServerTime: clockSkew.serverTime,
      onDuplicates: (rows) =>
        events.emit('warn', {
          code: 'duplicate_rows',
          message: `list '${name}' holds numbers in more than one row (${rows} rows more than numbers): its rows are counted as well as its numbers`,
        }),
    },
  );
}

function asGuardError(error: unknown): GuardError {
  return error instanceof GuardError
    ? error
    : new GuardError('store_unavailable', 'the store failed', { cause: error });
}
