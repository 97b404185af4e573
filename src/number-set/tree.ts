/**
 * The tree of a number set: which region a number belongs to, and the way to its leaf. Numbers are divided by their
 * power of two and then by their bits from the left, so that no way depends on how many numbers there are of another
 * length. Lookups read only: they allocate nothing and change nothing.
 */

import { double, doubleWords, HIGH, LOW } from './double-bits.ts';
import { hasDistance, hasDouble, PLACE, WORD_BITS } from './leaves.ts';
import { clearRegion, FIRST, ROOTS, STEP, STEPS } from './regions.ts';

/** The power of two of the smallest numbers, and how many there are up to the largest. */
export const SMALLEST_POWER = 13;
export const POWERS = 37;
/** What the upper word of a double has for the smallest power. */
export const EXPONENT = 1023 + SMALLEST_POWER;

export interface NumberTree {
  /**
   * Nodes above the regions: 37 entries for the powers of two, then nodes of up to 32. An entry is the place of the
   * node that divides its range, or `~id` of the region that has it.
   */
  nodes: Int32Array;
  nodesEnd: number;
  readonly regions: Int32Array[];
  /** Ids and nodes of 32 that are not in use. */
  readonly freeIds: number[];
  readonly freeNodes: number[];
  size: number;
  /** What all of it takes in memory. */
  bytes: number;
  /** How many images of it are being written. */
  images: number;
}

/** An empty tree has these and never writes to them. */
export const NO_NODES: Int32Array = new Int32Array(POWERS).fill(~0);
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
    images: 0,
  };
}

export function clearTree(tree: NumberTree): void {
  tree.regions.length = 0;
  tree.freeIds.length = 0;
  tree.freeNodes.length = 0;
  Object.assign(tree, { nodes: NO_NODES, nodesEnd: POWERS, size: 0, bytes: 0 });
  tree.regions.push(NO_NUMBERS);
}

/** What the tree has, which is empty then. */
export function takeTree(tree: NumberTree): NumberTree {
  const { regions, freeIds, freeNodes } = tree;
  const taken = {
    ...tree,
    regions: [...regions],
    freeIds: [...freeIds],
    freeNodes: [...freeNodes],
    images: 0,
  };
  clearTree(tree);
  return taken;
}

/** Whether the tree has a number, which has to be one. */
export function holds(tree: NumberTree, number: number): boolean {
  double[0] = number;
  return holdsDouble(tree);
}

/** As {@link holds}, for a number at a place of an array: it is handed on without a box. */
export function holdsAt(tree: NumberTree, numbers: Float64Array, at: number): boolean {
  if (tree.size === 0) return false;
  double[0] = numbers[at] as number;
  return holdsDouble(tree);
}

/** As {@link holds}, for what `double` has. */
function holdsDouble(tree: NumberTree): boolean {
  const { nodes } = tree;
  const high = doubleWords[HIGH] as number;
  const low = doubleWords[LOW] as number;
  let place = (high >>> 20) - EXPONENT;
  let bits = place + SMALLEST_POWER;
  // The bits that are still to come, from the left.
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
  let leaf = words[ROOTS + place - (words[FIRST] as number)] as number;
  while (leaf < 0) {
    place = key >>> (32 - step);
    key = (key << step) | (rest >>> (32 - step));
    rest <<= step;
    bits -= step;
    step = STEP;
    leaf = words[(leaf & PLACE) + place] as number;
  }
  if (leaf === 0) return false;
  if (bits > WORD_BITS) return hasDouble(words, leaf, high, low);
  return hasDistance(words, leaf, bits, key >>> (32 - bits));
}

/** Where a number is or would be. */
export interface NumberPlace {
  /** The node above the region, where its range begins, how many bits its entries' ranges have, and how many it has. */
  node: number;
  nodeBase: number;
  entryBits: number;
  entries: number;
  /** The node's own entry, and the node above that has it. */
  parent: number;
  parentNode: number;
  /** How many nodes are above the node. */
  depth: number;
  id: number;
  words: Int32Array;
  /** The leaf's entry, and where the region has that. */
  leaf: number;
  leafAt: number;
  /** The leaf's range. */
  base: number;
  bits: number;
}

export function createPlace(): NumberPlace {
  return {
    ...{ node: 0, nodeBase: 0, entryBits: 0, entries: 0, parent: 0, parentNode: 0, depth: 0 },
    ...{ id: 0, words: NO_NUMBERS },
    ...{ leaf: 0, leafAt: 0, base: 0, bits: 0 },
  };
}

/** Finds the leaf of a number. */
export function seek(tree: NumberTree, number: number, place: NumberPlace): void {
  const { nodes } = tree;
  double[0] = number;
  const high = doubleWords[HIGH] as number;
  const low = doubleWords[LOW] as number;
  let slot = (high >>> 20) - EXPONENT;
  let bits = slot + SMALLEST_POWER;
  let key = (high << 12) | (low >>> 20);
  let rest = low << 12;
  let step = STEPS[bits] as number;
  let node = 0;
  let entries = POWERS;
  let parent = 0;
  let parentNode = 0;
  let depth = 0;
  let entry = nodes[slot] as number;
  while (entry >= 0) {
    parent = node + slot;
    parentNode = node;
    depth++;
    node = entry;
    slot = key >>> (32 - step);
    key = (key << step) | (rest >>> (32 - step));
    rest <<= step;
    bits -= step;
    entries = 1 << step;
    step = STEP;
    entry = nodes[node + slot] as number;
  }
  place.node = node;
  place.entryBits = bits;
  place.entries = entries;
  place.parent = parent;
  place.parentNode = parentNode;
  place.depth = depth;
  place.nodeBase = Math.floor(number / (entries * 2 ** bits)) * (entries * 2 ** bits);
  place.id = ~entry;
  const words = tree.regions[~entry] as Int32Array;
  place.words = words;
  let leafAt = ROOTS + slot - (words[FIRST] as number);
  let leaf = words[leafAt] as number;
  while (leaf < 0) {
    leafAt = (leaf & PLACE) + (key >>> (32 - step));
    key = (key << step) | (rest >>> (32 - step));
    rest <<= step;
    bits -= step;
    step = STEP;
    leaf = words[leafAt] as number;
  }
  place.leaf = leaf;
  place.leafAt = leafAt;
  place.bits = bits;
  place.base = Math.floor(number / 2 ** bits) * 2 ** bits;
}
