/**
 * The descent from the root of a tree to the leaf of a number is written three times, since one shared function was
 * slower: for single look-ups and for `seek` in tree.ts, and for batches in batch-lookup.ts. All have to find the same.
 */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { holdsEach, holdsEachInLanes } from '../../src/number-set/batch-lookup.ts';
import { isNumber, NUMBERS_END, SMALLEST_NUMBER } from '../../src/number-set/double-bits.ts';
import { MOST_NUMBERS, readLeaf } from '../../src/number-set/leaves.ts';
import {
  createNumberSet,
  createNumberSetFromSnapshot,
  type NumberSet,
} from '../../src/number-set/number-set.ts';
import { rangeStart } from '../../src/number-set/region-allocator.ts';
import { FIRST, RANGES } from '../../src/number-set/regions.ts';
import {
  createCursor,
  holds,
  holdsAt,
  POWERS,
  seek,
  SMALLEST_POWER,
  type NumberTree,
} from '../../src/number-set/tree.ts';

const cursor = createCursor();
const leafNumbers = new Float64Array(MOST_NUMBERS);

/** Whether the leaf that `seek` finds has the number. */
function isInSoughtLeaf(tree: NumberTree, number: number): boolean {
  seek(tree, number, cursor);
  const { words, leaf, start, bits } = cursor;
  const count = leaf === 0 ? 0 : readLeaf(words, leaf, start, bits, leafNumbers, 0);
  return leafNumbers.subarray(0, count).includes(number);
}

/** Whether each field of the cursor fits the others and the number. */
function isCursorRight(tree: NumberTree, number: number): boolean {
  seek(tree, number, cursor);
  const { node, nodeStart, slotBits, slots, parent, parentNode, depth, id, words } = cursor;
  const slot =
    node === 0 ? Math.floor(Math.log2(number)) - SMALLEST_POWER : (number - nodeStart) / 2 ** slotBits;
  const isBelowParent = depth === 0 ? node === 0 : tree.nodes[parent] === node && parentNode <= parent;
  return (
    isBelowParent &&
    slot >= 0 &&
    slot < slots &&
    tree.nodes[node + Math.floor(slot)] === ~id &&
    tree.regions[id] === words &&
    words[cursor.leafAt] === cursor.leaf &&
    number >= cursor.start &&
    number < cursor.start + 2 ** cursor.bits
  );
}

type Lookup = (tree: NumberTree, numbers: Float64Array, found: Uint8Array) => void;

const eachAlone =
  (isFound: (tree: NumberTree, numbers: Float64Array, index: number) => boolean): Lookup =>
  (tree, numbers, found) => {
    for (const index of numbers.keys()) found[index] = Number(isFound(tree, numbers, index));
  };

/** Every way to look a number up. */
const lookups: readonly (readonly [name: string, lookup: Lookup])[] = [
  ['holds', eachAlone((tree, numbers, index) => holds(tree, numbers[index] ?? 0))],
  ['holdsAt', eachAlone(holdsAt)],
  ['holdsEach', (tree, numbers, found) => holdsEach(tree, numbers, found, numbers.length)],
  ['holdsEachInLanes', (tree, numbers, found) => holdsEachInLanes(tree, numbers, found, numbers.length)],
  ['seek', eachAlone((tree, numbers, index) => isInSoughtLeaf(tree, numbers[index] ?? 0))],
];

/** The smallest and the largest number of each region. */
function regionEdges(tree: NumberTree): number[] {
  const edges: number[] = [];
  for (let next = 2 ** SMALLEST_POWER; next < 2 ** (SMALLEST_POWER + POWERS);) {
    seek(tree, next, cursor);
    const first = cursor.words[FIRST] ?? 0;
    edges.push(next);
    next = rangeStart(cursor, first + (cursor.words[RANGES] ?? 0));
    edges.push(next - 1);
  }
  return edges;
}

/** The smallest and the largest number of a leaf. */
function leafEdges(tree: NumberTree, number: number): number[] {
  seek(tree, number, cursor);
  return [cursor.start, cursor.start + 2 ** cursor.bits - 1];
}

const powersOfTwo = Array.from({ length: POWERS + 1 }, (_, index) => 2 ** (SMALLEST_POWER + index));

/** Expects that every look-up tells the same of the numbers, of their neighbours, and of all edges in the tree. */
function expectAgreement(
  set: NumberSet,
  isMember: (number: number) => boolean,
  near: readonly number[],
): void {
  const { tree } = set;
  const middle = [...near, ...near.flatMap((number) => leafEdges(tree, number)), ...regionEdges(tree)];
  const around = [...middle, ...powersOfTwo, SMALLEST_NUMBER, NUMBERS_END - 1].flatMap((number) => [
    ...[number - 1, number, number + 1],
  ]);
  const asked = Float64Array.from(new Set(around.filter(isNumber)));
  const found = new Uint8Array(asked.length);
  for (const [name, lookup] of lookups) {
    lookup(tree, asked, found.fill(7));
    const wrong = asked.filter((number, index) => found[index] !== Number(isMember(number)));
    expect([name, [...wrong]]).toEqual([name, []]);
  }
  expect([...asked.filter((number) => !isCursorRight(tree, number))]).toEqual([]);
}

