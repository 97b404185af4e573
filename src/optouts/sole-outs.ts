/**
 * Numbers whose whole first-hand record is one opt-out: nearly all of them. Kept in columns of many small tables, each
 * of which grows alone: a sixth of the memory that objects take, and nothing for the garbage collector to walk through.
 * It never keeps what it could not give back exactly, and never decides anything.
 */

import type { Evidence, EvidenceClock, EvidenceSource } from './change.ts';
import { createNumberMap } from './number-map.ts';
import { toNumber } from './number-set.ts';
import { ID_BYTES, OTHER, packId, unpackId, type IdKind } from './packed-id.ts';

/** What a number's only opt-out says, as far as checks and lists need it. */
export interface SoleOut {
  readonly msisdn: string;
  readonly source: EvidenceSource;
  readonly at: number;
}

/** Opt-outs by msisdn. Iteration reads each number as it is by then, and tolerates any change. */
export interface SoleOuts extends Iterable<SoleOut> {
  readonly size: number;
  /** The hot path: no allocation. */
  has(msisdn: string): boolean;
  get(msisdn: string): Evidence | undefined;
  sourceAndTime(msisdn: string): SoleOut | undefined;
  /**
   * Keeps an opt-out, in place of what was kept of the number.
   *
   * @returns whether it did; evidence with words or of an unknown kind, and what is no msisdn, is not kept.
   */
  set(msisdn: string, optOut: Evidence): boolean;
  delete(msisdn: string): void;
}

const TABLE_BITS = 10;
const FIRST_CAPACITY = 8;
const TWO_32 = 2 ** 32;
const CLOCKS: readonly EvidenceClock[] = ['provider', 'local'];
const SOURCES: readonly EvidenceSource[] = ['provider', 'inbound', 'receipt', 'manual'];
/** Of a slot: one for what is known of the evidence, then its id. */
const SLOT_BYTES = 1 + ID_BYTES;

interface Table {
  /** Open addressing with linear probing; 0 is an empty slot. Its length is a power of two. */
  readonly numbers: Float64Array;
  /** `at` and `seenAt` of each slot. */
  readonly times: Float64Array;
  readonly bytes: Uint8Array;
  used: number;
}

function createTable(capacity: number): Table {
  const buffer = new ArrayBuffer(capacity * (24 + SLOT_BYTES));
  return {
    numbers: new Float64Array(buffer, 0, capacity),
    times: new Float64Array(buffer, capacity * 8, capacity * 2),
    bytes: new Uint8Array(buffer, capacity * 24),
    used: 0,
  };
}

