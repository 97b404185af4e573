import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SnapshotError, decodeNumbers, encodeNumbers } from '../../src/number-set/varint-codec.ts';

const number = fc.integer({ min: 10_000, max: 999_999_999_999_999 });

describe('a blob of numbers', () => {
  it('decodes to the same numbers in ascending order', () => {
    fc.assert(
      fc.property(fc.uniqueArray(number, { maxLength: 500 }), (numbers) => {
        const blob = encodeNumbers(new Float64Array(numbers));
        expect([...decodeNumbers(blob)]).toEqual(numbers.toSorted((a, b) => a - b));
      }),
    );
  });

  it('is decoded in the middle of a larger buffer', () => {
    const blob = encodeNumbers(new Float64Array([15_550_000_001, 15_550_000_000]));
    const padded = Buffer.concat([Buffer.alloc(3, 1), blob]);
    expect([...decodeNumbers(padded.subarray(3))]).toEqual([15_550_000_000, 15_550_000_001]);
  });

  it('is refused if any byte is changed, cut off or added', () => {
    const blob = encodeNumbers(new Float64Array([12_345, 15_550_000_001, 999_999_999_999_999]));
    for (let at = 0; at < blob.length; at++) {
      for (const bit of [1, 0x80]) {
        const altered = blob.map((byte, index) => (index === at ? byte ^ bit : byte));
        expect(() => decodeNumbers(altered)).toThrow(SnapshotError);
      }
      expect(() => decodeNumbers(blob.subarray(0, at))).toThrow(SnapshotError);
    }
    expect(() => decodeNumbers(Buffer.concat([blob, Buffer.alloc(1)]))).toThrow(SnapshotError);
  });

  it('decodes to numbers or throws a SnapshotError, whatever the bytes are', () => {
    const blob = encodeNumbers(new Float64Array([12_345, 15_550_000_001]));
    const header = fc.constantFrom(blob.subarray(0, 16), blob.subarray(0, 12), new Uint8Array());
    fc.assert(
      fc.property(header, fc.uint8Array({ maxLength: 64 }), (start, rest) => {
        try {
          decodeNumbers(Buffer.concat([start, rest]));
        } catch (error) {
          expect(error).toBeInstanceOf(SnapshotError);
        }
      }),
    );
  });

  it('is refused if its count is wrong, even under a right checksum', () => {
    for (const count of [1, 3, 0xff_ff_ff_ff]) {
      const blob = encodeNumbers(new Float64Array([12_345, 12_346]));
      new DataView(blob.buffer).setUint32(8, count);
      expect(() => decodeNumbers(blob)).toThrow(SnapshotError);
    }
    const cut = encodeNumbers(new Float64Array([12_345]));
    const unfinished = Buffer.concat([cut.subarray(0, 16), Buffer.from([0x80])]);
    unfinished.writeUInt32BE(crc32(unfinished.subarray(16)), 12);
    expect(() => decodeNumbers(unfinished)).toThrow(/fewer numbers/);
  });
});
