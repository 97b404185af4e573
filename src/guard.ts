/**
 * The guard: it wires the rooms below and owns their life. It holds no rule of its own.
 *
 *  provider/ ──sweep──▶ ┌───────────────┐ ◀──changes── webhooks/
 *                       │   optouts/    │
 *  stores/  ◀──keep──▶  │  (the ledger) │ ──view──▶ decision.ts ──Decision──▶ gates/ ──▶ the send happens, or not
 *                       └───────────────┘
 */

import { inboundChange } from './acts.ts';
import { createChecker } from './checker.ts';
import { atMost, createActTime, createAgeClock, startTimer } from './clock.ts';
import type { CheckOptions, Decision, State } from './decision.ts';
import { ConfigError, GuardError, SendBlockedError, StoreError } from './errors.ts';
import {
  EVENT_NAMES,
  changeEvent,
  createEventHub,
  unclearEvent,
  warningLogger,
  type GuardEvents,
} from './events.ts';
import { filterRecipients, type FilterOptions, type FilterResult } from './gates/batch.ts';
import {
  createFilterStream,
  type CsvStreamOptions,
  type FilterStream,
  type RowStreamOptions,
} from './gates/batch-stream.ts';
import {
  expressGate,
  type GateRequest,
  type GateResponse,
  type MiddlewareOptions,
  type Next,
} from './gates/express.ts';
import { lendAccess, type GateAccess } from './gates/access.ts';
import { sendThrough, type SendOptions } from './gates/sending.ts';
import { createJournal } from './journal.ts';
import { createLists, listingOf, type OptOutList } from './lists.ts';
import { createManualActs, type ImportResult, type ImportRow, type Resubscription } from './manual.ts';
import { createMsisdnReader, maskMsisdn } from './msisdn.ts';
import { MAX_TIMER_MS, duration, flag, readFields, withDefault, type Duration } from './option-fields.ts';
import { readOptions, type Config, type GuardOptions, type StoreChoice } from './options.ts';
import { createSweeper, type SweepOutcome } from './provider/sweep.ts';
import { createPermits } from './permits.ts';
import { createRecords, type HistoryEntry, type OptOutEntry } from './records.ts';
import { statusOf, type GuardStatus } from './status.ts';
import { memoryStore } from './stores/memory.ts';
import { sqliteStore } from './stores/sqlite.ts';
import type { Store } from './stores/store.ts';
import { createWatch } from './watch.ts';
import { createWebhookHandler, type WebhookHandler } from './webhooks/handler.ts';
import type { WebhooksOptions } from './webhooks/options.ts';
import { createReceiver, type WebhookNews, type WebhookSink } from './webhooks/receiver.ts';

/** What `refresh` resolves to: `isComplete` says whether every list was read to its end. */
export interface RefreshResult {
  readonly isComplete: boolean;
  /** One outcome per list that a provider keeps. */
  readonly lists: readonly SweepOutcome[];
}

