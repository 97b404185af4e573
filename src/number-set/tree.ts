/**
 * The tree of a number set: finds the region of a number, and in it the leaf. The root divides numbers by their power
 * of two, the nodes below by their next bits from the left. So the depth of numbers of one length does not depend on
 * how many numbers of other lengths there are. Lookups allocate nothing and change nothing.
 *
 * The descent from the root to a leaf is written three times: here in `holdsAt` and `seek`, and in batch-lookup.ts.
 * One shared function was slower. test/number-set/descents.test.ts proves that all three agree.
 */

import { double, doubleWords, HIGH, LOW } from './double-bits.ts';
import { findEliasFano } from './elias-fano.ts';
import { BITMAP, COUNT_SHIFT, hasDouble, OFFSET, WORD_BITS } from './leaves.ts';
import { clearRegion, FIRST, ROOTS, STRIDE, STRIDES } from './regions.ts';

/** The power of two of the smallest number, 10,000. */
export const SMALLEST_POWER = 13;
/** How many powers of two there are up to the largest number. */
export const POWERS = 37;
/** The exponent bits of a double of the smallest power. */
export const SMALLEST_EXPONENT = 1023 + SMALLEST_POWER;

export interface NumberTree {
  /**
   * The nodes above the regions: the root with 37 slots, one for each power of two, then nodes of up to 32 slots. The
   * entry in a slot is the index of the node that divides the range, or `~id` of the region that holds it.
   */
  nodes: Int32Array;
  nodesEnd: number;
  readonly regions: Int32Array[];
  /** The ids of regions that are not in use. */
  readonly freeIds: number[];
  /** The nodes that are not in use. */
  readonly freeNodes: number[];
  size: number;
  /** The memory that nodes and regions take. */
  bytes: number;
  /** How many snapshots are being written. Regions are not merged meanwhile. */
  openSnapshots: number;
}

/** The nodes of every empty tree. Never written to. */
export const NO_NODES: Int32Array = new Int32Array(POWERS).fill(~0);
/** The region of every empty tree. Never written to. */
export const NO_NUMBERS: Int32Array = new Int32Array(ROOTS + POWERS);
clearRegion(NO_NUMBERS, 0, POWERS);

export function createTree(): NumberTree {
  return {
    nodes: NO_NODES,
    nodesEnd: POWERS,
    regions: [NO_NUMBERS],
    freeIds: [],
    freeNodes: [],
    size: 0,
    bytes: 0,
    openSnapshots: 0,
  };
}

export function clearTree(tree: NumberTree): void {
  tree.regions.length = 0;
  tree.freeIds.length = 0;
  tree.freeNodes.length = 0;
  Object.assign(tree, { nodes: NO_NODES, nodesEnd: POWERS, size: 0, bytes: 0 });
  tree.regions.push(NO_NUMBERS);
}

/** Whether the tree has `number`, which has to be a whole number of 5 to 15 digits. */
export function holds(tree: NumberTree, number: number): boolean {
  double[0] = number;
  return tree.size > 0 && holdsAt(tree, double, 0);
}

/**
 * As {@link holds} for `numbers[at]`, of a tree that is not empty. No call passes the number as a value, which could
 * allocate a boxed double.
 *
 * V8 inlines no function of more than 460 bytes of bytecode. This one is larger because it also has the body of
 * `hasDistance`. So V8 compiles it only once, and always inlines the Elias-Fano search into it. A smaller function is
 * inlined into some of its callers, and then nothing is left of the inlining budget for the search.
 */
