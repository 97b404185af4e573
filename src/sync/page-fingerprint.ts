/**
 * Fingerprints of pages: two pages with the same rows have the same fingerprint, in whatever order the rows come. Pure.
 */

import type { RowColumns } from '../ledger/seen-numbers.ts';

/** Rows that go into a fingerprint. */
export interface FingerprintRows extends RowColumns {
  /** Rows whose number could not be read. */
  readonly unreadable: number;
  /** Distinguishes those rows from others: the sum of their hashes, 32 bits. */
  readonly unreadableHash: number;
}

/** Computes the fingerprint of one page, a slice at a time. */
export interface PageFingerprint {
  add(rows: FingerprintRows): void;
  /** The fingerprint of all rows so far: a whole number of at most 53 bits. */
  readonly value: number;
}

const TWO_32 = 2 ** 32;
const HIGH_BITS = 0x1f_ffff;
const OUT_SEED = 0x2545_f491;
const IN_SEED = 0x5851_f42d;

/** Mixes 32 bits so that sums of mixed values depend on every bit. From MurmurHash3, public domain. */
function mix(bits: number): number {
  let mixed = Math.imul(bits ^ (bits >>> 16), 0x85eb_ca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35);
  return mixed ^ (mixed >>> 16);
}

/** Returns the hash of a text, 32 bits (FNV-1a). */
export function hashText(text: string): number {
  let hash = 0x811c_9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x0100_0193);
  }
  return hash >>> 0;
}

/** Creates the fingerprint of a page without rows. */
export function createPageFingerprint(): PageFingerprint {
  let low = 0;
  let high = 0;

  function addRow(number: number, date: number, seed: number): void {
    // A missing date counts as 0. Numbers and dates have more than 32 bits; `| 0` keeps the lower 32 bits of each.
    const time = Number.isNaN(date) ? 0 : date;
    const upper = Math.imul(Math.floor(number / TWO_32), 0x9e37_79b1) ^ Math.floor(time / TWO_32);
    const first = mix(mix((number | 0) ^ seed) ^ upper);
    const second = mix(first ^ mix((time | 0) ^ 0x27d4_eb2f));
    low = (low + second) >>> 0;
    high = (high + mix(second ^ seed)) >>> 0;
  }

  return {
    add({ outs, outDates, ins, inDates, unreadable, unreadableHash }) {
      for (let index = 0; index < outs.length; index++) {
        addRow(outs[index] as number, outDates[index] as number, OUT_SEED);
      }
      for (let index = 0; index < ins.length; index++) {
        addRow(ins[index] as number, inDates[index] as number, IN_SEED);
      }
      low = (low + unreadableHash) >>> 0;
      high = (high + mix(unreadableHash) + unreadable) >>> 0;
    },
    get value() {
      return (high & HIGH_BITS) * TWO_32 + low;
    },
  };
}
