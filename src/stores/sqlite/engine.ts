/**
 * One open store file, synchronous: opened, checked, put right, read and written. It runs in the worker; what it
 * returns from a write is durable.
 */

import { randomUUID } from 'node:crypto';
import { accessSync, constants, existsSync, lstatSync, readlinkSync, realpathSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Erasure, ListedRow, StoreOpening, StoreTrouble } from '../store.ts';
import { createBaseTable, type BaseTable } from './bases.ts';
import { copyEvidence } from './carry-over.ts';
import {
  carryOver,
  checkContent,
  checkIdentity,
  checkSize,
  Damage,
  isDamage,
  NewerFile,
  putAside,
} from './damage.ts';
import { sqliteCode, type Database, type Driver } from './driver.ts';
import { withLock } from './lock.ts';
import { createChangeLog, type ChangeLog } from './log.ts';
import type { LogCursor } from './log-cursor.ts';
import { lastPosition, readLogId } from './log-id.ts';
import { migrate, migrationTrouble, type Migration } from './migration.ts';
import { readNewer } from './newer-file.ts';
import { copyForReading, type ReadingCopy } from './reading-copy.ts';
import { configure, makeDraft, makeFile, removeDraft } from './schema.ts';
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

export interface Engine {
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
  /** Whether the path still leads to the file that is open. */
  isInPlace(): boolean;
  /** Opens what the path leads to now, and copies to it what the file that was open holds. */
  move(opening: StoreOpening): StoreTrouble;
  /** The end of every log. */
  end(): LogCursor;
  lease(name: string, ttlMs: number, isForced: boolean): boolean;
  renew(name: string, ttlMs: number): boolean;
  release(name: string): void;
  /** The number of the next sweep of any list. */
  nextSweep(): number;
  erase(msisdn: string, forget: Erasure): void;
  /** Goes on with what an erasure had to leave because other processes might not have heard of it. */
  tidy(): void;
  saveSweep(token: string, head: SweepHead, rows: readonly ListedRow[], isFull: boolean): boolean;
  close(): void;
}

/** SQLite's codes for: no permission, read-only, an I/O error (no room for its log among them), full, cannot open. */
const REFUSALS: readonly unknown[] = [3, 8, 10, 13, 14, 'EACCES', 'EPERM', 'EROFS'];
const READ_ONLY = 8;
/** How old staged numbers are before nobody can be writing them any more, ms. */
const STAGED_KEPT_MS = 3_600_000;

