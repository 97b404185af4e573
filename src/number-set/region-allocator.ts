/**
 * The memory of regions. A region grows in steps, is divided if it would get too large, is copied if much of it is
 * garbage, and is merged with a neighbour if both are small. Each of these touches two regions at most, and never
 * changes which numbers there are.
 */

import { OFFSET } from './leaves.ts';
import { keepArray, lengthFor, takeArray, withSlack } from './region-arrays.ts';
import {
  clearRegion,
  copyRange,
  END,
  FIRST,
  GARBAGE,
  MOST_WORDS,
  NODE,
  RANGES,
  rangeSize,
  ROOTS,
  STRIDES,
} from './regions.ts';
import {
  clearTree,
  NO_NODES,
  NO_NUMBERS,
  seek,
  SMALLEST_POWER,
  type Cursor,
  type NumberTree,
} from './tree.ts';

/** The memory that an array takes besides its words. */
const ARRAY_BYTES = 200;
/** Neighbours that have no more words together are merged. */
const MOST_MERGED_WORDS = MOST_WORDS / 2;
/** Less garbage than this is not worth a copy. */
const LEAST_GARBAGE = 64;

/** All nodes have as many slots as the widest one, so that any node can be used again for any other. */
const NODE_SLOTS = 32;

/** Scratch memory in which a region is put together before it is copied. */
const draft = new Int32Array(MOST_WORDS + 64);

/** A node and the ranges in its slots. */
type Slots = Pick<Cursor, 'node' | 'nodeStart' | 'slotBits'>;

/** Returns the width of the range in a slot, in bits. */
export const rangeBits = ({ node, slotBits }: Slots, slot: number) =>
  node === 0 ? SMALLEST_POWER + slot : slotBits;
/** Returns the smallest number of the range in a slot. */
export const rangeStart = ({ node, nodeStart, slotBits }: Slots, slot: number) =>
  node === 0 ? 2 ** (SMALLEST_POWER + slot) : nodeStart + slot * 2 ** slotBits;

/** Replaces the words of a region, or adds a region, and counts its memory. */
export function setRegion(tree: NumberTree, id: number, words: Int32Array): void {
  const before = tree.regions[id];
  if (before !== undefined && before !== NO_NUMBERS) {
    tree.bytes -= before.byteLength + ARRAY_BYTES;
    keepArray(before);
  }
  if (words !== NO_NUMBERS) tree.bytes += words.byteLength + ARRAY_BYTES;
  tree.regions[id] = words;
}

/**
 * Appends ranges to the draft.
 *
 * @param slots the node that has the ranges.
 * @param from the offset in `words` of the entry of index 0.
 * @param firstSlot the slot of index 0.
 * @param first the index of the first range.
 * @param until the index behind the last range.
 */
function draftRanges(
  slots: Slots,
  words: Int32Array,
  from: number,
  firstSlot: number,
  first: number,
  until: number,
): void {
  const firstDrafted = draft[FIRST] as number;
  for (let index = first; index < until; index++) {
    const slot = firstSlot + index;
    const entry = words[from + index] as number;
    draft[ROOTS + slot - firstDrafted] = copyRange(
      words,
      entry,
      rangeStart(slots, slot),
      rangeBits(slots, slot),
      draft,
    );
  }
}

/** Returns how many words of a region are no garbage. */
const liveWords = (words: Int32Array) => (words[END] as number) - (words[GARBAGE] as number);

/** Returns a copy of the draft, with slack and `need` words more. */
function copyDraft(need: number): Int32Array {
  const words = takeArray(lengthFor((draft[END] as number) + need + 1));
  words.set(draft.subarray(0, draft[END]));
  return words;
}

/**
 * Makes `need` words more available in the cursor's region, or divides it if it would get too large. The cursor has to
 * be set anew by `seek`.
 */
export function reserveWords(tree: NumberTree, cursor: Cursor, need: number): void {
  const { words, id } = cursor;
  const least = liveWords(words) + need + 1;
  if (withSlack(least) > MOST_WORDS) {
    divideRegion(tree, cursor);
    return;
  }
  draftRegion(cursor);
  if (lengthFor(least) === words.length) words.set(draft.subarray(0, draft[END]));
  else setRegion(tree, id, copyDraft(need));
}

/** Returns the cursor's region without garbage, in memory that the next call of any function here overwrites. */
export function compactRegion(cursor: Cursor): Int32Array {
  draftRegion(cursor);
  return draft.subarray(0, draft[END]);
}

function draftRegion(cursor: Cursor): void {
  const { words } = cursor;
  clearRegion(draft, words[FIRST] as number, words[RANGES] as number);
  draftRanges(cursor, words, ROOTS, words[FIRST] as number, 0, words[RANGES] as number);
}

/** Divides a region into two of about the same size. */
function divideRegion(tree: NumberTree, cursor: Cursor): void {
  const { words, id } = cursor;
  const isSingle = words[RANGES] === 1;
  if (isSingle) insertNodeAbove(tree, cursor);
  else reserveNodes(tree, 0);
  const from = isSingle ? (words[ROOTS] as number) & OFFSET : ROOTS;
  const ranges = isSingle ? cursor.slots : (words[RANGES] as number);
  const firstSlot = isSingle ? 0 : (words[FIRST] as number);
  const half = (liveWords(words) - ROOTS) >>> 1;
  let cut = 0;
  for (let sum = 0; cut < ranges - 1 && sum < half; cut++) {
    sum += rangeSize(words, words[from + cut] as number, rangeBits(cursor, firstSlot + cut));
  }
  const upperId = tree.freeIds.pop() ?? tree.regions.length;
  clearRegion(draft, firstSlot + cut, ranges - cut);
  draftRanges(cursor, words, from, firstSlot, cut, ranges);
  setRegion(tree, upperId, copyDraft(0));
  clearRegion(draft, firstSlot, cut);
  draftRanges(cursor, words, from, firstSlot, 0, cut);
  setRegion(tree, id, copyDraft(0));
  tree.nodes.fill(~upperId, cursor.node + firstSlot + cut, cursor.node + firstSlot + ranges);
}

