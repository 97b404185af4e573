/**
 * Finds evidence in pages that no table refers to any more, because the first pages of a file are gone. Each page of
 * the database and of its log is parsed on its own. https://sqlite.org/fileformat2.html, "B-tree Pages" and "Record
 * Format".
 */

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { SqlValue } from './driver.ts';

/** Values of a row by the names of its columns. */
export type ScannedRow = Readonly<Record<string, SqlValue>>;

/**
 * The first columns of the table `changes`, in order; later versions append others. Words are not read: a page may be
 * an old state, with words of a person who was erased since.
 */
const COLUMNS = [
  'seq',
  'msisdn',
  'list',
  'direction',
  'id',
  'at',
  'clock',
  'seen_at',
  'source',
  'words',
  'writer',
];
const WORDS = 9;
/** The size of a page, if the header does not give one. */
const PAGE_BYTES = 4_096;
const WAL_HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
const DATABASE_HEADER_BYTES = 100;
const LEAF_OF_TABLE = 0x0d;
const LEAF_HEADER_BYTES = 8;

/** Yields rows that look like changes, from a database and its log. The caller checks their values. */
export function* scanPages(file: string, log: string | undefined): Generator<ScannedRow> {
  yield* scanFile(file, 16, 0, 0);
  if (log !== undefined) yield* scanFile(log, 10, WAL_HEADER_BYTES, FRAME_HEADER_BYTES);
}

/**
 * @param sizeAt offset in the header of the two bytes with the size of a page.
 * @param gapBytes bytes before each page.
 */
function* scanFile(
  path: string,
  sizeAt: number,
  headerBytes: number,
  gapBytes: number,
): Generator<ScannedRow> {
  const descriptor = openSync(path, 'r');
  try {
    const { size } = fstatSync(descriptor);
    const header = Buffer.alloc(DATABASE_HEADER_BYTES);
    readSync(descriptor, header, 0, header.length, 0);
    const given = header.readUInt16BE(sizeAt);
    const pageBytes = given >= 512 && Number.isInteger(Math.log2(given)) ? given : PAGE_BYTES;
    const page = Buffer.alloc(pageBytes);
    for (let at = headerBytes + gapBytes; at + pageBytes <= size; at += gapBytes + pageBytes) {
      readSync(descriptor, page, 0, pageBytes, at);
      yield* rowsOf(page);
    }
  } finally {
    closeSync(descriptor);
  }
}

function* rowsOf(page: Buffer): Generator<ScannedRow> {
  if (page[0] !== LEAF_OF_TABLE) return;
  const cells = Math.min(page.readUInt16BE(3), (page.length - LEAF_HEADER_BYTES) / 2);
  for (let cell = 0; cell < cells; cell++) {
    const row = rowAt(page, page.readUInt16BE(LEAF_HEADER_BYTES + 2 * cell));
    if (row) yield row;
  }
}

/** Parses the row of a cell; `undefined` if it has other columns or cannot be parsed. */
function rowAt(page: Buffer, start: number): ScannedRow | undefined {
  try {
    const cell = readerOf(page, start);
    const payloadBytes = cell.varint();
    cell.varint();
    const begin = cell.position();
    const end = begin + localBytes(payloadBytes, page.length);
    const record = readerOf(page.subarray(0, end), begin);
    const headerEnd = begin + record.varint();
    const types: number[] = [];
    while (record.position() < headerEnd) types.push(record.varint());
    if (types.length < COLUMNS.length) return undefined;
    const row: Record<string, SqlValue> = {};
    for (const [index, name] of COLUMNS.entries()) {
      // Long words may continue in another page, and the columns after them are there too.
      const isReached = index < WORDS || payloadBytes === end - begin;
      const value = isReached ? record.value(types[index] ?? 0) : '';
      row[name] = index === WORDS ? null : value;
    }
    return row;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** Returns how many bytes of a payload are in the page itself. */
function localBytes(payloadBytes: number, pageBytes: number): number {
  const most = pageBytes - 35;
  if (payloadBytes <= most) return payloadBytes;
  const least = Math.floor(((pageBytes - 12) * 32) / 255) - 23;
  const local = least + ((payloadBytes - least) % (pageBytes - 4));
  return local <= most ? local : least;
}

interface Reader {
  position(): number;
  /** @throws RangeError after the end */
  varint(): number;
  /** Reads the next value, of a serial type. @throws RangeError after the end */
  value(type: number): SqlValue;
}

function readerOf(bytes: Buffer, start: number): Reader {
  let at = start;

  function take(length: number): number {
    if (at + length > bytes.length) throw new RangeError('after the end');
    at += length;
    return at - length;
  }

  return {
    position: () => at,
    varint() {
      let value = 0;
      for (let read = 0; read < 8; read++) {
        const byte = bytes.readUInt8(take(1));
        value = value * 128 + (byte & 127);
        if (byte < 128) return value;
      }
      return value * 256 + bytes.readUInt8(take(1));
    },
    value(type) {
      if (type === 0) return null;
      if (type <= 4) return bytes.readIntBE(take(type), type);
      if (type === 5) return bytes.readIntBE(take(6), 6);
      if (type === 6) return Number(bytes.readBigInt64BE(take(8)));
      if (type === 7) return bytes.readDoubleBE(take(8));
      if (type <= 9) return type - 8;
      if (type < 12) throw new RangeError('no such type');
      const length = Math.floor((type - 12) / 2);
      const from = take(length);
      const value = bytes.subarray(from, from + length);
      return type % 2 === 1 ? value.toString('utf8') : value;
    },
  };
}