/** Creates the engine of a file; nothing is touched before `open`. */
export function createEngine(driver: Driver, given: string, now: () => number = Date.now): Engine {
  const writer = randomUUID();
  let path = given;
  let opened: OpenFile | undefined;
  // A file that is no longer in its place, with evidence that is not in another yet.
  let stranded: OpenFile | undefined;
  let inode: number | undefined;
  let suspicion: Damage | undefined;
  let copy: ReadingCopy | undefined;

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

  /** Compares whose lists these are, and notes those that are new. @throws Damage */
  function checkAccounts(database: Database, accounts: StoreOpening['accounts']): void {
    inTransaction(database, () => {
      const kept = database.prepare("SELECT value FROM meta WHERE key = 'accounts'").get()?.['value'];
      const known = JSON.parse(typeof kept === 'string' ? kept : '{}') as Record<string, string>;
      for (const [list, account] of Object.entries(accounts)) {
        if (Object.hasOwn(known, list) && known[list] !== account) {
          throw new Damage(`its list '${list}' is of another account`);
        }
      }
      database
        .prepare("INSERT INTO meta VALUES ('accounts', ?) ON CONFLICT DO UPDATE SET value = excluded.value")
        .run(JSON.stringify({ ...known, ...accounts }));
    });
  }

  /** Makes a new file with what can be read of the damaged one, and puts that one aside. */
  function replace(damage: Error, opening: StoreOpening): StoreTrouble {
    let message = `the store was damaged (${damage.message}), and another process has put it right`;
    withLock(driver, path, () => {
      if (statSync(path).ino !== inode) return;
      let carried = 0;
      const draft = makeDraft(driver, path, (database) => {
        // Whose it is stands in it before anybody else can open it.
        checkAccounts(database, opening.accounts);
        carried = carryOver(driver, path, database);
      });
      try {
        const aside = putAside(path, draft, now());
        message = `the store could not be used: ${damage.message}; it was put aside as ${aside}, and ${carried} pieces of evidence were carried over from it`;
      } finally {
        removeDraft(draft);
      }
    });
    inode = statSync(path).ino;
    opened = openChecked(opening);
    return { kind: 'damaged', message };
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

  /** `mayReplace`: not while others may have the file open and in order. */
  function openAny(opening: StoreOpening, mayReplace: boolean): StoreTrouble | undefined {
    path = realPathOf(given);
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
      if (isDamage(damage) && mayReplace) {
        const trouble = replace(damage as Error, opening);
        suspicion = undefined;
        return trouble;
      }
      if (isRefusal(error)) return openCopy(error);
      throw error;
    }
  }

  function close(): void {
    opened?.database.close();
    opened = undefined;
    stranded?.database.close();
    stranded = undefined;
    copy?.remove();
    copy = undefined;
  }

  const engine: Engine = {
    open(opening) {
      close();
      return openAny(opening, true);
    },
    get file() {
      if (opened === undefined) throw new Error('the store is not open');
      return opened;
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
    isInPlace() {
      if (opened === undefined) return stranded === undefined;
      if (opened.isReadOnly) return true;
      try {
        return statSync(path).ino === inode;
      } catch {
        return false;
      }
    },
    move(opening) {
      const before = opened ?? stranded;
      opened = undefined;
      stranded = before;
      const trouble = openAny(opening, false);
      const copied = before ? copyEvidence(before.database, engine.file.database) : 0;
      before?.database.close();
      stranded = undefined;
      const message = `the store was replaced or removed while it was open; ${copied} pieces of evidence were carried over`;
      return trouble ?? { kind: 'damaged', message };
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
    lease(name, ttlMs, isForced) {
      const { database } = engine.file;
      return inTransaction(database, () => {
        const held = database.prepare('SELECT expires FROM leases WHERE name = ?').get(name);
        const left = Number(held?.['expires'] ?? 0) - now();
        // One that lies further ahead than any could was taken before the clock was set back.
        const isTaken = held !== undefined && left > 0 && left <= ttlMs;
        if (isTaken && !isForced) return false;
        database
          .prepare(
            `INSERT INTO leases VALUES (?, ?, ?)
             ON CONFLICT DO UPDATE SET owner = excluded.owner, expires = excluded.expires`,
          )
          .run(name, writer, now() + ttlMs);
        return true;
      });
    },
    renew(name, ttlMs) {
      const update = 'UPDATE leases SET expires = ? WHERE name = ? AND owner = ?';
      return Number(engine.file.database.prepare(update).run(now() + ttlMs, name, writer).changes) === 1;
    },
    release(name) {
      engine.file.database.prepare('DELETE FROM leases WHERE name = ? AND owner = ?').run(name, writer);
    },
    nextSweep() {
      const { database } = engine.file;
      return inTransaction(database, () => nextSweepNumber(database));
    },
    erase(msisdn, forget) {
      const { database, log, sweepHistory } = engine.file;
      log.erase(msisdn, forget);
      sweepHistory.forgetErased();
      // Words do not stay behind in the log of the file either.
      database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    },
    tidy: () => tidy(engine.file),
    saveSweep: (token, head, rows, isFull) => engine.file.sweeps.commit(token, head, rows, isFull),
    close,
  };

  return engine;
}

/** Where a path leads: the log of a database lies beside the file itself, not beside a link to it. */
function realPathOf(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    const target = lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink() ? readlinkSync(file) : file;
    return resolve(dirname(file), target);
  }
}

/** Whether the machine does not let us write, where the file itself may be sound. */
function isRefusal(error: unknown): boolean {
  return REFUSALS.includes(sqliteCode(error) ?? (error as NodeJS.ErrnoException).code);
}

function reasonOf(error: unknown): string {
  if (sqliteCode(error) === READ_ONLY) return 'it is read-only';
  return error instanceof Error ? error.message : 'unknown';
}
