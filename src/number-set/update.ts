/**
 * Adds numbers to a tree and deletes them: one at a time, or many ascending ones a leaf at a time. After each call the
 * tree is complete, so reads may happen between any two calls.
 */

import {
  countOf,
  flipBit,
  hasDistance,
  insertDistance,
  isBitmap,
  isInsertable,
  isLeaf,
  leafSize,
  MOST_NUMBERS,
  OFFSET,
  readLeaf,
  removeDistance,
  sizeOf,
  writeLeaf,
} from './leaves.ts';
import { appendedSize, appendRange, END, GARBAGE, lowerBound } from './regions.ts';
import { reclaimMemory, reserveWords } from './region-allocator.ts';
import { createCursor, holds, seek, type Cursor, type NumberTree } from './tree.ts';

/** The most numbers that are added to a leaf at once, so that the result fits in a region. */
const MOST_ADDED = 1_024;
/** So few numbers are added to a leaf faster one by one than by writing the leaf anew. */
const FEW = 4;

const cursor = createCursor();
/** Scratch memory: the numbers of the leaf at the cursor, with one number more at most. */
const leafNumbers = new Float64Array(MOST_NUMBERS + 1);
/** Scratch memory: those numbers and the added ones. */
const merged = new Float64Array(MOST_NUMBERS + MOST_ADDED);

/** Reads the leaf at the cursor into `leafNumbers`. @returns how many numbers it has. */
function readLeafNumbers({ words, leaf, start, bits }: Cursor): number {
  return leaf === 0 ? 0 : readLeaf(words, leaf, start, bits, leafNumbers, 0);
}

/**
 * Replaces the leaf at the cursor by the first `count` numbers.
 *
 * @returns whether it did. If not, it has reserved words for it, and the cursor has to be set anew by `seek`.
 */
function tryReplace(tree: NumberTree, numbers: Float64Array, count: number): boolean {
  const { words, leaf, leafAt, start, bits } = cursor;
  const sizeBefore = leaf === 0 ? 0 : sizeOf(leaf, bits);
  const garbage = words[GARBAGE] as number;
  if (count === 0) {
    words[leafAt] = 0;
    words[GARBAGE] = garbage + sizeBefore;
    return true;
  }
  const size = isLeaf(count, bits) ? leafSize(count, bits) : appendedSize(numbers, 0, count, start, bits);
  if (size <= sizeBefore && isLeaf(count, bits)) {
    words[leafAt] = writeLeaf(words, leaf & OFFSET, start, bits, numbers, 0, count);
    words[GARBAGE] = garbage + sizeBefore - size;
    return true;
  }
  // Lookups may read one word behind the end.
  if ((words[END] as number) + size + 1 > words.length) {
    reserveWords(tree, cursor, size);
    return false;
  }
  words[leafAt] = appendRange(words, numbers, 0, count, start, bits);
  words[GARBAGE] = garbage + sizeBefore;
  return true;
}

/**
 * Adds a number to the leaf at the cursor, or removes it, if the leaf is a bitmap and stays one.
 *
 * @returns whether it did.
 */
function tryFlip(number: number, isAdded: boolean): boolean {
  const { words, leaf, leafAt, start } = cursor;
  const entry = flipBit(words, leaf, number - start, isAdded);
  if (entry !== 0) words[leafAt] = entry;
  return entry !== 0;
}

/**
 * Adds a number to the leaf at the cursor, if the leaf is Elias-Fano encoded and keeps its layout.
 *
 * @returns whether it did.
 */
function tryInsert(tree: NumberTree, number: number): boolean {
  const { words, leaf, leafAt, start, bits } = cursor;
  if (!isInsertable(leaf, bits)) return false;
  const sizeBefore = sizeOf(leaf, bits);
  const size = leafSize(countOf(leaf) + 1, bits);
  const end = words[END] as number;
  if (size === sizeBefore) {
    words[leafAt] = insertDistance(words, leaf, leaf & OFFSET, bits, number - start);
    return true;
  }
  if (end + size + 1 > words.length) {
    reserveWords(tree, cursor, size);
    seek(tree, number, cursor);
    return tryInsert(tree, number);
  }
  words[leafAt] = insertDistance(words, leaf, end, bits, number - start);
  words[END] = end + size;
  words[GARBAGE] = (words[GARBAGE] as number) + sizeBefore;
  return true;
}

