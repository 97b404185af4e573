/**
 * A number set as bytes, for files: its regions as they lie in memory, without garbage, in chunks with version, order
 * and checksum. What comes out is what went in, or an error: bytes that anyone may have written never become a tree
 * that reads beyond its end, goes in circles or has what is no number.
 */

import { crc32 } from 'node:zlib';
import { ImageError } from './number-image.ts';
import { NARROW_BITS } from './number-leaves.ts';
import { countSound, END, FIRST, GARBAGE, MOST_WORDS, RANGES, ROOTS, STEPS } from './number-regions.ts';
import { draftOf, newNode, ownNodes, rangeBase, rangeBits, setRegion } from './number-room.ts';
import {
  clearTree,
  createPlace,
  createTree,
  POWERS,
  seek,
  SMALLEST_POWER,
  type NumberTree,
} from './number-tree.ts';

const MAGIC = 0x5353_4e53;
const VERSION = 1;
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
/** A chunk with as many is given away. */
const FULL_WORDS = 65_536;
const TREE_START = 2 ** SMALLEST_POWER;
const TREE_END = 2 ** (SMALLEST_POWER + POWERS);

const checksumOf = (words: Int32Array) =>
  crc32(new Uint8Array(words.buffer, words.byteOffset, words.byteLength).subarray(VERSION_AT * 4)) | 0;

/** Writes an image. No regions become one while it is written, so that what is still to come begins where this ends. */
export function* writeImage(tree: NumberTree): Generator<Uint8Array, void, undefined> {
  const place = createPlace();
  const chunk = new Int32Array(HEADER_WORDS + FULL_WORDS + MOST_WORDS);
  let end = HEADER_WORDS;
  let ordinal = 0;
  let before = 0;
  const finish = (isLast: boolean) => {
    const words = chunk.slice(0, end);
    words.set([MAGIC, 0, VERSION, ordinal++, before, Number(isLast)]);
    before = checksumOf(words);
    words[CHECKSUM] = before;
    end = HEADER_WORDS;
    return new Uint8Array(words.buffer);
  };
  tree.images++;
  try {
    for (let next = TREE_START; next < TREE_END;) {
      seek(tree, next, place);
      const { words } = place;
      const first = words[FIRST] as number;
      if (rangeBase(place, first) !== next)
        throw new Error('the numbers were handed over before their image was read');
      const region = draftOf(place);
      chunk.set(region, end);
      chunk[end + DEPTH] = place.depth;
      end += region.length;
      next = rangeBase(place, first + (words[RANGES] as number));
      if (end >= FULL_WORDS && next < TREE_END) yield finish(false);
    }
    yield finish(true);
  } finally {
    tree.images--;
    if (tree.size === 0) clearTree(tree);
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
  take(chunk: Uint8Array): void;
  done(): NumberTree;
}

/** Begins to read an image. */
export function readImage(): TreeReader {
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
      if (bits <= NARROW_BITS) throw new ImageError('the image divides too small a range');
      const step = STEPS[bits] as number;
      const node = newNode(tree);
      tree.nodes[frame.node + frame.entry] = node;
      const nodeBase = rangeBase(frame, frame.entry);
      frame = { node, nodeBase, entryBits: bits - step, entries: 1 << step, entry: 0 };
      frames.push(frame);
    }
    if (frame === undefined || frames.length !== depth + 1)
      throw new ImageError('a region of the image is out of place');
    return frame;
  }

  /** Takes the region that begins at a word. @returns where the next one begins. */
  function takeRegion(chunk: Int32Array, at: number): number {
    const size = chunk[at + END] as number;
    if (!(size > ROOTS && size <= MOST_WORDS && at + size <= chunk.length)) {
      throw new ImageError('a region of the image has a wrong size');
    }
    // One word behind the end may be read.
    const words = new Int32Array(size + 1);
    words.set(chunk.subarray(at, at + size));
    const frame = frameAt(words[DEPTH] as number);
    words[GARBAGE] = 0;
    const first = words[FIRST] as number;
    const ranges = words[RANGES] as number;
    const isInPlace = first === frame.entry && ranges > 0 && ranges <= frame.entries - first;
    if (!isInPlace || ROOTS + ranges > size) throw new ImageError('a region of the image is out of place');
    const count = countSound(words, rangeBase(frame, first), rangeBits(frame, first), frame.node === 0);
    if (count < 0) throw new ImageError('a region of the image is no region');
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
    return at + size;
  }

  return {
    take(bytes) {
      if (state !== 'more') throw new ImageError('nothing of the image is missing, or it is broken');
      state = 'broken';
      if (bytes.length < HEADER_WORDS * 4 || bytes.length % 4 !== 0)
        throw new ImageError('the image is cut off');
      const chunk = new Int32Array(bytes.length / 4);
      new Uint8Array(chunk.buffer).set(bytes);
      if (chunk[IS_IMAGE] !== MAGIC) throw new ImageError('the bytes are no image of a number set');
      if (chunk[VERSION_AT] !== VERSION) {
        throw new ImageError(`the image has version ${chunk[VERSION_AT]}, known is ${VERSION}`);
      }
      if (chunk[CHECKSUM] !== checksumOf(chunk)) throw new ImageError('the checksum of the image is wrong');
      if (chunk[ORDINAL] !== ordinal || chunk[CHECKSUM_BEFORE] !== before) {
        throw new ImageError('the parts of the image are out of order');
      }
      ordinal++;
      before = chunk[CHECKSUM];
      for (let at = HEADER_WORDS; at < chunk.length;) at = takeRegion(chunk, at);
      state = chunk[IS_LAST] === 0 ? 'more' : 'whole';
    },
    done() {
      if (state !== 'whole' || frames.length > 0) throw new ImageError('the image is cut off or broken');
      state = 'broken';
      if (tree.size === 0) clearTree(tree);
      return tree;
    },
  };
}