/** An outbound send guard. Made by {@link createGuard}. */
export interface Guard extends AsyncDisposable {
  /** Resolves to the state reached when a first answer is possible, or at the deadline (default 10 s). Never rejects because of the network. */
  ready(options?: { readonly timeout?: Duration }): Promise<State>;
  /** Whether a message may be sent to the number. Synchronous, never throws. */
  canSend(msisdn: unknown, options?: CheckOptions): boolean;
  /** As `canSend`, with the reason. */
  check(msisdn: unknown, options?: CheckOptions): Decision;
  /** @throws SendBlockedError where no message may be sent to the number. */
  assertCanSend(msisdn: unknown, options?: CheckOptions): void;
  /**
   * Runs `send` if a message may be sent to the number: for any client and any queue. What it returns or throws is read:
   * where the provider's reply says that the person has opted out, that is kept.
   *
   * @throws SendBlockedError where no message may be sent; `send` was not called then.
   */
  send<T>(
    msisdn: string | number,
    send: (msisdn: string) => T | Promise<T>,
    options?: SendOptions,
  ): Promise<T>;
  /** Parts recipients into those that may be sent to and the rest; order is kept. */
  filter<T>(recipients: Iterable<T>, options?: FilterOptions<T>): FilterResult<T>;
  /** As `filter` for files of any size: a stream of the bytes of a CSV file that lets the allowed rows pass as they are. */
  filterStream(options: CsvStreamOptions): FilterStream;
  /** As `filter` for any number of rows: a stream of objects or numbers that lets the allowed pass. */
  filterStream<T = unknown>(options?: RowStreamOptions<T>): FilterStream;
  /** Opts a number out, everywhere or on one list. Resolves when durable. */
  optOut(
    msisdn: string | number,
    options?: { readonly list?: string; readonly reason?: string },
  ): Promise<void>;
  /** Asks the provider to opt the number in, and only then lifts the block. `localOnly` skips the provider. */
  resubscribe(
    msisdn: string | number,
    options?: { readonly list?: string; readonly localOnly?: boolean },
  ): Promise<Resubscription>;
  /** Opts out many numbers. Never unblocks. `source` names the import in each number's history. */
  import(
    rows: Iterable<ImportRow> | AsyncIterable<ImportRow>,
    options?: { readonly list?: string; readonly source?: string },
  ): Promise<ImportResult>;
  /** Everything that is blocked, on every list or on one. */
  optOuts(options?: { readonly list?: string }): AsyncIterable<OptOutEntry>;
  /** Forgets a person's evidence and words, and keeps the block. */
  erase(msisdn: string | number): Promise<void>;
  /** The evidence about a number, newest first. */
  history(
    msisdn: string | number,
    options?: { readonly list?: string; readonly limit?: number },
  ): Promise<readonly HistoryEntry[]>;
  /** Forgets evidence that decides nothing any more and was received before `olderThan`: a `Date`, or an age. Never a current opt-out. */
  prune(options: { readonly olderThan: Date | Duration }): Promise<{ readonly removed: number }>;
  /** Sweeps now, or joins the sweep in flight. `acceptShrink` accepts that a list loses half of its numbers. Never rejects for a provider's fault. */
  refresh(options?: { readonly acceptShrink?: boolean }): Promise<RefreshResult>;
  /** A handler of the provider's webhooks, for Express 4 and 5 and `node:http`. */
  webhooks(options: WebhooksOptions): WebhookHandler;
  /** A gate in front of a send handler. */
  middleware<Req extends GateRequest = GateRequest, Res extends GateResponse = GateResponse>(
    options?: MiddlewareOptions<Req, Res>,
  ): (req: Req, res: Res, next: Next) => void;
  /** How the guard is doing, as plain data. */
  status(): GuardStatus;
  /** Listens to an event. @returns its unsubscribe. */
  on<K extends keyof GuardEvents>(event: K, listener: (payload: GuardEvents[K]) => unknown): () => void;
  /** Ends the guard: from now on everything is blocked. Waits for writes under way and the store's end, at most `timeout` (default 5 s). */
  close(options?: { readonly timeout?: Duration }): Promise<void>;
}

/**
 * Creates a guard and starts it: the store is loaded, then every list is swept, and swept again for ever.
 *
 * @throws ConfigError for options that cannot be used.
 */
