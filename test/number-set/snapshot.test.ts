import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SnapshotError } from '../../src/number-set/varint-codec.ts';
import {
  createSnapshotReader,
  createNumberSet,
  createNumberSetFromSnapshot,
  type NumberSet,
} from '../../src/number-set/number-set.ts';

const RUNS = { numRuns: 3_000, seed: 20_260_101 };
const HEADER_BYTES = 24;
const MAGIC = 0x5353_4e53;
const numbersOf = (set: NumberSet) => [...set.batches()].flatMap((batch) => [...batch]);

/** Returns a set of one region with nodes and every form of leaf: single numbers, doubles, Elias-Fano, bitmaps. */
function smallSet(): NumberSet {
  const set = createNumberSet(['12345', '10000', '999999999999999', '999999999999998', '562949953421400']);
  set.addBatch(Float64Array.from({ length: 40 }, (_, index) => 30_000_000_000 + index * 100_000_007));
  set.addBatch(Float64Array.from({ length: 400 }, (_, index) => 15_550_000_000 + index * 20));
  set.addBatch(Float64Array.from({ length: 600 }, (_, index) => 15_660_000_000 + index * 11));
  set.addBatch(Float64Array.from({ length: 5_000 }, (_, index) => 15_770_000_000 + index));
  return set;
}

/** Returns the snapshot as version 1 wrote it: with several regions in a chunk, and nothing between them. */
function asFirstVersion(chunks: readonly Uint8Array[], regionsEach: number): Uint8Array[] {
  const older: Uint8Array[] = [];
  let before = 0;
  for (let from = 0; from < chunks.length; from += regionsEach) {
    const regions = chunks.slice(from, from + regionsEach).map((chunk) => {
      const [words = 0] = new Int32Array(chunk.buffer, HEADER_BYTES, 1);
      return chunk.subarray(HEADER_BYTES, HEADER_BYTES + words * 4);
    });
    const bytes = new Uint8Array(Buffer.concat([new Uint8Array(HEADER_BYTES), ...regions]));
    const isLast = from + regionsEach >= chunks.length;
    new Int32Array(bytes.buffer).set([MAGIC, 0, 1, older.length, before, Number(isLast)]);
    older.push(withChecksum(bytes));
    before = new Int32Array(bytes.buffer)[1] ?? 0;
  }
  return older;
}

/** Returns a set of several regions below nodes. */
function largeSet(): NumberSet {
  const set = smallSet();
  set.addBatch(Float64Array.from({ length: 500_000 }, (_, index) => 15_000_000_000 + index * 29));
  return set;
}

/** Sets the right checksum of a chunk. */
function withChecksum(chunk: Uint8Array): Uint8Array {
  new DataView(chunk.buffer).setUint32(4, crc32(chunk.subarray(8)), true);
  return chunk;
}

const snapshotOf = (set: NumberSet) => [...set.snapshot()];

/** Reads and changes a set, and expects that it holds nothing but numbers of 5 to 15 digits. */
function exercise(set: NumberSet, near: readonly number[]): void {
  for (const number of near) {
    const msisdn = String(number);
    const isThere = set.has(msisdn);
    const found = new Uint8Array(1);
    set.hasEach(Float64Array.of(number), found);
    expect(found[0]).toBe(Number(isThere));
    set.delete(msisdn);
    set.add(msisdn);
    set.delete(String(number + 1));
  }
  let seen = 0;
  for (const number of numbersOf(set)) {
    seen++;
    if (!(Number.isInteger(number) && number >= 10_000 && number < 1e15)) expect(number).toBe('a number');
  }
  expect(seen).toBeLessThan(20_000);
  for (const chunk of set.snapshot()) expect(chunk.length).toBeGreaterThan(0);
}