/** Spreads clustered numbers evenly: the finaliser of MurmurHash3 over both halves. */
function hashOf(number: number): number {
  let hash = (number >>> 0) ^ Math.imul(Math.floor(number / TWO_32), 0x9e3779b1);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** The slot that holds the number, or the empty one where it belongs. */
function slotOf(numbers: Float64Array, number: number, hash: number): number {
  const mask = numbers.length - 1;
  let slot = hash & mask;
  for (let held = numbers[slot]; held !== 0 && held !== number; held = numbers[slot])
    slot = (slot + 1) & mask;
  return slot;
}

function copySlot(from: Table, slot: number, to: Table, place: number): void {
  to.numbers[place] = from.numbers[slot] as number;
  to.times[place * 2] = from.times[slot * 2] as number;
  to.times[place * 2 + 1] = from.times[slot * 2 + 1] as number;
  const start = slot * SLOT_BYTES;
  for (let index = 0; index < SLOT_BYTES; index++) {
    to.bytes[place * SLOT_BYTES + index] = from.bytes[start + index] as number;
  }
}

function grown(table: Table): Table {
  const larger = createTable(table.numbers.length * 2);
  for (let slot = 0; slot < table.numbers.length; slot++) {
    const number = table.numbers[slot] as number;
    if (number !== 0) copySlot(table, slot, larger, slotOf(larger.numbers, number, hashOf(number)));
  }
  larger.used = table.used;
  return larger;
}

/** Empties a slot and closes the gap, so that no probe ends too early. */
function vacate(table: Table, vacated: number): void {
  const { numbers } = table;
  const mask = numbers.length - 1;
  let gap = vacated;
  for (let slot = (gap + 1) & mask; numbers[slot] !== 0; slot = (slot + 1) & mask) {
    const home = hashOf(numbers[slot] as number) & mask;
    // It may move back only if its home does not lie between the gap and its place.
    if (((slot - home) & mask) >= ((slot - gap) & mask)) {
      copySlot(table, slot, table, gap);
      gap = slot;
    }
  }
  numbers[gap] = 0;
  table.used--;
}

/** What is known of the evidence but its times and id, in two bits for the kind of its id and three above them. */
function traitsOf({ clock, source, messageId, sender, text, reason }: Evidence): number | undefined {
  const sourcePlace = SOURCES.indexOf(source);
  const clockPlace = CLOCKS.indexOf(clock);
  const hasWords = (messageId ?? sender ?? text ?? reason) !== undefined;
  return sourcePlace < 0 || clockPlace < 0 || hasWords ? undefined : (sourcePlace << 3) | (clockPlace << 2);
}

/** Creates an empty room. */
export function createSoleOuts(): SoleOuts {
  const tables: (Table | undefined)[] = [];
  // Ids that cannot be packed.
  const otherIds = createNumberMap<string>();
  let size = 0;

  /** The table that holds the number; `undefined` where none does. */
  function holding(number: number, hash: number): Table | undefined {
    const table = tables[hash >>> (32 - TABLE_BITS)];
    if (number === 0 || table === undefined) return undefined;
    return table.numbers[slotOf(table.numbers, number, hash)] === number ? table : undefined;
  }

  function read<T>(
    msisdn: string,
    reading: (table: Table, slot: number, traits: number) => T,
  ): T | undefined {
    const number = toNumber(msisdn);
    const hash = hashOf(number);
    const table = holding(number, hash);
    if (table === undefined) return undefined;
    const slot = slotOf(table.numbers, number, hash);
    return reading(table, slot, table.bytes[slot * SLOT_BYTES] as number);
  }

  const sourceOf = (traits: number) => SOURCES[traits >> 3] as EvidenceSource;

  const sourceAndTime = (msisdn: string) =>
    read(msisdn, ({ times }, slot, traits): SoleOut => ({
      msisdn,
      source: sourceOf(traits),
      at: times[slot * 2] as number,
    }));

  return {
    get size() {
      return size;
    },
    has(msisdn) {
      const number = toNumber(msisdn);
      return holding(number, hashOf(number)) !== undefined;
    },
    get: (msisdn) =>
      read(msisdn, ({ times, bytes }, slot, traits): Evidence => {
        const kind = (traits & 3) as IdKind;
        return {
          direction: 'out',
          at: times[slot * 2] as number,
          clock: CLOCKS[(traits >> 2) & 1] as EvidenceClock,
          seenAt: times[slot * 2 + 1] as number,
          source: sourceOf(traits),
          id:
            kind === OTHER ? (otherIds.get(msisdn) as string) : unpackId(kind, bytes, slot * SLOT_BYTES + 1),
        };
      }),
    sourceAndTime,
    set(msisdn, optOut) {
      const number = toNumber(msisdn);
      const traits = traitsOf(optOut);
      if (number === 0 || traits === undefined) return false;
      const hash = hashOf(number);
      const place = hash >>> (32 - TABLE_BITS);
      let table = (tables[place] ??= createTable(FIRST_CAPACITY));
      let slot = slotOf(table.numbers, number, hash);
      if (table.numbers[slot] === 0) {
        if ((table.used + 1) * 4 > table.numbers.length * 3) {
          table = tables[place] = grown(table);
          slot = slotOf(table.numbers, number, hash);
        }
        table.numbers[slot] = number;
        table.used++;
        size++;
      }
      table.times[slot * 2] = optOut.at;
      table.times[slot * 2 + 1] = optOut.seenAt;
      const kind = packId(optOut.id, table.bytes, slot * SLOT_BYTES + 1);
      table.bytes[slot * SLOT_BYTES] = traits | kind;
      if (kind === OTHER) otherIds.set(msisdn, optOut.id);
      else otherIds.delete(msisdn);
      return true;
    },
    delete(msisdn) {
      const number = toNumber(msisdn);
      const hash = hashOf(number);
      const table = holding(number, hash);
      if (table === undefined) return;
      vacate(table, slotOf(table.numbers, number, hash));
      otherIds.delete(msisdn);
      size--;
    },
    *[Symbol.iterator]() {
      for (const table of tables) {
        if (table === undefined) continue;
        for (const number of table.numbers.filter((held) => held !== 0)) {
          const known = sourceAndTime(String(number));
          if (known) yield known;
        }
      }
    },
  };
}
