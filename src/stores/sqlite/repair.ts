/**
 * Finds damage in store files, and puts damaged files aside: a damaged file is renamed and never written to, and the
 * evidence that can still be read from it is copied into the file that replaces it.
 */

import { randomUUID } from 'node:crypto';
import {
  closeSync,
  copyFileSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  linkSync,
  openSync,
  readSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { copyEvidence, copyRows } from './carry-over.ts';
import { isTrue, sqliteCode, type Database, type Driver } from './driver.ts';
import { LAST_POSITION, findLogId } from './log-id.ts';
import { migrate } from './migration.ts';
import { scanPages } from './page-scan.ts';
import { APPLICATION_ID, BUSY_TIMEOUT, SCHEMA_VERSION, syncFolder, tablesOf } from './schema.ts';

/** The file cannot be used. The message says why. */
export class Damage extends Error {
  override name = 'Damage';
}

/** The file is of a later version of this package. It is sound, and is neither written to nor put aside. */
export class NewerFile extends Error {
  override name = 'NewerFile';
}

const CORRUPT = 11;
const NOT_A_DATABASE = 26;

/** Returns whether an error means that the content of the file is damaged, rather than that the machine failed. */
export function isDamage(error: unknown): boolean {
  const code = sqliteCode(error);
  return error instanceof Damage || code === CORRUPT || code === NOT_A_DATABASE;
}

/**
 * Checks the size of a file. Only SQLite reads its bytes: to open and close the file here would release every lock that
 * another connection of this process has on it.
 *
 * @throws Damage
 */
export function checkSize(file: string): void {
  const { size } = statSync(file);
  if (size === 0) throw new Damage('it is empty');
  if (size < HEADER_BYTES) throw new Damage('it is cut off');
}

/**
 * Checks that a file that was just opened is one of this package, before anything is written to it.
 *
 * @throws Damage, NewerFile, or SQLite's error
 */
export function checkIdentity(database: Database): void {
  const pragma = (name: string) => database.prepare(`PRAGMA ${name}`).get()?.[name];
  try {
    const version = Number(pragma('user_version'));
    if (pragma('application_id') !== APPLICATION_ID) throw new Damage('it belongs to another program');
    if (version > SCHEMA_VERSION) {
      throw new NewerFile(`it is of version ${version}, which is newer than ${SCHEMA_VERSION}`);
    }
  } catch (error) {
    throw sqliteCode(error) === NOT_A_DATABASE ? new Damage('it is no database') : error;
  }
}

/** Returns whether a file of this package is of a later version; `false` if it cannot be read. */
export function isNewer(database: Database): boolean {
  try {
    return isTrue(
      database,
      `(SELECT application_id FROM pragma_application_id) = ${APPLICATION_ID}
        AND (SELECT user_version FROM pragma_user_version) > ${SCHEMA_VERSION}`,
    );
  } catch {
    return false;
  }
}

/** Up to this size all pages of a database are read to find damage, bytes. */
const READ_WHOLE_BYTES = 1_048_576;

/**
 * Reads a file as a process would that opens it now.
 *
 * @param known a position that the file is known to have had.
 * @throws Damage, or SQLite's error
 */
export function reopenAndCheck(driver: Driver, file: string, known: number): void {
  const database = new driver.DatabaseSync(file);
  try {
    database.exec(BUSY_TIMEOUT);
    if (!isTrue(database, `(SELECT application_id FROM pragma_application_id) = ${APPLICATION_ID}`)) {
      throw new Damage('it belongs to another program');
    }
    // A process of a later version may have brought it up to date.
    if (!isTrue(database, `(SELECT user_version FROM pragma_user_version) = ${SCHEMA_VERSION}`)) return;
    for (const table of tablesOf(SCHEMA_VERSION)) database.exec(`SELECT 1 FROM ${table} LIMIT 1`);
    if (!isTrue(database, `${LAST_POSITION} >= ${known}`)) throw new Damage('it is an older copy');
    if (statSync(file).size > READ_WHOLE_BYTES) return;
    if (!isTrue(database, "(SELECT quick_check FROM pragma_quick_check LIMIT 1) = 'ok'")) {
      throw new Damage('its pages do not fit together');
    }
  } finally {
    database.close();
  }
}

/** Checks that a file of this package, of any version up to this one, is sound. @throws Damage, or SQLite's error */
export function checkContent(database: Database): void {
  const tables = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all();
  const version = Number(database.prepare('PRAGMA user_version').get()?.['user_version']);
  const lost = tablesOf(version).filter((table) => !tables.some(({ name }) => name === table));
  if (lost.length > 0) throw new Damage(`it has no table ${lost.join(', ')}`);
  if (version === SCHEMA_VERSION && findLogId(database) === undefined) {
    throw new Damage('it does not say which log it holds');
  }
  const result = database.prepare('PRAGMA quick_check(1)').get()?.['quick_check'];
  if (result !== 'ok') throw new Damage('its pages do not fit together');
}

/**
 * Replaces a damaged file by `draft` and keeps it under another name. At every moment there is a file with the name of
 * the store. The log of the damaged file is first copied beside its new name and then removed, because SQLite would
 * read it into the new file. The caller holds the lock of the file.
 *
 * @returns the new name of the damaged file.
 */
export function putAside(file: string, draft: string, now: number): string {
  const stamp = new Date(now).toISOString().replaceAll(/[-:.]/g, '');
  let aside = `${file}${ASIDE}${stamp}`;
  for (let count = 2; existsSync(aside); count++) aside = `${file}${ASIDE}${stamp}-${count}`;
  linkSync(file, aside);
  if (existsSync(`${file}-wal`)) copyFileSync(`${file}-wal`, `${aside}-wal`);
  syncFolder(dirname(file));
  for (const ending of ['-wal', '-shm']) rmSync(file + ending, { force: true });
  renameSync(draft, file);
  syncFolder(dirname(file));
  return aside;
}

const ASIDE = '.damaged-';

/** Finds the log of a damaged file: beside it, or beside its new name if a process died while it put the file aside. */
function logOf(file: string, inode: number): string | undefined {
  const folder = dirname(file);
  const names = readdirSync(folder).filter(
    (name) => name.startsWith(`${basename(file)}${ASIDE}`) && !/-(?:wal|shm)$/.test(name),
  );
  return [file, ...names.map((name) => join(folder, name))]
    .filter((path) => existsSync(path) && statSync(path).ino === inode)
    .map((path) => `${path}-wal`)
    .find((path) => existsSync(path));
}

/**
 * Copies the evidence that can still be read from a damaged file. Sweeps are not copied. It reads a copy beside the
 * file; the file itself is not touched.
 *
 * @returns how many pieces of evidence were copied.
 * @throws Error if it could not be tried: the caller must not go on as if the file held no evidence
 */
export function carryOver(driver: Driver, file: string, target: Database): number {
  const copy = `${file}.reading-${randomUUID()}`;
  let source: Database | undefined;
  try {
    copyFileSync(file, copy);
    const log = logOf(file, statSync(file).ino);
    if (log !== undefined) copyFileSync(log, `${copy}-wal`);
    restoreHeader(copy);
    try {
      source = new driver.DatabaseSync(copy);
      source.prepare('SELECT 1 FROM changes').get();
    } catch (error) {
      if (isDamage(error) || sqliteCode(error) === NO_SUCH_TABLE)
        return copyRows(scanPages(file, log), target);
      throw error;
    }
    try {
      migrate(source);
    } catch {
      // It is too damaged for a migration: its evidence is copied as it is.
    }
    const copied = copyEvidence(source, target);
    return isSound(source) ? copied : copied + copyRows(scanPages(file, log), target);
  } finally {
    source?.close();
    for (const ending of ['', '-wal', '-shm', '-journal']) rmSync(copy + ending, { force: true });
  }
}

const NO_SUCH_TABLE = 1;

function isSound(database: Database): boolean {
  try {
    return database.prepare('PRAGMA quick_check(1)').get()?.['quick_check'] === 'ok';
  } catch {
    return false;
  }
}

/**
 * Restores the first bytes of a file, and the length that its header gives: without them SQLite reads nothing of the
 * file.
 */
function restoreHeader(file: string): void {
  const header = Buffer.alloc(HEADER_BYTES);
  const descriptor = openSync(file, 'r+');
  try {
    readSync(descriptor, header, 0, HEADER_BYTES, 0);
    const pageSize = header.readUInt16BE(16) === 1 ? 65_536 : header.readUInt16BE(16);
    // Every file of this format has the same three fractions.
    const isPlausible = Number.isInteger(Math.log2(pageSize)) && header.subarray(21, 24).equals(FRACTIONS);
    if (!isPlausible) return;
    writeSync(descriptor, MAGIC, 0, 'latin1');
    const length = pageSize * header.readUInt32BE(28);
    const { size } = fstatSync(descriptor);
    if (size < length && length < size * MOST_PADDING) ftruncateSync(descriptor, length);
  } finally {
    closeSync(descriptor);
  }
}

const MAGIC = 'SQLite format 3\0';
const FRACTIONS = Buffer.from([64, 32, 32]);
/**
 * Bytes of an SQLite file's header. Offset 16 has the size of a page (1 means 65,536), offset 28 the number of pages.
 */
const HEADER_BYTES = 100;
/** A header that gives more than this many times the size of the file is ignored. */
const MOST_PADDING = 1_000;
