import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { holdsEachInLanes } from '../../src/number-set/batch-lookup.ts';
import { createNumberSet, type NumberSet } from '../../src/number-set/number-set.ts';

const RUNS = { numRuns: 40, seed: 20_260_101 };
const ascending = (numbers: Iterable<number>) => [...numbers].toSorted((a, b) => a - b);
const numbersOf = (set: NumberSet) => [...set.batches()].flatMap((batch) => [...batch]);

const anyNumber = fc
  .tuple(fc.integer({ min: 1, max: 9 }), fc.stringMatching(/^\d{4,14}$/))
  .map(([first, rest]) => `${first}${rest}`);

const STARTS = [
  ...[10_000, 99_000, 8_190_000, 15_550_000_000, 15_559_999_990, 447_700_000_000, 919_000_000_000],
  ...[4_294_967_290, 8_589_934_590, 99_999_999_999_990, 562_949_953_421_300, 999_999_999_000_000],
];

describe('a number set', () => {
  it('answers like a Set after any adds and deletes', () => {
    const steps = fc.array(fc.tuple(fc.constantFrom('add', 'delete'), anyNumber), { maxLength: 200 });
    fc.assert(
      fc.property(fc.array(anyNumber), steps, (initial, changes) => {
        const set = createNumberSet(initial);
        const model = new Set(initial);
        for (const [kind, number] of changes) {
          const isChanged = kind === 'add' ? !model.has(number) : model.has(number);
          if (kind === 'add') model.add(number);
          else model.delete(number);
          expect(kind === 'add' ? set.add(number) : set.delete(number)).toBe(isChanged);
          expect(set.has(number)).toBe(model.has(number));
        }
        expect([...set].toSorted()).toEqual([...model].toSorted());
        expect(set.size).toBe(model.size);
      }),
    );
  });

  it('answers like a Set if its numbers are crowded in a narrow range', () => {
    const crowded = fc.integer({ min: 15_550_000_000, max: 15_550_000_040 }).map(String);
    const changes = fc.array(fc.tuple(fc.boolean(), crowded), { minLength: 50, maxLength: 400 });
    fc.assert(
      fc.property(changes, (steps) => {
        const set = createNumberSet();
        const model = new Set<string>();
        for (const [isAdded, number] of steps) {
          if (isAdded) expect(set.add(number)).toBe(!model.has(number) && Boolean(model.add(number)));
          else expect(set.delete(number)).toBe(model.delete(number));
        }
        expect([...set].toSorted()).toEqual([...model].toSorted());
      }),
    );
  });

  it('tells hundreds of thousands of numbers from their neighbours', () => {
    const set = createNumberSet();
    const count = 300_000;
    for (let index = 0; index < count; index++) set.add(String(15_550_000_000 + index * 7));
    for (let index = 0; index < count; index += 3) set.delete(String(15_550_000_000 + index * 7));
    expect(set.size).toBe(200_000);
    let wrong = 0;
    for (let index = 0; index < count; index++) {
      if (set.has(String(15_550_000_000 + index * 7)) !== (index % 3 !== 0)) wrong++;
      if (set.has(String(15_550_000_001 + index * 7))) wrong++;
    }
    expect(wrong).toBe(0);
    // So many numbers of one length that there are several levels of nodes above the regions.
    set.addBatch(Float64Array.from({ length: 150_000 }, (_, index) => 447_700_000_000 + index * 40_009));
    const found = new Uint8Array(3);
    set.hasEach(Float64Array.of(447_700_040_009, 447_700_040_010, 453_701_309_991), found);
    expect([...found]).toEqual([1, 0, 1]);
  });

  it('looks up batches in a set larger than the processor’s cache, and gives memory back after deletes', () => {
    const set = createNumberSet();
    const count = 400_000;
    // In no order, so that all regions grow and shrink at the same time.
    const shuffled = (index: number) => (index * 100_003) % count;
    const numbers = Float64Array.from(
      { length: count },
      (_, index) => 1e14 + shuffled(index) * 2_000_017_111,
    );
    const asked = Float64Array.from(
      { length: 2 * count },
      (_, at) => (numbers[at >> 1] as number) + (at & 1),
    );
    const countWrong = (isKept: (index: number) => boolean) => {
      const found = new Uint8Array(asked.length);
      set.hasEach(asked, found);
      return found.filter((one, at) => one !== Number(at % 2 === 0 && isKept(at >> 1))).length;
    };
    set.addBatch(numbers);
    const { bytes } = set;
    expect([bytes > 3_000_000, countWrong(() => true)]).toEqual([true, 0]);
    set.deleteBatch(numbers.filter((_, index) => index % 8 !== 0));
    expect([set.bytes < bytes / 3, countWrong((index) => index % 8 === 0)]).toEqual([true, 0]);
  });

  it('adds, deletes and yields batches, and may change during an iteration', () => {
    const set = createNumberSet(['15550000001']);
    set.addBatch(new Float64Array([15_550_000_001, 15_550_000_002, 999_999_999_999_999]));
    const seen: string[] = [];
    for (const msisdn of set) {
      seen.push(msisdn);
      set.delete(msisdn);
    }
    expect(seen.toSorted()).toEqual(['15550000001', '15550000002', '999999999999999']);
    expect([set.size, [...set.batches()]]).toEqual([0, []]);
    set.addBatch([12_345]);
    set.deleteBatch([12_345, 54_321]);
    expect(set.size).toBe(0);
  });

  it.each(['abc', '', '1234', '01234567', '1234567890123456', '1555000000x', '15x50000001', '+15550000001'])(
    'holds no %j, and refuses to add it',
    (text) => {
      const set = createNumberSet(['15550000001']);
      expect([set.has(text), set.delete(text), set.size]).toEqual([false, false, 1]);
      expect(() => set.add(text)).toThrow(RangeError);
    },
  );

  it('answers like a Set about series of numbers with any gaps', () => {
    const change = fc.record({
      kind: fc.constantFrom('add', 'delete', 'addBatch', 'deleteBatch'),
      start: fc.constantFrom(...STARTS),
      step: fc.constantFrom(...[1, 3, 7, 97, 9_999, 10_000, 1_000_003, 3_000_000_019]),
      count: fc.constantFrom(1, 2, 20, 300, 3_000),
    });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 12 }), (changes) => {
        const set = createNumberSet();
        const model = new Set<number>();
        for (const { kind, start, step, count } of changes) {
          const numbers = Array.from({ length: count }, (_, index) => start + index * step).filter(
            (one) => one < 1e15,
          );
          if (kind === 'addBatch') set.addBatch(numbers.toReversed());
          if (kind === 'add')
            for (const number of numbers) expect(set.add(String(number))).toBe(!model.has(number));
          if (kind === 'deleteBatch') set.deleteBatch(numbers);
          if (kind === 'delete') {
            for (const number of numbers) expect(set.delete(String(number))).toBe(model.has(number));
          }
          for (const number of numbers) {
            if (kind === 'add' || kind === 'addBatch') model.add(number);
            else model.delete(number);
          }
          expect(set.size).toBe(model.size);
        }
        expect(numbersOf(set)).toEqual(ascending(model));
        const asked = [...model, ...model].map((number, index) =>
          String(index % 2 === 0 ? number : number + 1),
        );
        const found = new Uint8Array(asked.length);
        const numbers = Float64Array.from(asked, Number);
        set.hasEach(numbers, found);
        // The way in which larger sets look batches up.
        const foundInLanes = new Uint8Array(asked.length);
        holdsEachInLanes(set.tree, numbers, foundInLanes, asked.length);
        expect(foundInLanes).toEqual(found);
        for (const [index, msisdn] of asked.entries()) {
          const isThere = model.has(Number(msisdn));
          if (set.has(msisdn) !== isThere || set.hasNumber(Number(msisdn)) !== isThere)
            expect(msisdn).toBe(isThere);
          if ((found[index] === 1) !== isThere) expect(msisdn).toBe(isThere);
        }
      }),
      RUNS,
    );
  });

  it('keeps whole exchanges, single numbers of exchanges, and the numbers at their borders', () => {
    const whole = Float64Array.from({ length: 10_000 }, (_, index) => 15_550_000_000 + index);
    const single = Float64Array.from({ length: 3_000 }, (_, index) => 17_000_000_000 + index * 10_000);
    const borders = [
      '99999',
      '100000',
      '15549999999',
      '15560000000',
      '12345',
      '123450',
      '10000',
      '999999999999999',
    ];
    const set = createNumberSet(borders);
    set.addBatch(whole);
    set.addBatch(single.toReversed());
    expect(numbersOf(set)).toEqual(ascending([...whole, ...single, ...borders.map(Number)]));
    for (const near of [
      '9999',
      '99998',
      '100001',
      '15549999998',
      '15560000001',
      '12346',
      '1234500',
      '17000000001',
    ]) {
      expect(set.has(near)).toBe(false);
    }
    for (const number of whole) if (number % 100 !== 0) set.delete(String(number));
    expect(set.size).toBe(100 + single.length + borders.length);
    expect(numbersOf(set)).toEqual(
      ascending([...whole.filter((number) => number % 100 === 0), ...single, ...borders.map(Number)]),
    );
  });

  it('iterates in ascending order while numbers are added and deleted before and behind', () => {
    const set = createNumberSet();
    set.addBatch(Float64Array.from({ length: 60_000 }, (_, index) => 15_550_000_000 + index * 40));
    let last = 0;
    let wasOutOfOrder = false;
    let seen = 0;
    for (const batch of set.batches()) {
      for (const number of batch) {
        wasOutOfOrder ||= number <= last;
        last = number;
        seen++;
      }
      // Near the iteration all but one in a hundred are deleted, so that leaves are merged, and others are added.
      for (let index = 0; index < 60_000; index++) {
        const number = 15_550_000_000 + index * 40;
        if (number > last - 400_000 && index % 100 !== 0) set.delete(String(number));
      }
      set.addBatch([15_550_000_001, last + 500_000_007]);
    }
    expect(wasOutOfOrder).toBe(false);
    expect(seen).toBeGreaterThan(8_192 + 500);
    expect(seen).toBeLessThan(12_000);
  });

  it('finds no number while it is empty', () => {
    const set = createNumberSet();
    const found = Uint8Array.of(1, 1, 1);
    set.hasEach(Float64Array.of(14155550100, 0, 14155550101), found, 2);
    expect([...found]).toEqual([0, 0, 1]);
    expect([set.has('14155550100'), set.hasNumber(14155550100)]).toEqual([false, false]);
  });

  it('takes no memory while it is empty, little while it is small, and gives all of it back', () => {
    const set = createNumberSet();
    expect(set.bytes).toBe(0);
    set.add('15550000001');
    expect(set.bytes).toBeLessThan(600);
    const numbers = Float64Array.from({ length: 200_000 }, (_, index) => 15_550_000_000 + index * 17);
    set.addBatch(numbers);
    expect(set.bytes / set.size).toBeLessThan(1.5);
    set.deleteBatch([...numbers, 15_550_000_001].toReversed());
    expect([set.size, numbersOf(set)]).toEqual([0, []]);
    expect(set.bytes).toBe(0);
  });

  it('does not take more and more memory while numbers are added and deleted', () => {
    const set = createNumberSet();
    const SIZE = 30_000;
    const mixed = (index: number) => (Math.imul(index, 0x9e37_79b1) >>> 0) % 9_000_000;
    // Each tenth of the numbers is in another area, and one in four is in a wide range of any length.
    const numberAt = (index: number) => {
      const area = Math.floor(index / SIZE);
      if (index % 4 === 0) return 10 ** (5 + (index % 10)) + mixed(index) * (1 + area * 7);
      return 12_000_000_000 + area * 400_000_000 + (mixed(index) >>> 1);
    };
    const model = new Set<number>();
    let most = 0;
    for (let index = 0; index < 10 * SIZE; index += 500) {
      const batch = Float64Array.from({ length: 500 }, (_, nth) => numberAt(index + nth));
      set.addBatch(batch);
      for (const number of batch) model.add(number);
      if (index < SIZE) continue;
      const old = Float64Array.from({ length: 500 }, (_, nth) => numberAt(index - SIZE + nth));
      set.deleteBatch(old);
      for (const number of old) model.delete(number);
      most = Math.max(most, set.bytes / set.size);
    }
    expect(set.size).toBe(model.size);
    expect(numbersOf(set)).toEqual(ascending(model));
    expect(most).toBeLessThan(14);
  });

  it('keeps the nodes above crowded numbers if they take fewer words below nodes', () => {
    const crowded = Float64Array.from({ length: 300 }, (_, index) => 16_384 + index * 27);
    const others = Float64Array.from({ length: 3_000 }, (_, index) => 20_000_000 + index * 1_009);
    const set = createNumberSet();
    set.addBatch(crowded);
    set.addBatch(others);
    set.deleteBatch(crowded.subarray(100));
    set.deleteBatch(others);
    expect(numbersOf(set)).toEqual([...crowded.subarray(0, 100)]);
  });

  it('adds the numbers of another set, or of itself', () => {
    const one = createNumberSet(['15550000001', '12345']);
    const other = createNumberSet(['15550000001', '15550000002']);
    for (const step of one.addAll(other)) expect(step).toBe(undefined);
    for (const step of one.addAll(one)) expect(step).toBe(undefined);
    expect([...one]).toEqual(['12345', '15550000001', '15550000002']);
    expect(other.size).toBe(2);
  });

  it('looks up the first numbers only if a count is given, and finds no value that is no number', () => {
    const set = createNumberSet(['15550000001', '12345']);
    const found = new Uint8Array(5).fill(7);
    set.hasEach(Float64Array.of(12_345, 0, 0, 15_550_000_001), found, 3);
    expect([...found]).toEqual([1, 0, 0, 7, 7]);
    holdsEachInLanes(set.tree, Float64Array.of(15_550_000_002, 0, 15_550_000_001), found.fill(7), 3);
    expect([...found]).toEqual([0, 0, 1, 7, 7]);
    for (const number of [12_345.5, Number.NaN, 0, 1e15, -12_345, Infinity])
      expect(set.hasNumber(number)).toBe(false);
  });

  it('refuses to add a batch with a value that is no number, and skips such values in deletes', () => {
    const set = createNumberSet(['12345']);
    for (const number of [9_999, 12_345.5, 1e15, Number.NaN, 0]) {
      expect(() => set.addBatch([number])).toThrow(RangeError);
      expect(() => set.addBatch(new Float64Array([number]))).toThrow(RangeError);
      set.deleteBatch([number]);
    }
    expect([...set]).toEqual(['12345']);
  });
});
