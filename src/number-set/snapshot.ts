/**
 * A snapshot of a number set, for files: its regions as they are in memory, without garbage. Each is a chunk with
 * version, ordinal and checksum. The memory of a chunk that was read becomes the memory of the region, since allocating
 * and touching new memory takes longer than all checks. A snapshot is read back exactly or refused with an error:
 * untrusted bytes never become a tree in which a search reads beyond a region, goes in circles, or finds what is no
 * number of 5 to 15 digits.
 */

import { crc32 } from 'node:zlib';
import { SnapshotError } from './varint-codec.ts';
import { NARROW_BITS } from './leaves.ts';
import { countIfValid } from './region-validation.ts';
import { END, FIRST, GARBAGE, MOST_WORDS, RANGES, ROOTS, STRIDES } from './regions.ts';
import {
  addNode,
  compactRegion,
  rangeBits,
  rangeStart,
  reserveNodes,
  setRegion,
} from './region-allocator.ts';
import {
  clearTree,
  createCursor,
  createTree,
  POWERS,
  seek,
  SMALLEST_POWER,
  type NumberTree,
} from './tree.ts';

const MAGIC = 0x5353_4e53;
const VERSION = 2;
/** A chunk of version 1 holds several regions without padding. They are copied. */
const FIRST_VERSION = 1;
/** The header of a chunk: the index of each word. */
const MAGIC_AT = 0;
/** The checksum of the rest of the chunk, which includes the checksum of the chunk before. */
const CHECKSUM = 1;
const VERSION_AT = 2;
const ORDINAL = 3;
const CHECKSUM_BEFORE = 4;
const IS_LAST = 5;
const HEADER_WORDS = 6;
/** A region in a snapshot has its depth in the word for its garbage: how many nodes are above it. */
const DEPTH = GARBAGE;
/** Behind a region, since lookups may read one word behind its end. */
const PADDING_WORDS = 1;
/** Behind the padding, so that numbers added after the load fit without a copy of the region: a quarter, or so many. */
const MOST_SLACK_WORDS = 512;
const SLACK_SHARE = 1 / 4;
const TREE_START = 2 ** SMALLEST_POWER;
const TREE_END = 2 ** (SMALLEST_POWER + POWERS);

const checksumOf = (words: Int32Array) =>
  crc32(new Uint8Array(words.buffer, words.byteOffset, words.byteLength).subarray(VERSION_AT * 4)) | 0;

/**
 * Writes a snapshot, one region a chunk. Until the generator ends, no regions are merged, so each region begins where
 * the one before it ended.
 */
export function* writeSnapshot(tree: NumberTree): Generator<Uint8Array, void, undefined> {
  const cursor = createCursor();
  let ordinal = 0;
  let checksumBefore = 0;
  tree.openSnapshots++;
  try {
    for (let next = TREE_START; next < TREE_END;) {
      seek(tree, next, cursor);
      const first = cursor.words[FIRST] as number;
      next = rangeStart(cursor, first + (cursor.words[RANGES] as number));
      const region = compactRegion(cursor);
      const words = new Int32Array(HEADER_WORDS + lengthWithSlack(region.length));
      words.set([MAGIC, 0, VERSION, ordinal++, checksumBefore, Number(next >= TREE_END)]);
      words.set(region, HEADER_WORDS);
      words[HEADER_WORDS + DEPTH] = cursor.depth;
      checksumBefore = checksumOf(words);
      words[CHECKSUM] = checksumBefore;
      yield new Uint8Array(words.buffer);
    }
  } finally {
    tree.openSnapshots--;
    if (tree.size === 0) clearTree(tree);
  }
}

/** Returns how many words are written for a region of `length` words. */
function lengthWithSlack(length: number): number {
  const slack = Math.min(MOST_SLACK_WORDS, Math.floor(length * SLACK_SHARE));
  return Math.max(length + PADDING_WORDS, Math.min(MOST_WORDS, length + PADDING_WORDS + slack));
}

/** Returns the words of a chunk: in its own memory if the chunk is all of that, otherwise a copy. */
function wordsOf(bytes: Uint8Array): Int32Array {
  if (bytes.length < HEADER_WORDS * 4 || bytes.length % 4 !== 0)
    throw new SnapshotError('the image is cut off');
  const isWhole = bytes.length === bytes.buffer.byteLength;
  return new Int32Array(isWhole ? bytes.buffer : new Uint8Array(bytes).buffer);
}

/** Returns the words of the region at an offset of a chunk, with one word or more behind its end. */
function regionAt(chunk: Int32Array, offset: number, isCopied: boolean): Int32Array {
  const size = chunk[offset + END] as number;
  const end = offset + size;
  const isInside = isCopied ? end <= chunk.length : end + PADDING_WORDS <= chunk.length;
  // An entry cannot address words further behind.
  const isAddressable = isCopied || chunk.length - offset <= MOST_WORDS + PADDING_WORDS;
  if (!(size > ROOTS && size <= MOST_WORDS && isInside && isAddressable)) {
    throw new SnapshotError('a region of the image has a wrong size');
  }
  if (!isCopied) return chunk.subarray(offset);
  const words = new Int32Array(size + PADDING_WORDS);
  words.set(chunk.subarray(offset, end));
  return words;
}

