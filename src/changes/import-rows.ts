/**
 * Reads the rows of an import: the numbers to opt out, since when, and the rows to leave out. It records nothing.
 */

import type { Clock } from '../clock.ts';
import { latestInstantOf } from '../dates.ts';
import { equivalentsOf } from '../msisdn/equivalents.ts';
import { withoutDecimals } from '../msisdn/notation.ts';
import { numbersOf, type MsisdnReader } from '../msisdn/msisdn.ts';
import { isRecord } from '../options/fields.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { createNumberSet } from '../number-set/number-set.ts';

/** A number that a row opts out. */
export interface ImportedNumber {
  readonly msisdn: string;
  /** ms UTC; `undefined` for a row without a date. */
  readonly at: number | undefined;
  readonly reason: string | undefined;
}

export interface ImportRows {
  /** Reads a row. @returns the numbers to record for it. */
  read(row: unknown, index: number): readonly ImportedNumber[];
  /** How many numbers without a date were repeated. They are recorded once. */
  repeated: number;
  /** Rows whose number cannot be read. */
  readonly invalid: { readonly index: number }[];
  /** Rows whose date cannot be read. */
  readonly undated: { readonly index: number }[];
  /** Rows that are left out, because the person has opted in on the list. */
  readonly conflicts: { readonly index: number }[];
}

export interface ImportRowsPorts {
  readonly reader: MsisdnReader;
  /** The list that the rows are imported to. */
  readonly ledger: Pick<Ledger, 'evidence'>;
  /** The reason of rows that have none. */
  readonly source: string | undefined;
  /** How to treat rows of people who have opted in on the list. */
  readonly conflicts: 'skip' | 'block';
  readonly clock: Pick<Clock, 'now'>;
  readonly clockSlackMs: number;
}

/**
 * From the begin of a day in the first time zone to its end in the last one, ms: a date without a time is that long.
 */
const LONGEST_DAY_MS = 50 * 3_600_000;

/** Creates a reader for the rows of one import. */
export function createImportRows(ports: ImportRowsPorts): ImportRows {
  const { reader, ledger, source, conflicts, clock, clockSlackMs } = ports;
  // A row without a date is an act. One act for each number and import is enough.
  const undatedNumbers = createNumberSet();

  function hasOptedIn(msisdn: string): boolean {
    const evidence = [msisdn, ...equivalentsOf(msisdn)].flatMap((one) => ledger.evidence(one));
    return evidence.some(({ direction }) => direction === 'in');
  }

  /** The date of a row, ms UTC; `undefined` if it has none; `null` if it cannot be read or is in the future. */
  function dateOf(date: unknown): number | undefined | null {
    if (date === undefined || date === null || date === '') return undefined;
    const at = latestInstantOf(date);
    return at !== undefined && at <= clock.now() + clockSlackMs + LONGEST_DAY_MS ? at : null;
  }

  const rows: ImportRows = {
    repeated: 0,
    invalid: [],
    undated: [],
    conflicts: [],
    read(row, index) {
      const { msisdn, at: date, reason } = isRecord(row) ? row : { msisdn: row };
      const numbers = readingsOf(reader, msisdn);
      if (numbers.length === 0) {
        rows.invalid.push({ index });
        return [];
      }
      const at = dateOf(date);
      if (at === null) rows.undated.push({ index });
      if (conflicts === 'skip' && numbers.some(hasOptedIn)) {
        rows.conflicts.push({ index });
        return [];
      }
      const isAct = typeof at !== 'number';
      const recorded = isAct ? numbers.filter((number) => undatedNumbers.add(number)) : numbers;
      rows.repeated += numbers.length - recorded.length;
      const ownReason = typeof reason === 'string' ? reason : source;
      return recorded.map((number) => ({ msisdn: number, at: isAct ? undefined : at, reason: ownReason }));
    },
  };
  return rows;
}

/** Every number that an input can be read as; none if it cannot be read. */
function readingsOf(reader: MsisdnReader, input: unknown): readonly string[] {
  const reading = reader.read(withoutDecimals(input));
  return reading === undefined ? [] : numbersOf(reading);
}
