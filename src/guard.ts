/**
 * The guard: it wires the rooms below and owns their life. It holds no rule of its own.
 *
 *  provider/ ──sweep──▶ ┌───────────────┐ ◀──changes── webhooks/
 *                       │   optouts/    │
 *  stores/  ◀──keep──▶  │  (the ledger) │ ──view──▶ decision.ts ──Decision──▶ gates/ ──▶ the send happens, or not
 *                       └───────────────┘
 */

import { inboundChange, readingsOf } from './acts.ts';
import { createChecker } from './checker.ts';
import { createActTime, createAgeClock } from './clock.ts';
import type { CheckOptions, Decision, State } from './decision.ts';
import { ConfigError, GuardError, SendBlockedError } from './errors.ts';
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
  expressGate,
  type GateRequest,
  type GateResponse,
  type MiddlewareOptions,
  type Next,
} from './gates/express.ts';
import { createJournal } from './journal.ts';
import { createLists, type OptOutList } from './lists.ts';
import { createManualActs, type ImportResult, type ImportRow, type Resubscription } from './manual.ts';
import { createMsisdnReader, maskMsisdn } from './msisdn.ts';
import {
  duration,
  flag,
  integer,
  optional,
  readFields,
  text,
  withDefault,
  type Duration,
} from './option-fields.ts';
import { readOptions, type GuardOptions } from './options.ts';
import type { Evidence } from './optouts/change.ts';
import type { Listing } from './optouts/ledger.ts';
import { createSweeper, type SweepOutcome } from './provider/sweep.ts';
import { statusOf, type GuardStatus } from './status.ts';
import { memoryStore } from './stores/memory.ts';
import { createWatch } from './watch.ts';
import { createWebhookHandler, type WebhookHandler } from './webhooks/handler.ts';
import type { WebhooksOptions } from './webhooks/options.ts';
import { createReceiver, type WebhookSink } from './webhooks/receiver.ts';

/** What `refresh` resolves to: `isComplete` says whether every list was read to its end. */
export interface RefreshResult {
  readonly isComplete: boolean;
  /** One outcome per list that a provider keeps. */
  readonly lists: readonly SweepOutcome[];
}

/** A piece of evidence as `history` shows it. Times in ms UTC. */
export interface HistoryEntry extends Evidence {
  readonly list: string;
  readonly msisdn: string;
}

/** A number that is blocked, as `optOuts` lists it. */
export interface OptOutEntry extends Listing {
  readonly msisdn: string;
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
  /** Parts recipients into those that may be sent to and the rest; order is kept. */
  filter<T>(recipients: Iterable<T>, options?: FilterOptions<T>): FilterResult<T>;
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
  on<K extends keyof GuardEvents>(event: K, listener: (payload: GuardEvents[K]) => void): () => void;
  /** Ends the guard: from now on everything is blocked. Waits for writes under way, at most `timeout` (default 5 s). */
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
  const events = createEventHub(config.logger ?? warningLogger);
  const reader = createMsisdnReader({ defaultCountry: config.defaultCountry });
  const lists = createLists(config, clock, ageClock);
  // Nobody can load the sweeps of a store that only this guard knows.
  const store = typeof config.store === 'string' ? memoryStore({ keepsSweeps: false }) : config.store;
  const closing = new AbortController();
  const isClosed = () => closing.signal.aborted;
  const changes = { optOuts: 0, optIns: 0, webhooksRefused: 0 };
  const checker = createChecker({ reader, lists, policy: config.policy, events, clock, isClosed });
  const watch = createWatch({ clock, config, lists, events, isClosed });