/** Yields the regions of a chunk. */
function* regionsOf(chunk: Int32Array): Generator<Int32Array, void, undefined> {
  const isCopied = chunk[VERSION_AT] === FIRST_VERSION;
  for (let offset = HEADER_WORDS; offset < chunk.length;) {
    const region = regionAt(chunk, offset, isCopied);
    offset += isCopied ? region.length - PADDING_WORDS : region.length;
    yield region;
  }
}

/** A node whose slots are being filled. */
interface OpenNode {
  readonly node: number;
  readonly nodeStart: number;
  readonly slotBits: number;
  readonly slots: number;
  /** The next slot without a region. */
  slot: number;
}

export interface TreeReader {
  /** Takes the next chunk. Its memory becomes the tree's. */
  take(chunk: Uint8Array): void;
  /** Returns the tree, once, after the last chunk. */
  done(): NumberTree;
}

/** Creates a reader of one snapshot. */
export function createTreeReader(): TreeReader {
  const tree = createTree();
  reserveNodes(tree, 0);
  tree.regions.length = 0;
  /** The path from the root to the node below which the next region belongs. Empty when the tree is full. */
  const openNodes: OpenNode[] = [{ node: 0, nodeStart: 0, slotBits: 0, slots: POWERS, slot: 0 }];
  let ordinal = 0;
  let checksumBefore = 0;
  /** `closed`: the snapshot was refused, or the tree was given out. */
  let state: 'incomplete' | 'complete' | 'closed' = 'incomplete';

  /** Returns the open node at a depth. Adds nodes down to there. */
  function openNodeAt(depth: number): OpenNode {
    let open = openNodes.at(-1);
    while (open !== undefined && openNodes.length <= depth) {
      const bits = rangeBits(open, open.slot);
      if (bits <= NARROW_BITS) throw new SnapshotError('the image divides too small a range');
      const stride = STRIDES[bits] as number;
      const node = addNode(tree);
      tree.nodes[open.node + open.slot] = node;
      const nodeStart = rangeStart(open, open.slot);
      open = { node, nodeStart, slotBits: bits - stride, slots: 1 << stride, slot: 0 };
      openNodes.push(open);
    }
    if (open === undefined || openNodes.length !== depth + 1)
      throw new SnapshotError('a region of the image is out of place');
    return open;
  }

  function takeRegion(words: Int32Array): void {
    const open = openNodeAt(words[DEPTH] as number);
    words[GARBAGE] = 0;
    const first = words[FIRST] as number;
    const ranges = words[RANGES] as number;
    const isNext = first === open.slot && ranges > 0 && ranges <= open.slots - first;
    if (!isNext || ROOTS + ranges > (words[END] as number))
      throw new SnapshotError('a region of the image is out of place');
    const count = countIfValid(words, rangeStart(open, first), rangeBits(open, first), open.node === 0);
    if (count < 0) throw new SnapshotError('a region of the image is no region');
    const id = tree.regions.length;
    setRegion(tree, id, words);
    tree.nodes.fill(~id, open.node + first, open.node + first + ranges);
    tree.size += count;
    open.slot += ranges;
    for (let last = openNodes.at(-1); last !== undefined && last.slot === last.slots;) {
      openNodes.pop();
      last = openNodes.at(-1);
      if (last !== undefined) last.slot++;
    }
  }

  return {
    take(bytes) {
      if (state !== 'incomplete') throw new SnapshotError('nothing of the image is missing, or it is broken');
      state = 'closed';
      const chunk = wordsOf(bytes);
      if (chunk[MAGIC_AT] !== MAGIC) throw new SnapshotError('the bytes are no image of a number set');
      const version = chunk[VERSION_AT];
      if (version !== VERSION && version !== FIRST_VERSION) {
        throw new SnapshotError(`the image has version ${version}, known is ${VERSION}`);
      }
      if (chunk[CHECKSUM] !== checksumOf(chunk))
        throw new SnapshotError('the checksum of the image is wrong');
      if (chunk[ORDINAL] !== ordinal || chunk[CHECKSUM_BEFORE] !== checksumBefore) {
        throw new SnapshotError('the parts of the image are out of order');
      }
      ordinal++;
      checksumBefore = chunk[CHECKSUM];
      for (const region of regionsOf(chunk)) takeRegion(region);
      state = chunk[IS_LAST] === 0 ? 'incomplete' : 'complete';
    },
    done() {
      if (state !== 'complete' || openNodes.length > 0)
        throw new SnapshotError('the image is cut off or broken');
      state = 'closed';
      if (tree.size === 0) clearTree(tree);
      return tree;
    },
  };
}