export function createGuard(options: GuardOptions = {}): Guard {
  const config = readOptions(options);
  const { clock } = config;
  const ageClock = createAgeClock(clock);
  const actTime = createActTime(clock);
  const events = createEventHub(config.logger ?? warningLogger, clock);
  const reader = createMsisdnReader({ defaultCountry: config.defaultCountry });
  const lists = createLists(config, ageClock);
  const store = storeOf(config.store);
  const closing = new AbortController();
  let isOver = false;
  const isClosed = () => isOver;
  const changes = { optOuts: 0, optIns: 0, webhooksRefused: 0 };
  const permits = createPermits(ageClock);
  const checker = createChecker({ reader, lists, policy: config.policy, events, permits, clock, isClosed });
  const watch = createWatch({ clock, config, lists, events, isClosed });

  const journal = createJournal({
    store,
    lists,
    clock,
    actTime,
    accounts: accountsOf(config),
    onFollowed: () => watch.look(),
    onChange(change) {
      const event = change.evidence.direction === 'out' ? 'optOut' : 'optIn';
      changes[event === 'optOut' ? 'optOuts' : 'optIns']++;
      if (event === 'optIn') permits.take(change.list, change.msisdn);
      if (events.hasListeners(event)) events.emit(event, changeEvent(change));
    },
    onError: (error) => events.emit('error', error),
    onLoaded() {
      watch.look();
      if (!isClosed()) for (const { sweeper } of lists.all()) sweeper?.start();
    },
  });

  function sweeperFor(list: OptOutList): OptOutList['sweeper'] {
    const { provider, name } = list.config;
    if (provider === undefined) return undefined;
    const { every, jitter, timeout, pageSize, concurrency, maxPages } = config.refresh;
    return createSweeper(
      { list: name, everyMs: every, jitter, timeoutMs: timeout, pageSize, concurrency, maxPages },
      {
        provider,
        ledger: list.ledger,
        clock,
        ageClock,
        actTime,
        random: config.random,
        keepOptIns: async (optIns) => void (await journal.record(optIns)),
        lease: store.isShared ? (isForced) => store.lease(`sweep ${name}`, { isForced }) : undefined,
        obstacle: () => (journal.isOpen ? undefined : new StoreError('the store is not open')),
        saveSweep: () => journal.saveSweep(list),
        onOutcome(outcome) {
          watch.look();
          if (outcome.status === 'complete') events.emit('swept', outcome);
          else if (outcome.status === 'failed') events.emit('error', outcome.error);
        },
        onAnomaly: (anomaly) => events.emit('anomaly', anomaly),
        onError: (error) => events.emit('error', asGuardError(error)),
        onThreadLost: () =>
          events.emit('warn', {
            code: 'sweep_thread',
            message: `pages of list '${name}' are read on the main thread from now on: the thread that should read them could not be started, or died`,
          }),
      },
    );
  }
  for (const list of lists.all()) list.sweeper = sweeperFor(list);
  const manual = createManualActs({
    reader,
    lists,
    journal,
    config,
    clock,
    actTime,
    closing: closing.signal,
  });

  const records = createRecords({ reader, lists, journal, config, clock });

  const sink: WebhookSink = {
    async record(news) {
      ageClock.now();
      const change = inboundChange(news, lists, config, actTime.now());
      if (change === undefined) return 'not_honoured';
      const list = lists.ensure(change.list);
      const { msisdn } = change;
      const before = listingOf([list], msisdn)?.source ?? 'provider';
      const [isNew] = await journal.record([change]);
      // Who had opted out before, other than by the list alone, has been told.
      if (isNew === true && earnsConfirmation(news) && before === 'provider') {
        // An opt-in can have come in between.
        if (listingOf([list], msisdn)?.source === 'inbound') permits.grant(change.list, msisdn);
      }
      return isNew === true ? 'recorded' : 'known';
    },
    unclear: (event) => events.emit('unclear', unclearEvent(event)),
    warn: (code, message) => events.emit('warn', { code, message }),
    failed: (error) => events.emit('error', error),
    refused(error) {
      changes.webhooksRefused++;
      events.emit('error', error);
    },
  };

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
    closing.abort();
    watch.stop();
    const deadline = clock.monotonic() + timeoutMs;
    await atMost(clock, timeoutMs, Promise.all(lists.all().map(async ({ sweeper }) => sweeper?.stop())));
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
  };

  const guard: Guard = {
    ready: async (given = {}) => {
      const { timeout } = readFields(given, 'options', {
        timeout: withDefault('10s', duration({ min: 0, max: 2 ** 31 - 1 })),
      });
      return watch.ready(timeout);
    },
    canSend: checker.canSend,
    check: (msisdn, asked) => check(msisdn, asked, 'check'),
    assertCanSend(msisdn, asked) {
      const decision = check(msisdn, asked, 'assertCanSend');
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
      const { acceptShrink } = readFields(given, 'options', { acceptShrink: withDefault(false, flag) });
      // Whoever waits for the answer keeps the process alive for it.
      const cancel = startTimer(clock, MAX_TIMER_MS, () => undefined, { keepsAlive: true });
      try {
        await journal.opened;
        const sweepers = lists.all().flatMap(({ sweeper }) => sweeper ?? []);
        const outcomes = await Promise.all(sweepers.map((sweeper) => sweeper.sweep({ acceptShrink })));
        return {
          isComplete: outcomes.every(({ status }) => status === 'complete') && !isClosed(),
          lists: outcomes,
        };
      } finally {
        cancel();
      }
    },
    webhooks: (given) => createWebhookHandler(access.receiver(given)),
    middleware: (given) => expressGate(checker, given),
    status: () =>
      statusOf({ lists, store, journal, isClosed: isClosed(), checks: checker.counters, changes }),
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
      const { timeout } = readFields(given, 'options', {
        timeout: withDefault('5s', duration({ min: 0, max: 2 ** 31 - 1 })),
      });
      closed ??= end(timeout);
      await closed;
    },
    [Symbol.asyncDispose]: () => guard.close(),
  };
  lendAccess(guard, access);
  void journal.open();
  return guard;
}

function storeOf(choice: StoreChoice): Store {
  switch (choice.kind) {
    case 'memory':
      // Nobody can load the sweeps of a store that only this guard knows.
      return memoryStore({ keepsSweeps: false });
    case 'sqlite':
      return sqliteStore(choice.file);
    case 'own':
      return choice.store;
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

/** Whether a person opted out of their own accord, beyond doubt: a receipt is no act of theirs. */
function earnsConfirmation({ direction, source, isProven }: WebhookNews): boolean {
  return direction === 'out' && source === 'inbound' && isProven;
}

function asGuardError(error: unknown): GuardError {
  return error instanceof GuardError
    ? error
    : new GuardError('store_unavailable', 'the store failed', { cause: error });
}
