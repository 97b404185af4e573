/**
 * The store port: it keeps evidence and sweeps between restarts and shares them between processes. Each entry has a
 * position in the store's log, and each sweep has a number. The first edition of the port, which
 * `stores/first-edition.ts` adapts, had neither. Types only.
 */

import type { Evidence, OptOutChange } from '../ledger/evidence.ts';
import type { ListedRow, SweepDelta } from '../ledger/provider-list-types.ts';

export type { ListedRow } from '../ledger/provider-list-types.ts';

/** Numbers in any order: each as a string of digits, or many in an array of doubles (15 digits fit exactly). */
export type NumberSource = Iterable<string | Float64Array> | AsyncIterable<string | Float64Array>;

/** Numbers that were added to a list or removed from it. */
export interface NumbersStep {
  readonly kind: 'added' | 'removed';
  readonly numbers: Float64Array;
}

/** A snapshot of a list: bytes in the format of the number set, which load much faster than single numbers. */
export interface SavedImage {
  /**
   * The bytes, in order. A chunk and its memory belong to the reader, unless the chunk is a view of a larger buffer.
   * The reader finds damage in the bytes, and then reads `numbers` of the sweep instead.
   */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** The numbers that were added and removed after the snapshot was made, in order. */
  readonly since: AsyncIterable<NumbersStep>;
}

/** The state of a provider's list: its numbers as of the last complete sweep, and what the next sweep needs. */
export interface SavedSweep {
  /** Number of the last complete sweep; 0 if none has completed. It orders sweeps; their starts do not. */
  readonly number: number;
  /** Start of the last complete sweep, ms UTC; `null` if none has completed. */
  readonly start: number | null;
  /**
   * How long before this save that sweep started, ms, by the monotonic clock of the saving process;
   * `Number.MAX_SAFE_INTEGER` if that is not known.
   */
  readonly ageMs: number;
  /** The count of `numbers`. */
  readonly size: number;
  /** All numbers of the list, also if there is a `delta`. */
  readonly numbers: NumberSource;
  /** The numbers that the last complete sweep lacked: if the next complete sweep lacks them too, they are removed. */
  readonly missingOnce: NumberSource;
  /** For how long removals of a shrinking list have been delayed, ms; `null` if they are not. */
  readonly heldMs: number | null;
  /**
   * The rows of sweeps for numbers with first-hand evidence. The store keeps the newest sweep and date of each number.
   */
  readonly rows: readonly ListedRow[];
  /**
   * The numbers that were added and removed since the last sweep that this store has kept. A store may read it instead
   * of `numbers`.
   */
  readonly delta?: { readonly added: NumberSource; readonly removed: NumberSource } | undefined;
  /** Only of a sweep to save: makes a snapshot of `numbers`, for a store that keeps snapshots. */
  readonly makeImage?: (() => Iterable<Uint8Array>) | undefined;
  /** Only of a loaded sweep: the same numbers as `numbers`, if the store keeps a snapshot. */
  readonly image?: SavedImage | undefined;
}

/** The time in which the provider listed a number, as far as sweeps have seen it. Times in ms UTC. */
export interface ListingSpan {
  readonly list: string;
  /** Start of the first sweep that listed it. */
  readonly firstSeenAt: number;
  /** Start of the last complete sweep that listed it. */
  readonly lastSeenAt: number;
}

/** How far a process has read the store's log of changes. Opaque outside the store that made it. */
export type Cursor = string;

/** The position up to which a process has read a store's log. */
export interface LogEnd {
  /**
   * Name of the log: random, made with the log, and replaced by a new one when the log was lost, emptied, rolled back
   * or restored from a copy. Positions belong to one log. Names of newer logs sort after those of older ones.
   */
  readonly logId: string;
  /** Every entry up to this position was read, or was written by the reading process itself. */
  readonly position: number;
}

