/**
 * Numbers whose whole first-hand record is one opt-out, with what sweeps said about them: nearly all of them. Kept in
 * columns of many small tables, each of which grows alone: a sixth of the memory that objects take, and nothing for
 * the garbage collector to walk through. Evidence is given back exactly, or not kept; nothing is decided here.
 */

import { toNumber } from '../msisdn/digits.ts';
import type { Evidence, EvidenceKind, EvidenceSource, LogPosition } from './evidence.ts';
import { createNumberMap } from '../number-set/number-map.ts';
import { OTHER, packId, unpackId, type IdKind } from './evidence-id-codec.ts';
import { joinListed, sinceOf, type Listed, type StandingOptOut } from './evidence-rules.ts';
import {
  ID_BYTE,
  LOG_BYTE,
  SLOT_BYTES,
  createTable,
  formerOf,
  hashOf,
  listedOf,
  slotOf,
  tableOf,
  vacate,
  withRoom,
  type Table,
} from './compact-evidence-table.ts';

/** A number with what its only opt-out says, as far as checks and lists need it. */
export interface SoleOut extends StandingOptOut {
  readonly msisdn: string;
}

/** Opt-outs by msisdn. Iteration reads each number as it is by then, and tolerates any change. */
export interface SoleOuts extends Iterable<SoleOut> {
  readonly size: number;
  /** The hot path: no allocation. */
  hasNumber(number: number): boolean;
  get(msisdn: string): Evidence | undefined;
  standing(msisdn: string): SoleOut | undefined;
  /** What sweeps said about a number that is kept. */
  listed(msisdn: string): Listed | undefined;
  /**
   * Keeps an opt-out, in place of what was kept of the number.
   *
   * @returns whether it did. Not kept are evidence with words or of an unknown kind, a row that is only assumed, and
   *   numbers that are no msisdn.
   */
  set(msisdn: string, optOut: Evidence, listed?: Listed): boolean;
  /**
   * Notes that a sweep listed the number: newest sweep and newest date are kept, as in a record.
   *
   * @returns whether its date changed; `undefined` if the number is not kept.
   */
  list(msisdn: string, listed: Listed): boolean | undefined;
  delete(msisdn: string): void;
}

const KINDS: readonly EvidenceKind[] = ['told', 'act', 'stated'];
const SOURCES: readonly EvidenceSource[] = ['provider', 'inbound', 'receipt', 'manual'];
/** The trait of a number that a sweep listed. */
const LISTED = 1 << 5;
/** Logs that can be told apart: one byte, and 0 means that there is no position. */
const MOST_LOGS = 255;

/** The traits of evidence beside the two bits for the kind of its id; `undefined` if it cannot be kept. */
function traitsOf(evidence: Evidence): number | undefined {
  const { kind, source, messageId, sender, text, reason, basis, proof, proves } = evidence;
  const sourceIndex = SOURCES.indexOf(source);
  const kindIndex = KINDS.indexOf(kind);
  const isMore = (messageId ?? sender ?? text ?? reason ?? basis ?? proof ?? proves) !== undefined;
  return sourceIndex < 0 || kindIndex < 0 || isMore ? undefined : (kindIndex << 6) | (sourceIndex << 3);
}

function note(table: Table, slot: number, { sweep, date }: Listed): void {
  const listed = listedOf(table);
  listed[slot * 2] = sweep;
  listed[slot * 2 + 1] = date ?? Number.NaN;
}

function listedIn({ listed, bytes }: Table, slot: number): Listed | undefined {
  if (listed === undefined || ((bytes[slot * SLOT_BYTES] as number) & LISTED) === 0) return undefined;
  const date = listed[slot * 2 + 1] as number;
  return { sweep: listed[slot * 2] as number, date: Number.isNaN(date) ? null : date };
}

