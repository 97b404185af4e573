/** Messages between the store and its worker. Types only. */

import type { StoreErrorCode } from '../../errors.ts';
import type { OptOutChange } from '../../ledger/evidence.ts';
import type {
  AppendResult,
  Erasure,
  ListedRow,
  ListingSpan,
  LogEnd,
  NumbersStep,
  StoreNews,
  StoreOpening,
  StoreTrouble,
} from '../store.ts';
import type { AppendRequest } from './append.ts';
import type { LoadedChanges } from './change-log.ts';
import type { LoadPosition, LogCursor } from './log-cursor.ts';
import type { BlobKind, LoadedHead, SweepHead } from './sweep-reader.ts';

/** The data that the worker is started with. */
export interface WorkerSetup {
  readonly file: string;
  /** The memory of its exit gate. */
  readonly exitGate: SharedArrayBuffer;
}

/** A list that is being loaded. */
export interface LoadedList extends LoadedHead {
  /** Whether the file has a snapshot of it. */
  readonly hasSnapshot: boolean;
}

/** Each request by name: what it takes and what it gives. */
export interface Requests {
  open: { takes: StoreOpening; gives: StoreTrouble | undefined };
  /** Begins a load: until `endLoad`, all reads see the file as it is now. */
  load: { takes: null; gives: { readonly cursor: LogCursor; readonly heads: readonly LoadedList[] } };
  loadChanges: { takes: LoadPosition; gives: LoadedChanges };
  /** Gives the next batch of a list's numbers; `undefined` at the end. */
  loadNumbers: {
    takes: { readonly list: string; readonly kind: 'all' | 'missing' };
    gives: Float64Array | undefined;
  };
  /** Gives the next chunks of a list's snapshot; `undefined` at the end, and if there is no snapshot. */
  loadSnapshot: { takes: { readonly list: string }; gives: readonly Uint8Array[] | undefined };
  /** Gives the next numbers that were added or removed after a list's snapshot; `undefined` at the end. */
  loadSinceSnapshot: { takes: { readonly list: string }; gives: NumbersStep | undefined };
  endLoad: { takes: null; gives: null };
  append: { takes: AppendRequest; gives: readonly AppendResult[] };
  /** Keeps numbers for a sweep that `saveSweep` will save. */
  stage: {
    takes: { readonly token: string; readonly kind: BlobKind; readonly numbers: Float64Array };
    gives: null;
  };
  /** Gives whether the sweep was kept. */
  saveSweep: {
    takes: {
      readonly token: string;
      readonly head: SweepHead;
      readonly rows: readonly ListedRow[];
      readonly isFull: boolean;
    };
    gives: boolean;
  };
  /** Gives the row of the sweep that a snapshot should be made of; `undefined` if none is needed. */
  wantedSnapshot: { takes: { readonly list: string }; gives: number | undefined };
  stageSnapshot: {
    takes: { readonly token: string; readonly ordinal: number; readonly chunks: readonly Uint8Array[] };
    gives: null;
  };
  saveSnapshot: {
    takes: { readonly list: string; readonly token: string; readonly seq: number };
    gives: null;
  };
  /**
   * Gives which numbers a save must bring: nothing if a later sweep is kept, all of them if there is no sweep to which
   * a delta could be added.
   */
  wantedNumbers: {
    takes: { readonly list: string; readonly number: number };
    gives: 'nothing' | 'delta' | 'everything';
  };
  /** A message of the tail was processed: the next may be sent. */
  acknowledge: { takes: null; gives: null };
  /** Begins to follow the log after a cursor, or with `null` stops. */
  tail: { takes: { readonly cursor: LogCursor } | null; gives: null };
  /** Gives whether the lease was acquired. */
  lease: {
    takes: { readonly name: string; readonly ttlMs: number; readonly isForced: boolean };
    gives: boolean;
  };
  /** Gives whether the lease is still held. */
  renew: { takes: { readonly name: string; readonly ttlMs: number }; gives: boolean };
  /** Takes the number of the next sweep from the counter of the file. */
  nextSweep: { takes: null; gives: number };
  release: { takes: { readonly name: string }; gives: null };
  history: {
    takes: { readonly msisdn: string; readonly list: string | undefined; readonly limit: number | undefined };
    gives: OptOutChange[];
  };
  listings: { takes: { readonly msisdn: string; readonly list: string | undefined }; gives: ListingSpan[] };
  /** Gives whether the words are gone from the write-ahead log too. */
  erase: { takes: { readonly msisdn: string; readonly forget: Erasure }; gives: boolean };
  /** Tries again to remove erased words from the write-ahead log. Gives whether they are gone. */
  clearLog: { takes: null; gives: boolean };
  /** Prunes some rows after a position. Gives the position after which the next step begins; `undefined` at the end. */
  prune: {
    takes: { readonly olderThan: number; readonly after: number };
    gives: { readonly removed: number; readonly after: number | undefined };
  };
  /** Does the next step of the prune of sweeps that is running, or of a new one. */
  pruneSweeps: {
    takes: { readonly olderThan: number };
    gives: { readonly removed: number; readonly isOver: boolean };
  };
  /** Deletes what was staged for a save that failed. */
  dropStaged: { takes: { readonly token: string }; gives: null };
  /** Checks the files and repairs them if something happened to them. */
  checkFile: { takes: null; gives: null };
  close: { takes: null; gives: null };
}

export type RequestName = keyof Requests;

export interface RequestMessage {
  readonly id: number;
  readonly name: RequestName;
  readonly takes: unknown;
}

/** One message about the log: entries and sweeps of other processes. */
export type TailMessage = Omit<StoreNews, 'cursor'>;

/** Answers to requests, and messages that no request asked for. */
export type WorkerMessage =
  | { readonly kind: 'answer'; readonly id: number; readonly gives: unknown }
  | { readonly kind: 'failure'; readonly id: number; readonly message: string; readonly code: StoreErrorCode }
  | { readonly kind: 'tail'; readonly message: TailMessage }
  | { readonly kind: 'caughtUp'; readonly end: LogEnd }
  /** `isWhole`: the file lacks nothing that memory holds. */
  | { readonly kind: 'trouble'; readonly trouble: StoreTrouble; readonly isWhole: boolean };
