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

/** What is kept of the provider's list: the numbers as of the last complete sweep, and what the next one needs. */
export interface SavedSweep {
  /** Start of the last complete sweep, ms UTC; `null` while none completed. */
  readonly start: number | null;
  /** How many `numbers` there are. */
  readonly size: number;
  readonly numbers: Iterable<string>;
  /** The numbers that the last complete sweep lacked and that a second one would remove. */
  readonly missingOnce: Iterable<string>;
  /** Since when a shrinking list is held back, ms UTC; `null` where none is. */
  readonly heldSince: number | null;
  /** What sweeps said about numbers with first-hand evidence. */
  readonly rows: readonly ListedRow[];
}

/** Where a process stands in the store's log of changes. Opaque outside the store that made it. */
export type Cursor = string;

/** Everything a store knows. */
export interface StoreContents {
  /** Every change that may still matter, in any order. */
  readonly changes: Iterable<OptOutChange> | AsyncIterable<OptOutChange>;
  /** The last saved sweep of each list. */
  readonly sweeps: ReadonlyMap<string, SavedSweep>;
  /** Up to where `changes` reaches. */
  readonly cursor: Cursor;
}

/** What `tail` reports. */
export interface TailHandlers {
  /** Changes and sweeps that other processes made, in the order of the log; `cursor` stands behind them. */
  onChanges(news: {
    readonly changes: readonly OptOutChange[];
    readonly sweeps: ReadonlyMap<string, SavedSweep>;
    readonly cursor: Cursor;
  }): void;
  /** Told whenever the process has seen everything that was in the log a moment ago. */
  onCaughtUp(): void;
}

/** The right to sweep a list, until it is released or lost. */
export interface Lease {
  /** Whether it is still held. */
  isHeld(): boolean;
  release(): Promise<void>;
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
  /** Opens it. Called once, before anything else. */
  open(): Promise<void>;
  /** Reads everything. */
  load(): Promise<StoreContents>;
  /**
   * Keeps changes; durable when it resolves, all of them or none. A change whose list, number, direction and
   * evidence id are known already is kept once, as it first came.
   *
   * @returns for each change whether it was new.
   */
  append(changes: readonly OptOutChange[]): Promise<readonly boolean[]>;
  /**
   * Keeps a sweep in place of the last one, as a whole or not at all. Refused when it started before the one that is kept.
   * An equal start replaces it. The sweep's iterables may be read after the call returned, until it resolves.
   *
   * @returns whether it was kept.
   */
  saveSweep(list: string, sweep: SavedSweep): Promise<boolean>;
  /** Reports what others write after `since`, until the returned function is called. */
  tail(since: Cursor, handlers: TailHandlers): () => void;
  /** Asks for the right named `name`; `undefined` while another process holds it. */
  lease(name: string): Promise<Lease | undefined>;
  /** The evidence about a number, newest `at` first. */
  history(
    msisdn: string,
    options?: { readonly list?: string; readonly limit?: number },
  ): Promise<readonly OptOutChange[]>;
  /**
   * Forgets a person's words, reasons, senders and message ids, and all evidence but `keep`, which replaces it:
   * the changes that still decide whether the number is blocked.
   */
  erase(msisdn: string, keep: readonly OptOutChange[]): Promise<void>;
  /** Ends it. Any number of calls. */
  close(): Promise<void>;
}
