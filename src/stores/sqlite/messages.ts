/** What the store and its worker say to each other. Types only. */

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
import type { LoadPlace, LogCursor } from './log-cursor.ts';
import type { ImageKind, LoadedHead, SweepHead } from './sweep-log.ts';

/** What the worker is started with. */
export interface WorkerSetup {
  readonly file: string;
  /** The memory of its exit gate. */
  readonly exitGate: SharedArrayBuffer;
}

/** A list that is being loaded. */
export interface LoadedList extends LoadedHead {
  /** Whether there is a base of it. */
  readonly hasBase: boolean;
}

/** Each request by name: what it takes and what it gives. */
export interface Requests {
  open: { takes: StoreOpening; gives: StoreTrouble | undefined };
  /** Begins a load, in one view of the file. */
  load: { takes: null; gives: { readonly cursor: LogCursor; readonly heads: readonly LoadedList[] } };
  loadChanges: { takes: LoadPlace; gives: LoadedChanges };
  /** The next batch of a list's numbers; `undefined` at the end. */
  loadNumbers: {
    takes: { readonly list: string; readonly kind: 'all' | 'missing' };
    gives: Float64Array | undefined;
  };
  /** The next chunks of a list's base; `undefined` at the end, and where there is none. */
  loadBase: { takes: { readonly list: string }; gives: readonly Uint8Array[] | undefined };
  /** What came or left next after a list's base; `undefined` at the end. */
  loadSince: { takes: { readonly list: string }; gives: NumbersStep | undefined };
  loaded: { takes: null; gives: null };
  append: { takes: AppendRequest; gives: readonly AppendResult[] };
  stage: {
    takes: { readonly token: string; readonly kind: ImageKind; readonly numbers: Float64Array };
    gives: null;
  };
  saveSweep: {
    takes: {
      readonly token: string;
      readonly head: SweepHead;
      readonly rows: readonly ListedRow[];
      readonly isFull: boolean;
    };
    gives: boolean;
  };
  /** As of which sweep a base is wanted; `undefined` where none is. */
  wantedBase: { takes: { readonly list: string }; gives: number | undefined };
  stageBase: {
    takes: { readonly token: string; readonly ordinal: number; readonly chunks: readonly Uint8Array[] };
    gives: null;
  };
  saveBase: {
    takes: { readonly list: string; readonly token: string; readonly seq: number };
    gives: null;
  };
  /** What a save has to bring: nothing where a later one is kept, all numbers where no base is. */
  wanted: {
    takes: { readonly list: string; readonly number: number };
    gives: 'nothing' | 'delta' | 'everything';
  };
  /** News was taken in: the next may come. */
  heard: { takes: null; gives: null };
  tail: { takes: { readonly cursor: LogCursor } | null; gives: null };
  lease: {
    takes: { readonly name: string; readonly ttlMs: number; readonly isForced: boolean };
    gives: boolean;
  };
  renew: { takes: { readonly name: string; readonly ttlMs: number }; gives: boolean };
  /** Takes the number of the next sweep from the counter of the file. */
  nextSweep: { takes: null; gives: number };
  release: { takes: { readonly name: string }; gives: null };
  history: {
    takes: { readonly msisdn: string; readonly list: string | undefined; readonly limit: number | undefined };
    gives: OptOutChange[];
  };
  spans: { takes: { readonly msisdn: string; readonly list: string | undefined }; gives: ListingSpan[] };
  /** Gives whether the words are gone from the log of the file too. */
  erase: { takes: { readonly msisdn: string; readonly forget: Erasure }; gives: boolean };
  /** Tries again to take erased words out of the log of the file. Gives whether they are gone. */
  clearLog: { takes: null; gives: boolean };
  /** One step; `after` is where the next begins, `undefined` at the end. */
  prune: {
    takes: { readonly olderThan: number; readonly after: number };
    gives: { readonly removed: number; readonly after: number | undefined };
  };
  /** One step, of the prune that is under way where one is. */
  pruneSweeps: {
    takes: { readonly olderThan: number };
    gives: { readonly removed: number; readonly isOver: boolean };
  };
  /** Forgets what was staged for a save that failed. */
  drop: { takes: { readonly token: string }; gives: null };
  /** Puts the files right before they are closed, if something happened to them. */
  keepInPlace: { takes: null; gives: null };
  close: { takes: null; gives: null };
}

export type RequestName = keyof Requests;

export interface RequestMessage {
  readonly id: number;
  readonly name: RequestName;
  readonly takes: unknown;
}

/** Answers, and what comes by itself. */
export type WorkerMessage =
  | { readonly kind: 'answer'; readonly id: number; readonly gives: unknown }
  | { readonly kind: 'failure'; readonly id: number; readonly message: string; readonly code: StoreErrorCode }
  | { readonly kind: 'news'; readonly news: Omit<StoreNews, 'cursor'> }
  | { readonly kind: 'caughtUp'; readonly end: LogEnd }
  /** `isWhole`: the file lacks nothing that memory knows. */
  | { readonly kind: 'trouble'; readonly trouble: StoreTrouble; readonly isWhole: boolean };
