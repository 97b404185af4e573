import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SnapshotError, decodeNumbers, encodeNumbers } from '../../src/number-set/varint-codec.ts';

const number = fc.integer({ min: 10_000, max: 999_999_999_999_999 });

describe('an image of numbers', () => {
  it('gives back what went in, in order', () => {
    fc.assert(
      fc.property(fc.uniqueArray(number, { maxLength: 500 }), (numbers) => {
        const image = encodeNumbers(new Float64Array(numbers));
        expect([...decodeNumbers(image)]).toEqual(numbers.toSorted((a, b) => a - b));
      }),
    );
  });

  it('reads an image in the middle of a larger buffer', () => {
    const image = encodeNumbers(new Float64Array([15_550_000_001, 15_550_000_000]));
    const padded = Buffer.concat([Buffer.alloc(3, 1), image]);
    expect([...decodeNumbers(padded.subarray(3))]).toEqual([15_550_000_000, 15_550_000_001]);
  });

  it('is refused wherever a byte is changed, cut or added', () => {
    const image = encodeNumbers(new Float64Array([12_345, 15_550_000_001, 999_999_999_999_999]));
    for (let at = 0; at < image.length; at++) {
      for (const bit of [1, 0x80]) {
        const bent = image.map((byte, index) => (index === at ? byte ^ bit : byte));
        expect(() => decodeNumbers(bent)).toThrow(SnapshotError);
      }
      expect(() => decodeNumbers(image.subarray(0, at))).toThrow(SnapshotError);
    }
    expect(() => decodeNumbers(Buffer.concat([image, Buffer.alloc(1)]))).toThrow(SnapshotError);
  });

  it('never gives anything but numbers or an SnapshotError, whatever the bytes are', () => {
    const image = encodeNumbers(new Float64Array([12_345, 15_550_000_001]));
    const header = fc.constantFrom(image.subarray(0, 16), image.subarray(0, 12), new Uint8Array());
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

  it('does not believe a count, even under a right checksum', () => {
    for (const count of [1, 3, 0xff_ff_ff_ff]) {
      const image = encodeNumbers(new Float64Array([12_345, 12_346]));
      new DataView(image.buffer).setUint32(8, count);
      expect(() => decodeNumbers(image)).toThrow(SnapshotError);
    }
    const cut = encodeNumbers(new Float64Array([12_345]));
    const open = Buffer.concat([cut.subarray(0, 16), Buffer.from([0x80])]);
    open.writeUInt32BE(crc32(open.subarray(16)), 12);
    expect(() => decodeNumbers(open)).toThrow(/fewer numbers/);
  });
});
