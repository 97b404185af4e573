/**
 * Looks up many numbers of a tree side by side, one level at a time: while the processor waits for the memory of one
 * number, it loads that of the others. Reads only.
 */

import { double, doubleWords, HIGH, LOW } from './double-bits.ts';
import { hasDistance, hasDouble, OFFSET, prefetchLeaf, WORD_BITS } from './leaves.ts';
import { FIRST, ROOTS, STRIDE, STRIDES } from './regions.ts';
import { holdsAt, NO_NUMBERS, SMALLEST_EXPONENT, SMALLEST_POWER, type NumberTree } from './tree.ts';

/** How many numbers are looked up side by side. */
const LANES = 32;

/** Takes values that were read only to load their memory, so that the reads are not optimised away. */
const prefetchSink = new Int32Array(1);
const laneWords: Int32Array[] = Array.from({ length: LANES }, () => NO_NUMBERS);
const laneHigh = new Int32Array(LANES);
const laneLow = new Int32Array(LANES);
const laneKey = new Int32Array(LANES);
const laneRest = new Int32Array(LANES);
const laneBits = new Int32Array(LANES);
const laneStride = new Int32Array(LANES);
/** The entry of the node or leaf that a lane has reached in its region. */
const laneEntry = new Int32Array(LANES);

/** Trees up to this size mostly fit in the processor's cache. Single lookups are less work then. */
const CACHED_BYTES = 1_500_000;

/**
 * Looks up the first `count` numbers.
 *
 * @param numbers whole numbers of 5 to 15 digits, or 0 for none.
 * @param found gets 1 at the index of each number that the tree has, and 0 at the others.
 */
export function holdsEach(tree: NumberTree, numbers: Float64Array, found: Uint8Array, count: number): void {
  if (tree.bytes > CACHED_BYTES) return holdsEachInLanes(tree, numbers, found, count);
  if (tree.size === 0) {
    found.fill(0, 0, count);
    return;
  }
  for (let index = 0; index < count; index++) {
    found[index] = numbers[index] !== 0 && holdsAt(tree, numbers, index) ? 1 : 0;
  }
}

/** As {@link holdsEach}, always side by side. */
export function holdsEachInLanes(
  tree: NumberTree,
  numbers: Float64Array,
  found: Uint8Array,
  count: number,
): void {
  for (let start = 0; start < count; start += LANES) {
    const lanes = Math.min(LANES, count - start);
    for (let lane = 0; lane < lanes; lane++) enterRegion(tree, numbers[start + lane] as number, lane);
    while (descendLanes(lanes));
    let sum = 0;
    for (let lane = 0; lane < lanes; lane++) sum ^= prefetch(lane);
    prefetchSink[0] = sum;
    for (let lane = 0; lane < lanes; lane++) found[start + lane] = Number(isInLeaf(lane));
  }
}

/** Descends from the root to the region of a number, as `holds` does, and to the entry of its range. */
function enterRegion(tree: NumberTree, number: number, lane: number): void {
  const { nodes } = tree;
  laneEntry[lane] = 0;
  if (number === 0) return;
  double[0] = number;
  const high = doubleWords[HIGH] as number;
  const low = doubleWords[LOW] as number;
  let slot = (high >>> 20) - SMALLEST_EXPONENT;
  let bits = slot + SMALLEST_POWER;
  let key = (high << 12) | (low >>> 20);
  let rest = low << 12;
  let stride = STRIDES[bits] as number;
  let entry = nodes[slot] as number;
  while (entry >= 0) {
    slot = key >>> (32 - stride);
    key = (key << stride) | (rest >>> (32 - stride));
    rest <<= stride;
    bits -= stride;
    stride = STRIDE;
    entry = nodes[entry + slot] as number;
  }
  const words = tree.regions[~entry] as Int32Array;
  laneWords[lane] = words;
  laneHigh[lane] = high;
  laneLow[lane] = low;
  laneKey[lane] = key;
  laneRest[lane] = rest;
  laneBits[lane] = bits;
  laneStride[lane] = stride;
  laneEntry[lane] = words[ROOTS + slot - (words[FIRST] as number)] as number;
}

/** Moves every lane that is at a node to the node or leaf below it. @returns whether a lane is still at a node. */
function descendLanes(lanes: number): boolean {
  let entries = 0;
  for (let lane = 0; lane < lanes; lane++) {
    const node = laneEntry[lane] as number;
    if (node >= 0) continue;
    const key = laneKey[lane] as number;
    const rest = laneRest[lane] as number;
    const stride = laneStride[lane] as number;
    const words = laneWords[lane] as Int32Array;
    const below = words[(node & OFFSET) + (key >>> (32 - stride))] as number;
    laneKey[lane] = (key << stride) | (rest >>> (32 - stride));
    laneRest[lane] = rest << stride;
    laneBits[lane] = (laneBits[lane] as number) - stride;
    laneStride[lane] = STRIDE;
    laneEntry[lane] = below;
    // The sign bit, which only nodes have.
    entries |= below;
  }
  return entries < 0;
}

function distanceOf(lane: number): number {
  return (laneKey[lane] as number) >>> (32 - (laneBits[lane] as number));
}

/** Prefetches the memory that {@link isInLeaf} will read. @returns a value for `prefetchSink`. */
function prefetch(lane: number): number {
  const words = laneWords[lane] as Int32Array;
  const leaf = laneEntry[lane] as number;
  const bits = laneBits[lane] as number;
  const first = words[leaf & OFFSET] as number;
  return leaf === 0 || bits > WORD_BITS ? first : first ^ prefetchLeaf(words, leaf, bits, distanceOf(lane));
}

function isInLeaf(lane: number): boolean {
  const leaf = laneEntry[lane] as number;
  if (leaf === 0) return false;
  const words = laneWords[lane] as Int32Array;
  const bits = laneBits[lane] as number;
  if (bits > WORD_BITS) return hasDouble(words, leaf, laneHigh[lane] as number, laneLow[lane] as number);
  return hasDistance(words, leaf, bits, distanceOf(lane));
}
