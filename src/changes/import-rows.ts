/**
 * Reads the rows of an import: which numbers they opt out and since when, and which of them are left out and why. It
 * records nothing.
 */

import type { Clock } from '../clock.ts';
import { latestInstantOf } from '../dates.ts';
import { equivalentsOf } from '../msisdn/equivalents.ts';
import { withoutDecimals } from '../msisdn/notation.ts';
import { numbersOf, type MsisdnReader } from '../msisdn/msisdn.ts';
import { isRecord } from '../options/fields.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { createNumberSet } from '../number-set/number-set.ts';

/** One number that a row opts out. */
export interface ImportedNumber {
  readonly msisdn: string;
  /** ms UTC; `undefined` for a row without a date. */
  readonly at: number | undefined;
  readonly reason: string | undefined;
}

export interface ImportRows {
  /** The numbers to record for a row. */
  row(row: unknown, index: number): readonly ImportedNumber[];
  known: number;
  readonly invalid: { readonly index: number }[];
  readonly undated: { readonly index: number }[];
  readonly conflicts: { readonly index: number }[];
}

export interface ImportRowsPorts {
  readonly reader: MsisdnReader;
  /** The list that the rows are imported to. */
  readonly ledger: Pick<Ledger, 'evidence'>;
  readonly source: string | undefined;
  readonly conflicts: 'skip' | 'block';
  readonly clock: Pick<Clock, 'now'>;
  readonly clockSlackMs: number;
}

/** A day without a time, in the last zone that has it, ends this long after it began in the first zone, ms. */
const LONGEST_DAY_MS = 50 * 3_600_000;

/** Creates a reader for the rows of one call. */
export function createImportRows(ports: ImportRowsPorts): ImportRows {
  const { reader, ledger, source, conflicts, clock, clockSlackMs } = ports;
  // A row without a date is an act. One act for each person and file is enough.
  const undatedNumbers = createNumberSet();

  function hasOptedIn(msisdn: string): boolean {
    const evidence = [msisdn, ...equivalentsOf(msisdn)].flatMap((one) => ledger.evidence(one));
    return evidence.some(({ direction }) => direction === 'in');
  }

  /** The date of a row; `null` if there is one that cannot be read or lies in the future. */
  function dateOf(given: unknown): number | undefined | null {
    if (given === undefined || given === null || given === '') return undefined;
    const at = latestInstantOf(given);
    return at !== undefined && at <= clock.now() + clockSlackMs + LONGEST_DAY_MS ? at : null;
  }

  const rows: ImportRows = {
    known: 0,
    invalid: [],
    undated: [],
    conflicts: [],
    row(row, index) {
      const { msisdn, at: given, reason } = isRecord(row) ? row : { msisdn: row };
      const numbers = readingsIn(reader, msisdn);
      if (numbers.length === 0) {
        rows.invalid.push({ index });
        return [];
      }
      const at = dateOf(given);
      if (at === null) rows.undated.push({ index });
      if (conflicts === 'skip' && numbers.some(hasOptedIn)) {
        rows.conflicts.push({ index });
        return [];
      }
      const isAct = typeof at !== 'number';
      const found = isAct ? numbers.filter((number) => undatedNumbers.add(number)) : numbers;
      rows.known += numbers.length - found.length;
      const why = typeof reason === 'string' ? reason : source;
      return found.map((number) => ({ msisdn: number, at: isAct ? undefined : at, reason: why }));
    },
  };
  return rows;
}

function readingsIn(reader: MsisdnReader, input: unknown): readonly string[] {
  const reading = reader.read(withoutDecimals(input));
  return reading === undefined ? [] : numbersOf(reading);
}