  const journal = createJournal({
    store,
    lists,
    clock,
    onChange(change) {
      const event = change.evidence.direction === 'out' ? 'optOut' : 'optIn';
      changes[event === 'optOut' ? 'optOuts' : 'optIns']++;
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
        random: config.random,
        keepOptIns: async (optIns) => void (await journal.record(optIns)),
        saveSweep: () => journal.saveSweep(list),
        onOutcome(outcome) {
          watch.look();
          if (outcome.status === 'complete') events.emit('swept', outcome);
          else if (outcome.status === 'failed') events.emit('error', outcome.error);
        },
        onAnomaly: (anomaly) => events.emit('anomaly', anomaly),
        onError: (error) => events.emit('error', asGuardError(error)),
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

  const sink: WebhookSink = {
    async record(news) {
      ageClock.now();
      const change = inboundChange(news, lists, config, actTime());
      if (change === undefined) return 'not_honoured';
      const [isNew] = await journal.record([change]);
      return isNew === true ? 'recorded' : 'known';
    },
    unclear: (event) => events.emit('unclear', unclearEvent(event)),
    warn: (code, message) => events.emit('warn', { code, message }),
    refused(error) {
      changes.webhooksRefused++;
      watch.webhookRefused(error);
    },
  };

  function check(msisdn: unknown, asked: CheckOptions | undefined, gate: string): Decision {
    const decision = checker.decide(msisdn, asked);
    checker.report(decision, { gate, isObserved: false });
    return decision;
  }

  let closed: Promise<void> | undefined;
  async function end(timeoutMs: number): Promise<void> {
    closing.abort();
    watch.stop();
    await Promise.all(lists.all().map(async ({ sweeper }) => sweeper?.stop()));
    await journal.close(timeoutMs);
  }

  const guard: Guard = {
    ready: async (given = {}) => {
      const { timeout } = readFields(given, 'options', {
        timeout: withDefault('10s', duration({ min: 0, max: 2 ** 31 - 1 })),
      });
      return watch.ready(timeout);
    },
    canSend: (msisdn, asked) => {
      if (checker.permits(msisdn, asked)) {
        checker.counters.allowed++;
        return true;
      }
      return check(msisdn, asked, 'canSend').allowed;
    },
    check: (msisdn, asked) => check(msisdn, asked, 'check'),
    assertCanSend(msisdn, asked) {
      const decision = check(msisdn, asked, 'assertCanSend');
      if (!decision.allowed) throw new SendBlockedError(decision, maskMsisdn(decision.to));
    },
    filter: (recipients, given) => filterRecipients(checker, recipients, given),
    optOut: manual.optOut,
    resubscribe: manual.resubscribe,
    import: manual.import,
    erase: manual.erase,
    async *optOuts(given = {}) {
      const { list } = readFields(given, 'options', { list: optional(text) });
      const named = list === undefined ? lists.all() : [lists.get(list)];
      for (const one of named) yield* one?.ledger.entries() ?? [];
    },
    async history(msisdn, given = {}) {
      const { list, limit } = readFields(given, 'options', {
        list: optional(text),
        limit: optional(integer({ min: 1, max: Number.MAX_SAFE_INTEGER })),
      });
      const pages = await Promise.all(
        readingsOf(reader, msisdn).map((number) => journal.history(number, { list, limit })),
      );
      return pages
        .flat()
        .map(({ list: name, msisdn: number, evidence }) => ({ list: name, msisdn: number, ...evidence }))
        .toSorted((a, b) => b.at - a.at)
        .slice(0, limit);
    },
    async refresh(given = {}) {
      const { acceptShrink } = readFields(given, 'options', { acceptShrink: withDefault(false, flag) });
      await journal.opened;
      const sweepers = lists.all().flatMap(({ sweeper }) => sweeper ?? []);
      const outcomes = await Promise.all(sweepers.map((sweeper) => sweeper.sweep({ acceptShrink })));
      return {
        isComplete: outcomes.every(({ status }) => status === 'complete') && !isClosed(),
        lists: outcomes,
      };
    },
    webhooks: (given) => createWebhookHandler(createReceiver(given, { clock, sink })),
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
  void journal.open();
  return guard;
}

function asGuardError(error: unknown): GuardError {
  return error instanceof GuardError
    ? error
    : new GuardError('store_unavailable', 'the store failed', { cause: error });
}
