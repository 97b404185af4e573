/**
 * One row of a provider's list as the ledger takes it. Tolerant: only a row whose number cannot be read is lost, and
 * says so; whatever else cannot be read blocks.
 */

import { readMsisdn } from '../msisdn/msisdn.ts';
import { readInstant, readTime } from '../dates.ts';

/** What leaves a doubt about a row that blocks all the same. */
export type RowDoubt = 'flags_missing' | 'flags_contradict' | 'flags_unreadable' | 'date_unreadable';

/** A row as it was read. `date` in ms UTC; without one it counts as of the sweep's start. */
export type RowReading =
  | { readonly kind: 'out'; readonly msisdn: string; readonly date?: number; readonly doubt?: RowDoubt }
  | { readonly kind: 'in'; readonly msisdn: string; readonly date?: number }
  | { readonly kind: 'unreadable' };

const UNREADABLE: RowReading = { kind: 'unreadable' };

/**
 * Reads one row of a sweep that started at `sweepStart` (ms UTC). Never throws.
 *
 * A row is an opt-in only if it says opt-in true and opt-out false; neither flag, both, or flags that are neither
 * true nor false block with a doubt. A date after the sweep's start is no date.
 */
export function readRow(row: unknown, sweepStart: number): RowReading {
  try {
    if (typeof row !== 'object' || row === null) {
      const msisdn = readMsisdn(row);
      return msisdn === undefined ? UNREADABLE : { kind: 'out', msisdn };
    }
    return readObject(row as Record<string, unknown>, sweepStart);
  } catch {
    return UNREADABLE;
  }
}

function readObject(row: Record<string, unknown>, sweepStart: number): RowReading {
  const msisdn = readMsisdn(row['msisdn']);
  if (msisdn === undefined) return UNREADABLE;
  const optOut = readFlag(row['opt-out'] ?? row['optOut']);
  const optIn = readFlag(row['opt-in'] ?? row['optIn']);
  if (optIn === true && optOut === false) {
    const { date } = readDate(row['opt-in-date'] ?? row['optInDate'], sweepStart, readInstant);
    return { kind: 'in', msisdn, ...(date === undefined ? {} : { date }) };
  }
  const { date, isUnreadable } = readDate(row['opt-out-date'] ?? row['optOutDate'], sweepStart);
  const doubt = doubtOf(optIn, optOut) ?? (isUnreadable ? 'date_unreadable' : undefined);
  return {
    kind: 'out',
    msisdn,
    ...(date === undefined ? {} : { date }),
    ...(doubt === undefined ? {} : { doubt }),
  };
}

type Flag = boolean | 'missing' | 'unreadable';

function doubtOf(optIn: Flag, optOut: Flag): RowDoubt | undefined {
  if (optIn === 'unreadable' || optOut === 'unreadable') return 'flags_unreadable';
  if (optOut === true) return optIn === true ? 'flags_contradict' : undefined;
  if (optOut === false) return 'flags_contradict';
  return 'flags_missing';
}

function readFlag(value: unknown): Flag {
  if (value === undefined || value === null || value === '') return 'missing';
  if (typeof value === 'boolean') return value;
  const word = typeof value === 'string' ? value.trim().toLowerCase() : '';
  if (word === 'true') return true;
  return word === 'false' ? false : 'unreadable';
}

function readDate(
  value: unknown,
  sweepStart: number,
  read: typeof readTime = readTime,
): { date?: number | undefined; isUnreadable: boolean } {
  if (value === undefined || value === null || value === '') return { isUnreadable: false };
  const date = read(value);
  if (date === undefined) return { isUnreadable: true };
  return { date: date > sweepStart ? undefined : date, isUnreadable: false };
}
