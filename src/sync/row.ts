/**
 * Parses one row of a provider's list for the ledger. It is tolerant: a row is skipped, and reported as unreadable,
 * only if its number cannot be read. A row with any other fault blocks its number.
 */

import { readMsisdn } from '../msisdn/msisdn.ts';
import { readInstant, readTime } from '../dates.ts';

/** Why a row that blocks its number is doubtful. */
export type RowDoubt = 'flags_missing' | 'flags_contradict' | 'flags_unreadable' | 'date_unreadable';

/** A parsed row. `date` in ms UTC; a row without a usable date has none. */
export type ParsedRow =
  | { readonly kind: 'out'; readonly msisdn: string; readonly date?: number; readonly doubt?: RowDoubt }
  | { readonly kind: 'in'; readonly msisdn: string; readonly date?: number }
  | { readonly kind: 'unreadable' };

const UNREADABLE: ParsedRow = { kind: 'unreadable' };

/**
 * Parses one row of a sweep that started at `sweepStart` (ms UTC). Never throws.
 *
 * A row is an opt-in only if its opt-in flag is true and its opt-out flag is false. Every other row with a readable
 * number blocks it. Such a row is doubtful if its opt-out flag is not true, if both flags are true, if a flag is
 * neither true nor false, or if its date cannot be read. A date after the start of the sweep is ignored.
 */
export function parseRow(row: unknown, sweepStart: number): ParsedRow {
  try {
    if (typeof row !== 'object' || row === null) {
      const msisdn = readMsisdn(row);
      return msisdn === undefined ? UNREADABLE : { kind: 'out', msisdn };
    }
    return parseObject(row as Record<string, unknown>, sweepStart);
  } catch {
    return UNREADABLE;
  }
}

function parseObject(row: Record<string, unknown>, sweepStart: number): ParsedRow {
  const msisdn = readMsisdn(row['msisdn']);
  if (msisdn === undefined) return UNREADABLE;
  const optOut = parseFlag(row['opt-out'] ?? row['optOut']);
  const optIn = parseFlag(row['opt-in'] ?? row['optIn']);
  if (optIn === true && optOut === false) {
    const { date } = parseDate(row['opt-in-date'] ?? row['optInDate'], sweepStart, readInstant);
    return { kind: 'in', msisdn, ...(date === undefined ? {} : { date }) };
  }
  const { date, isUnreadable } = parseDate(row['opt-out-date'] ?? row['optOutDate'], sweepStart);
  const doubt = doubtOfFlags(optIn, optOut) ?? (isUnreadable ? 'date_unreadable' : undefined);
  return {
    kind: 'out',
    msisdn,
    ...(date === undefined ? {} : { date }),
    ...(doubt === undefined ? {} : { doubt }),
  };
}

type Flag = boolean | 'missing' | 'unreadable';

function doubtOfFlags(optIn: Flag, optOut: Flag): RowDoubt | undefined {
  if (optIn === 'unreadable' || optOut === 'unreadable') return 'flags_unreadable';
  if (optOut === true) return optIn === true ? 'flags_contradict' : undefined;
  if (optOut === false) return 'flags_contradict';
  return 'flags_missing';
}

function parseFlag(value: unknown): Flag {
  if (value === undefined || value === null || value === '') return 'missing';
  if (typeof value === 'boolean') return value;
  const word = typeof value === 'string' ? value.trim().toLowerCase() : '';
  if (word === 'true') return true;
  return word === 'false' ? false : 'unreadable';
}

function parseDate(
  value: unknown,
  sweepStart: number,
  read: typeof readTime = readTime,
): { date?: number | undefined; isUnreadable: boolean } {
  if (value === undefined || value === null || value === '') return { isUnreadable: false };
  const date = read(value);
  if (date === undefined) return { isUnreadable: true };
  return { date: date > sweepStart ? undefined : date, isUnreadable: false };
}