/** Everything that a store holds. */
export interface StoreContents extends LogEnd {
  /** Every change that may still matter, in any order, each on its own or in arrays. */
  readonly changes:
    Iterable<OptOutChange | readonly OptOutChange[]> | AsyncIterable<OptOutChange | readonly OptOutChange[]>;
  /** The last saved sweep of each list. */
  readonly sweeps: ReadonlyMap<string, SavedSweep>;
  /** The end of `changes` and `sweeps`: `tail` continues from it. */
  readonly cursor: Cursor;
}

/** The changes that a sweep of another process made to a list, with its rows. A large sweep comes in several parts. */
export interface SweepNews extends SweepDelta {
  readonly list: string;
  /** As in {@link SavedSweep}. */
  readonly ageMs: number;
  readonly rows: readonly ListedRow[];
}

/**
 * New entries of the log. If `logId` is not the one that was read before, it is another log, which is reported from its
 * beginning.
 */
export interface StoreNews extends LogEnd {
  /** Entries of other processes, with their positions. */
  readonly changes: readonly OptOutChange[];
  readonly sweeps: readonly SweepNews[];
  /** Numbers that were erased. All evidence that is left of them, of any process, is among `changes`. */
  readonly erased: readonly string[];
  /** The end of these entries. */
  readonly cursor: Cursor;
}

/** The listeners of `tail`. */
export interface TailHandlers {
  /** Called with entries of other processes, in the order of the log. */
  onChanges(news: StoreNews): void;
  /** Called with the end of the log whenever the process has read everything that was in the log just before. */
  onCaughtUp(end: LogEnd): void;
  /** Called if something is wrong with the store after it was opened. */
  onTrouble?(trouble: StoreTrouble): void;
}

/** The right to sweep a list, until it is released or lost. */
export interface Lease {
  /**
   * Takes the number of the next sweep from the store's counter. Each call returns a larger number than any call
   * before, in any process (a fencing token), and never less than the number of a saved sweep. @throws StoreError
   */
  nextSweep(): Promise<number>;
  /** Returns whether this process still has the lease. */
  isHeld(): boolean;
  release(): Promise<void>;
}

/** The evidence that `erase` may make prove nothing, besides deleting words. */
export interface Erasure {
  /** The log that the positions belong to. */
  readonly logId: string;
  /** For each list on which the person is not blocked, the last position that it applies to. */
  readonly lists: ReadonlyMap<string, number>;
}

/** A fault of a store, at its opening or later, and the action that was taken. */
export interface StoreTrouble {
  /**
   * `damaged`: it could not be used and was put aside or repaired. `read_only`: it can be read, but nothing can be
   * stored. `unavailable`: nothing can be read or stored just now. `newer`: it is of a later version, is left as it is,
   * and nothing can be stored. `exposed`: other users of the machine can read or change it. `migrated`: it was migrated
   * from an earlier version, and some numbers are blocked now that were not.
   */
  readonly kind: 'damaged' | 'read_only' | 'unavailable' | 'newer' | 'exposed' | 'migrated';
  /** A sentence for people: what is wrong, and the path of a store that was put aside. */
  readonly message: string;
}

/** The options of `open`. */
export interface StoreOpening {
  /** The account of each list with a provider. A store with lists of another account must not be used. */
  readonly accounts: Readonly<Record<string, string>>;
  /**
   * Returns all first-hand evidence that the process knows at the time of the call, without words. A store that lost
   * something while it was open calls it, at any time until it is closed, and stores what it lacks.
   */
  readonly evidence?: () => Iterable<OptOutChange>;
}

/** The result of `append` for one entry. */
export interface AppendResult {
  /** `false` if an entry with the same list, number, direction and id was known: only the first one is kept. */
  readonly isNew: boolean;
  /** Position of the entry in the store's log; of the first one if it is not new. */
  readonly position: number;
  /** The log that the position belongs to. If left out, the one that `load` or `tail` named last. */
  readonly logId?: string;
  /** When the entry was first received, ms UTC, by the clock of the process that received it. */
  readonly firstSeenAt: number;
  /**
   * With `wantsBefore`: the evidence of that number on that list before this entry, read in the same transaction. A
   * store may leave out evidence that is outweighed by the evidence it returns.
   */
  readonly before?: readonly Evidence[];
}