/** Numbers of every length, and numbers around a power of two. */
const anyNumber = fc
  .oneof(
    fc
      .tuple(fc.integer({ min: SMALLEST_POWER, max: 49 }), fc.double({ min: 0, max: 1, noNaN: true }))
      .map(([power, more]) => Math.floor(2 ** (power + more))),
    fc
      .tuple(fc.constantFrom(...powersOfTwo), fc.integer({ min: -3_000, max: 3_000 }))
      .map(([power, distance]) => power + distance),
  )
  .map((number) => Math.min(NUMBERS_END - 1, Math.max(SMALLEST_NUMBER, number)));

/** Adds or deletes a series of numbers, one by one or as a batch. */
const anyChange = fc.record({
  kind: fc.constantFrom('add', 'addBatch', 'delete', 'deleteBatch'),
  start: anyNumber,
  step: fc.constantFrom(1, 3, 97, 9_999, 1_000_003, 3_000_000_019),
  count: fc.constantFrom(1, 2, 20, 300, 2_000),
});
type Change = typeof anyChange extends fc.Arbitrary<infer T> ? T : never;

/** Applies a change to the set and to the model. @returns some of the changed numbers. */
function apply({ kind, start, step, count }: Change, set: NumberSet, model: Map<number, boolean>): number[] {
  const numbers = Array.from({ length: count }, (_, index) => start + index * step).filter(isNumber);
  if (kind === 'addBatch') set.addBatch(numbers);
  if (kind === 'deleteBatch') set.deleteBatch(numbers);
  for (const number of numbers) {
    if (kind === 'add') set.add(String(number));
    if (kind === 'delete') set.delete(String(number));
    model.set(number, kind.startsWith('add'));
  }
  return numbers.filter((_, index) => index % 50 === 0 || index === numbers.length - 1);
}

/** Numbers of every form of leaf, in so many regions that there are nodes above them. */
const many = [
  ...Array.from({ length: 120_000 }, (_, index) => 447_700_000_000 + index * 40_009),
  ...Array.from({ length: 50_000 }, (_, index) => 1e14 + ((index * 10_007) % 50_000) * 2_000_017_111),
  ...Array.from({ length: 20_000 }, (_, index) => 562_949_953_411_312 + index),
  ...Array.from({ length: 60_000 }, (_, index) => 15_550_000_000 + index * 17),
];

describe('the copies of the descent', () => {
  it('agree about small sets, whatever is added and deleted', () => {
    fc.assert(
      fc.property(fc.array(anyChange, { minLength: 1, maxLength: 8 }), anyNumber, (changes, other) => {
        const set = createNumberSet();
        const model = new Map<number, boolean>();
        const near = [other];
        for (const change of changes) {
          near.push(...apply(change, set, model));
          expectAgreement(set, (number) => model.get(number) === true, near);
        }
      }),
      { numRuns: 50, seed: 20_261_130 },
    );
  });

  it('agree about a set of many regions, while they are divided and merged', () => {
    const large = createNumberSet();
    large.addBatch(Float64Array.from(many));
    const chunks = [...large.snapshot()];
    const members = new Set(many);
    const part = fc.record({
      from: fc.nat(many.length - 1),
      length: fc.constantFrom(1, 300, 30_000, 100_000),
      /** One in so many stays. */
      kept: fc.constantFrom(2, 50, Infinity),
    });
    let deepest = 0;
    fc.assert(
      fc.property(
        fc.array(anyChange, { maxLength: 4 }),
        fc.array(part, { maxLength: 3 }),
        (changes, parts) => {
          const set = createNumberSetFromSnapshot(chunks);
          const model = new Map<number, boolean>();
          const isMember = (number: number) => model.get(number) ?? members.has(number);
          const near = many.filter((_, index) => index % 2_503 === 0);
          for (const { from, length, kept } of parts) {
            const dropped = many.slice(from, from + length).filter((_, index) => index % kept !== 1);
            set.deleteBatch(dropped);
            for (const number of dropped) model.set(number, false);
            near.push(...dropped.filter((_, index) => index % 5_003 === 0));
          }
          for (const change of changes) near.push(...apply(change, set, model));
          expectAgreement(set, isMember, near);
          for (const number of near) {
            seek(set.tree, number, cursor);
            deepest = Math.max(deepest, cursor.depth);
          }
        },
      ),
      { numRuns: 15, seed: 20_261_130 },
    );
    expect(deepest).toBeGreaterThan(1);
  });
});
