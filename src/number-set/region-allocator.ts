/**
 * Room in regions: a region grows by a step, is divided where it would get too large, is copied without its garbage
 * where that is much, and joins its neighbour where both are small. Whatever happens here touches two regions at most;
 * it never changes which numbers there are.
 */

import { PLACE } from './leaves.ts';
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
  STEPS,
} from './regions.ts';
import {
  clearTree,
  NO_NODES,
  NO_NUMBERS,
  seek,
  SMALLEST_POWER,
  type NumberPlace,
  type NumberTree,
} from './tree.ts';

/** What an array costs besides its words. */
const ARRAY_BYTES = 200;
/** Below this a region grows by a quarter. */
const SMALL_WORDS = 2_048;
/**
 * Above it all lengths are a multiple of this: so few of them that what one region leaves another one takes. Smaller
 * steps fill regions better, and leave so many arrays behind that the process takes more.
 */
const STEP_WORDS = 8_192;
/** Of what is set aside, to be used again. */
const MOST_SPARE_WORDS = 2 ** 19;
/** Neighbours with no more words become one. */
const JOINED_WORDS = MOST_WORDS / 2;
/** Garbage below that is not worth a copy. */
const LITTLE_GARBAGE = 64;

/** As many as the widest node has, so that any node can take the place of any other. */
const NODE_ENTRIES = 32;

/** A region is put together here and then copied; nothing stays in it. */
const draft = new Int32Array(MOST_WORDS + 64);

/** The entries of a node. */
type Entries = Pick<NumberPlace, 'node' | 'nodeBase' | 'entryBits'>;

export const rangeBits = ({ node, entryBits }: Entries, entry: number) =>
  node === 0 ? SMALLEST_POWER + entry : entryBits;
export const rangeBase = ({ node, nodeBase, entryBits }: Entries, entry: number) =>
  node === 0 ? 2 ** (SMALLEST_POWER + entry) : nodeBase + entry * 2 ** entryBits;

/**
 * Regions that were replaced, by length: they are used again, for what is left to the garbage collector stays with the
 * process long after.
 */
const spares = new Map<number, Int32Array[]>();
let spareWords = 0;

function setAside(words: Int32Array): void {
  if (words.length % STEP_WORDS !== 0) return;
  // Regions mostly grow, so that nobody asks for the oldest ones any more.
  if (spareWords + words.length > MOST_SPARE_WORDS) {
    spares.clear();
    spareWords = 0;
  }
  const alike = spares.get(words.length) ?? [];
  spares.set(words.length, alike);
  alike.push(words);
  spareWords += words.length;
}

/** So many words with some room, so that a region is not copied for every few numbers. */
const withRoom = (least: number) => least + (least >>> (least < SMALL_WORDS ? 2 : 5));

function lengthFor(least: number): number {
  if (least < SMALL_WORDS) return withRoom(least);
  return Math.min(MOST_WORDS, Math.ceil(withRoom(least) / STEP_WORDS) * STEP_WORDS);
}

/** An array of that length, with anything in it. */
function regionOf(length: number): Int32Array {
  const spare = spares.get(length)?.pop();
  if (spare === undefined) return new Int32Array(length);
  spareWords -= length;
  return spare;
}

export function setRegion(tree: NumberTree, id: number, words: Int32Array): void {
  const before = tree.regions[id];
  if (before !== undefined && before !== NO_NUMBERS) {
    tree.bytes -= before.byteLength + ARRAY_BYTES;
    setAside(before);
  }
  if (words !== NO_NUMBERS) tree.bytes += words.byteLength + ARRAY_BYTES;
  tree.regions[id] = words;
}

/** Copies ranges of a region, which begin in the entries at `from`, behind what the draft has. */
function copyRanges(
  place: NumberPlace,
  words: Int32Array,
  from: number,
  entry: number,
  first: number,
  until: number,
): void {
  const start = draft[FIRST] as number;
  for (let slot = first; slot < until; slot++) {
    const at = entry + slot;
    const range = words[from + slot] as number;
    draft[ROOTS + at - start] = copyRange(words, range, rangeBase(place, at), rangeBits(place, at), draft);
  }
}

/** The words of a region without its garbage. */
const draftedSize = (words: Int32Array) => (words[END] as number) - (words[GARBAGE] as number);

/** What the draft has as a region of its own, with room. */
function drafted(need: number): Int32Array {
  const words = regionOf(lengthFor((draft[END] as number) + need + 1));
  words.set(draft.subarray(0, draft[END]));
  return words;
}

/** Makes room for more words in the region of a place, which has to be sought anew. */
export function makeRoom(tree: NumberTree, place: NumberPlace, need: number): void {
  const { words, id } = place;
  const least = draftedSize(words) + need + 1;
  if (withRoom(least) > MOST_WORDS) {
    divide(tree, place);
    return;
  }
  draftRegion(place);
  if (lengthFor(least) === words.length) words.set(draft.subarray(0, draft[END]));
  else setRegion(tree, id, drafted(need));
}

/** The region of a place without its garbage, until the next call of anything here. */
export function draftOf(place: NumberPlace): Int32Array {
  draftRegion(place);
  return draft.subarray(0, draft[END]);
}

function draftRegion(place: NumberPlace): void {
  const { words } = place;
  clearRegion(draft, words[FIRST] as number, words[RANGES] as number);
  copyRanges(place, words, ROOTS, words[FIRST] as number, 0, words[RANGES] as number);
}

