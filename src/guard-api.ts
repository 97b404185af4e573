/** The public interface of a guard. Types only. */

import type { CheckOptions, Decision, State } from './decision.ts';
import type { GuardEvents } from './events.ts';
import type { FilterOptions, FilterResult } from './gates/batch/filter.ts';
import type { CsvStreamOptions, FilterStream, RowStreamOptions } from './gates/batch/stream.ts';
import type { GateRequest, GateResponse, MiddlewareOptions, Next } from './gates/express.ts';
import type { SendOptions } from './gates/send.ts';
import type { ImportOptions, ImportResult, ImportRow, Resubscription } from './changes/operator-actions.ts';
import type { Duration } from './options/fields.ts';
import type { SweepOutcome } from './sync/sweep.ts';
import type { HistoryEntry, OptOutEntry } from './changes/audit-trail.ts';
import type { GuardStatus } from './lists/status.ts';
import type { WebhookHandler } from './webhooks/http-handler.ts';
import type { WebhooksOptions } from './webhooks/options.ts';

/** The result of `refresh`. */
export interface RefreshResult {
  /** Whether every list was read to its end. */
  readonly isComplete: boolean;
  /** One outcome per list that a provider keeps. */
  readonly lists: readonly SweepOutcome[];
}

/**
 * A guard: it knows which numbers have opted out, and decides whether a message may be sent. `createGuard` creates it.
 *
 * Calls with options throw or reject with a ConfigError for options that cannot be used. `canSend` and `check` never
 * throw. Numbers are strings or integers, in international format or, with `defaultCountry`, in national format. A call
 * that changes the lists rejects with a GuardError `invalid_number` for a number that cannot be read, and with a
 * StoreError if the store fails.
 */