/** Creates an empty collection. */
export function createSoleOuts(): SoleOuts {
  const tables: (Table | undefined)[] = [];
  // Ids that cannot be packed.
  const otherIds = createNumberMap<string>();
  /** Names of logs by index; index 0 stands for no position. */
  const logs: string[] = [''];
  let size = 0;

  /** The table that holds the number; `undefined` if none does. */
  function holding(number: number, hash: number): Table | undefined {
    const table = tables[tableOf(hash)];
    if (number === 0 || table === undefined) return undefined;
    return table.numbers[slotOf(table.numbers, number, hash)] === number ? table : undefined;
  }

  function read<T>(msisdn: string, use: (table: Table, slot: number, traits: number) => T): T | undefined {
    const number = toNumber(msisdn);
    const hash = hashOf(number);
    const table = holding(number, hash);
    if (table === undefined) return undefined;
    const slot = slotOf(table.numbers, number, hash);
    return use(table, slot, table.bytes[slot * SLOT_BYTES] as number);
  }

  const sourceOf = (traits: number) => SOURCES[(traits >> 3) & 3] as EvidenceSource;

  const standing = (msisdn: string) =>
    read(msisdn, ({ times }, slot, traits): SoleOut => ({
      msisdn,
      source: sourceOf(traits),
      since: sinceOf({ at: times[slot * 2] as number, seenAt: times[slot * 2 + 1] as number }),
    }));

  /** The index of a log; `undefined` if there is no room for another one. */
  function indexOfLog(log: string | undefined): number | undefined {
    if (log === undefined) return 0;
    const known = logs.indexOf(log);
    if (known > 0) return known;
    return logs.length > MOST_LOGS ? undefined : logs.push(log) - 1;
  }

  function positionsIn({ positions, former, bytes }: Table, slot: number): LogPosition[] {
    const log = bytes[slot * SLOT_BYTES + LOG_BYTE] as number;
    if (log === 0) return [];
    const found = [{ log: logs[log] as string, position: positions[slot] as number }];
    const formerLog = former?.[slot * 2 + 1] ?? 0;
    if (former && formerLog > 0) {
      found.push({ log: logs[formerLog] as string, position: former[slot * 2] as number });
    }
    return found;
  }

  /** Finds the slot of a number, or makes one. */
  function slotFor(number: number): { readonly table: Table; readonly slot: number } {
    const hash = hashOf(number);
    const index = tableOf(hash);
    const table = (tables[index] ??= createTable());
    const slot = slotOf(table.numbers, number, hash);
    if (table.numbers[slot] !== 0) return { table, slot };
    const roomy = (tables[index] = withRoom(table));
    const free = slotOf(roomy.numbers, number, hash);
    roomy.numbers[free] = number;
    roomy.used++;
    size++;
    return { table: roomy, slot: free };
  }

  return {
    get size() {
      return size;
    },
    hasNumber: (number) => size > 0 && holding(number, hashOf(number)) !== undefined,
    get: (msisdn) =>
      read(msisdn, (table, slot, traits): Evidence => {
        const { times, bytes } = table;
        const kind = (traits & 3) as IdKind;
        const positions = positionsIn(table, slot);
        return {
          direction: 'out',
          kind: KINDS[traits >> 6] as EvidenceKind,
          at: times[slot * 2] as number,
          seenAt: times[slot * 2 + 1] as number,
          source: sourceOf(traits),
          id:
            kind === OTHER
              ? (otherIds.get(msisdn) as string)
              : unpackId(kind, bytes, slot * SLOT_BYTES + ID_BYTE),
          ...(positions.length > 0 ? { positions } : {}),
        };
      }),
    standing,
    listed: (msisdn) => read(msisdn, listedIn),
    set(msisdn, optOut, listed) {
      const number = toNumber(msisdn);
      const traits = traitsOf(optOut);
      const [position, formerPosition] = optOut.positions ?? [];
      const log = indexOfLog(position?.log);
      const formerLog = indexOfLog(formerPosition?.log);
      if (number === 0 || traits === undefined || listed?.isAssumed) return false;
      if (log === undefined || formerLog === undefined) return false;
      const { table, slot } = slotFor(number);
      table.times[slot * 2] = optOut.at;
      table.times[slot * 2 + 1] = optOut.seenAt;
      table.positions[slot] = position?.position ?? 0;
      if (table.former || formerPosition) {
        const former = formerOf(table);
        former[slot * 2] = formerPosition?.position ?? 0;
        former[slot * 2 + 1] = formerLog;
      }
      if (listed) note(table, slot, listed);
      const kind = packId(optOut.id, table.bytes, slot * SLOT_BYTES + ID_BYTE);
      table.bytes[slot * SLOT_BYTES] = traits | kind | (listed ? LISTED : 0);
      table.bytes[slot * SLOT_BYTES + LOG_BYTE] = log;
      if (kind === OTHER) otherIds.set(msisdn, optOut.id);
      else otherIds.delete(msisdn);
      return true;
    },
    list: (msisdn, listed) =>
      read(msisdn, (table, slot, traits) => {
        const before = listedIn(table, slot);
        const after = before === undefined ? listed : joinListed(before, listed);
        note(table, slot, after);
        table.bytes[slot * SLOT_BYTES] = traits | LISTED;
        return before === undefined || after.date !== before.date;
      }),
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
          const known = standing(String(number));
          if (known) yield known;
        }
      }
    },
  };
}
