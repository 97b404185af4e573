/**
 * Reads how far a write-ahead log reaches, from its own bytes: https://sqlite.org/fileformat2.html#walformat. SQLite
 * holds no lock on the log itself, so that opening and closing it here takes none away.
 */

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/** What is known of the log that a connection has open. */
export interface WalTail {
  readonly dev: bigint;
  readonly ino: bigint;
  /** Whether it has had a header. */
  readonly isBegun: boolean;
  /**
   * Tells the frames of this generation from older ones. Each time the log begins anew, the first four bytes count one up.
   * A connection that has not begun one before, and finds it empty, takes random bytes instead.
   */
  readonly salt: Buffer;
  readonly frameSize: number;
  /** Number of the last frame that ends a transaction, from 1 on; 0 while there is none. */
  readonly frames: number;
}

/** What happened to a log. */
export type WalChange =
  | { readonly kind: 'sound'; readonly tail: WalTail }
  /** It is empty now: SQLite empties it once its content is in the database, and so may anybody else. */
  | { readonly kind: 'emptied'; readonly tail: WalTail }
  /** It began anew, with a salt that does not tell whether SQLite did that: the content of the store tells. */
  | { readonly kind: 'renewed'; readonly tail: WalTail }
  /** The path leads to another file, or to none. */
  | { readonly kind: 'exchanged'; readonly message: string }
  /** It is the same file, and frames are gone. */
  | { readonly kind: 'cut'; readonly message: string };

const MAGIC = 0x377f0682;
const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
/** Places in the header of the file. */
const PAGE_SIZE_AT = 8;
const SALT_AT = 16;
const SALT_BYTES = 8;
/** How often a log can begin anew between two looks. */
const MOST_STEPS = 1_000_000;
/** Places in the header of a frame. */
const PAGES_AFTER_COMMIT_AT = 4;
const FRAME_SALT_AT = 8;

/** Compares a log with what was known of it. `known` is left out at first. @throws Error of the file system */
export function readWal(path: string, known?: WalTail): WalChange {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return { kind: 'exchanged', message: 'was removed' };
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
    return { kind: 'exchanged', message: 'was replaced by another file' };
  }
  if (size === 0n) {
    const nothing = { isBegun: false, salt: Buffer.alloc(SALT_BYTES), frameSize: 0, frames: 0 };
    // The salt stays known: an old log that is put here later is told from a new one.
    const tail = known === undefined ? { dev, ino, ...nothing } : { ...known, frames: 0 };
    return known === undefined || known.frames === 0 ? { kind: 'sound', tail } : { kind: 'emptied', tail };
  }
  const header = readAt(descriptor, 0, HEADER_BYTES);
  if (header === undefined || (header.readUInt32BE(0) & ~1) >>> 0 !== MAGIC) {
    return { kind: 'cut', message: 'was overwritten or cut off' };
  }
  const pageSize = header.readUInt32BE(PAGE_SIZE_AT);
  const now = {
    ...{ dev, ino, isBegun: true },
    salt: header.subarray(SALT_AT, SALT_AT + SALT_BYTES),
    frameSize: FRAME_HEADER_BYTES + pageSize,
  };
  if (known?.isBegun !== true) return { kind: 'sound', tail: lastCommit(descriptor, { ...now, frames: 0 }) };
  if (!known.salt.equals(now.salt)) {
    const steps = (now.salt.readInt32BE(0) - known.salt.readInt32BE(0)) | 0;
    if (steps <= 0 && steps > -MOST_STEPS) {
      return { kind: 'cut', message: 'was overwritten with an older copy' };
    }
    const tail = lastCommit(descriptor, { ...now, frames: 0 });
    return { kind: steps > 0 && steps < MOST_STEPS ? 'sound' : 'renewed', tail };
  }
  if (known.frames > 0 && !isWhole(descriptor, known, known.frames)) {
    return { kind: 'cut', message: 'was cut off' };
  }
  return { kind: 'sound', tail: lastCommit(descriptor, known) };
}

/** Follows the frames of the generation to the last one that ends a transaction. */
function lastCommit(descriptor: number, from: WalTail): WalTail {
  let { frames } = from;
  for (let frame = frames + 1; ; frame++) {
    const header = frameHeader(descriptor, from, frame);
    if (header === undefined) return { ...from, frames };
    if (header.readUInt32BE(PAGES_AFTER_COMMIT_AT) !== 0) frames = frame;
  }
}

/** Whether a frame of this generation is there to its end. */
function isWhole(descriptor: number, tail: WalTail, frame: number): boolean {
  const end = HEADER_BYTES + frame * tail.frameSize;
  return frameHeader(descriptor, tail, frame) !== undefined && readAt(descriptor, end - 1, 1) !== undefined;
}

/** The header of a frame; `undefined` if it is not there or of another generation. */
function frameHeader(descriptor: number, { salt, frameSize }: WalTail, frame: number): Buffer | undefined {
  const header = readAt(descriptor, HEADER_BYTES + (frame - 1) * frameSize, FRAME_HEADER_BYTES);
  const isCurrent = header?.subarray(FRAME_SALT_AT, FRAME_SALT_AT + SALT_BYTES).equals(salt);
  return isCurrent ? header : undefined;
}

function readAt(descriptor: number, position: number, length: number): Buffer | undefined {
  const bytes = Buffer.alloc(length);
  return readSync(descriptor, bytes, 0, length, position) === length ? bytes : undefined;
}
