/**
 * Writing to a number tree: one number, or many ascending ones a leaf at a time. Every way ends with the tree whole, so
 * that readers may come in between any two calls.
 */

import {
  countOf,
  hasDistance,
  insertDistance,
  isBitmap,
  isInsertable,
  isLeaf,
  leafSize,
  MOST_NUMBERS,
  PLACE,
  readLeaf,
  removeDistance,
  sizeOf,
  turnBit,
  writeLeaf,
} from './leaves.ts';
import { END, GARBAGE, lowerBound, plant, plantSize } from './regions.ts';
import { makeRoom, tidy } from './region-allocator.ts';
import { createPlace, holds, seek, type NumberPlace, type NumberTree } from './tree.ts';

/** Numbers that go into one leaf at once, so that what comes of it fits in a region. */
const AT_ONCE = 1_024;
/** As many numbers of one leaf go into it faster one by one than with all of it written anew. */
const FEW = 4;

const place = createPlace();
const held = new Float64Array(MOST_NUMBERS + 1);
const merged = new Float64Array(MOST_NUMBERS + AT_ONCE);

/** Puts the numbers of the leaf at the place into `held`. @returns how many there are. */
function readHeld({ words, leaf, base, bits }: NumberPlace): number {
  return leaf === 0 ? 0 : readLeaf(words, leaf, base, bits, held, 0);
}

/** Replaces the leaf at the place. @returns false where it has to be sought anew because room had to be made. */
function write(tree: NumberTree, numbers: Float64Array, count: number): boolean {
  const { words, leaf, leafAt, base, bits } = place;
  const before = leaf === 0 ? 0 : sizeOf(leaf, bits);
  const garbage = words[GARBAGE] as number;
  if (count === 0) {
    words[leafAt] = 0;
    words[GARBAGE] = garbage + before;
    return true;
  }
  const size = isLeaf(count, bits) ? leafSize(count, bits) : plantSize(numbers, 0, count, base, bits);
  if (size <= before && isLeaf(count, bits)) {
    words[leafAt] = writeLeaf(words, leaf & PLACE, base, bits, numbers, 0, count);
    words[GARBAGE] = garbage + before - size;
    return true;
  }
  // One word behind the end may be read.
  if ((words[END] as number) + size + 1 > words.length) {
    makeRoom(tree, place, size);
    return false;
  }
  words[leafAt] = plant(words, numbers, 0, count, base, bits);
  words[GARBAGE] = garbage + before;
  return true;
}

/** Puts a number into the leaf at the place, or takes it out, where that is a bitmap and stays one. */
function turn(number: number, isAdded: boolean): boolean {
  const { words, leaf, leafAt, base } = place;
  const entry = turnBit(words, leaf, number - base, isAdded);
  if (entry !== 0) words[leafAt] = entry;
  return entry !== 0;
}

/** Puts a number into the leaf at the place, where that needs no other form. */
function insert(tree: NumberTree, number: number): boolean {
  const { words, leaf, leafAt, base, bits } = place;
  if (!isInsertable(leaf, bits)) return false;
  const before = sizeOf(leaf, bits);
  const size = leafSize(countOf(leaf) + 1, bits);
  const end = words[END] as number;
  if (size === before) {
    words[leafAt] = insertDistance(words, leaf, leaf & PLACE, bits, number - base);
    return true;
  }
  if (end + size + 1 > words.length) {
    makeRoom(tree, place, size);
    seek(tree, number, place);
    return insert(tree, number);
  }
  words[leafAt] = insertDistance(words, leaf, end, bits, number - base);
  words[END] = end + size;
  words[GARBAGE] = (words[GARBAGE] as number) + before;
  return true;
}

/** Takes a number out of the leaf at the place, where that needs no other form. */
function remove(number: number): boolean {
  const { words, leaf, leafAt, base, bits } = place;
  const entry = removeDistance(words, leaf, bits, number - base);
  if (entry === 0) return false;
  words[leafAt] = entry;
  words[GARBAGE] = (words[GARBAGE] as number) + sizeOf(leaf, bits) - sizeOf(entry, bits);
  return true;
}

/** Adds a number that is one. @returns whether the tree had it not. */
export function addNumber(tree: NumberTree, number: number): boolean {
  if (holds(tree, number)) return false;
  for (;;) {
    seek(tree, number, place);
    if (turn(number, true) || insert(tree, number)) break;
    const count = readHeld(place);
    const at = lowerBound(held, 0, count, number);
    held.copyWithin(at + 1, at, count);
    held[at] = number;
    if (write(tree, held, count + 1)) break;
  }
  tree.size++;
  return true;
}

/** @returns whether the tree had the number, which is one. */
export function deleteNumber(tree: NumberTree, number: number): boolean {
  if (!holds(tree, number)) return false;
  for (;;) {
    seek(tree, number, place);
    if (turn(number, false) || remove(number)) break;
    const count = readHeld(place);
    const at = lowerBound(held, 0, count, number);
    held.copyWithin(at, at + 1, count);
    if (write(tree, held, count - 1)) break;
  }
  tree.size--;
  tidy(tree, place);
  return true;
}

/** Puts what is held and numbers [from, to), both ascending, into `merged`. @returns how many that are. */
function merge(count: number, numbers: Float64Array, from: number, to: number): number {
  let end = 0;
  let at = 0;
  let last = 0;
  for (let index = from; index < to; index++) {
    const number = numbers[index] as number;
    for (; at < count && (held[at] as number) < number; at++) merged[end++] = held[at] as number;
    if (number === last || (at < count && held[at] === number)) continue;
    merged[end++] = number;
    last = number;
  }
  for (; at < count; at++) merged[end++] = held[at] as number;
  return end;
}

/** Adds ascending numbers, each of which is one. */
export function addAscending(tree: NumberTree, numbers: Float64Array): void {
  let from = 0;
  while (from < numbers.length) {
    seek(tree, numbers[from] as number, place);
    const most = Math.min(numbers.length, from + AT_ONCE);
    const to = lowerBound(numbers, from, most, place.base + 2 ** place.bits);
    if (isBitmap(place.leaf)) {
      for (; from < to; from++) {
        const number = numbers[from] as number;
        if (hasDistance(place.words, place.leaf, place.bits, number - place.base)) continue;
        turn(number, true);
        place.leaf = place.words[place.leafAt] as number;
        tree.size++;
      }
      continue;
    }
    if (to - from <= FEW) {
      for (; from < to; from++) addNumber(tree, numbers[from] as number);
      continue;
    }
    const count = readHeld(place);
    const sum = merge(count, numbers, from, to);
    if (sum > count && !write(tree, merged, sum)) continue;
    tree.size += sum - count;
    from = to;
  }
}