export interface Guard extends AsyncDisposable {
  /**
   * Resolves to the guard's state as soon as it is no longer `starting`, or at the deadline. It does not reject for
   * faults of the network, the provider or the store, and may be called repeatedly.
   *
   * @param options.timeout the deadline. Default `'10s'`.
   * @example
   * if ((await guard.ready({ timeout: '30s' })) === 'starting') console.warn('no complete list yet');
   */
  ready(options?: { readonly timeout?: Duration | undefined }): Promise<State>;
  /**
   * Returns whether a message may be sent to the number. Synchronous. Never throws.
   *
   * @example
   * if (guard.canSend('15551234567', { from: '73737' })) await sendText('15551234567');
   */
  canSend(msisdn: unknown, options?: CheckOptions): boolean;
  /**
   * Decides as `canSend` does, and returns the decision with its reason. Synchronous. Never throws.
   *
   * @example
   * const decision = guard.check('15551234567');
   * if (!decision.allowed) console.info(`not sent: ${decision.reason}`);
   */
  check(msisdn: unknown, options?: CheckOptions): Decision;
  /**
   * Throws if no message may be sent to the number. Synchronous.
   *
   * @throws SendBlockedError if no message may be sent; ConfigError for options that cannot be used.
   * @example
   * guard.assertCanSend('15551234567');
   * await sendText('15551234567');
   */
  assertCanSend(msisdn: unknown, options?: CheckOptions): void;
  /**
   * Calls `send` if a message may be sent to the number. It works with every client and queue. The provider's reply
   * that `send` returns or throws is read: if it says that the person has opted out, the opt-out is recorded.
   *
   * @param send gets the number as digits.
   * @returns the result of `send`.
   * @throws SendBlockedError if no message may be sent; `send` is not called then. Errors of `send` are thrown
   * unchanged.
   * @example
   * await guard.send('15551234567', (msisdn) => sendText(msisdn), { from: '73737' });
   */
  send<T>(
    msisdn: string | number,
    send: (msisdn: string) => T | Promise<T>,
    options?: SendOptions,
  ): Promise<T>;
  /**
   * Splits recipients into those that may be sent to, the blocked and the unreadable ones. Their order is kept.
   *
   * @example
   * const { allowed } = guard.filter(['15551234567', '15551234568']);
   * for (const msisdn of allowed) await sendText(msisdn);
   */
  filter<T>(recipients: Iterable<T>, options?: FilterOptions<T>): FilterResult<T>;
  /**
   * Filters a CSV file of any size: creates a stream of its bytes. Allowed rows pass unchanged, the others are dropped
   * and counted.
   *
   * @example
   * const filter = guard.filterStream({ csv: { column: 'phone' } });
   * await pipeline(createReadStream('people.csv'), filter, createWriteStream('allowed.csv'));
   */
  filterStream(options: CsvStreamOptions): FilterStream;
  /**
   * Filters any number of rows: creates a stream of objects or numbers that passes the allowed ones.
   *
   * @example
   * const people = Readable.from([{ phone: '15551234567' }, { phone: '15551234568' }]);
   * const allowed = people.pipe(guard.filterStream<{ phone: string }>({ to: (person) => person.phone }));
   * for await (const person of allowed) await sendText(person.phone);
   */
  filterStream<T = unknown>(options?: RowStreamOptions<T>): FilterStream;
  /**
   * Opts a number out. Resolves when the opt-out is durable; the number is blocked in this process at once.
   *
   * @param options.list the list. Default `'*'`: the opt-out counts for every sender.
   * @param options.reason a text that is kept in the history.
   * @example
   * await guard.optOut('15551234567', { reason: 'by phone' });
   */
  optOut(
    msisdn: string | number,
    options?: { readonly list?: string | undefined; readonly reason?: string | undefined },
  ): Promise<void>;
  /**
   * Opts a number in again: asks the provider first, and lifts the block only if the provider agrees. Resolves when the
   * opt-in is durable.
   *
   * @param options.list the list. If left out, the block is lifted on every list.
   * @param options.localOnly whether the provider is not asked. Default `false`.
   * @throws GuardError `ambiguous_number` if the number can be read as two listed numbers that may belong to two
   * people; ProviderError if the provider fails or refuses.
   * @example
   * await guard.resubscribe('15551234567', { list: 'marketing' });
   */
  resubscribe(
    msisdn: string | number,
    options?: { readonly list?: string | undefined; readonly localOnly?: boolean | undefined },
  ): Promise<Resubscription>;
  /**
   * Opts out many numbers. It never unblocks a number. A row with a date is the same opt-out however often its file is
   * imported; a row without a date counts from now. Rows of people who have opted in on that list are left out and
   * reported as `conflicts`, unless `conflicts: 'block'` is given.
   *
   * @example
   * await guard.import([{ msisdn: '15551234567', at: '2026-01-31T12:00:00Z' }]);
   */
  import(
    rows: Iterable<ImportRow> | AsyncIterable<ImportRow>,
    options?: ImportOptions,
  ): Promise<ImportResult>;
  /**
   * Returns all blocked numbers, of every list or of one.
   *
   * @example
   * for await (const { msisdn, list } of guard.optOuts()) console.log(msisdn, list);
   */
  optOuts(options?: { readonly list?: string | undefined }): AsyncIterable<OptOutEntry>;
  /**
   * Deletes a person's evidence and texts, and keeps the block. Resolves when they are deleted from the store; or,
   * while another process still reads a log of the store that contains them, to `{ pending: true }`. They are deleted
   * as soon as that process has finished.
   *
   * @example
   * const { pending } = await guard.erase('15551234567');
   */
  erase(msisdn: string | number): Promise<{ readonly pending: boolean }>;
  /**
   * Returns the evidence about a number, newest first.
   *
   * @param options.list the list. If left out, the evidence of every list is returned.
   * @param options.limit the largest number of entries.
   * @example
   * const [latest] = await guard.history('15551234567', { limit: 1 });
   */
  history(
    msisdn: string | number,
    options?: { readonly list?: string | undefined; readonly limit?: number | undefined },
  ): Promise<readonly HistoryEntry[]>;
  /**
   * Deletes evidence that was received before `olderThan` (a `Date`, or an age) and that decides nothing any more. A
   * current opt-out is never deleted.
   *
   * @example
   * await guard.prune({ olderThan: '365d' });
   */
  prune(options: { readonly olderThan: Date | Duration }): Promise<{ readonly removed: number }>;
  /**
   * Sweeps every provider's list now, or joins the sweep that is under way. It does not reject for a fault of the
   * provider.
   *
   * @param options.acceptShrink whether a list may lose half of its numbers. Default `false`.
   * @example
   * const { isComplete } = await guard.refresh();
   */
  refresh(options?: { readonly acceptShrink?: boolean | undefined }): Promise<RefreshResult>;
  /**
   * Creates a handler of the provider's webhooks, for Express 4 and 5 and `node:http`. Mount it before any body parser.
   *
   * @example
   * app.use('/webhooks/sms', guard.webhooks({ signature: { secret: 'my-secret', method: 'sha256' } }));
   */
  webhooks(options: WebhooksOptions): WebhookHandler;
  /**
   * Creates a middleware, for Express 4 and 5, that refuses requests to send to blocked numbers.
   *
   * @example
   * app.post('/messages', express.json(), guard.middleware(), (req, res) => {
   *   res.json(req.body);
   * });
   */
  middleware<Req extends GateRequest = GateRequest, Res extends GateResponse = GateResponse>(
    options?: MiddlewareOptions<Req, Res>,
  ): (req: Req, res: Res, next: Next) => void;
  /**
   * Returns the state of the guard, its lists and its store, as plain data.
   *
   * @example
   * const { ready, reasons } = guard.status();
   */
  status(): GuardStatus;
  /**
   * Adds a listener of an event.
   *
   * @returns a function that removes it.
   * @example
   * const remove = guard.on('warn', ({ code, message }) => console.warn(code, message));
   */
  on<K extends keyof GuardEvents>(event: K, listener: (payload: GuardEvents[K]) => unknown): () => void;
  /**
   * Closes the guard. Every number is blocked from now on. It waits until writes have ended and the store is closed.
   * Further calls wait for the first one.
   *
   * @param options.timeout how long it waits. Default `'5s'`.
   * @example
   * process.once('SIGTERM', () => void guard.close());
   */
  close(options?: { readonly timeout?: Duration | undefined }): Promise<void>;
}
