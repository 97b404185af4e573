/**
 * One open store file, synchronous: opened, checked, put right, read and written. It runs in the worker; what it
 * returns from a write is durable.
 */

import { randomUUID } from 'node:crypto';
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import type { Erasure, ListedRow, StoreOpening, StoreTrouble } from '../store.ts';
import { OtherAccount, checkAccounts, createTakeover } from './accounts.ts';
import { createBaseTable, type BaseTable } from './bases.ts';
import { copyEvidence } from './carry-over.ts';
import { emptyLog, leaveLog, putOldLogAside, writeLog } from './checkpoints.ts';
import { checkContent, checkIdentity, checkSize, Damage, isDamage, NewerFile, readAnew } from './damage.ts';
import type { Database, Driver } from './driver.ts';
import { realPathOf, requireRegularFiles } from './file-kind.ts';
import { watchFile, type Fault, type FileWatch } from './file-watch.ts';
import { createLeases, type Leases } from './leases.ts';
import { createChangeLog, type ChangeLog } from './log.ts';
import type { LogCursor } from './log-cursor.ts';
import { lastPosition, readLogId } from './log-id.ts';
import { migrate, migrationTrouble, type Migration } from './migration.ts';
import { readNewer } from './newer-file.ts';
import { closeToOthers } from './permissions.ts';
import { copyForReading, type ReadingCopy } from './reading-copy.ts';
import { isRefusal, reasonOf } from './refusals.ts';
import { replaceFile } from './replacement.ts';
import { configure, makeFile } from './schema.ts';
import { createSweepHistory, type SweepHistory } from './sweep-history.ts';
import { nextSweepNumber } from './sweep-numbers.ts';
import { createSweepTable, type SweepHead, type SweepTable } from './sweeps.ts';
import { inTransaction } from './transaction.ts';

/** A file that is open. */
export interface OpenFile {
  readonly database: Database;
  readonly log: ChangeLog;
  readonly sweeps: SweepTable;
  readonly sweepHistory: SweepHistory;
  readonly bases: BaseTable;
  /** Nothing can be written: it is a copy, or the file system refuses. */
  readonly isReadOnly: boolean;
  /** It is what can be read of a file of a later version. */
  readonly isNewer: boolean;
  /** What it took to bring the file up to date; `undefined` if it was. */
  readonly migration: Migration | undefined;
}

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
  /** The number of the next sweep of any list. */
  nextSweep(): number;
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

/** What was done about a fault. */
export interface Healing {
  readonly trouble: StoreTrouble;
  /** The file is the same and nothing is lost. Otherwise it may lack what only memory knows. */
  readonly isWhole: boolean;
}

/** How old staged numbers are before nobody can be writing them any more, ms. */
const STAGED_KEPT_MS = 3_600_000;

