/**
 * The guard: creates the modules, connects them and closes them. It contains no rule of its own.
 *
 *  providers/ ──sweep──▶ ┌───────────┐ ◀──changes── webhooks/
 *               sync/    │  ledger/  │   changes/
 *  stores/    ◀──keep──▶ │           │ ──view──▶ lists/ ──Decision──▶ gates/ ──▶ the send happens, or not
 *                        └───────────┘
 */

import { createChangeCounters } from './changes/change-counters.ts';
import { createChecker } from './lists/checker.ts';
import { createClockSkew } from './lists/clock-skew.ts';
import { atMost, createAgeClock, startTimer, type Clock } from './clock.ts';
import type { Guard } from './guard-api.ts';
import type { CheckOptions, Decision } from './decision.ts';
import { durationWarnings } from './options/duration-warnings.ts';
import { ConfigError } from './errors.ts';
import { EVENT_NAMES, changeEvent, createEventHub, warningLogger, type EventHub } from './events.ts';
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
import { MAX_TIMER_MS } from './options/fields.ts';
import { readCheckOptions, readRefreshOptions, readTimeout } from './options/call-options.ts';
import { accountsOf } from './options/list-options.ts';
import { readOptions, type Config, type GuardOptions } from './options/guard-options.ts';
import { countOpenGuard } from './open-guards.ts';
import { createPermits } from './lists/confirmation-permits.ts';
import { asProviderError } from './sync/list-reader.ts';
import { createRecentOptIns } from './changes/recent-opt-ins.ts';
import { createAuditTrail } from './changes/audit-trail.ts';
import { createStartJobs } from './changes/start-jobs.ts';
import { createObstacles, statusOf } from './lists/status.ts';
import { secondEdition } from './stores/first-edition.ts';
import { SendBlockedError } from './send-blocked.ts';
import { memoryStore } from './stores/memory.ts';
import { sqliteStore } from './stores/sqlite/sqlite-store.ts';
import type { Store } from './stores/store.ts';
import { pollerOf } from './list-sync.ts';
import { createStateMonitor } from './lists/state-monitor.ts';
import { createWebhookHandler } from './webhooks/http-handler.ts';
import { createReceiver } from './webhooks/receiver.ts';

/**
 * Creates a guard and starts it: the store is loaded, then each list that a provider keeps is read, and read again at
 * each `refresh.every`. One guard per process is enough. Close it with `close()`.
 *
 * @throws ConfigError for options that cannot be used; it names the option and what is expected.
 *
 * @example
 * const guard = createGuard({
 *   provider: vonage({ apiKey: 'my-key', apiSecret: 'my-secret' }),
 *   store: 'sqlite:./optouts.db',
 * });
 * await guard.ready();
 * if (guard.canSend('15551234567', { from: '73737' })) {
 *   // send the message
 * }
 */
