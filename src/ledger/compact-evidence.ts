/**
 * Sole opt-outs: the records of numbers whose only first-hand evidence is one opt-out, with what sweeps said about
 * them. Nearly all records are of this kind. They are kept in the columns of many small tables, each of which grows on
 * its own. This takes a sixth of the memory of objects, and the garbage collector has nothing to visit. Evidence is
 * either kept exactly or not kept at all. Nothing is decided here.
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

/** A number with the part of its opt-out that checks and listings need. */
export interface CompactOptOut extends StandingOptOut {
  readonly msisdn: string;
}

/** Sole opt-outs by msisdn. Iteration reads each number when it comes to it, and tolerates any change. */
export interface CompactEvidence extends Iterable<CompactOptOut> {
  readonly size: number;
  /** Returns whether a number has an opt-out here. The hot path: no allocation. */
  hasNumber(number: number): boolean;
  get(msisdn: string): Evidence | undefined;
  standingOptOut(msisdn: string): CompactOptOut | undefined;
  /** Returns what sweeps said about a number with an opt-out here. */
  listed(msisdn: string): Listed | undefined;
  /**
   * Sets the opt-out of a number.
   *
   * @returns whether it was set. Not accepted are: evidence with words, a basis or a proof, evidence that proves nothing
   *   or is of an unknown kind or source, an assumed row, a key that is no msisdn, and the 256th name of a log.
   */
  set(msisdn: string, optOut: Evidence, listed?: Listed): boolean;
  /**
   * Notes that a sweep listed the number: the newest sweep and the newest date are kept, as in a record.
   *
   * @returns whether its date changed; `undefined` if the number has no opt-out here.
   */
  noteListed(msisdn: string, listed: Listed): boolean | undefined;
  delete(msisdn: string): void;
}

const KINDS: readonly EvidenceKind[] = ['told', 'act', 'stated'];
const SOURCES: readonly EvidenceSource[] = ['provider', 'inbound', 'receipt', 'manual'];
/** The bit of the traits that says that a sweep listed the number. */
const LISTED = 1 << 5;
/** How many logs fit into one byte, in which 0 means that there is no position. */
const MOST_LOGS = 255;

/**
 * Returns the traits of evidence as bits: its kind from bit 6 on, its source in bits 3 and 4. The two lowest bits are
 * for the kind of its id. `undefined` if the evidence cannot be kept here.
 */
function traitsOf(evidence: Evidence): number | undefined {
  const { kind, source, messageId, sender, text, reason, basis, proof, proves } = evidence;
  const sourceIndex = SOURCES.indexOf(source);
  const kindIndex = KINDS.indexOf(kind);
  const hasMore = (messageId ?? sender ?? text ?? reason ?? basis ?? proof ?? proves) !== undefined;
  return sourceIndex < 0 || kindIndex < 0 || hasMore ? undefined : (kindIndex << 6) | (sourceIndex << 3);
}

function writeListed(table: Table, slot: number, { sweep, date }: Listed): void {
  const listed = listedOf(table);
  listed[slot * 2] = sweep;
  listed[slot * 2 + 1] = date ?? Number.NaN;
}

function readListed({ listed, bytes }: Table, slot: number): Listed | undefined {
  if (listed === undefined || ((bytes[slot * SLOT_BYTES] as number) & LISTED) === 0) return undefined;
  const date = listed[slot * 2 + 1] as number;
  return { sweep: listed[slot * 2] as number, date: Number.isNaN(date) ? null : date };
}

/** Creates an empty collection. */
export function createCompactEvidence(): CompactEvidence {
  const tables: (Table | undefined)[] = [];
  // The ids that cannot be packed.
  const otherIds = createNumberMap<string>();
  // The names of logs by index. Index 0 stands for no position.
  const logs: string[] = [''];
  let size = 0;

  /** Returns the table that has the number; `undefined` if none has it. */
  function tableWith(number: number, hash: number): Table | undefined {
    const table = tables[tableOf(hash)];
    if (number === 0 || table === undefined) return undefined;
    return table.numbers[slotOf(table.numbers, number, hash)] === number ? table : undefined;
  }

  /** Calls `use` with the slot of a number. @returns its result; `undefined` if the number has no opt-out here. */
  function read<T>(msisdn: string, use: (table: Table, slot: number, traits: number) => T): T | undefined {
    const number = toNumber(msisdn);
    const hash = hashOf(number);
    const table = tableWith(number, hash);
    if (table === undefined) return undefined;
    const slot = slotOf(table.numbers, number, hash);
    return use(table, slot, table.bytes[slot * SLOT_BYTES] as number);
  }

  const sourceOf = (traits: number) => SOURCES[(traits >> 3) & 3] as EvidenceSource;

  const readStandingOptOut = (msisdn: string) =>
    read(msisdn, ({ times }, slot, traits): CompactOptOut => ({
      msisdn,
      source: sourceOf(traits),
      since: sinceOf({ at: times[slot * 2] as number, seenAt: times[slot * 2 + 1] as number }),
    }));

  /** Returns the index of a log, and adds the log if it is new; `undefined` if there is no room for another log. */
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

  /** Returns the slot of a number; makes one if it has none. */
  function slotFor(number: number): { readonly table: Table; readonly slot: number } {
    const hash = hashOf(number);
    const index = tableOf(hash);
    const table = (tables[index] ??= createTable());
    const slot = slotOf(table.numbers, number, hash);
    if (table.numbers[slot] !== 0) return { table, slot };
    const grown = (tables[index] = withRoom(table));
    const free = slotOf(grown.numbers, number, hash);
    grown.numbers[free] = number;
    grown.used++;
    size++;
    return { table: grown, slot: free };
  }

  return {
    get size() {
      return size;
    },
    hasNumber: (number) => size > 0 && tableWith(number, hashOf(number)) !== undefined,
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
    standingOptOut: readStandingOptOut,
    listed: (msisdn) => read(msisdn, readListed),
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
      if (listed) writeListed(table, slot, listed);
      const kind = packId(optOut.id, table.bytes, slot * SLOT_BYTES + ID_BYTE);
      table.bytes[slot * SLOT_BYTES] = traits | kind | (listed ? LISTED : 0);
      table.bytes[slot * SLOT_BYTES + LOG_BYTE] = log;
      if (kind === OTHER) otherIds.set(msisdn, optOut.id);
      else otherIds.delete(msisdn);
      return true;
    },
    noteListed: (msisdn, listed) =>
      read(msisdn, (table, slot, traits) => {
        const before = readListed(table, slot);
        const after = before === undefined ? listed : joinListed(before, listed);
        writeListed(table, slot, after);
        table.bytes[slot * SLOT_BYTES] = traits | LISTED;
        return before === undefined || after.date !== before.date;
      }),
    delete(msisdn) {
      const number = toNumber(msisdn);
      const hash = hashOf(number);
      const table = tableWith(number, hash);
      if (table === undefined) return;
      vacate(table, slotOf(table.numbers, number, hash));
      otherIds.delete(msisdn);
      size--;
    },
    *[Symbol.iterator]() {
      for (const table of tables) {
        if (table === undefined) continue;
        for (const number of table.numbers.filter((one) => one !== 0)) {
          const optOut = readStandingOptOut(String(number));
          if (optOut) yield optOut;
        }
      }
    },
  };
}