/** Creates the engine of a file; nothing is touched before `open`. */
export function createEngine(driver: Driver, given: string, now: () => number = Date.now): Engine {
  const writer = randomUUID();
  let path = given;
  let opened: OpenFile | undefined;
  let inode: number | undefined;
  let watch: FileWatch | undefined;
  // A connection whose files were taken away or damaged, with evidence that is not in another file yet.
  let stranded: { readonly file: OpenFile; readonly fault: Fault } | undefined;
  let suspicion: Damage | undefined;
  let copy: ReadingCopy | undefined;
  let exposures: readonly string[] = [];
  // Why nothing is open.
  let failure: Error | undefined;
  const takeover = createTakeover(driver, now);
  let hasErasedWords = false;

  function use(
    database: Database,
    state: Partial<Pick<OpenFile, 'isReadOnly' | 'isNewer' | 'migration'>> = {},
  ): OpenFile {
    const log = createChangeLog(database, writer, now);
    const sweeps = createSweepTable(database, writer, now);
    const sweepHistory = createSweepHistory(database, now);
    const bases = createBaseTable(database, now);
    const asItShouldBe = { isReadOnly: false, isNewer: false, migration: undefined };
    return { database, log, sweeps, sweepHistory, bases, ...asItShouldBe, ...state };
  }

  /** Opens and checks what is there. @throws Damage, or an error of SQLite or the file system */
  function openChecked({ accounts }: StoreOpening): OpenFile {
    checkSize(path);
    accessSync(path, constants.R_OK | constants.W_OK);
    const foreign = takeover.check(path, accounts);
    if (foreign) throw new Damage(foreign.message);
    const database = new driver.DatabaseSync(path);
    try {
      checkIdentity(database);
      configure(database);
      checkContent(database);
      const migration = migrate(database);
      checkAccounts(database, accounts);
      const file = use(database, { migration });
      file.sweeps.settle();
      file.sweeps.discard(now() - STAGED_KEPT_MS);
      tidy(file);
      exposures = closeToOthers(path);
      hasErasedWords = database.prepare('SELECT 1 FROM erasures LIMIT 1').get() !== undefined;
      watch = watchOf(database);
      return file;
    } catch (error) {
      database.close();
      throw error;
    }
  }

  /** Forgets who was erased, as soon as nobody has to be told any more. */
  function tidy({ log, sweepHistory }: OpenFile): void {
    sweepHistory.forgetErased();
    log.forgetErasures();
  }

  /** Makes a new file with what can be read of the damaged one and of a connection to it, and puts that one aside. */
  function replace(damage: Error, { accounts }: StoreOpening, old?: OpenFile): string {
    const message = replaceFile({ driver, path, inode, now }, damage, accounts, old?.database);
    inode = statSync(path).ino;
    return message;
  }

  /** Reads a copy of a file that cannot be written to. */
  function openCopy(reason: unknown): StoreTrouble {
    copy = copyForReading(path);
    const database = new driver.DatabaseSync(copy.path);
    checkIdentity(database);
    checkContent(database);
    migrate(database);
    opened = use(database, { isReadOnly: true });
    const message = `the store can be read but not written (${reasonOf(reason)}): what it holds counts, nothing new is kept`;
    return { kind: 'read_only', message };
  }

  /** Reads what it can of a file of a later version: that blocks, and nothing is written. */
  function openNewer(reason: NewerFile): StoreTrouble {
    copy = copyForReading(path, { isNewer: true });
    opened = use(readNewer(driver, copy.path), { isReadOnly: true, isNewer: true });
    return { kind: 'newer', message: `the store can be neither used nor written: ${reason.message}` };
  }

  /** `old`: a connection to what was there before. */
  function openAny(opening: StoreOpening, old?: OpenFile): StoreTrouble | undefined {
    path = realPathOf(given);
    requireRegularFiles(path);
    // A file that is there is opened whatever the folder allows.
    if (!existsSync(path)) makeFile(driver, path);
    inode = statSync(path).ino;
    try {
      if (suspicion) throw suspicion;
      opened = openChecked(opening);
      return migrationTrouble(opened.migration);
    } catch (error) {
      if (error instanceof NewerFile) return openNewer(error);
      const damage = suspicion ?? error;
      if (isDamage(damage)) {
        const message = replace(damage as Error, opening, old);
        suspicion = undefined;
        opened = openChecked(opening);
        return { kind: 'damaged', message };
      }
      if (isRefusal(error)) return openCopy(error);
      throw error;
    }
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

  function close(): void {
    opened?.database.close();
    opened = undefined;
    watch = undefined;
    stranded?.file.database.close();
    stranded = undefined;
    copy?.remove();
    copy = undefined;
  }

  /** Writes everything into the database and begins a new log. Only if no other connection uses the old one. */
  function renewLog({ database }: OpenFile): boolean {
    // A log under the old name may hold what another process wrote to it.
    const found = statSync(`${path}-wal`, { throwIfNoEntry: false });
    if (found !== undefined && found.size > 0 && watch?.isOwn(`${path}-wal`) !== true) return false;
    if (!writeLog(database) || !leaveLog(database)) return false;
    configure(database);
    // So that there is a log to watch.
    checkAccounts(database, {});
    watch = watchOf(database);
    return true;
  }

  function watchOf(database: Database): FileWatch {
    return watchFile(path, {
      isLogWritten: () => writeLog(database),
      readAnew: () => readAnew(driver, path),
    });
  }

  const engine: Engine = {
    open(opening) {
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
      if (isDamage(error) || (error instanceof Error && error.name === 'ImageError')) {
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
      if (stranded) return stranded.fault;
      return opened === undefined || opened.isReadOnly ? undefined : watch?.fault();
    },
    heal(opening, fault) {
      const message = `the store ${fault.message}`;
      if (fault.kind === 'log_lost' && opened && renewLog(opened)) {
        return { trouble: { kind: 'damaged', message: `${message}; nothing is lost` }, isWhole: true };
      }
      const before = opened ?? stranded?.file;
      if (before) stranded = { file: before, fault };
      const oldWatch = watch;
      opened = undefined;
      return track(() => {
        if (fault.kind !== 'moved' && statSync(path, { throwIfNoEntry: false })?.ino === inode) {
          const replaced = replace(new Damage(message), opening, before);
          suspicion = undefined;
          opened = openChecked(opening);
          return finish(replaced);
        }
        path = realPathOf(given);
        requireRegularFiles(path);
        if (oldWatch) putOldLogAside(driver, path, oldWatch);
        const trouble = openAny(opening, before);
        if (trouble?.kind === 'read_only') return { trouble, isWhole: false };
        return finish(trouble ? `${message}; ${trouble.message}` : message);
      });

      function finish(told: string): Healing {
        const copied = before ? copyEvidence(before.database, engine.file.database) : 0;
        before?.database.close();
        stranded = undefined;
        const carried = `${told}; ${copied} pieces of evidence were carried over from what was open`;
        return { trouble: { kind: 'damaged', message: carried }, isWhole: false };
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
    end() {
      const { database } = engine.file;
      const last = (table: string) =>
        Number(database.prepare(`SELECT coalesce(max(seq), 0) AS seq FROM ${table}`).get()?.['seq']);
      return {
        log: readLogId(database).id,
        changes: lastPosition(database),
        erasures: last('erasures'),
        sweeps: last('sweeps'),
      };
    },
    ...createLeases(() => engine.file.database, writer, now),
    nextSweep() {
      const { database } = engine.file;
      return inTransaction(database, () => nextSweepNumber(database));
    },
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
    tidy: () => tidy(engine.file),
    saveSweep: (token, head, rows, isFull) => engine.file.sweeps.commit(token, head, rows, isFull),
    close,
  };

  return engine;
}
