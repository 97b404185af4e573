/**
 * One open store file, synchronous: opened, checked, repaired, read and written. It runs in the worker. What it returns
 * from a write is durable.
 */

import { randomUUID } from 'node:crypto';
import type { Erasure, ListedRow } from '../store.ts';
import { emptyLog, writeLog } from './checkpoints.ts';
import type { Driver } from './driver.ts';
import { createLeases, type Leases } from './leases.ts';
import type { LogCursor } from './log-cursor.ts';
import { endOfLogs, tidyFile } from './open-file.ts';
import { createStoreFile, type StoreFile } from './store-file.ts';
import type { SweepHead } from './sweep-reader.ts';

export interface Engine extends Leases, Omit<StoreFile, 'current' | 'setErasedWords'> {
  /** Writes the log into the database. */
  checkpoint(): void;
  /** The end of every log. */
  end(): LogCursor;
  /**
   * Forgets a person's words, and on some lists all but the ids.
   *
   * @returns whether the words are gone from the write-ahead log too; if not, `clearLog` tries again.
   */
  erase(msisdn: string, forget: Erasure): boolean;
  /**
   * Removes erased words from the write-ahead log, unless another connection reads it.
   *
   * @returns whether they are gone
   */
  clearLog(): boolean;
  /** Notes that another process erased a person: it may end before the words are out of the write-ahead log. */
  expectErasedWords(): void;
  /** Goes on with erasures: removes what had to stay until other processes could have read of them. */
  tidy(): void;
  /** Saves a sweep whose numbers were staged under `token`. @returns whether it was kept */
  saveSweep(token: string, head: SweepHead, rows: readonly ListedRow[], isFull: boolean): boolean;
}

/** Creates the engine of a file; nothing is touched before `open`. */
export function createEngine(driver: Driver, given: string, now: () => number = Date.now): Engine {
  const writer = randomUUID();
  const store = createStoreFile(driver, given, { writer, now });

  function clearLog(): boolean {
    const { current } = store;
    if (current.kind !== 'writable' || !current.hasErasedWords) return true;
    const isEmpty = emptyLog(current.file.database);
    store.setErasedWords(!isEmpty);
    return isEmpty;
  }

  return {
    open: (opening) => store.open(opening),
    get file() {
      return store.file;
    },
    noteDamage: (error) => store.noteDamage(error),
    get isDamaged() {
      return store.isDamaged;
    },
    get isWorthReopening() {
      return store.isWorthReopening;
    },
    fault: () => store.fault(),
    repair: (opening, fault) => store.repair(opening, fault),
    get exposures() {
      return store.exposures;
    },
    close: () => store.close(),
    ...createLeases(() => store.file.database, writer, now),
    checkpoint() {
      const { current } = store;
      if (current.kind !== 'writable') return;
      writeLog(current.file.database);
      current.watch.noteCheckpoint();
    },
    end: () => endOfLogs(store.file),
    erase(msisdn, forget) {
      const { log, sweepHistory } = store.file;
      log.erase(msisdn, forget);
      sweepHistory.forgetErased();
      store.setErasedWords(true);
      return clearLog();
    },
    clearLog,
    expectErasedWords: () => store.setErasedWords(true),
    tidy: () => tidyFile(store.file),
    saveSweep: (token, head, rows, isFull) => store.file.sweeps.commit(token, head, rows, isFull),
  };
}
