/**
 * The guard: it creates the parts, connects them and closes them. It holds no rule of its own.
 *
 *  providers/ ──sweep──▶ ┌───────────┐ ◀──changes── webhooks/
 *               sync/    │  ledger/  │   changes/
 *  stores/    ◀──keep──▶ │           │ ──view──▶ lists/ ──Decision──▶ gates/ ──▶ the send happens, or not
 *                        └───────────┘
 */

import { createChangeCounters } from './changes/change-counters.ts';
import { createChecker } from './lists/checker.ts';
import { createClockSkew } from './lists/clock-skew.ts';
import { atMost, createAgeClock, startTimer } from './clock.ts';
import type { Guard } from './guard-api.ts';
import type { CheckOptions, Decision } from './decision.ts';
import { durationWarnings } from './options/duration-warnings.ts';
import { ConfigError, SendBlockedError } from './errors.ts';
import { EVENT_NAMES, changeEvent, createEventHub, warningLogger } from './events.ts';
import { filterRecipients } from './gates/batch/filter.ts';
import { createFilterStream, type CsvStreamOptions, type RowStreamOptions } from './gates/batch/stream.ts';
import { expressGate } from './gates/express.ts';
import { registerAccess, type GateAccess } from './gates/guard-access.ts';
import { sendThrough } from './gates/send.ts';
import { createWebhookIntake } from './changes/webhook-intake.ts';
import { createJournal } from './changes/journal.ts';
import { createLists } from './lists/opt-out-lists.ts';
import { createProviderOptIn } from './changes/provider-opt-in.ts';
import { createOperatorActions } from './changes/operator-actions.ts';
import { createMsisdnReader, maskMsisdn } from './msisdn/msisdn.ts';
import { MAX_TIMER_MS, duration, flag, oneOf, optional, readFields, withDefault } from './options/fields.ts';
import { readOptions, type Config, type GuardOptions } from './options/guard-options.ts';
import { countOpenGuard } from './open-guards.ts';
import { createPermits } from './lists/confirmation-permits.ts';
import { asProviderError } from './sync/list-reader.ts';
import { createRecentOptIns } from './changes/recent-opt-ins.ts';
import { createAuditTrail } from './changes/audit-trail.ts';
import { createStartJobs } from './changes/start-jobs.ts';
import { createObstacles, statusOf } from './lists/status.ts';
import { secondEdition } from './stores/first-edition.ts';
import { memoryStore } from './stores/memory.ts';
import { sqliteStore } from './stores/sqlite/sqlite-store.ts';
import type { Store } from './stores/store.ts';
import { pollerOf } from './list-sync.ts';
import { createStateMonitor } from './lists/state-monitor.ts';
import { createWebhookHandler } from './webhooks/http-handler.ts';
import { createReceiver } from './webhooks/receiver.ts';

/**
 * Creates a guard and starts it: the store is loaded, then every list is swept, and swept again for ever.
 *
 * @throws ConfigError for options that cannot be used.
 */
