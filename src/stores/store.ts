/**
 * The store port: where evidence and sweeps are kept between restarts and shared between processes. Second edition:
 * each entry has a position in the store's log, and each sweep has a number. Types only.
 */

import type { Evidence, OptOutChange } from '../ledger/evidence.ts';
import type { ListedRow, SweepDelta } from '../ledger/provider-list-types.ts';

export type { ListedRow } from '../ledger/provider-list-types.ts';

/** Numbers, one by one as digits or many at a time as doubles (15 digits fit exactly), in any order. */
export type NumberSource = Iterable<string | Float64Array> | AsyncIterable<string | Float64Array>;

/** Numbers that came to a list or left it. */
export interface NumbersStep {
  readonly kind: 'added' | 'removed';
  readonly numbers: Float64Array;
}

/** A list as bytes of the number set's own making: much quicker to take in than its numbers. */
export interface SavedImage {
  /**
   * In order. Each is whose who reads it, memory and all, unless it is a part of a larger piece. Damage in them is found
   * by who reads them, and `numbers` then has to do.
   */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** What came and left after it was made, in order. */
  readonly since: AsyncIterable<NumbersStep>;
}

/** What is kept of the provider's list: the numbers as of the last complete sweep, and what the next one needs. */
export interface SavedSweep {
  /** Number of the last complete sweep; 0 while none completed. Orders sweeps: their starts do not. */
  readonly number: number;
  /** Start of the last complete sweep, ms UTC; `null` while none completed. */
  readonly start: number | null;
  /**
   * How long before this save that sweep started, ms, by the monotonic clock of the saving process;
   * `Number.MAX_SAFE_INTEGER` where it could not be told.
   */
  readonly ageMs: number;
  /** How many `numbers` there are. */
  readonly size: number;
  /** Everything, also where there is a `delta`. */
  readonly numbers: NumberSource;
  /** The numbers that the last complete sweep lacked and that a second one would remove. */
  readonly missingOnce: NumberSource;
  /** For how long removals of a shrinking list have been held back, ms; `null` if they are not. */
  readonly heldMs: number | null;
  /** What sweeps said about numbers with first-hand evidence. Newest sweep and newest date are kept of each number. */
  readonly rows: readonly ListedRow[];
  /** What came and left since the last sweep that this store has kept; a store may go by it instead of `numbers`. */
  readonly delta?: { readonly added: NumberSource; readonly removed: NumberSource } | undefined;
  /** Of one that is saved: makes an image of `numbers`, for a store that keeps some. */
  readonly makeImage?: (() => Iterable<Uint8Array>) | undefined;
  /** Of one that is loaded: the same as `numbers`, where the store keeps an image. */
  readonly image?: SavedImage | undefined;
}

/** From when until when the provider listed a number, as far as sweeps have seen. Times in ms UTC. */
export interface ListingSpan {
  readonly list: string;
  /** Start of the first sweep that showed it. */
  readonly firstSeenAt: number;
  /** Start of the last complete sweep that showed it. */
  readonly lastSeenAt: number;
}

/** Where a process stands in the store's log of changes. Opaque outside the store that made it. */
export type Cursor = string;

/** The end of what a process has read of a store's log. */
export interface LogEnd {
  /**
   * Name of the log: random, made with the log, and made anew when the log was lost, emptied, rolled back or restored
   * from a copy. Positions belong to one log. Names of newer logs sort after those of older ones.
   */
  readonly logId: string;
  /** Every entry up to this position was read, or was written by the reading process itself. */
  readonly position: number;
}

/** Everything a store knows. */
export interface StoreContents extends LogEnd {
  /** Every change that may still matter, in any order, one by one or many at a time. */
  readonly changes:
    Iterable<OptOutChange | readonly OptOutChange[]> | AsyncIterable<OptOutChange | readonly OptOutChange[]>;
  /** The last saved sweep of each list. */
  readonly sweeps: ReadonlyMap<string, SavedSweep>;
  /** Up to where `changes` reaches. */
  readonly cursor: Cursor;
}

/** The changes that another process's sweep made to a list, with its rows. Large sweeps come in several parts. */
export interface SweepNews extends SweepDelta {
  readonly list: string;
  /** As in {@link SavedSweep}. */
  readonly ageMs: number;
  readonly rows: readonly ListedRow[];
}

/** News of the log. A `logId` that is not the one read before means another log: it is told from its beginning. */
export interface StoreNews extends LogEnd {
  /** Entries of other processes, with their positions. */
  readonly changes: readonly OptOutChange[];
  readonly sweeps: readonly SweepNews[];
  /** Numbers whose evidence was erased; all that is left of it, whoever wrote it, is among `changes`. */
  readonly erased: readonly string[];
  /** Stands behind them. */
  readonly cursor: Cursor;
}

/** What `tail` reports. */
export interface TailHandlers {
  /** What other processes made, in the order of the log. */
  onChanges(news: StoreNews): void;
  /** Called whenever the process has read everything that was in the log a moment ago, with the end of the log. */
  onCaughtUp(end: LogEnd): void;
  /** Told of what was wrong with the store later than at its opening. */
  onTrouble?(trouble: StoreTrouble): void;
}

/** The right to sweep a list, until it is released or lost. */
export interface Lease {
  /**
   * Takes the number of the next sweep from the store's counter: each call gives a larger one than any call before, in
   * any process (a fencing token). Never below the number of a saved sweep. @throws StoreError
   */
  nextSweep(): Promise<number>;
  /** Whether it is still held. */
  isHeld(): boolean;
  release(): Promise<void>;
}

