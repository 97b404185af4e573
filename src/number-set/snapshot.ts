/**
 * A number set as bytes, for files: its regions as they lie in memory, without garbage, each in a chunk with version,
 * order and checksum. A chunk that was read becomes the region's memory where it is: to touch fresh memory costs more
 * than all checks of it. What comes out is what went in, or an error: bytes that anyone may have written never become a
 * tree that reads beyond its end, goes in circles or has what is no number.
 */

import { crc32 } from 'node:zlib';
import { SnapshotError } from './varint-codec.ts';
import { NARROW_BITS } from './leaves.ts';
import { countSound, END, FIRST, GARBAGE, MOST_WORDS, RANGES, ROOTS, STEPS } from './regions.ts';
import { draftOf, newNode, ownNodes, rangeBase, rangeBits, setRegion } from './region-allocator.ts';
import { clearTree, createPlace, createTree, POWERS, seek, SMALLEST_POWER, type NumberTree } from './tree.ts';

const MAGIC = 0x5353_4e53;
const VERSION = 2;
/** Its chunks have several regions, and no word behind them; they are copied. */
const VERSION_OF_MANY = 1;
/** Where the words of a chunk's header are: the checksum is of all behind it, and of the chunk before as well. */
const IS_IMAGE = 0;
const CHECKSUM = 1;
const VERSION_AT = 2;
const ORDINAL = 3;
const CHECKSUM_BEFORE = 4;
const IS_LAST = 5;
const HEADER_WORDS = 6;
/** In an image, where a region in memory has its garbage: how many nodes are above it. */
const DEPTH = GARBAGE;
/** Behind the words of a region: one word there may be read. */
const SPARE_WORDS = 1;
/** At most as much room is behind that, so that what came after the image finds a place without a copy of the region. */
const ROOM_WORDS = 512;
const ROOM_SHARE = 1 / 4;
const TREE_START = 2 ** SMALLEST_POWER;
const TREE_END = 2 ** (SMALLEST_POWER + POWERS);

const checksumOf = (words: Int32Array) =>
  crc32(new Uint8Array(words.buffer, words.byteOffset, words.byteLength).subarray(VERSION_AT * 4)) | 0;

/** Writes an image. No regions become one while it is written, so that what is still to come begins where this ends. */
export function* writeSnapshot(tree: NumberTree): Generator<Uint8Array, void, undefined> {
  const place = createPlace();
  let ordinal = 0;
  let before = 0;
  tree.images++;
  try {
    for (let next = TREE_START; next < TREE_END;) {
      seek(tree, next, place);
      const first = place.words[FIRST] as number;
      if (rangeBase(place, first) !== next)
        throw new Error('the numbers were handed over before their image was read');
      next = rangeBase(place, first + (place.words[RANGES] as number));
      const region = draftOf(place);
      const words = new Int32Array(HEADER_WORDS + roomyLength(region.length));
      words.set([MAGIC, 0, VERSION, ordinal++, before, Number(next >= TREE_END)]);
      words.set(region, HEADER_WORDS);
      words[HEADER_WORDS + DEPTH] = place.depth;
      before = checksumOf(words);
      words[CHECKSUM] = before;
      yield new Uint8Array(words.buffer);
    }
  } finally {
    tree.images--;
    if (tree.size === 0) clearTree(tree);
  }
}

/** The words that a region of so many gets. */
function roomyLength(length: number): number {
  const room = Math.min(ROOM_WORDS, Math.floor(length * ROOM_SHARE));
  return Math.max(length + SPARE_WORDS, Math.min(MOST_WORDS, length + SPARE_WORDS + room));
}

/** The words of a chunk: where they are if nothing else is in that memory, or else a copy. */
function wordsOf(bytes: Uint8Array): Int32Array {
  if (bytes.length < HEADER_WORDS * 4 || bytes.length % 4 !== 0)
    throw new SnapshotError('the image is cut off');
  const isAlone = bytes.length === bytes.buffer.byteLength;
  return new Int32Array(isAlone ? bytes.buffer : new Uint8Array(bytes).buffer);
}

/** The words of the region that begins at a place of a chunk, with one behind its end at least. */
function regionAt(chunk: Int32Array, at: number, isCopied: boolean): Int32Array {
  const size = chunk[at + END] as number;
  const end = at + size;
  const isInside = isCopied ? end <= chunk.length : end + SPARE_WORDS <= chunk.length;
  // What is further behind cannot be named by an entry.
  const isShort = isCopied || chunk.length - at <= MOST_WORDS + SPARE_WORDS;
  if (!(size > ROOTS && size <= MOST_WORDS && isInside && isShort)) {
    throw new SnapshotError('a region of the image has a wrong size');
  }
  if (!isCopied) return chunk.subarray(at);
  const words = new Int32Array(size + SPARE_WORDS);
  words.set(chunk.subarray(at, end));
  return words;
}