export function createGuard(options: GuardOptions = {}): Guard {
  const config = readOptions(options);

  // Ports: time, events and the store.
  const { clock } = config;
  const ageClock = createAgeClock(clock);
  const events = createEventHub(config.logger ?? warningLogger, clock);
  const clockSkew = createClockSkew({
    clock,
    slackMs: config.refresh.clockSlack,
    warn: (message) => events.emit('warn', { code: 'clock_skew', message }),
  });
  const store = storeOf(config, events);
  const warnOfMemoryStore = memoryStoreWarning(config, events);
  const closing = new AbortController();
  let hasClosed = false;
  const isClosed = () => hasClosed;

  // Lists: what is known, how fresh it is, and the check.
  const reader = createMsisdnReader({ defaultCountry: config.defaultCountry });
  const lists = createLists(config, ageClock);
  const openGuard = countOpenGuard(lists);
  const permits = createPermits(ageClock);
  const checker = createChecker({ reader, lists, policy: config.policy, events, permits, clock, isClosed });
  const stateMonitor = createStateMonitor({ clock, config, lists, events, isClosed });

  // Changes: evidence is stored, then counted by the checks.
  const changes = createChangeCounters();
  const recentOptIns = createRecentOptIns(clock, config.refresh.lagGrace);
  const journal = createJournal({
    ...{ store, lists, clock, clockSkew, recentOptIns },
    accounts: accountsOf(config.lists),
    onFollowed() {
      stateMonitor.update();
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
      stateMonitor.update();
      void startJobs.resume();
      if (!isClosed()) for (const { poller } of lists.all()) poller?.start();
    },
  });
  const askManage = createProviderOptIn(config, closing.signal);
  const startJobs = createStartJobs({
    ...{ lists, journal, config, askManage, isClosed },
    onError: (error) => events.emit('error', asProviderError(error)),
  });
  const operatorActions = createOperatorActions({
    ...{ reader, lists, journal, config, clock, askManage },
    closing: closing.signal,
  });
  const auditTrail = createAuditTrail({ reader, lists, journal, config, clock });
  const webhookIntake = createWebhookIntake({
    ...{ lists, config, journal, permits, clock, clockSkew, recentOptIns, events },
    onStart: startJobs.follow,
    onRefused: () => changes.counters.webhooksRefused++,
  });

  // Sync: one poller for each list that a provider keeps.
  const pollingPorts = {
    ...{ config, store, journal, stateMonitor, events, ageClock, clockSkew },
    onSwept: () => void startJobs.resume(),
  };
  for (const list of lists.all()) list.poller = pollerOf(list, pollingPorts);

  // Gates: what they may do with this guard.
  const obstacles = createObstacles();
  const access: GateAccess = {
    ...checker,
    async learn({ msisdn, from }) {
      warnOfMemoryStore();
      const change = { direction: 'out', msisdn, sender: from, source: 'receipt', isProven: true } as const;
      // If the store fails, that is an event. The number is blocked in this process all the same.
      await webhookIntake.record(change).catch(() => undefined);
    },
    receiver(given) {
      warnOfMemoryStore();
      const receiver = createReceiver(given, { clock, sink: webhookIntake });
      lists.optInsKeptMs = Math.max(lists.optInsKeptMs, receiver.replayWindow);
      return receiver;
    },
    warn: webhookIntake.warn,
    fail: (error) => events.emit('error', error),
    addObstacle: obstacles.add,
  };

  function checkAndReport(msisdn: unknown, asked: CheckOptions | undefined, gate: string): Decision {
    const decision = checker.decide(msisdn, asked);
    checker.report(decision, { gate, isObserved: false });
    return decision;
  }

  let closed: Promise<void> | undefined;
  async function end(timeoutMs: number): Promise<void> {
    hasClosed = true;
    openGuard.leave();
    closing.abort();
    startJobs.stop();
    stateMonitor.stop();
    const deadline = clock.monotonic() + timeoutMs;
    await atMost(clock, timeoutMs, Promise.all(lists.all().map(async ({ poller }) => poller?.stop())));
    await journal.close(Math.max(0, deadline - clock.monotonic()));
  }

  const guard: Guard = {
    ready: async (given) => stateMonitor.ready(readTimeout('ready', '10s', given)),
    canSend: checker.canSend,
    check: (msisdn, asked) => checkAndReport(msisdn, asked, 'check'),
    assertCanSend(msisdn, asked) {
      const checked = asked === undefined ? asked : readCheckOptions(asked);
      const decision = checkAndReport(msisdn, checked, 'assertCanSend');
      if (!decision.allowed) throw new SendBlockedError(decision, maskMsisdn(decision.to));
    },
    send: (msisdn, send, given) => sendThrough(access, msisdn, send, given),
    filter: (recipients, given) => filterRecipients(checker, recipients, given),
    filterStream: (given?: CsvStreamOptions | RowStreamOptions<never>) =>
      createFilterStream(checker, clock, given),
    optOut(msisdn, given) {
      warnOfMemoryStore();
      return operatorActions.optOut(msisdn, given);
    },
    resubscribe: operatorActions.resubscribe,
    import: operatorActions.import,
    erase: operatorActions.erase,
    optOuts: auditTrail.optOuts,
    history: auditTrail.history,
    prune: auditTrail.prune,
    async refresh(given) {
      const { acceptShrink } = readRefreshOptions(given);
      return keepAlive(clock, async () => {
        await journal.opened;
        const pollers = lists.all().flatMap(({ poller }) => poller ?? []);
        const outcomes = await Promise.all(pollers.map((poller) => poller.sweep({ acceptShrink })));
        const isComplete = outcomes.every(({ status }) => status === 'complete') && !isClosed();
        return { isComplete, lists: outcomes };
      });
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
    async close(given) {
      const timeoutMs = readTimeout('close', '5s', given);
      closed ??= end(timeoutMs);
      await closed;
    },
    [Symbol.asyncDispose]: () => guard.close(),
  };

  registerAccess(guard, access);
  void journal.open();
  // In a microtask, so that listeners that are added right after this call receive them.
  queueMicrotask(() => {
    for (const warning of durationWarnings(config)) events.emit('warn', warning);
    if (openGuard.warning) events.emit('warn', openGuard.warning);
  });
  return guard;
}

/** Returns the result of `work`, and keeps the process alive until then. */
async function keepAlive<T>(clock: Clock, work: () => Promise<T>): Promise<T> {
  const cancel = startTimer(clock, MAX_TIMER_MS, () => undefined, { keepsAlive: true });
  try {
    return await work();
  } finally {
    cancel();
  }
}

/**
 * Returns a function that warns, once, if the guard's store is `memory:` and opt-outs would be lost with the process.
 */
function memoryStoreWarning({ store }: Config, events: EventHub): () => void {
  let isDue = store.kind === 'memory';
  return () => {
    if (!isDue) return;
    isDue = false;
    events.emit('warn', {
      code: 'memory_store',
      message:
        "store 'memory:' forgets with the process: opt-outs by webhook, receipt, import or call are lost on restart; 'sqlite:<file>' keeps them",
    });
  };
}

function storeOf({ store: choice, clock }: Config, events: EventHub): Store {
  switch (choice.kind) {
    case 'memory':
      // No later guard can load the sweeps of this store: only this guard has it.
      return memoryStore({ keepsSweeps: false });
    case 'sqlite':
      return sqliteStore(choice.file);
    case 'own': {
      const onFirstEdition = () =>
        events.emit('warn', {
          code: 'store_first_edition',
          message:
            'the store answers append with booleans: it goes on working, but opt-ins lift no opt-out of another process, and no confirmation is permitted',
        });
      return secondEdition(choice.store, { now: () => clock.now(), onFirstEdition });
    }
  }
}
