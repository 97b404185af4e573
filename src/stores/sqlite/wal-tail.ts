/**
 * Finds the end of a write-ahead log from its bytes: https://sqlite.org/fileformat2.html#walformat. SQLite holds no
 * lock on the log itself, so that opening and closing it here releases none.
 */

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/** The state of the log that a connection has open. */
export interface WalTail {
  readonly dev: bigint;
  readonly ino: bigint;
  /** Whether it ever had a header. */
  readonly isBegun: boolean;
  /**
   * Distinguishes the frames of this generation from older ones. Each time the log begins again, SQLite adds one to the
   * first four bytes. A connection that finds the log empty and has not begun it before takes random bytes instead.
   */
  readonly salt: Buffer;
  readonly frameSize: number;
  /** Number of the last frame that ends a transaction, counted from 1; 0 if there is none. */
  readonly frames: number;
}

/** The change of a log since it was last read. */
export type WalChange =
  | { readonly kind: 'sound'; readonly tail: WalTail }
  /** It is empty now: SQLite has emptied it after its content was written to the database, or another program has. */
  | { readonly kind: 'emptied'; readonly tail: WalTail }
  /** It began again, with a salt that does not show whether SQLite did that: the content of the store shows it. */
  | { readonly kind: 'renewed'; readonly tail: WalTail }
  /** The path leads to another file, or to none. */
  | { readonly kind: 'replaced'; readonly message: string }
  /** It is the same file, and frames are gone. */
  | { readonly kind: 'cut'; readonly message: string };

const MAGIC = 0x377f0682;
const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
/** Offsets in the header of the file. */
const PAGE_SIZE_AT = 8;
const SALT_AT = 16;
const SALT_BYTES = 8;
/** A log begins again fewer times than this between two checks. */
const MOST_STEPS = 1_000_000;
/** Offsets in the header of a frame. */
const PAGES_AFTER_COMMIT_AT = 4;
const FRAME_SALT_AT = 8;

/** Compares a log with its known state, which is left out in the first call. @throws Error of the file system */
export function readWal(path: string, known?: WalTail): WalChange {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return { kind: 'replaced', message: 'was removed' };
  }
  try {
    return compare(descriptor, known);
  } finally {
    closeSync(descriptor);
  }
}

function compare(descriptor: number, known: WalTail | undefined): WalChange {
  const { dev, ino, size } = fstatSync(descriptor, { bigint: true });
  if (known !== undefined && (known.dev !== dev || known.ino !== ino)) {
    return { kind: 'replaced', message: 'was replaced by another file' };
  }
  if (size === 0n) {
    const empty = { isBegun: false, salt: Buffer.alloc(SALT_BYTES), frameSize: 0, frames: 0 };
    // The known salt is kept: it distinguishes an old log that is put here later from a new one.
    const tail = known === undefined ? { dev, ino, ...empty } : { ...known, frames: 0 };
    return known === undefined || known.frames === 0 ? { kind: 'sound', tail } : { kind: 'emptied', tail };
  }
  const header = readAt(descriptor, 0, HEADER_BYTES);
  if (header === undefined || (header.readUInt32BE(0) & ~1) >>> 0 !== MAGIC) {
    return { kind: 'cut', message: 'was overwritten or cut off' };
  }
  const pageSize = header.readUInt32BE(PAGE_SIZE_AT);
  const current = {
    ...{ dev, ino, isBegun: true },
    salt: header.subarray(SALT_AT, SALT_AT + SALT_BYTES),
    frameSize: FRAME_HEADER_BYTES + pageSize,
  };
  if (known?.isBegun !== true)
    return { kind: 'sound', tail: lastCommit(descriptor, { ...current, frames: 0 }) };
  if (!known.salt.equals(current.salt)) {
    const steps = (current.salt.readInt32BE(0) - known.salt.readInt32BE(0)) | 0;
    if (steps <= 0 && steps > -MOST_STEPS) {
      return { kind: 'cut', message: 'was overwritten with an older copy' };
    }
    const tail = lastCommit(descriptor, { ...current, frames: 0 });
    return { kind: steps > 0 && steps < MOST_STEPS ? 'sound' : 'renewed', tail };
  }
  if (known.frames > 0 && !isWhole(descriptor, known, known.frames)) {
    return { kind: 'cut', message: 'was cut off' };
  }
  return { kind: 'sound', tail: lastCommit(descriptor, known) };
}

/** Reads the frames of the generation up to the last one that ends a transaction. */
function lastCommit(descriptor: number, from: WalTail): WalTail {
  let { frames } = from;
  for (let frame = frames + 1; ; frame++) {
    const header = frameHeader(descriptor, from, frame);
    if (header === undefined) return { ...from, frames };
    if (header.readUInt32BE(PAGES_AFTER_COMMIT_AT) !== 0) frames = frame;
  }
}

/** Returns whether the file has all bytes of a frame of this generation. */
function isWhole(descriptor: number, tail: WalTail, frame: number): boolean {
  const end = HEADER_BYTES + frame * tail.frameSize;
  return frameHeader(descriptor, tail, frame) !== undefined && readAt(descriptor, end - 1, 1) !== undefined;
}

/** Returns the header of a frame; `undefined` if the file ends before it or it is of another generation. */
function frameHeader(descriptor: number, { salt, frameSize }: WalTail, frame: number): Buffer | undefined {
  const header = readAt(descriptor, HEADER_BYTES + (frame - 1) * frameSize, FRAME_HEADER_BYTES);
  const isCurrent = header?.subarray(FRAME_SALT_AT, FRAME_SALT_AT + SALT_BYTES).equals(salt);
  return isCurrent ? header : undefined;
}

function readAt(descriptor: number, offset: number, length: number): Buffer | undefined {
  const bytes = Buffer.alloc(length);
  return readSync(descriptor, bytes, 0, length, offset) === length ? bytes : undefined;
}
