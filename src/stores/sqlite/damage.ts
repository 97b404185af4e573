/**
 * What is wrong with a store file, and how it is put aside: renamed, never written to, and what evidence can still be
 * read from it carried over into the file that takes its place.
 */

import {
  closeSync,
  copyFileSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  linkSync,
  mkdtempSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { sqliteCode, type Database, type Driver, type Statement } from './driver.ts';
import { inTransaction } from './log.ts';
import { APPLICATION_ID, SCHEMA_VERSION, TABLES, syncFolder } from './schema.ts';

/** A file that cannot be used. Its message says why. */
export class Damage extends Error {
  override name = 'Damage';
}

const CORRUPT = 11;
const NOT_A_DATABASE = 26;

/** Whether an error means that the file's content is at fault, not the machine around it. */
export function isDamage(error: unknown): boolean {
  const code = sqliteCode(error);
  return error instanceof Damage || code === CORRUPT || code === NOT_A_DATABASE;
}

/** Looks at the first bytes. @throws Damage */
export function checkHeader(file: string): void {
  const expected = 'SQLite format 3\0';
  const bytes = Buffer.alloc(expected.length);
  const descriptor = openSync(file, 'r');
  try {
    const length = readSync(descriptor, bytes, 0, bytes.length, 0);
    if (length === 0) throw new Damage('it is empty');
    if (length < bytes.length) throw new Damage('it is cut off');
  } finally {
    closeSync(descriptor);
  }
  if (bytes.toString('latin1') !== expected) throw new Damage('it is no database');
}

/** Makes sure that an open file is a sound store of ours. @throws Damage, or SQLite's error */
export function checkContent(database: Database): void {
  const pragma = (name: string) => database.prepare(`PRAGMA ${name}`).get()?.[name];
  const version = Number(pragma('user_version'));
  if (pragma('application_id') !== APPLICATION_ID) throw new Damage('it belongs to another program');
  if (version > SCHEMA_VERSION) {
    throw new Damage(`it is of version ${version}, which is newer than ${SCHEMA_VERSION}`);
  }
  const tables = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all();
  const lost = TABLES.filter((table) => !tables.some(({ name }) => name === table));
  if (lost.length > 0) throw new Damage(`it has no table ${lost.join(', ')}`);
  const result = database.prepare('PRAGMA quick_check(1)').get()?.['quick_check'];
  if (result !== 'ok') throw new Damage('its pages do not fit together');
}

/**
 * Renames a damaged file, its log first: a log that stayed would be read into the new file.
 *
 * @returns where it is now; `undefined` where it is another file by now, put right by another process.
 */
export function putAside(file: string, inode: number, now: number): string | undefined {
  if (!existsSync(file) || statSync(file).ino !== inode) return undefined;
  const stamp = new Date(now).toISOString().replaceAll(/[-:.]/g, '');
  let aside = `${file}.damaged-${stamp}`;
  for (let count = 2; existsSync(aside); count++) aside = `${file}.damaged-${stamp}-${count}`;
  for (const ending of ['-wal', '-shm']) {
    if (existsSync(file + ending)) renameSync(file + ending, aside + ending);
  }
  renameSync(file, aside);
  if (statSync(aside).ino !== inode) {
    // Between the look and the rename another process had put a sound file there.
    if (!existsSync(file)) linkSync(aside, file);
    rmSync(aside, { force: true });
    return undefined;
  }
  syncFolder(dirname(file));
  return aside;
}

const COLUMNS = 'msisdn, list, direction, id, at, clock, seen_at, source, words, writer';

/**
 * Copies what evidence a put-aside file still gives, as far as it can be read: anything may block. Sweeps are not
 * taken over.
 *
 * @returns how many pieces.
 */
export function carryOver(driver: Driver, aside: string, target: Database): number {
  const folder = mkdtempSync(join(tmpdir(), 'sms-send-guard-'));
  let source: Database | undefined;
  try {
    const copy = join(folder, 'copy.db');
    copyFileSync(aside, copy);
    if (existsSync(`${aside}-wal`)) copyFileSync(`${aside}-wal`, `${copy}-wal`);
    pad(copy);
    source = new driver.DatabaseSync(copy);
    return copyEvidence(source, target);
  } catch {
    // Nothing of it can be read.
    return 0;
  } finally {
    source?.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Gives a file that was cut off the length that its header speaks of: shorter, SQLite reads nothing of it. */
function pad(file: string): void {
  const header = Buffer.alloc(HEADER_BYTES);
  const descriptor = openSync(file, 'r+');
  try {
    readSync(descriptor, header, 0, HEADER_BYTES, 0);
    const pageSize = header.readUInt16BE(16);
    const length = (pageSize === 1 ? 65_536 : pageSize) * header.readUInt32BE(28);
    const { size } = fstatSync(descriptor);
    if (size < length && length < size * MOST_PADDING) ftruncateSync(descriptor, length);
  } finally {
    closeSync(descriptor);
  }
}

/** Bytes of an SQLite file's header; 16 holds the size of a page (1: 65 536), 28 the number of pages. */
const HEADER_BYTES = 100;
/** A header that speaks of more than this many times the file's size is not believed. */
const MOST_PADDING = 1_000;

/** Copies all evidence that can be read from one open file to another. @returns how many pieces were new there. */
export function copyEvidence(source: Database, target: Database): number {
  const insert = target.prepare(
    `INSERT INTO changes (${COLUMNS}) VALUES (${COLUMNS.replaceAll(/\w+/g, '?')}) ON CONFLICT DO NOTHING`,
  );
  return inTransaction(target, () => copyRows(source, insert, 'ASC') + copyRows(source, insert, 'DESC'));
}

/** Copies rows from one end until there is no more or one cannot be read. */
function copyRows(source: Database, insert: Statement, order: 'ASC' | 'DESC'): number {
  const names = COLUMNS.split(', ');
  let copied = 0;
  try {
    for (const row of source.prepare(`SELECT ${COLUMNS} FROM changes ORDER BY seq ${order}`).iterate()) {
      copied += Number(insert.run(...names.map((name) => row[name] ?? null)).changes);
    }
  } catch {
    // The rest lies behind the damage.
  }
  return copied;
}