/**
 * Removes a number from the leaf at the cursor, if the leaf is Elias-Fano encoded and keeps its layout.
 *
 * @returns whether it did.
 */
function tryRemove(number: number): boolean {
  const { words, leaf, leafAt, start, bits } = cursor;
  const entry = removeDistance(words, leaf, bits, number - start);
  if (entry === 0) return false;
  words[leafAt] = entry;
  words[GARBAGE] = (words[GARBAGE] as number) + sizeOf(leaf, bits) - sizeOf(entry, bits);
  return true;
}

/** Adds a whole number of 5 to 15 digits. @returns whether the tree lacked it. */
export function addNumber(tree: NumberTree, number: number): boolean {
  if (holds(tree, number)) return false;
  for (;;) {
    seek(tree, number, cursor);
    if (tryFlip(number, true) || tryInsert(tree, number)) break;
    const count = readLeafNumbers(cursor);
    const index = lowerBound(leafNumbers, 0, count, number);
    leafNumbers.copyWithin(index + 1, index, count);
    leafNumbers[index] = number;
    if (tryReplace(tree, leafNumbers, count + 1)) break;
  }
  tree.size++;
  return true;
}

/** Deletes a whole number of 5 to 15 digits. @returns whether the tree had it. */
export function deleteNumber(tree: NumberTree, number: number): boolean {
  if (!holds(tree, number)) return false;
  for (;;) {
    seek(tree, number, cursor);
    if (tryFlip(number, false) || tryRemove(number)) break;
    const count = readLeafNumbers(cursor);
    const index = lowerBound(leafNumbers, 0, count, number);
    leafNumbers.copyWithin(index, index + 1, count);
    if (tryReplace(tree, leafNumbers, count - 1)) break;
  }
  tree.size--;
  reclaimMemory(tree, cursor);
  return true;
}

/**
 * Merges the first `count` numbers of `leafNumbers` and the numbers [from, to), both ascending, into `merged`.
 *
 * @returns how many there are, without duplicates.
 */
function merge(count: number, numbers: Float64Array, from: number, to: number): number {
  let end = 0;
  let read = 0;
  let last = 0;
  for (let index = from; index < to; index++) {
    const number = numbers[index] as number;
    for (; read < count && (leafNumbers[read] as number) < number; read++)
      merged[end++] = leafNumbers[read] as number;
    if (number === last || (read < count && leafNumbers[read] === number)) continue;
    merged[end++] = number;
    last = number;
  }
  for (; read < count; read++) merged[end++] = leafNumbers[read] as number;
  return end;
}

/** Adds ascending whole numbers of 5 to 15 digits. */
export function addAscending(tree: NumberTree, numbers: Float64Array): void {
  let from = 0;
  while (from < numbers.length) {
    seek(tree, numbers[from] as number, cursor);
    const most = Math.min(numbers.length, from + MOST_ADDED);
    const to = lowerBound(numbers, from, most, cursor.start + 2 ** cursor.bits);
    if (isBitmap(cursor.leaf)) {
      for (; from < to; from++) {
        const number = numbers[from] as number;
        if (hasDistance(cursor.words, cursor.leaf, cursor.bits, number - cursor.start)) continue;
        tryFlip(number, true);
        cursor.leaf = cursor.words[cursor.leafAt] as number;
        tree.size++;
      }
      continue;
    }
    if (to - from <= FEW) {
      for (; from < to; from++) addNumber(tree, numbers[from] as number);
      continue;
    }
    const count = readLeafNumbers(cursor);
    const sum = merge(count, numbers, from, to);
    if (sum > count && !tryReplace(tree, merged, sum)) continue;
    tree.size += sum - count;
    from = to;
  }
}