/**
 * Keeps changes and sweeps. A check never calls it. Every promise may reject with a `StoreError`: the guard then
 * answers webhooks with 503 and goes on blocking the numbers that it knows.
 */
export interface Store {
  /** A word for `status()`: `memory`, `sqlite`, … */
  readonly kind: string;
  /** Whether other processes may write to it too. If a guard cannot follow such a store, the age of its lists grows. */
  readonly isShared: boolean;
  /**
   * Opens it. Called before any other method, and again after it failed.
   *
   * @returns what is wrong with a store that can be used all the same.
   */
  open(opening?: StoreOpening): Promise<StoreTrouble | void>;
  /** Reads everything. The caller reads the iterables of the result to their end, or closes the store. */
  load(): Promise<StoreContents>;
  /** Called when the result of `load` was read to its end. */
  loaded?(): Promise<void>;
  /**
   * Keeps entries: all of them or none, durable when it resolves. The entries get positions in the store's log, in
   * their order. An entry has `positions` only if it was carried over from another log: the newest of them is kept
   * besides the new position, also if the entry is known and did not have it. `basis` and `proof` are kept as given.
   * Evidence with `proves: false` is kept too.
   *
   * @returns one result for each entry, in order.
   */
  append(
    entries: readonly OptOutChange[],
    options?: { readonly wantsBefore?: boolean },
  ): Promise<readonly AppendResult[]>;
  /**
   * Replaces the last sweep of a list, as a whole or not at all. A sweep with a lower number than the kept one is
   * refused. One with the same number replaces it: an incomplete sweep has added numbers. The sweep's iterables may be
   * read until the promise resolves.
   *
   * @returns whether it was kept.
   */
  saveSweep(list: string, sweep: SavedSweep): Promise<boolean>;
  /** Reports what other processes write after `since`, until the returned function is called. */
  tail(since: Cursor, handlers: TailHandlers): () => void;
  /**
   * Acquires the lease with that name. Resolves to `undefined` while another process has it, unless `isForced` is set.
   */
  lease(name: string, options?: { readonly isForced?: boolean }): Promise<Lease | undefined>;
  /** Returns the evidence about a number, newest `at` first. */
  history(
    msisdn: string,
    options?: { readonly list?: string; readonly limit?: number },
  ): Promise<readonly OptOutChange[]>;
  /** Returns when sweeps listed a number, newest first. Left out by a store that does not keep it. */
  listings?(msisdn: string, options?: { readonly list?: string }): Promise<readonly ListingSpan[]>;
  /**
   * Deletes a person's words, reasons, senders and message ids. Ids, positions, times and bases stay, so that no answer
   * changes and a repeated message is still known. On the lists in `forget` nothing blocks the person: there, entries
   * up to the given position (of log `logId`) are kept with `proves: false`, only for their ids, and what sweeps said
   * about the number is deleted.
   *
   * @returns `pending: true` if the erasure counts, but words are still in a log of the store because another process
   *   reads it; they are deleted as soon as it has stopped.
   */
  erase(msisdn: string, forget: Erasure): Promise<{ readonly pending: boolean } | void>;
  /**
   * Deletes evidence received before `olderThan` (ms UTC) that decides nothing any more, because other evidence of the
   * same direction and kind outweighs it in every respect. Ids received less than 96 h ago stay. Also deletes listings
   * that ended before `olderThan`. Never deletes evidence that keeps a number blocked.
   *
   * @returns how many entries and listings were deleted.
   */
  prune?(olderThan: number): Promise<number>;
  /** Closes it. Any number of calls. */
  close(): Promise<void>;
}
