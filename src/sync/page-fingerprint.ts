/**
 * Fingerprints of pages: two pages with the same rows have the same one, in whatever order the rows come. Pure.
 */

import type { RowColumns } from '../ledger/seen-numbers.ts';

/** Rows as a fingerprint takes them. */
export interface PrintedRows extends RowColumns {
  /** Rows whose number could not be read. */
  readonly unreadable: number;
  /** What tells those rows from others: the sum of their hashes, 32 bits. */
  readonly unreadablePrint: number;
}

/** Collects the fingerprint of one page, a slice at a time. */
export interface PagePrint {
  add(rows: PrintedRows): void;
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

/** The hash of a text, 32 bits (FNV-1a). */
export function hashText(text: string): number {
  let hash = 0x811c_9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x0100_0193);
  }
  return hash >>> 0;
}

/** Starts the fingerprint of a page without rows. */
export function createPagePrint(): PagePrint {
  let low = 0;
  let high = 0;

  function addRow(number: number, date: number, seed: number): void {
    // A date that is missing counts as 0. Both are larger than 32 bits; `|` keeps the lower ones of each.
    const time = Number.isNaN(date) ? 0 : date;
    const upper = Math.imul(Math.floor(number / TWO_32), 0x9e37_79b1) ^ Math.floor(time / TWO_32);
    const first = mix(mix((number | 0) ^ seed) ^ upper);
    const second = mix(first ^ mix((time | 0) ^ 0x27d4_eb2f));
    low = (low + second) >>> 0;
    high = (high + mix(second ^ seed)) >>> 0;
  }

  return {
    add({ outs, outDates, ins, inDates, unreadable, unreadablePrint }) {
      for (let at = 0; at < outs.length; at++) addRow(outs[at] as number, outDates[at] as number, OUT_SEED);
      for (let at = 0; at < ins.length; at++) addRow(ins[at] as number, inDates[at] as number, IN_SEED);
      low = (low + unreadablePrint) >>> 0;
      high = (high + mix(unreadablePrint) + unreadable) >>> 0;
    },
    get value() {
      return (high & HIGH_BITS) * TWO_32 + low;
    },
  };
}
