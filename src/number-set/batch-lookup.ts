/**
 * Lookups of many numbers in a tree, all of them a step at a time, so that the memory is read for all of them at once.
 * They read only.
 */

import { double, doubleWords, HIGH, LOW } from './double-bits.ts';
import { hasDistance, hasDouble, PLACE, touch, WORD_BITS } from './leaves.ts';
import { FIRST, ROOTS, STEP, STEPS } from './regions.ts';
import { EXPONENT, holdsAt, NO_NUMBERS, SMALLEST_POWER, type NumberTree } from './tree.ts';

const LANES = 32;

/** Takes what was read only so that it comes nearer. */
const touched = new Int32Array(1);
const laneWords: Int32Array[] = Array.from({ length: LANES }, () => NO_NUMBERS);
const laneHigh = new Int32Array(LANES);
const laneLow = new Int32Array(LANES);
const laneKey = new Int32Array(LANES);
const laneRest = new Int32Array(LANES);
const laneBits = new Int32Array(LANES);
const laneStep = new Int32Array(LANES);
const laneLeaf = new Int32Array(LANES);

/** A tree that takes no more than this is near enough: one lookup after the other is less work then. */
const NEAR_BYTES = 1_500_000;

/**
 * Looks up many.
 *
 * @param numbers of which 0 is none.
 * @param found gets 1 for those that the tree has and 0 for others.
 */
export function holdsEach(tree: NumberTree, numbers: Float64Array, found: Uint8Array, count: number): void {
  if (tree.bytes > NEAR_BYTES) return holdsEachInLanes(tree, numbers, found, count);
  for (let index = 0; index < count; index++) {
    found[index] = numbers[index] !== 0 && holdsAt(tree, numbers, index) ? 1 : 0;
  }
}

/** The same, all of them a step at a time. */
export function holdsEachInLanes(
  tree: NumberTree,
  numbers: Float64Array,
  found: Uint8Array,
  count: number,
): void {
  for (let start = 0; start < count; start += LANES) {
    const lanes = Math.min(LANES, count - start);
    for (let lane = 0; lane < lanes; lane++) enter(tree, numbers[start + lane] as number, lane);
    while (descend(lanes));
    let sum = 0;
    for (let lane = 0; lane < lanes; lane++) sum ^= fetch(lane);
    touched[0] = sum;
    for (let lane = 0; lane < lanes; lane++) found[start + lane] = Number(isInLeaf(lane));
  }
}

/** The first step of {@link holds}: to the region. */
function enter(tree: NumberTree, number: number, lane: number): void {
  const { nodes } = tree;
  laneLeaf[lane] = 0;
  if (number === 0) return;
  double[0] = number;
  const high = doubleWords[HIGH] as number;
  const low = doubleWords[LOW] as number;
  let place = (high >>> 20) - EXPONENT;
  let bits = place + SMALLEST_POWER;
  let key = (high << 12) | (low >>> 20);
  let rest = low << 12;
  let step = STEPS[bits] as number;
  let entry = nodes[place] as number;
  while (entry >= 0) {
    place = key >>> (32 - step);
    key = (key << step) | (rest >>> (32 - step));
    rest <<= step;
    bits -= step;
    step = STEP;
    entry = nodes[entry + place] as number;
  }
  const words = tree.regions[~entry] as Int32Array;
  laneWords[lane] = words;
  laneHigh[lane] = high;
  laneLow[lane] = low;
  laneKey[lane] = key;
  laneRest[lane] = rest;
  laneBits[lane] = bits;
  laneStep[lane] = step;
  laneLeaf[lane] = words[ROOTS + place - (words[FIRST] as number)] as number;
}

/** Every lane goes from its node to the one below it. @returns whether one is at a node still. */
function descend(lanes: number): boolean {
  let deepest = 0;
  for (let lane = 0; lane < lanes; lane++) {
    const leaf = laneLeaf[lane] as number;
    if (leaf >= 0) continue;
    const key = laneKey[lane] as number;
    const rest = laneRest[lane] as number;
    const step = laneStep[lane] as number;
    const words = laneWords[lane] as Int32Array;
    const next = words[(leaf & PLACE) + (key >>> (32 - step))] as number;
    laneKey[lane] = (key << step) | (rest >>> (32 - step));
    laneRest[lane] = rest << step;
    laneBits[lane] = (laneBits[lane] as number) - step;
    laneStep[lane] = STEP;
    laneLeaf[lane] = next;
    deepest |= next;
  }
  return deepest < 0;
}

function distanceOf(lane: number): number {
  return (laneKey[lane] as number) >>> (32 - (laneBits[lane] as number));
}

/** Asks for the memory that {@link isInLeaf} will read. */
function fetch(lane: number): number {
  const words = laneWords[lane] as Int32Array;
  const leaf = laneLeaf[lane] as number;
  const bits = laneBits[lane] as number;
  const start = words[leaf & PLACE] as number;
  return leaf === 0 || bits > WORD_BITS ? start : start ^ touch(words, leaf, bits, distanceOf(lane));
}

function isInLeaf(lane: number): boolean {
  const leaf = laneLeaf[lane] as number;
  if (leaf === 0) return false;
  const words = laneWords[lane] as Int32Array;
  const bits = laneBits[lane] as number;
  if (bits > WORD_BITS) return hasDouble(words, leaf, laneHigh[lane] as number, laneLow[lane] as number);
  return hasDistance(words, leaf, bits, distanceOf(lane));
}
