/**
 * One open store file, synchronous: opened, checked, put right, read and written. It runs in the worker; what it
 * returns from a write is durable.
 */

import { randomUUID } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import type { Erasure, ListedRow, StoreOpening, StoreTrouble } from '../store.ts';
import { OtherAccount, checkAccounts, createTakeover } from './accounts.ts';
import { emptyLog, leaveOldLog, putOldLogAside, writeLog } from './checkpoints.ts';
import { Damage, isDamage, isNewer, NewerFile, readAnew } from './repair.ts';
import { holds, type Database, type Driver } from './driver.ts';
import { realPathOf, requireRegularFiles } from './file-kind.ts';
import { watchFile, type Fault, type FileWatch } from './file-watch.ts';
import { endStranding, type Healing, type Stranded } from './healing.ts';
import { createLeases, type Leases } from './leases.ts';
import type { LogCursor } from './log-cursor.ts';
import { lastPosition } from './log-id.ts';
import { migrationTrouble } from './migration.ts';
import { endOfLogs, tidyFile, type OpenFile } from './open-file.ts';
import { openChecked, openForReading } from './opening.ts';
import { closeToOthers } from './permissions.ts';
import type { ReadingCopy } from './read-only-copy.ts';
import { isRefusal } from './refusals.ts';
import { replaceFile } from './replacement.ts';
import { configure, makeFile } from './schema.ts';
import type { SweepHead } from './sweep-log.ts';

export interface Engine extends Leases {
  /** Opens the file, whatever state it is in. @throws Error where it cannot even be read, and none can be made. */
  open(opening: StoreOpening): StoreTrouble | undefined;
  /** What is open. @throws Error before `open`, and where the file is not where it was. */
  readonly file: OpenFile;
  /** Told that what was read makes no sense: the next `open` puts the file aside. */
  suspect(error: unknown): void;
  /** Whether a file that could only be read may be opened better now: it can be written to, or holds something new. */
  readonly isWorthReopening: boolean;
  /** Whether the next `open` puts the file aside. */
  readonly isSuspected: boolean;
  /** What happened to the files under the open connection; `undefined` if nothing did. */
  fault(): Fault | undefined;
  /** Puts right what `fault` told. What the open connection still holds is kept. @throws Error if it cannot be done now */
  heal(opening: StoreOpening, fault: Fault): Healing;
  /** Which files stay open to other users, a sentence each. */
  readonly exposures: readonly string[];
  /** Writes the log into the database. */
  checkpoint(): void;
  /** The end of every log. */
  end(): LogCursor;
  /**
   * Forgets a person's words, and on some lists all but the ids.
   *
   * @returns whether the words are gone from the log of the file too; else `clearLog` tries again.
   */
  erase(msisdn: string, forget: Erasure): boolean;
  /** Takes erased words out of the log of the file, unless another connection reads it. @returns whether they are gone. */
  clearLog(): boolean;
  /** Told that another process erased somebody: it may end before the words are out of the log. */
  expectErasedWords(): void;
  /** Goes on with what an erasure had to leave because other processes might not have heard of it. */
  tidy(): void;
  saveSweep(token: string, head: SweepHead, rows: readonly ListedRow[], isFull: boolean): boolean;
  close(): void;
}