/**
 * Inserts a node between a region of one divided range and the node above it. The ranges below become the slots of the
 * node. Sets the cursor to the new node.
 */
function insertNodeAbove(tree: NumberTree, cursor: Cursor): void {
  const { words, id } = cursor;
  const slot = words[FIRST] as number;
  const bits = rangeBits(cursor, slot);
  const stride = STRIDES[bits] as number;
  cursor.nodeStart = rangeStart(cursor, slot);
  cursor.slotBits = bits - stride;
  cursor.slots = 1 << stride;
  const node = tree.freeNodes.pop() ?? addNode(tree);
  tree.nodes.fill(~id, node, node + cursor.slots);
  tree.nodes[cursor.node + slot] = node;
  cursor.node = node;
}

/** Adds a node. @returns its index in `tree.nodes`. */
export function addNode(tree: NumberTree): number {
  const node = tree.nodesEnd;
  reserveNodes(tree, NODE_SLOTS);
  tree.nodesEnd += NODE_SLOTS;
  return node;
}

/** Makes the nodes writable, and `more` slots available behind them. */
export function reserveNodes(tree: NumberTree, more: number): void {
  const { nodes } = tree;
  if (nodes !== NO_NODES && tree.nodesEnd + more <= nodes.length) return;
  const least = tree.nodesEnd + more;
  tree.nodes = new Int32Array(least + (least >>> 2));
  tree.nodes.set(nodes);
  tree.bytes += tree.nodes.byteLength - (nodes === NO_NODES ? 0 : nodes.byteLength);
}

/** Gives memory back after numbers were removed from the cursor's region. The cursor has to be set anew by `seek`. */
export function reclaimMemory(tree: NumberTree, cursor: Cursor): void {
  const { words, id } = cursor;
  if (tree.size === 0 && tree.openSnapshots === 0) return clearTree(tree);
  const garbage = words[GARBAGE] as number;
  if (garbage < LEAST_GARBAGE || garbage * 4 < (words[END] as number)) return;
  draftRegion(cursor);
  setRegion(tree, id, copyDraft(0));
  if (tree.openSnapshots === 0) mergeNeighbours(tree, cursor);
}

/** Merges the cursor's region with those before and behind it, as far as they are small, and so on upwards. */
function mergeNeighbours(tree: NumberTree, cursor: Cursor): void {
  const { id, node, slots } = cursor;
  const first = (tree.regions[id] as Int32Array)[FIRST] as number;
  const until = first + ((tree.regions[id] as Int32Array)[RANGES] as number);
  if (until < slots) mergeRegions(tree, cursor, ~id, tree.nodes[node + until] as number);
  if (first > 0) mergeRegions(tree, cursor, tree.nodes[node + first - 1] as number, ~id);
  const words = tree.regions[~(tree.nodes[node + first] as number)] as Int32Array;
  if (node === 0 || words[RANGES] !== slots || liveWords(words) > MOST_MERGED_WORDS) return;
  removeNode(tree, cursor);
  seek(tree, cursor.nodeStart, cursor);
  mergeNeighbours(tree, cursor);
}

/**
 * Merges two regions below the cursor's node, if they are small.
 *
 * @param lower the entry of the region with the smaller numbers.
 * @param upper the entry of the other one. An entry of a node is left alone.
 */
function mergeRegions(tree: NumberTree, cursor: Cursor, lower: number, upper: number): void {
  if (lower >= 0 || upper >= 0) return;
  const left = tree.regions[~lower] as Int32Array;
  const right = tree.regions[~upper] as Int32Array;
  if (liveWords(left) + liveWords(right) > MOST_MERGED_WORDS) return;
  const ranges = right[RANGES] as number;
  const firstSlot = right[FIRST] as number;
  clearRegion(draft, left[FIRST] as number, (left[RANGES] as number) + ranges);
  draftRanges(cursor, left, ROOTS, left[FIRST] as number, 0, left[RANGES] as number);
  draftRanges(cursor, right, ROOTS, firstSlot, 0, ranges);
  setRegion(tree, ~lower, copyDraft(0));
  setRegion(tree, ~upper, NO_NUMBERS);
  tree.freeIds.push(~upper);
  tree.nodes.fill(lower, cursor.node + firstSlot, cursor.node + firstSlot + ranges);
}

/** Removes a node above a single region. The region's ranges become one divided range of the node above. */
function removeNode(tree: NumberTree, cursor: Cursor): void {
  const { node, slots, parent, parentNode } = cursor;
  const entry = tree.nodes[node] as number;
  const words = tree.regions[~entry] as Int32Array;
  clearRegion(draft, parent - parentNode, 1);
  const offset = draft[END] as number;
  draft[END] = offset + slots;
  for (let slot = 0; slot < slots; slot++) {
    const range = words[ROOTS + slot] as number;
    draft[offset + slot] = copyRange(words, range, rangeStart(cursor, slot), cursor.slotBits, draft);
  }
  draft[ROOTS] = offset | NODE;
  setRegion(tree, ~entry, copyDraft(0));
  tree.nodes[parent] = entry;
  tree.freeNodes.push(node);
}
