/** What a guard is to those who use it: its members and what they promise. Types only. */

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

/** What `refresh` resolves to: `isComplete` says whether every list was read to its end. */
export interface RefreshResult {
  readonly isComplete: boolean;
  /** One outcome per list that a provider keeps. */
  readonly lists: readonly SweepOutcome[];
}

/** An outbound send guard. Made by `createGuard`. */
export interface Guard extends AsyncDisposable {
  /** Resolves to the state reached when a first answer is possible, or at the deadline (default 10 s). Never rejects because of the network. */
  ready(options?: { readonly timeout?: Duration | undefined }): Promise<State>;
  /** Whether a message may be sent to the number. Synchronous, never throws. */
  canSend(msisdn: unknown, options?: CheckOptions): boolean;
  /** As `canSend`, with the reason. */
  check(msisdn: unknown, options?: CheckOptions): Decision;
  /** @throws SendBlockedError if no message may be sent to the number; ConfigError for options that are none. */
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
    options?: { readonly list?: string | undefined; readonly reason?: string | undefined },
  ): Promise<void>;
  /**
   * Asks the provider to opt the number in, and only then lifts the block. `localOnly` skips the provider.
   *
   * @throws GuardError `ambiguous_number` where it can be read as two listed numbers that may be two people's.
   */
  resubscribe(
    msisdn: string | number,
    options?: { readonly list?: string | undefined; readonly localOnly?: boolean | undefined },
  ): Promise<Resubscription>;
  /**
   * Opts out many numbers. Never unblocks. A row with a date is the same opt-out however often its file is imported; one
   * without counts from now. Rows of people who have opted in on that list are left out and reported as `conflicts`,
   * unless `conflicts: 'block'` is given.
   */
  import(
    rows: Iterable<ImportRow> | AsyncIterable<ImportRow>,
    options?: ImportOptions,
  ): Promise<ImportResult>;
  /** Everything that is blocked, on every list or on one. */
  optOuts(options?: { readonly list?: string | undefined }): AsyncIterable<OptOutEntry>;
  /**
   * Forgets a person's evidence and words, and keeps the block. Resolves when they are gone from the store, or to
   * `{ pending: true }` while another process still reads a log of the store that holds them: they go as soon as it ends.
   */
  erase(msisdn: string | number): Promise<{ readonly pending: boolean }>;
  /** The evidence about a number, newest first. */
  history(
    msisdn: string | number,
    options?: { readonly list?: string | undefined; readonly limit?: number | undefined },
  ): Promise<readonly HistoryEntry[]>;
  /** Forgets evidence that decides nothing any more and was received before `olderThan`: a `Date`, or an age. Never a current opt-out. */
  prune(options: { readonly olderThan: Date | Duration }): Promise<{ readonly removed: number }>;
  /** Sweeps now, or joins the sweep in flight. `acceptShrink` accepts that a list loses half of its numbers. Never rejects for a provider's fault. */
  refresh(options?: { readonly acceptShrink?: boolean | undefined }): Promise<RefreshResult>;
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
  close(options?: { readonly timeout?: Duration | undefined }): Promise<void>;
}