const BROUGHT_UP_TO_DATE: Fault = { kind: 'newer', message: 'was brought up to date by a later version' };
/** Creates the engine of a file; nothing is touched before `open`. */
export function createEngine(driver: Driver, given: string, now: () => number = Date.now): Engine {
  const writer = randomUUID();
  const user = { writer, now };
  let path = given;
  let opened: OpenFile | undefined;
  let inode: number | undefined;
  let watch: FileWatch | undefined;
  // A connection whose files were taken away or damaged, with evidence that is not in another file yet.
  let stranded: Stranded | undefined;
  let suspicion: Damage | undefined;
  let copy: ReadingCopy | undefined;
  let exposures: readonly string[] = [];
  // Why nothing is open.
  let failure: Error | undefined;
  const takeover = createTakeover(driver, now);
  let hasErasedWords = false;

  /** Opens and checks what is there. @throws Damage, or an error of SQLite or the file system */
  function openWritable(opening: StoreOpening): OpenFile {
    const file = openChecked({ driver, path, takeover }, opening, user);
    try {
      exposures = closeToOthers(path);
      hasErasedWords = holds(file.database, 'EXISTS (SELECT 1 FROM erasures)');
      watch = watchOf(file.database);
      return file;
    } catch (error) {
      file.database.close();
      throw error;
    }
  }

  function openUnwritable(reason: unknown): StoreTrouble {
    const { trouble, ...reading } = openForReading(driver, path, reason, user);
    ({ file: opened, copy } = reading);
    return trouble;
  }

  /** Opens a new file with what can be read of the damaged one and of a connection to it, and puts that one aside. */
  function openReplaced(damage: Error, opening: StoreOpening, old?: OpenFile): StoreTrouble {
    const message = replaceFile({ driver, path, inode, now }, damage, opening.accounts, old?.database);
    inode = statSync(path).ino;
    suspicion = undefined;
    opened = openWritable(opening);
    return { kind: 'damaged', message };
  }

  /** `old`: a connection to what was there before. */
  function openAny(opening: StoreOpening, old?: OpenFile): StoreTrouble | undefined {
    path = realPathOf(given);
    requireRegularFiles(path);
    // A file that is there is opened whatever the folder allows.
    if (!existsSync(path)) makeFile(driver, path);
    const found = statSync(path).ino;
    // What was suspected was the file before.
    if (found !== inode) suspicion = undefined;
    inode = found;
    try {
      return suspicion ? openReplaced(suspicion, opening, old) : openSound(opening, old);
    } catch (error) {
      if (!(error instanceof NewerFile)) throw error;
      suspicion = undefined;
      return openUnwritable(error);
    }
  }

  function openSound(opening: StoreOpening, old?: OpenFile): StoreTrouble | undefined {
    try {
      opened = openWritable(opening);
    } catch (error) {
      if (isDamage(error)) return openReplaced(error as Error, opening, old);
      if (isRefusal(error)) return openUnwritable(error);
      throw error;
    }
    return migrationTrouble(opened.migration);
  }

  /** Notes why nothing is open. */
  function track<T>(open: () => T): T {
    try {
      const done = open();
      failure = undefined;
      return done;
    } catch (error) {
      failure = error instanceof Error ? error : new Error('unknown fault');
      throw error;
    }
  }

  function closeOpened(): void {
    opened?.database.close();
    opened = undefined;
    watch = undefined;
    copy?.remove();
    copy = undefined;
  }

  function close(): void {
    closeOpened();
    stranded?.file.database.close();
    stranded = undefined;
  }

  /** Begins a new log if nothing is lost by that. */
  function beginLog({ database }: OpenFile): boolean {
    if (watch === undefined || !leaveOldLog(database, watch)) return false;
    configure(database);
    // So that there is a log to watch.
    checkAccounts(database, {});
    watch = watchOf(database);
    return true;
  }

  /** Whether what was open may be stored now: the file that could only be read has gone or can be opened better. */
  function isWorthHealing(): boolean {
    return statSync(path, { throwIfNoEntry: false })?.ino !== inode || engine.isWorthReopening;
  }

  function watchOf(database: Database): FileWatch {
    return watchFile(path, {
      isLogWritten: () => writeLog(database),
      lastPosition: () => lastPosition(database),
      readAnew: (position) => readAnew(driver, path, position),
    });
  }

  const engine: Engine = {
    open(opening) {
      if (stranded) return engine.heal(opening, stranded.fault).trouble;
      if (suspicion && opened && !opened.isReadOnly) {
        return engine.heal(opening, { kind: 'damaged', message: `cannot be used: ${suspicion.message}` })
          .trouble;
      }
      close();
      return track(() => openAny(opening));
    },
    get file() {
      if (opened) return opened;
      if (failure instanceof OtherAccount) throw failure;
      throw new Error(`the store is not open${failure === undefined ? '' : `: ${failure.message}`}`);
    },
    suspect(error) {
      if (isDamage(error) || (error instanceof Error && error.name === 'SnapshotError')) {
        suspicion = new Damage(error instanceof Error ? error.message : 'it cannot be read');
      }
    },
    get isWorthReopening() {
      return opened?.isReadOnly === true && copy?.isOutdated() === true;
    },
    get isSuspected() {
      return suspicion !== undefined;
    },
    fault() {
      if (stranded) return opened?.isReadOnly && !isWorthHealing() ? undefined : stranded.fault;
      if (opened === undefined || opened.isReadOnly) return undefined;
      return watch?.fault() ?? (isNewer(opened.database) ? BROUGHT_UP_TO_DATE : undefined);
    },
    heal(opening, fault) {
      const message = `the store ${fault.message}`;
      if (fault.kind === 'newer') {
        close();
        const trouble = track(() => openAny(opening)) ?? { kind: 'newer', message };
        return { trouble, isWhole: false };
      }
      if (stranded) {
        // Only the evidence of before is missing in what is open.
        if (opened?.isReadOnly === false) return track(() => finish(message));
        closeOpened();
      } else if (opened) {
        if (fault.kind === 'log_lost' && beginLog(opened)) {
          return { trouble: { kind: 'damaged', message: `${message}; nothing is lost` }, isWhole: true };
        }
        stranded = { file: opened, fault, inode, watch };
        opened = undefined;
        watch = undefined;
      }
      return track(() => {
        inode = stranded?.inode;
        // What is wrong with a path that leads elsewhere, opening it tells.
        const isSame = () => statSync(path, { throwIfNoEntry: false })?.ino === inode;
        if (fault.kind !== 'moved' && isSame()) suspicion = new Damage(message);
        else if (stranded?.watch) putOldLogAside(driver, realPathOf(given), stranded.watch);
        const trouble = openAny(opening, stranded?.file);
        if (trouble && engine.file.isReadOnly) return { trouble, isWhole: false };
        const isTold = trouble === undefined || trouble.message.includes(message);
        return finish(isTold ? (trouble?.message ?? message) : `${message}; ${trouble.message}`);
      });

      function finish(told: string): Healing {
        const healing = endStranding(stranded, engine.file, told);
        stranded = undefined;
        return healing;
      }
    },
    get exposures() {
      return exposures;
    },
    checkpoint() {
      if (opened === undefined || opened.isReadOnly) return;
      writeLog(opened.database);
      watch?.noteCheckpoint();
    },
    end: () => endOfLogs(engine.file),
    ...createLeases(() => engine.file.database, writer, now),
    erase(msisdn, forget) {
      const { log, sweepHistory } = engine.file;
      log.erase(msisdn, forget);
      sweepHistory.forgetErased();
      hasErasedWords = true;
      return engine.clearLog();
    },
    clearLog() {
      if (!hasErasedWords) return true;
      hasErasedWords = !emptyLog(engine.file.database);
      return !hasErasedWords;
    },
    expectErasedWords() {
      hasErasedWords = true;
    },
    tidy: () => tidyFile(engine.file),
    saveSweep: (token, head, rows, isFull) => engine.file.sweeps.commit(token, head, rows, isFull),
    close,
  };

  return engine;
}
