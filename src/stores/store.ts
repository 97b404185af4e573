/** The port to wherever opt-outs are kept between restarts and shared between processes. Types only. */

import type { OptOutChange } from '../optouts/change.ts';

/** What a sweep learnt about a number that also has first-hand evidence. */
export interface ListedRow {
  readonly msisdn: string;
  /** Start of the newest sweep that listed the number, ms UTC. */
  readonly start: number;
  /** Newest date such a row carried, or that sweep's start where it carried none, ms UTC. */
  readonly date: number;
}

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
  /** Start of the last complete sweep, ms UTC; `null` while none completed. */
  readonly start: number | null;
  /** How many `numbers` there are. */
  readonly size: number;
  /** Everything, also where there is a `delta`. */
  readonly numbers: NumberSource;
  /** The numbers that the last complete sweep lacked and that a second one would remove. */
  readonly missingOnce: NumberSource;
  /** Since when a shrinking list is held back, ms UTC; `null` where none is. */
  readonly heldSince: number | null;
  /** What sweeps said about numbers with first-hand evidence: put beside, or in place of, what is kept of them. */
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

/** Everything a store knows. */
export interface StoreContents {
  /** Every change that may still matter, in any order, one by one or many at a time. */
  readonly changes:
    Iterable<OptOutChange | readonly OptOutChange[]> | AsyncIterable<OptOutChange | readonly OptOutChange[]>;
  /** The last saved sweep of each list. */
  readonly sweeps: ReadonlyMap<string, SavedSweep>;
  /** Up to where `changes` reaches. */
  readonly cursor: Cursor;
}

/** What another process's sweep did to a list, or a part of it. */
export interface SweepNews {
  readonly list: string;
  readonly start: number | null;
  readonly added: Iterable<number>;
  readonly removed: Iterable<number>;
  /** Left out where it is as before. */
  readonly missingOnce?: MissingPart | undefined;
  /** Left out where it is as before. */
  readonly heldSince?: number | null | undefined;
  readonly rows: readonly ListedRow[];
}

/** Some of the numbers that another process's sweep lacked. They count, all together, with the last part. */
export interface MissingPart {
  readonly numbers: Iterable<number>;
  readonly isFirst: boolean;
  readonly isLast: boolean;
}

/** News of the log. */
export interface StoreNews {
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
  /** Told whenever the process has seen everything that was in the log a moment ago. */
  onCaughtUp(): void;
  /** Told of what was wrong with the store later than at its opening. */
  onTrouble?(trouble: StoreTrouble): void;
}

/** The right to sweep a list, until it is released or lost. */
export interface Lease {
  /** Whether it is still held. */
  isHeld(): boolean;
  release(): Promise<void>;
}

/** What was wrong with a store when it was opened, and what was done about it. */
export interface StoreTrouble {
  /** `damaged`: it could not be used and was put aside. `read_only`: it can be read, but nothing can be stored. */
  readonly kind: 'damaged' | 'read_only';
  /** A sentence for people: what is wrong, and where the damaged store is now. */
  readonly message: string;
}

/** Told when a store is opened. */
export interface StoreOpening {
  /** Which account each list with a provider belongs to; a store of another account is not ours. */
  readonly accounts: Readonly<Record<string, string>>;
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
   * Keeps changes; durable when it resolves, all of them or none. A change whose list, number, direction and
   * evidence id are known already is kept once, as it first came.
   *
   * @returns for each change whether it was new.
   */
  append(changes: readonly OptOutChange[]): Promise<readonly boolean[]>;
  /**
   * Keeps a sweep in place of the last one, as a whole or not at all. Refused when it started before the one that is kept.
   * An equal start replaces it: an incomplete sweep has added numbers. The sweep's iterables may be read after the call
   * returned, until it resolves.
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
   * Forgets a person's words, reasons, senders and message ids, and all evidence but `keep`, which replaces it:
   * the changes that still decide whether the number is blocked. What another process has stored about it and `tail`
   * has not told yet stays, without words.
   */
  erase(msisdn: string, keep: readonly OptOutChange[]): Promise<void>;
  /**
   * Forgets evidence received before `olderThan` (ms UTC) that decides nothing any more: an act of the same
   * direction and clock is newer. So it does with listings that ended before. Never what keeps a number blocked.
   *
   * @returns how many pieces.
   */
  prune?(olderThan: number): Promise<number>;
  /** Ends it. Any number of calls. */
  close(): Promise<void>;
}
