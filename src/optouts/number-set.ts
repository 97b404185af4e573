/**
 * A set of numbers without an upper limit: exact, no false answer in either direction, nothing is ever evicted. A
 * JavaScript `Set` throws at 16 777 216 entries (8 388 608 in some newer engines) and stops the event loop while
 * it grows; here the numbers lie in many small tables of doubles (15 digits fit exactly), each of which grows alone.
 */

/** A set of msisdns: 5 to 15 digits that do not start with 0. */
export interface NumberSet extends Iterable<string> {
  readonly size: number;
  has(msisdn: string): boolean;
  hasNumber(number: number): boolean;
  /**
   * @returns whether it was not in the set before.
   * @throws RangeError for what is no msisdn.
   */
  add(msisdn: string): boolean;
  /** @returns whether it was in the set. */
  delete(msisdn: string): boolean;
  /** Adds every number of a batch. */
  addBatch(numbers: Iterable<number>): void;
  deleteBatch(numbers: Iterable<number>): void;
  /** Everything, as numbers, a table at a time; the set may change meanwhile. */
  batches(): Generator<Float64Array, void, undefined>;
}

const TABLE_BITS = 10;
const FIRST_CAPACITY = 8;
const ZERO = 48;
const TWO_32 = 2 ** 32;

interface Table {
  /** Open addressing with linear probing; 0 is an empty slot. Its length is a power of two. */
  slots: Float64Array;
  used: number;
}

/** The msisdn as a number; 0 for what is none. */
export function toNumber(msisdn: string): number {
  const { length } = msisdn;
  if (length < 5 || length > 15 || msisdn.charCodeAt(0) === ZERO) return 0;
  let number = 0;
  for (let index = 0; index < length; index++) {
    const digit = msisdn.charCodeAt(index) - ZERO;
    if (digit < 0 || digit > 9) return 0;
    number = number * 10 + digit;
  }
  return number;
}

/** Spreads clustered numbers evenly: the finaliser of MurmurHash3 over both halves. */
function hashOf(number: number): number {
  let hash = (number >>> 0) ^ Math.imul(Math.floor(number / TWO_32), 0x9e3779b1);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** The slot that holds the number, or the empty one where it belongs. */
function slotOf(slots: Float64Array, number: number, hash: number): number {
  const mask = slots.length - 1;
  let slot = hash & mask;
  for (let held = slots[slot]; held !== 0 && held !== number; held = slots[slot]) slot = (slot + 1) & mask;
  return slot;
}

function grow(table: Table): void {
  const before = table.slots;
  table.slots = new Float64Array(before.length * 2);
  for (const number of before) {
    if (number !== 0) table.slots[slotOf(table.slots, number, hashOf(number))] = number;
  }
}

/** Empties a slot and closes the gap, so that no probe ends too early. */
function vacate({ slots }: Table, vacated: number): void {
  const mask = slots.length - 1;
  let gap = vacated;
  for (let slot = (gap + 1) & mask; slots[slot] !== 0; slot = (slot + 1) & mask) {
    const number = slots[slot] as number;
    const home = hashOf(number) & mask;
    // It may move back only if its home does not lie between the gap and its place.
    if (((slot - home) & mask) >= ((slot - gap) & mask)) {
      slots[gap] = number;
      gap = slot;
    }
  }
  slots[gap] = 0;
}

/** Builds a set. Iteration order is not the order of insertion; numbers may be added and deleted during it. */
export function createNumberSet(numbers: Iterable<string> = []): NumberSet {
  const tables: Table[] = [];
  let size = 0;

  function tableOf(hash: number): Table | undefined {
    return tables[hash >>> (32 - TABLE_BITS)];
  }

  function hasNumber(number: number): boolean {
    const hash = hashOf(number);
    const table = tableOf(hash);
    return number !== 0 && table !== undefined && table.slots[slotOf(table.slots, number, hash)] === number;
  }

  function insert(number: number): boolean {
    const hash = hashOf(number);
    const place = hash >>> (32 - TABLE_BITS);
    const table = (tables[place] ??= { slots: new Float64Array(FIRST_CAPACITY), used: 0 });
    let slot = slotOf(table.slots, number, hash);
    if (table.slots[slot] === number) return false;
    if ((table.used + 1) * 4 > table.slots.length * 3) {
      grow(table);
      slot = slotOf(table.slots, number, hash);
    }
    table.slots[slot] = number;
    table.used++;
    size++;
    return true;
  }

  function remove(number: number): boolean {
    const hash = hashOf(number);
    const table = tableOf(hash);
    if (number === 0 || table === undefined) return false;
    const slot = slotOf(table.slots, number, hash);
    if (table.slots[slot] === 0) return false;
    vacate(table, slot);
    table.used--;
    size--;
    return true;
  }

  const set: NumberSet = {
    get size() {
      return size;
    },
    has: (msisdn) => hasNumber(toNumber(msisdn)),
    hasNumber,
    add(msisdn) {
      const number = toNumber(msisdn);
      if (number === 0) throw new RangeError('a number set holds numbers of 5 to 15 digits only');
      return insert(number);
    },
    delete: (msisdn) => remove(toNumber(msisdn)),
    addBatch(batch) {
      for (const number of batch) insert(number);
    },
    deleteBatch(batch) {
      for (const number of batch) remove(number);
    },
    *batches() {
      for (const table of tables) {
        if (table !== undefined && table.used > 0) yield table.slots.filter((number) => number !== 0);
      }
    },
    *[Symbol.iterator]() {
      for (const batch of set.batches()) for (const number of batch) yield String(number);
    },
  };
  for (const msisdn of numbers) set.add(msisdn);
  return set;
}