describe('a snapshot of a number set', () => {
  it.each([
    ['nothing', createNumberSet],
    ['few numbers', smallSet],
    ['many numbers', largeSet],
  ])('restores %s', (_, setOf) => {
    const set = setOf();
    const chunks = snapshotOf(set);
    expect(Math.max(...chunks.map((chunk) => chunk.length))).toBeLessThan(1_000_000);
    const copy = createNumberSetFromSnapshot(chunks);
    expect(copy.size).toBe(set.size);
    expect(numbersOf(copy)).toEqual(numbersOf(set));
    expect(copy.bytes).toBeLessThanOrEqual(set.bytes);
    copy.addBatch([15_550_000_001, 15_770_009_999, 12_345]);
    expect(copy.size).toBe(set.size + 2 + Number(set.size === 0));
    // A snapshot of the restored set can be restored too.
    copy.deleteBatch([15_550_000_001, 15_770_009_999]);
    expect(createNumberSetFromSnapshot(snapshotOf(copy)).has('12345')).toBe(true);
  });

  it('uses the memory of a chunk, but copies a chunk that is a part of a larger buffer', () => {
    const [chunk = new Uint8Array()] = snapshotOf(smallSet());
    const larger = Buffer.concat([chunk, Buffer.alloc(8)]);
    const [own, apart] = [createSnapshotReader(), createSnapshotReader()];
    own.take(chunk);
    apart.take(larger.subarray(0, chunk.length));
    const [before, untouched] = [chunk.slice(), larger.toString('hex')];
    for (const set of [own.done(), apart.done()]) {
      set.deleteBatch(numbersOf(set).filter((_, index) => index % 2 === 0));
      expect(numbersOf(set)).toHaveLength(Math.floor(smallSet().size / 2));
    }
    expect(chunk).not.toEqual(before);
    expect(larger.toString('hex')).toBe(untouched);
  });

  it.each([1, 2, 3, 100])('is read if version 1 wrote it with %i regions in a chunk', (regionsEach) => {
    const set = largeSet();
    const older = asFirstVersion(snapshotOf(set), regionsEach);
    const copy = createNumberSetFromSnapshot(older);
    expect(numbersOf(copy)).toEqual(numbersOf(set));
    copy.addBatch(
      numbersOf(copy)
        .slice(10, -10)
        .map((number) => number + 1),
    );
    expect(copy.size).toBeGreaterThan(set.size);
    const [first = new Uint8Array(), ...rest] = older;
    for (const cut of [4, 8]) {
      const altered = withChecksum(first.slice(0, first.length - cut));
      expect(() => createNumberSetFromSnapshot([altered, ...rest])).toThrow(SnapshotError);
    }
    // A chunk of one version is refused if it claims the other one.
    const renamed = snapshotOf(set).map((chunk) => {
      chunk[8] = 1;
      return withChecksum(chunk);
    });
    expect(() => createNumberSetFromSnapshot(renamed)).toThrow(SnapshotError);
  });

  it('is read from chunks at any offset of their buffers', () => {
    const chunks = snapshotOf(smallSet()).map((chunk) => Buffer.concat([Buffer.alloc(3), chunk]).subarray(3));
    expect(createNumberSetFromSnapshot(chunks).size).toBe(smallSet().size);
  });

  it('has the numbers that stay while others are added and deleted', () => {
    const set = largeSet();
    const kept = numbersOf(set).filter((_, index) => index % 7 === 0);
    const isKept = new Set(kept);
    const chunks: Uint8Array[] = [];
    for (const chunk of set.snapshot()) {
      chunks.push(chunk);
      for (const number of numbersOf(set)) if (!isKept.has(number)) set.delete(String(number));
      set.addBatch(Float64Array.from({ length: 60_000 }, (_, index) => 18_000_000_000 + index * 77));
    }
    const copy = createNumberSetFromSnapshot(chunks);
    expect(kept.filter((number) => !copy.hasNumber(number))).toEqual([]);
    set.deleteBatch(numbersOf(set));
    expect([set.size, set.bytes]).toEqual([0, 0]);
  });

  it('can be ended early after its set has become empty', () => {
    const set = largeSet();
    const snapshot = set.snapshot();
    snapshot.next();
    set.deleteBatch(numbersOf(set));
    expect(set.size).toBe(0);
    snapshot.return();
    expect(set.bytes).toBe(0);
  });

  it('is refused if a bit is changed, or a chunk is cut, missing, repeated or out of order', () => {
    const chunks = snapshotOf(largeSet());
    expect(chunks.length).toBeGreaterThan(2);
    const [first = new Uint8Array(), second = new Uint8Array(), ...rest] = chunks;
    const other = snapshotOf(smallSet());
    const sequences: Uint8Array[][] = [
      ...[[], [first], [second, first, ...rest], [first, first, second, ...rest], [first, ...rest]],
      ...[[...chunks, first], [...chunks, ...other], [first, ...other], [...rest], chunks.slice(0, -1)],
    ];
    for (const altered of sequences)
      expect(() => createNumberSetFromSnapshot(altered)).toThrow(SnapshotError);
    for (let at = 0; at < first.length; at += at < 400 ? 1 : 4_001) {
      const changed = first.slice();
      changed[at] = (changed[at] ?? 0) ^ (1 << (at & 7));
      expect(() => createNumberSetFromSnapshot([changed, second, ...rest])).toThrow(SnapshotError);
      expect(() => createNumberSetFromSnapshot([first.subarray(0, at), second, ...rest])).toThrow(
        SnapshotError,
      );
    }
  });

  it('is refused with the reason if it has another version, or if the bytes are no snapshot', () => {
    const [chunk = new Uint8Array()] = snapshotOf(smallSet());
    const newer = chunk.slice();
    newer[8] = 3;
    expect(() => createNumberSetFromSnapshot([withChecksum(newer)])).toThrow(/version 3, known is 2/);
    expect(() => createNumberSetFromSnapshot([new Uint8Array(64)])).toThrow(/no image/);
    expect(() => createNumberSetFromSnapshot([new Uint8Array(5)])).toThrow(/cut off/);
  });

  it('is read once: takes no chunk after an error, and gives its set out once', () => {
    const [chunk = new Uint8Array()] = snapshotOf(smallSet());
    const reader = createSnapshotReader();
    expect(() => reader.done()).toThrow(SnapshotError);
    expect(() => reader.take(new Uint8Array(64))).toThrow(SnapshotError);
    expect(() => reader.take(chunk)).toThrow(SnapshotError);
    const whole = createSnapshotReader();
    whole.take(chunk);
    expect(whole.done().size).toBe(smallSet().size);
    expect(() => whole.done()).toThrow(SnapshotError);
  });

  it('never becomes a broken set, even if words are altered under a right checksum', () => {
    const [chunk = new Uint8Array()] = snapshotOf(smallSet());
    const near = numbersOf(smallSet()).filter((_, index) => index % 601 === 0);
    const words = chunk.length / 4;
    const wordIndex = fc.oneof(fc.integer({ min: 6, max: 60 }), fc.integer({ min: 6, max: words - 1 }));
    const change = fc.record({
      at: wordIndex,
      kind: fc.constantFrom('bit', 'word', 'copy'),
      bit: fc.integer({ min: 0, max: 31 }),
      word: fc.oneof(fc.integer(), fc.integer({ min: -2, max: 40_000 })),
      from: wordIndex,
    });
    let refused = 0;
    fc.assert(
      fc.property(
        fc.array(change, { minLength: 1, maxLength: 3 }),
        fc.constantFrom(0, 0, 0, 4, 400),
        (changes, cut) => {
          const altered = chunk.slice(0, chunk.length - cut);
          const view = new Int32Array(altered.buffer);
          for (const { at, kind, bit, word, from } of changes) {
            if (at >= view.length) continue;
            if (kind === 'bit') view[at] = (view[at] ?? 0) ^ (1 << bit);
            if (kind === 'word') view[at] = word;
            if (kind === 'copy') view[at] = view[from] ?? 0;
          }
          let set: NumberSet | undefined;
          try {
            set = createNumberSetFromSnapshot([withChecksum(altered)]);
          } catch (error) {
            refused++;
            if (!(error instanceof SnapshotError)) throw error;
          }
          if (set) exercise(set, near);
        },
      ),
      RUNS,
    );
    expect(refused).toBeGreaterThan(100);
    expect(refused).toBeLessThan(RUNS.numRuns);
  });

  it('is refused if the count of a leaf is wrong', () => {
    const [chunk = new Uint8Array()] = snapshotOf(smallSet());
    const roots = 6 + 4;
    const ranges = new Int32Array(chunk.buffer)[6 + 3] ?? 0;
    let leaves = 0;
    for (let at = roots; at < roots + ranges; at++) {
      const entry = new Int32Array(chunk.buffer)[at] ?? 0;
      if (entry <= 0) continue;
      leaves++;
      for (const count of [0, 33, 8_191]) {
        const altered = chunk.slice();
        new Int32Array(altered.buffer)[at] = (entry & 0x7fff) | (count << 16);
        expect(() => createNumberSetFromSnapshot([withChecksum(altered)])).toThrow(SnapshotError);
      }
    }
    expect(leaves).toBeGreaterThan(1);
  });

  it('leaves room for a few more numbers without new memory', () => {
    const set = createNumberSetFromSnapshot(snapshotOf(largeSet()));
    const { bytes, size } = set;
    set.addBatch([15_000_000_001, 15_005_000_010, 15_009_000_003]);
    expect([set.size, set.bytes]).toEqual([size + 3, bytes]);
  });

  it('is refused if more words follow a region than an entry can address', () => {
    const [chunk = new Uint8Array()] = snapshotOf(smallSet());
    const long = new Uint8Array(chunk.length + 0x8000 * 4);
    long.set(chunk);
    expect(() => createNumberSetFromSnapshot([withChecksum(long)])).toThrow(SnapshotError);
    expect(createNumberSetFromSnapshot([withChecksum(long.slice(0, chunk.length + 400))]).size).toBe(
      smallSet().size,
    );
  });

  it('is refused if the header of a region is wrong', () => {
    const chunks = snapshotOf(largeSet());
    const [chunk = new Uint8Array()] = chunks;
    for (let word = 0; word < 4; word++) {
      for (const value of [-1, 0, 1, 2, 3, 5, 31, 32, 33, 200, 70_000, -2_147_483_648]) {
        const altered = chunk.slice();
        const view = new Int32Array(altered.buffer, HEADER_BYTES);
        if (view[word] === value) continue;
        view[word] = value;
        expect(() => createNumberSetFromSnapshot([withChecksum(altered), ...chunks.slice(1)])).toThrow(
          SnapshotError,
        );
      }
    }
  });
});
