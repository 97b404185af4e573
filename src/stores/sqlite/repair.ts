/**
 * What is wrong with a store file, and how it is put aside: renamed, never written to, and what evidence can still be
 * read from it carried over into the file that takes its place.
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
import { holds, sqliteCode, type Database, type Driver } from './driver.ts';
import { LAST_POSITION, findLogId } from './log-id.ts';
import { migrate } from './migration.ts';
import { scanPages } from './page-scan.ts';
import { APPLICATION_ID, BUSY_TIMEOUT, SCHEMA_VERSION, syncFolder, tablesOf } from './schema.ts';

/** A file that cannot be used. Its message says why. */
export class Damage extends Error {
  override name = 'Damage';
}

/** A file of a later version of this package. It is in order, and neither written to nor put aside. */
export class NewerFile extends Error {
  override name = 'NewerFile';
}

const CORRUPT = 11;
const NOT_A_DATABASE = 26;

/** Whether an error means that the file's content is at fault, not the machine around it. */
export function isDamage(error: unknown): boolean {
  const code = sqliteCode(error);
  return error instanceof Damage || code === CORRUPT || code === NOT_A_DATABASE;
}

/**
 * Looks at what can be seen of a file from outside. Its bytes are SQLite's to read: to open and close the file here
 * would let go of every lock that another connection of this process has on it.
 *
 * @throws Damage
 */
export function checkSize(file: string): void {
  const { size } = statSync(file);
  if (size === 0) throw new Damage('it is empty');
  if (size < HEADER_BYTES) throw new Damage('it is cut off');
}

/** Makes sure that a file which was just opened is ours, before anything is written to it. @throws Damage, or SQLite's error */
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

/** Whether a file of ours is of a later version. One that cannot be read is not. */
export function isNewer(database: Database): boolean {
  try {
    return holds(
      database,
      `(SELECT application_id FROM pragma_application_id) = ${APPLICATION_ID}
        AND (SELECT user_version FROM pragma_user_version) > ${SCHEMA_VERSION}`,
    );
  } catch {
    return false;
  }
}

/** Up to this size the pages of a database are all read to find damage, bytes. */
const READ_WHOLE_BYTES = 1_048_576;

/**
 * Reads a file as a process would that opens it now.
 *
 * @param known the last position that it is known to have had.
 * @throws Damage, or SQLite's error
 */
export function readAnew(driver: Driver, file: string, known: number): void {
  const database = new driver.DatabaseSync(file);
  try {
    database.exec(BUSY_TIMEOUT);
    if (!holds(database, `(SELECT application_id FROM pragma_application_id) = ${APPLICATION_ID}`)) {
      throw new Damage('it belongs to another program');
    }
    // A process of a later version may have brought it up to date.
    if (!holds(database, `(SELECT user_version FROM pragma_user_version) = ${SCHEMA_VERSION}`)) return;
    for (const table of tablesOf(SCHEMA_VERSION)) database.exec(`SELECT 1 FROM ${table} LIMIT 1`);
    if (!holds(database, `${LAST_POSITION} >= ${known}`)) throw new Damage('it is an older copy');
    if (statSync(file).size > READ_WHOLE_BYTES) return;
    if (!holds(database, "(SELECT quick_check FROM pragma_quick_check LIMIT 1) = 'ok'")) {
      throw new Damage('its pages do not fit together');
    }
  } finally {
    database.close();
  }
}

/** Makes sure that a file of ours, of whatever version, is sound. @throws Damage, or SQLite's error */
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
 * Puts `draft` in the place of a damaged file, which stays under another name. There is a file in its place at every
 * moment; the damaged one's log is copied beside its new name first and then taken away, since it would be read into
 * the new file. Under the lock of the file.
 *
 * @returns the name.
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

/** The log of a damaged file: beside it, or beside the name that it was being given when the process died. */
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
 * Copies what evidence a damaged file still gives, as far as it can be read: anything may block. Sweeps are not taken
 * over. It reads a copy beside the file, which itself is not touched.
 *
 * @returns how many pieces.
 * @throws Error where it could not be tried, so that nobody goes on as if there were none
 */
export function carryOver(driver: Driver, file: string, target: Database): number {
  const copy = `${file}.reading-${randomUUID()}`;
  let source: Database | undefined;
  try {
    copyFileSync(file, copy);
    const log = logOf(file, statSync(file).ino);
    if (log !== undefined) copyFileSync(log, `${copy}-wal`);
    mend(copy);
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
      // It is too damaged for that: its evidence is taken as it is.
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

/** Gives a file the first bytes and the length that its header speaks of: without them SQLite reads nothing of it. */
function mend(file: string): void {
  const header = Buffer.alloc(HEADER_BYTES);
  const descriptor = openSync(file, 'r+');
  try {
    readSync(descriptor, header, 0, HEADER_BYTES, 0);
    const pageSize = header.readUInt16BE(16) === 1 ? 65_536 : header.readUInt16BE(16);
    // The three fractions that every file of this format has.
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
/** Bytes of an SQLite file's header; 16 holds the size of a page (1: 65 536), 28 the number of pages. */
const HEADER_BYTES = 100;
/** A header that speaks of more than this many times the file's size is not believed. */
const MOST_PADDING = 1_000;