/** What `erase` may forget altogether. */
export interface Erasure {
  /** The log that the positions belong to. */
  readonly logId: string;
  /** Up to which position, for each list on which the person is not blocked. */
  readonly lists: ReadonlyMap<string, number>;
}

/** What was wrong with a store when it was opened or later, and what was done about it. */
export interface StoreTrouble {
  /**
   * `damaged`: it could not be used and was put aside or mended. `read_only`: it can be read, but nothing can be stored.
   * `unavailable`: nothing can be read or stored just now. `newer`: it is of a later version, is left as it is, and
   * nothing can be stored. `exposed`: other users of the machine can read or change it. `migrated`: it was brought up to
   * date, and some numbers are blocked now that were not.
   */
  readonly kind: 'damaged' | 'read_only' | 'unavailable' | 'newer' | 'exposed' | 'migrated';
  /** A sentence for people: what is wrong, and where the damaged store is now. */
  readonly message: string;
}

/** Told when a store is opened. */
export interface StoreOpening {
  /** Which account each list with a provider belongs to; a store of another account is not ours. */
  readonly accounts: Readonly<Record<string, string>>;
  /**
   * All first-hand evidence that the process knows, without words; live. A store that lost something while it was open
   * asks for it until it is closed, and keeps what it lacks.
   */
  readonly evidence?: () => Iterable<OptOutChange>;
}

/** What `append` answers for one entry. */
export interface AppendResult {
  /** `false` if the list, number, direction and id were known: the entry is kept once, as it first came. */
  readonly isNew: boolean;
  /** Position of the entry in the store's log, that of the first one if it is not new. */
  readonly position: number;
  /** The log that the position belongs to. Left out: the one that `load` or `tail` named last. */
  readonly logId?: string;
  /** When the entry was first received, ms UTC, by the clock of the process that received it. */
  readonly firstSeenAt: number;
  /**
   * With `wantsBefore`: the evidence of that number on that list as it stood before this entry, read in the same
   * transaction. Evidence that dominates all that was left out is enough.
   */
  readonly before?: readonly Evidence[];
}

/**
 * A place that keeps changes and sweeps. Never asked during a check. Every promise may reject with a
 * `StoreError`; the guard then answers webhooks with 503 and goes on blocking what it knows.
 */
export interface Store {
  /** A word for `status()`: `memory`, `sqlite`, … */
  readonly kind: string;
  /** Whether other processes may write to it too: a guard that cannot follow such a store ages. */
  readonly isShared: boolean;
  /** Opens it, before anything else; again after it failed. @returns what was wrong with it, where it can be used all the same. */
  open(opening?: StoreOpening): Promise<StoreTrouble | void>;
  /** Reads everything. What it hands over is read to its end, or the store is closed. */
  load(): Promise<StoreContents>;
  /** Told when what `load` handed over was read. */
  loaded?(): Promise<void>;
  /**
   * Keeps entries; durable when it resolves, all of them or none. Positions of the store's log are given in the order
   * of the entries. Entries carry `positions` only if they were carried over from another log: the newest of those is
   * kept beside the new position, also if the entry is known and lacked it. `basis` and `proof` are kept as given, and
   * evidence with `proves: false` is kept too.
   *
   * @returns one result for each entry, in order.
   */
  append(
    entries: readonly OptOutChange[],
    options?: { readonly wantsBefore?: boolean },
  ): Promise<readonly AppendResult[]>;
  /**
   * Keeps a sweep in place of the last one, as a whole or not at all. Refused if its number is lower than that of the
   * one that is kept. An equal number replaces it: an incomplete sweep has added numbers. The sweep's iterables may be
   * read after the call returned, until it resolves.
   *
   * @returns whether it was kept.
   */
  saveSweep(list: string, sweep: SavedSweep): Promise<boolean>;
  /** Reports what others write after `since`, until the returned function is called. */
  tail(since: Cursor, handlers: TailHandlers): () => void;
  /** Asks for the right named `name`; `undefined` while another process holds it, unless it is taken by force. */
  lease(name: string, options?: { readonly isForced?: boolean }): Promise<Lease | undefined>;
  /** The evidence about a number, newest `at` first. */
  history(
    msisdn: string,
    options?: { readonly list?: string; readonly limit?: number },
  ): Promise<readonly OptOutChange[]>;
  /** When sweeps listed a number, newest first; left out where the store does not keep it. */
  listings?(msisdn: string, options?: { readonly list?: string }): Promise<readonly ListingSpan[]>;
  /**
   * Forgets a person's words, reasons, senders and message ids. Ids, positions, times and bases stay, so that no answer
   * changes and a repeated message is still known. On the lists in `forget` nothing blocks the person: their entries up
   * to the given position (of log `logId`) are kept with `proves: false`, for their ids alone, and what sweeps said about
   * the number is forgotten.
   *
   * @returns `pending: true` if it counts, while words are still in a log of the store that another process reads; they go
   *   as soon as that is over.
   */
  erase(msisdn: string, forget: Erasure): Promise<{ readonly pending: boolean } | void>;
  /**
   * Forgets evidence received before `olderThan` (ms UTC) that decides nothing any more, because other evidence of the
   * same direction and kind weighs more in every respect, ids received less than 96 h ago excepted. So it does with
   * listings that ended before. Never forgets what keeps a number blocked.
   *
   * @returns how many pieces.
   */
  prune?(olderThan: number): Promise<number>;
  /** Ends it. Any number of calls. */
  close(): Promise<void>;
}