export function holdsAt(tree: NumberTree, numbers: Float64Array, at: number): boolean {
  double[0] = numbers[at] as number;
  const { nodes } = tree;
  const high = doubleWords[HIGH] as number;
  const low = doubleWords[LOW] as number;
  let slot = (high >>> 20) - SMALLEST_EXPONENT;
  let bits = slot + SMALLEST_POWER;
  // The bits of the number that no node has consumed, from the left.
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
  let leaf = words[ROOTS + slot - (words[FIRST] as number)] as number;
  while (leaf < 0) {
    slot = key >>> (32 - stride);
    key = (key << stride) | (rest >>> (32 - stride));
    rest <<= stride;
    bits -= stride;
    stride = STRIDE;
    leaf = words[(leaf & OFFSET) + slot] as number;
  }
  if (leaf === 0) return false;
  if (bits > WORD_BITS) return hasDouble(words, leaf, high, low);
  const distance = key >>> (32 - bits);
  const offset = leaf & OFFSET;
  if (leaf >= BITMAP) return (((words[offset + (distance >>> 5)] as number) >>> distance) & 1) !== 0;
  const count = leaf >>> COUNT_SHIFT;
  if (count === 1) return words[offset] === distance;
  return findEliasFano(words, offset, count, bits, distance) >= 0;
}

/** The path to the leaf of a number, found by {@link seek}, whether or not the tree has the number. */
export interface Cursor {
  /** The node above the region. */
  node: number;
  /** The smallest number of the node's range. Not set for the root. */
  nodeStart: number;
  /** The width of the ranges in the node's slots, in bits. In the root each slot has a width of its own. */
  slotBits: number;
  /** How many slots the node has. */
  slots: number;
  /** The index in `nodes` of the node's own entry, and the node above that has it. */
  parent: number;
  parentNode: number;
  /** How many nodes are above the node. */
  depth: number;
  /** The region. */
  id: number;
  words: Int32Array;
  /** The entry of the leaf, and the offset of that entry in the region. */
  leaf: number;
  leafAt: number;
  /** The range of the leaf: its smallest number, and its width in bits. */
  start: number;
  bits: number;
}

export function createCursor(): Cursor {
  return {
    ...{ node: 0, nodeStart: 0, slotBits: 0, slots: 0, parent: 0, parentNode: 0, depth: 0 },
    ...{ id: 0, words: NO_NUMBERS },
    ...{ leaf: 0, leafAt: 0, start: 0, bits: 0 },
  };
}

/** Sets the cursor to the leaf of a number. */
export function seek(tree: NumberTree, number: number, cursor: Cursor): void {
  const { nodes } = tree;
  double[0] = number;
  const high = doubleWords[HIGH] as number;
  const low = doubleWords[LOW] as number;
  let slot = (high >>> 20) - SMALLEST_EXPONENT;
  let bits = slot + SMALLEST_POWER;
  let key = (high << 12) | (low >>> 20);
  let rest = low << 12;
  let stride = STRIDES[bits] as number;
  let node = 0;
  let slots = POWERS;
  let parent = 0;
  let parentNode = 0;
  let depth = 0;
  let entry = nodes[slot] as number;
  while (entry >= 0) {
    parent = node + slot;
    parentNode = node;
    depth++;
    node = entry;
    slot = key >>> (32 - stride);
    key = (key << stride) | (rest >>> (32 - stride));
    rest <<= stride;
    bits -= stride;
    slots = 1 << stride;
    stride = STRIDE;
    entry = nodes[node + slot] as number;
  }
  cursor.node = node;
  cursor.slotBits = bits;
  cursor.slots = slots;
  cursor.parent = parent;
  cursor.parentNode = parentNode;
  cursor.depth = depth;
  cursor.nodeStart = Math.floor(number / (slots * 2 ** bits)) * (slots * 2 ** bits);
  cursor.id = ~entry;
  const words = tree.regions[~entry] as Int32Array;
  cursor.words = words;
  let leafAt = ROOTS + slot - (words[FIRST] as number);
  let leaf = words[leafAt] as number;
  while (leaf < 0) {
    leafAt = (leaf & OFFSET) + (key >>> (32 - stride));
    key = (key << stride) | (rest >>> (32 - stride));
    rest <<= stride;
    bits -= stride;
    stride = STRIDE;
    leaf = words[leafAt] as number;
  }
  cursor.leaf = leaf;
  cursor.leafAt = leafAt;
  cursor.bits = bits;
  cursor.start = Math.floor(number / 2 ** bits) * 2 ** bits;
}