/** The regions of a chunk. */
function* regionsOf(chunk: Int32Array): Generator<Int32Array, void, undefined> {
  const isCopied = chunk[VERSION_AT] === VERSION_OF_MANY;
  for (let at = HEADER_WORDS; at < chunk.length;) {
    const region = regionAt(chunk, at, isCopied);
    at += isCopied ? region.length - SPARE_WORDS : region.length;
    yield region;
  }
}

/** A node whose entries are being read. */
interface Frame {
  readonly node: number;
  readonly nodeBase: number;
  readonly entryBits: number;
  readonly entries: number;
  /** The entry that comes next. */
  entry: number;
}

export interface TreeReader {
  /** Takes a chunk, whose memory is the tree's from then on. */
  take(chunk: Uint8Array): void;
  done(): NumberTree;
}

/** Begins to read an image. */
export function readSnapshot(): TreeReader {
  const tree = createTree();
  ownNodes(tree, 0);
  tree.regions.length = 0;
  const frames: Frame[] = [{ node: 0, nodeBase: 0, entryBits: 0, entries: POWERS, entry: 0 }];
  let ordinal = 0;
  let before = 0;
  let state: 'more' | 'whole' | 'broken' = 'more';

  /** The node, so many nodes deep, that the next region is below. */
  function frameAt(depth: number): Frame {
    let frame = frames.at(-1);
    while (frame !== undefined && frames.length <= depth) {
      const bits = rangeBits(frame, frame.entry);
      if (bits <= NARROW_BITS) throw new SnapshotError('the image divides too small a range');
      const step = STEPS[bits] as number;
      const node = newNode(tree);
      tree.nodes[frame.node + frame.entry] = node;
      const nodeBase = rangeBase(frame, frame.entry);
      frame = { node, nodeBase, entryBits: bits - step, entries: 1 << step, entry: 0 };
      frames.push(frame);
    }
    if (frame === undefined || frames.length !== depth + 1)
      throw new SnapshotError('a region of the image is out of place');
    return frame;
  }

  function takeRegion(words: Int32Array): void {
    const frame = frameAt(words[DEPTH] as number);
    words[GARBAGE] = 0;
    const first = words[FIRST] as number;
    const ranges = words[RANGES] as number;
    const isInPlace = first === frame.entry && ranges > 0 && ranges <= frame.entries - first;
    if (!isInPlace || ROOTS + ranges > (words[END] as number))
      throw new SnapshotError('a region of the image is out of place');
    const count = countSound(words, rangeBase(frame, first), rangeBits(frame, first), frame.node === 0);
    if (count < 0) throw new SnapshotError('a region of the image is no region');
    const id = tree.regions.length;
    setRegion(tree, id, words);
    tree.nodes.fill(~id, frame.node + first, frame.node + first + ranges);
    tree.size += count;
    frame.entry += ranges;
    for (let last = frames.at(-1); last !== undefined && last.entry === last.entries;) {
      frames.pop();
      last = frames.at(-1);
      if (last !== undefined) last.entry++;
    }
  }

  return {
    take(bytes) {
      if (state !== 'more') throw new SnapshotError('nothing of the image is missing, or it is broken');
      state = 'broken';
      const chunk = wordsOf(bytes);
      if (chunk[IS_IMAGE] !== MAGIC) throw new SnapshotError('the bytes are no image of a number set');
      const version = chunk[VERSION_AT];
      if (version !== VERSION && version !== VERSION_OF_MANY) {
        throw new SnapshotError(`the image has version ${version}, known is ${VERSION}`);
      }
      if (chunk[CHECKSUM] !== checksumOf(chunk))
        throw new SnapshotError('the checksum of the image is wrong');
      if (chunk[ORDINAL] !== ordinal || chunk[CHECKSUM_BEFORE] !== before) {
        throw new SnapshotError('the parts of the image are out of order');
      }
      ordinal++;
      before = chunk[CHECKSUM];
      for (const region of regionsOf(chunk)) takeRegion(region);
      state = chunk[IS_LAST] === 0 ? 'more' : 'whole';
    },
    done() {
      if (state !== 'whole' || frames.length > 0) throw new SnapshotError('the image is cut off or broken');
      state = 'broken';
      if (tree.size === 0) clearTree(tree);
      return tree;
    },
  };
}