/** Divides a region in two of about the same size. */
function divide(tree: NumberTree, place: NumberPlace): void {
  const { words, id } = place;
  const isSingle = words[RANGES] === 1;
  if (isSingle) putNodeAbove(tree, place);
  else ownNodes(tree, 0);
  const from = isSingle ? (words[ROOTS] as number) & PLACE : ROOTS;
  const ranges = isSingle ? place.entries : (words[RANGES] as number);
  const first = isSingle ? 0 : (words[FIRST] as number);
  const half = (draftedSize(words) - ROOTS) >>> 1;
  let cut = 0;
  for (let sum = 0; cut < ranges - 1 && sum < half; cut++) {
    sum += rangeSize(words, words[from + cut] as number, rangeBits(place, first + cut));
  }
  const other = tree.freeIds.pop() ?? tree.regions.length;
  clearRegion(draft, first + cut, ranges - cut);
  copyRanges(place, words, from, first, cut, ranges);
  setRegion(tree, other, drafted(0));
  clearRegion(draft, first, cut);
  copyRanges(place, words, from, first, 0, cut);
  setRegion(tree, id, drafted(0));
  tree.nodes.fill(~other, place.node + first + cut, place.node + first + ranges);
}

/** Puts a node between a region of one range, which is divided, and the node above it; the place is then below that. */
function putNodeAbove(tree: NumberTree, place: NumberPlace): void {
  const { words, id } = place;
  const entry = words[FIRST] as number;
  const bits = rangeBits(place, entry);
  const step = STEPS[bits] as number;
  place.nodeBase = rangeBase(place, entry);
  place.entryBits = bits - step;
  place.entries = 1 << step;
  const node = tree.freeNodes.pop() ?? newNode(tree);
  tree.nodes.fill(~id, node, node + place.entries);
  tree.nodes[place.node + entry] = node;
  place.node = node;
}

export function newNode(tree: NumberTree): number {
  const node = tree.nodesEnd;
  ownNodes(tree, NODE_ENTRIES);
  tree.nodesEnd += NODE_ENTRIES;
  return node;
}

/** Sees to it that the nodes may be written to and that there is room for more entries. */
export function ownNodes(tree: NumberTree, more: number): void {
  const { nodes } = tree;
  if (nodes !== NO_NODES && tree.nodesEnd + more <= nodes.length) return;
  const least = tree.nodesEnd + more;
  tree.nodes = new Int32Array(least + (least >>> 2));
  tree.nodes.set(nodes);
  tree.bytes += tree.nodes.byteLength - (nodes === NO_NODES ? 0 : nodes.byteLength);
}

/** Gives memory back where numbers have left a region. The place has to be sought anew. */
export function tidy(tree: NumberTree, place: NumberPlace): void {
  const { words, id } = place;
  if (tree.size === 0 && tree.images === 0) return clearTree(tree);
  const garbage = words[GARBAGE] as number;
  if (garbage < LITTLE_GARBAGE || garbage * 4 < (words[END] as number)) return;
  draftRegion(place);
  setRegion(tree, id, drafted(0));
  if (tree.images === 0) joinNeighbours(tree, place);
}

function joinNeighbours(tree: NumberTree, place: NumberPlace): void {
  const { id, node, entries } = place;
  const first = (tree.regions[id] as Int32Array)[FIRST] as number;
  const until = first + ((tree.regions[id] as Int32Array)[RANGES] as number);
  if (until < entries) join(tree, place, ~id, tree.nodes[node + until] as number);
  if (first > 0) join(tree, place, tree.nodes[node + first - 1] as number, ~id);
  const words = tree.regions[~(tree.nodes[node + first] as number)] as Int32Array;
  if (node === 0 || words[RANGES] !== entries || draftedSize(words) > JOINED_WORDS) return;
  lift(tree, place);
  seek(tree, place.nodeBase, place);
  joinNeighbours(tree, place);
}

/** Makes two regions one, where they are below the same node and small. Takes their entries in it. */
function join(tree: NumberTree, place: NumberPlace, lower: number, upper: number): void {
  if (lower >= 0 || upper >= 0) return;
  const left = tree.regions[~lower] as Int32Array;
  const right = tree.regions[~upper] as Int32Array;
  if (draftedSize(left) + draftedSize(right) > JOINED_WORDS) return;
  const ranges = right[RANGES] as number;
  const from = right[FIRST] as number;
  clearRegion(draft, left[FIRST] as number, (left[RANGES] as number) + ranges);
  copyRanges(place, left, ROOTS, left[FIRST] as number, 0, left[RANGES] as number);
  copyRanges(place, right, ROOTS, from, 0, ranges);
  setRegion(tree, ~lower, drafted(0));
  setRegion(tree, ~upper, NO_NUMBERS);
  tree.freeIds.push(~upper);
  tree.nodes.fill(lower, place.node + from, place.node + from + ranges);
}

/** Removes a node that has one region, whose ranges become one range of it. */
function lift(tree: NumberTree, place: NumberPlace): void {
  const { node, entries, parent, parentNode } = place;
  const entry = tree.nodes[node] as number;
  const words = tree.regions[~entry] as Int32Array;
  clearRegion(draft, parent - parentNode, 1);
  const at = draft[END] as number;
  draft[END] = at + entries;
  for (let slot = 0; slot < entries; slot++) {
    const range = words[ROOTS + slot] as number;
    draft[at + slot] = copyRange(words, range, rangeBase(place, slot), place.entryBits, draft);
  }
  draft[ROOTS] = at | NODE;
  setRegion(tree, ~entry, drafted(0));
  tree.nodes[parent] = entry;
  tree.freeNodes.push(node);
}