export function createGuard(options: GuardOptions = {}): Guard {
  const config = readOptions(options);
  const { clock } = config;
  const ageClock = createAgeClock(clock);
  const events = createEventHub(config.logger ?? warningLogger, clock);
  const clockSkew = createClockSkew({
    clock,
    slackMs: config.refresh.clockSlack,
    warn: (message) => events.emit('warn', { code: 'clock_skew', message }),
  });
  const reader = createMsisdnReader({ defaultCountry: config.defaultCountry });
  const lists = createLists(config, ageClock);
  const openGuard = countOpenGuard(lists);
  const closing = new AbortController();
  let isOver = false;
  const isClosed = () => isOver;
  const changes = createChangeCounters();
  const obstacles = createObstacles();
  const permits = createPermits(ageClock);
  const checker = createChecker({ reader, lists, policy: config.policy, events, permits, clock, isClosed });
  const watch = createStateMonitor({ clock, config, lists, events, isClosed });

  const store = storeOf(config, () =>
    events.emit('warn', {
      code: 'store_first_edition',
      message:
        'the store answers append with booleans: it goes on working, but opt-ins lift no opt-out of another process, and no confirmation is permitted',
    }),
  );
  const recentOptIns = createRecentOptIns(clock, config.refresh.lagGrace);
  const journal = createJournal({
    ...{ store, lists, clock, clockSkew, recentOptIns },
    accounts: accountsOf(config),
    onFollowed() {
      watch.update();
      void startJobs.resume();
    },
    onChange(change) {
      const event = change.evidence.direction === 'out' ? 'optOut' : 'optIn';
      changes.count(change);
      if (event === 'optIn') permits.take(change.list, change.msisdn);
      if (events.listenersOf(event).size > 0) events.emit(event, changeEvent(change));
    },
    onError: (error) => events.emit('error', error),
    onWarn: (warning) => events.emit('warn', warning),
    onLoaded() {
      watch.update();
      void startJobs.resume();
      if (!isClosed()) for (const { poller } of lists.all()) poller?.start();
    },
  });

  const askManage = createProviderOptIn(config, closing.signal);
  const startJobs = createStartJobs({
    ...{ lists, journal, config, askManage, isClosed },
    onError: (error) => events.emit('error', asProviderError(error)),
  });
  const sweeping = {
    ...{ config, store, journal, watch, events, ageClock, clockSkew },
    onSwept: () => void startJobs.resume(),
  };
  for (const list of lists.all()) list.poller = pollerOf(list, sweeping);
  const manual = createOperatorActions({
    reader,
    lists,
    journal,
    config,
    clock,
    askManage,
    closing: closing.signal,
  });

  const records = createAuditTrail({ reader, lists, journal, config, clock });

  const sink = createWebhookIntake({
    ...{ lists, config, journal, permits, clock, clockSkew, recentOptIns, events },
    onStart: startJobs.follow,
    onRefused: () => changes.counters.webhooksRefused++,
  });

  let isWarned = config.store.kind !== 'memory';
  /** Said once, by who uses what `memory:` loses. */
  function warnOfMemory(): void {
    if (isWarned) return;
    isWarned = true;
    events.emit('warn', {
      code: 'memory_store',
      message:
        "store 'memory:' forgets with the process: opt-outs by webhook, receipt, import or call are lost on restart; 'sqlite:<file>' keeps them",
    });
  }

  function check(msisdn: unknown, asked: CheckOptions | undefined, gate: string): Decision {
    const decision = checker.decide(msisdn, asked);
    checker.report(decision, { gate, isObserved: false });
    return decision;
  }

  let closed: Promise<void> | undefined;
  async function end(timeoutMs: number): Promise<void> {
    isOver = true;
    openGuard.leave();
    closing.abort();
    startJobs.stop();
    watch.stop();
    const deadline = clock.monotonic() + timeoutMs;
    await atMost(clock, timeoutMs, Promise.all(lists.all().map(async ({ poller }) => poller?.stop())));
    await journal.close(Math.max(0, deadline - clock.monotonic()));
  }

  const access: GateAccess = {
    ...checker,
    async learn({ msisdn, from }) {
      warnOfMemory();
      const news = { direction: 'out', msisdn, sender: from, source: 'receipt', isProven: true } as const;
      // A store that fails is an event, and the number is blocked all the same.
      await sink.record(news).catch(() => undefined);
    },
    receiver(given) {
      warnOfMemory();
      const receiver = createReceiver(given, { clock, sink });
      lists.optInsKeptMs = Math.max(lists.optInsKeptMs, receiver.replayWindow);
      return receiver;
    },
    warn: sink.warn,
    fail: (error) => events.emit('error', error),
    hinder: obstacles.add,
  };

  const guard: Guard = {
    ready: async (given = {}) => {
      const { timeout } = readFields(given, 'ready', {
        timeout: withDefault('10s', duration({ min: 0, max: 2 ** 31 - 1 })),
      });
      return watch.ready(timeout);
    },
    canSend: checker.canSend,
    check: (msisdn, asked) => check(msisdn, asked, 'check'),
    assertCanSend(msisdn, asked) {
      const decision = check(msisdn, asked === undefined ? asked : readAsked(asked), 'assertCanSend');
      if (!decision.allowed) throw new SendBlockedError(decision, maskMsisdn(decision.to));
    },
    send: (msisdn, send, given) => sendThrough(access, msisdn, send, given),
    filter: (recipients, given) => filterRecipients(checker, recipients, given),
    filterStream: (given?: CsvStreamOptions | RowStreamOptions<never>) =>
      createFilterStream(checker, clock, given),
    optOut(msisdn, given) {
      warnOfMemory();
      return manual.optOut(msisdn, given);
    },
    resubscribe: manual.resubscribe,
    import: manual.import,
    erase: manual.erase,
    optOuts: records.optOuts,
    history: records.history,
    prune: records.prune,
    async refresh(given = {}) {
      const { acceptShrink } = readFields(given, 'refresh', { acceptShrink: withDefault(false, flag) });
      // Whoever waits for the answer keeps the process alive for it.
      const cancel = startTimer(clock, MAX_TIMER_MS, () => undefined, { keepsAlive: true });
      try {
        await journal.opened;
        const pollers = lists.all().flatMap(({ poller }) => poller ?? []);
        const outcomes = await Promise.all(pollers.map((poller) => poller.sweep({ acceptShrink })));
        return {
          isComplete: outcomes.every(({ status }) => status === 'complete') && !isClosed(),
          lists: outcomes,
        };
      } finally {
        cancel();
      }
    },
    webhooks: (given) => createWebhookHandler(access.receiver(given)),
    middleware: (given) => expressGate(checker, given, access.fail),
    status: () =>
      statusOf({
        ...{ lists, store, journal, isClosed: isClosed(), policy: config.policy, obstacles },
        ...{ checks: checker.counters, changes: changes.counters, clockSkew },
      }),
    on(event, listener) {
      if (!EVENT_NAMES.includes(event) || typeof listener !== 'function') {
        throw new ConfigError(
          'invalid_option',
          'event',
          `on: expected one of ${EVENT_NAMES.join(', ')} and a function`,
        );
      }
      return events.on(event, listener);
    },
    async close(given = {}) {
      const { timeout } = readFields(given, 'close', {
        timeout: withDefault('5s', duration({ min: 0, max: 2 ** 31 - 1 })),
      });
      closed ??= end(timeout);
      await closed;
    },
    [Symbol.asyncDispose]: () => guard.close(),
  };
  registerAccess(guard, access);
  void journal.open();
  // Later, so that those who call `on` next hear of it.
  queueMicrotask(() => {
    for (const warning of durationWarnings(config)) events.emit('warn', warning);
    if (openGuard.warning) events.emit('warn', openGuard.warning);
  });
  return guard;
}

/**
 * The options of a check that may throw. Any `from` will do: one that is unknown asks every list.
 *
 * @throws ConfigError for anything but options.
 */
function readAsked(asked: CheckOptions): CheckOptions {
  return readFields(asked, 'assertCanSend', {
    from: (value) => value as CheckOptions['from'],
    purpose: optional(oneOf(['opt_out_confirmation'])),
  });
}

function storeOf({ store: choice, clock }: Config, onFirstEdition: () => void): Store {
  switch (choice.kind) {
    case 'memory':
      // Nobody can load the sweeps of a store that only this guard knows.
      return memoryStore({ keepsSweeps: false });
    case 'sqlite':
      return sqliteStore(choice.file);
    case 'own':
      return secondEdition(choice.store, { now: () => clock.now(), onFirstEdition });
  }
}

/** The account of each list that a provider keeps, for the store to tell its own from another's. */
function accountsOf({ lists }: Config): Readonly<Record<string, string>> {
  return Object.fromEntries(
    lists.flatMap(({ name, provider }) =>
      provider?.account === undefined ? [] : [[name, provider.account]],
    ),
  );
}
