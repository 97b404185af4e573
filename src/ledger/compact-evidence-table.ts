/**
 * A small hash table of numbers and their evidence, in columns: open addressing with linear probing over doubles (15
 * digits fit exactly). It finds the slot of a number, grows, and closes gaps. It never interprets the content of a
 * slot.
 */

import { ID_BYTES } from './evidence-id-codec.ts';

/** Bytes of a slot: the traits of the evidence, the index of the log of its position, and its id. */
export const SLOT_BYTES = 2 + ID_BYTES;
/** Offset of the log index in a slot. */
export const LOG_BYTE = 1;
/** Offset of the id in a slot. */
export const ID_BYTE = 2;

export interface Table {
  /** The number of each slot; 0 is an empty slot. */
  readonly numbers: Float64Array;
  /** `at` and `seenAt` of each slot. */
  readonly times: Float64Array;
  /** Position of each slot's evidence in its log; 0 if it has none. */
  readonly positions: Float64Array;
  /**
   * Position and log index in the former log, of evidence that was carried over from it; `undefined` while no slot
   * needs it.
   */
  former: Float64Array | undefined;
  /** Newest sweep and newest date of each slot's rows; `undefined` while no sweep listed any of the numbers. */
  listed: Float64Array | undefined;
  /** {@link SLOT_BYTES} for each slot. */
  readonly bytes: Uint8Array;
  /** How many slots are not empty. */
  used: number;
}

/** The topmost bits of a hash select the table, the others the slot. */
const TABLE_BITS = 10;
const SLOT_BITS = 32 - TABLE_BITS;
const SLOT_RANGE = 2 ** SLOT_BITS;
const FIRST_CAPACITY = 8;
const TWO_32 = 2 ** 32;

/** Returns a hash that spreads clustered numbers evenly: the finaliser of MurmurHash3 over both halves. */
export function hashOf(number: number): number {
  let hash = (number >>> 0) ^ Math.imul(Math.floor(number / TWO_32), 0x9e3779b1);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Returns the index of the table for numbers of a hash. */
export const tableOf = (hash: number): number => hash >>> SLOT_BITS;

/** Creates an empty table. */
export function createTable(capacity: number = FIRST_CAPACITY): Table {
  const buffer = new ArrayBuffer(capacity * (32 + SLOT_BYTES));
  return {
    numbers: new Float64Array(buffer, 0, capacity),
    times: new Float64Array(buffer, capacity * 8, capacity * 2),
    positions: new Float64Array(buffer, capacity * 24, capacity),
    former: undefined,
    listed: undefined,
    bytes: new Uint8Array(buffer, capacity * 32),
    used: 0,
  };
}

/** Returns the column for what sweeps said; creates it if there is none. */
export function listedOf(table: Table): Float64Array {
  return (table.listed ??= new Float64Array(table.numbers.length * 2));
}

/** Returns the column for positions in former logs; creates it if there is none. Log index 0 means no position. */
export function formerOf(table: Table): Float64Array {
  return (table.former ??= new Float64Array(table.numbers.length * 2));
}

/** Returns the first slot to probe. It is a share of the length and no remainder, so that any length is possible. */
function homeOf(hash: number, length: number): number {
  return Math.floor(((hash & (SLOT_RANGE - 1)) * length) / SLOT_RANGE);
}

/** Returns the slot of the number, or the empty slot where it belongs. */
export function slotOf(numbers: Float64Array, number: number, hash: number): number {
  const { length } = numbers;
  let slot = homeOf(hash, length);
  for (let other = numbers[slot]; other !== 0 && other !== number; other = numbers[slot]) {
    if (++slot === length) slot = 0;
  }
  return slot;
}

/** Returns a table with room for one more number: the same one, or a larger copy. */
export function withRoom(table: Table): Table {
  const { length } = table.numbers;
  if ((table.used + 1) * 4 <= length * 3) return table;
  // Grows by half: a table that doubles would be emptier on average, and slots are large.
  const larger = createTable(length + (length >> 1));
  if (table.listed) listedOf(larger);
  if (table.former) formerOf(larger);
  for (let slot = 0; slot < length; slot++) {
    const number = table.numbers[slot] as number;
    if (number !== 0) copySlot(table, slot, larger, slotOf(larger.numbers, number, hashOf(number)));
  }
  larger.used = table.used;
  return larger;
}

/** Empties a slot and closes the gap, so that no probe ends too early. */
export function vacate(table: Table, vacated: number): void {
  const { numbers } = table;
  const { length } = numbers;
  const next = (slot: number) => (slot + 1 === length ? 0 : slot + 1);
  let gap = vacated;
  for (let slot = next(gap); numbers[slot] !== 0; slot = next(slot)) {
    const home = homeOf(hashOf(numbers[slot] as number), length);
    // A number may move back only if its home is not between the gap and its present slot.
    if ((slot - home + length) % length >= (slot - gap + length) % length) {
      copySlot(table, slot, table, gap);
      gap = slot;
    }
  }
  numbers[gap] = 0;
  table.used--;
}

/** Copies all columns of a slot to a slot of the same or another table. */
function copySlot(from: Table, slot: number, to: Table, target: number): void {
  to.numbers[target] = from.numbers[slot] as number;
  copyPair(from.times, slot, to.times, target);
  to.positions[target] = from.positions[slot] as number;
  if (from.former && to.former) copyPair(from.former, slot, to.former, target);
  if (from.listed && to.listed) copyPair(from.listed, slot, to.listed, target);
  const start = slot * SLOT_BYTES;
  for (let index = 0; index < SLOT_BYTES; index++) {
    to.bytes[target * SLOT_BYTES + index] = from.bytes[start + index] as number;
  }
}

function copyPair(from: Float64Array, slot: number, to: Float64Array, target: number): void {
  to[target * 2] = from[slot * 2] as number;
  to[target * 2 + 1] = from[slot * 2 + 1] as number;
}
