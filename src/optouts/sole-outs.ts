/**
 * Numbers whose whole first-hand record is one opt-out, with what sweeps said about them: nearly all of them. Kept in
 * columns of many small tables, each of which grows alone: a sixth of the memory that objects take, and nothing for
 * the garbage collector to walk through. It never keeps what it could not give back exactly, and never decides anything.
 */

import { toNumber } from '../msisdn-digits.ts';
import type { Evidence, EvidenceClock, EvidenceSource } from './change.ts';
import { createNumberMap } from './number-map.ts';
import { OTHER, packId, unpackId, type IdKind } from './packed-id.ts';
import type { Listed } from './record.ts';
import {
  SLOT_BYTES,
  createTable,
  hashOf,
  listedOf,
  slotOf,
  tableOf,
  vacate,
  withRoom,
  type Table,
} from './sole-out-table.ts';

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
  hasNumber(number: number): boolean;
  get(msisdn: string): Evidence | undefined;
  sourceAndTime(msisdn: string): SoleOut | undefined;
  /** What sweeps said about a number that is kept. */
  listed(msisdn: string): Listed | undefined;
  /**
   * Keeps an opt-out, in place of what was kept of the number.
   *
   * @returns whether it did; evidence with words or of an unknown kind, what is only assumed of a row, and what is no
   *   msisdn, is not kept.
   */
  set(msisdn: string, optOut: Evidence, listed?: Listed): boolean;
  /**
   * Notes that a sweep listed the number: newest start and newest date are kept, as in its record.
   *
   * @returns whether its date changed; `undefined` where the number is not kept.
   */
  list(msisdn: string, start: number, date: number): boolean | undefined;
  delete(msisdn: string): void;
}

const CLOCKS: readonly EvidenceClock[] = ['provider', 'local'];
const SOURCES: readonly EvidenceSource[] = ['provider', 'inbound', 'receipt', 'manual'];
/** The trait of a number that a sweep listed. */
const LISTED = 1 << 5;

/** What is known of the evidence but its times and id, in the three bits above the two for the kind of its id. */
function traitsOf({ clock, source, messageId, sender, text, reason }: Evidence): number | undefined {
  const sourcePlace = SOURCES.indexOf(source);
  const clockPlace = CLOCKS.indexOf(clock);
  const hasWords = (messageId ?? sender ?? text ?? reason) !== undefined;
  return sourcePlace < 0 || clockPlace < 0 || hasWords ? undefined : (sourcePlace << 3) | (clockPlace << 2);
}

function note(table: Table, slot: number, start: number, date: number): void {
  const listed = listedOf(table);
  listed[slot * 2] = start;
  listed[slot * 2 + 1] = date;
}

/** Creates an empty room. */
export function createSoleOuts(): SoleOuts {
  const tables: (Table | undefined)[] = [];
  // Ids that cannot be packed.
  const otherIds = createNumberMap<string>();
  let size = 0;

  /** The table that holds the number; `undefined` where none does. */
  function holding(number: number, hash: number): Table | undefined {
    const table = tables[tableOf(hash)];
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

  const sourceOf = (traits: number) => SOURCES[(traits >> 3) & 3] as EvidenceSource;

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
    hasNumber: (number) => size > 0 && holding(number, hashOf(number)) !== undefined,
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
    listed: (msisdn) =>
      read(msisdn, ({ listed }, slot, traits): Listed | undefined =>
        listed && (traits & LISTED) !== 0
          ? { start: listed[slot * 2] as number, date: listed[slot * 2 + 1] as number }
          : undefined,
      ),
    set(msisdn, optOut, listed) {
      const number = toNumber(msisdn);
      const traits = traitsOf(optOut);
      if (number === 0 || traits === undefined || listed?.isAssumed) return false;
      const hash = hashOf(number);
      const place = tableOf(hash);
      let table = (tables[place] ??= createTable());
      let slot = slotOf(table.numbers, number, hash);
      if (table.numbers[slot] === 0) {
        table = tables[place] = withRoom(table);
        slot = slotOf(table.numbers, number, hash);
        table.numbers[slot] = number;
        table.used++;
        size++;
      }
      table.times[slot * 2] = optOut.at;
      table.times[slot * 2 + 1] = optOut.seenAt;
      if (listed) note(table, slot, listed.start, listed.date);
      const kind = packId(optOut.id, table.bytes, slot * SLOT_BYTES + 1);
      table.bytes[slot * SLOT_BYTES] = traits | kind | (listed ? LISTED : 0);
      if (kind === OTHER) otherIds.set(msisdn, optOut.id);
      else otherIds.delete(msisdn);
      return true;
    },
    list(msisdn, start, date) {
      const number = toNumber(msisdn);
      const hash = hashOf(number);
      const table = holding(number, hash);
      if (table === undefined) return undefined;
      const slot = slotOf(table.numbers, number, hash);
      const traits = table.bytes[slot * SLOT_BYTES] as number;
      if (table.listed === undefined || (traits & LISTED) === 0) {
        note(table, slot, start, date);
        table.bytes[slot * SLOT_BYTES] = traits | LISTED;
        return true;
      }
      const before = table.listed[slot * 2 + 1] as number;
      const newest = Math.max(before, date);
      note(table, slot, Math.max(table.listed[slot * 2] as number, start), newest);
      return newest !== before;
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
