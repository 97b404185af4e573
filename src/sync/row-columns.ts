/**
 * Turns the rows of a page into slices of columns, each small enough not to block the main thread for long.
 */

import { toNumber } from '../msisdn/digits.ts';
import { hashText, type FingerprintRows } from './page-fingerprint.ts';
import { parseRow, type RowDoubt } from './row.ts';

/** Some parsed rows of a page, and their counts. */
export interface RowSlice extends FingerprintRows {
  readonly rows: number;
  /** Rows that block although their flags or date are doubtful, by kind of doubt. */
  readonly doubts: ReadonlyMap<RowDoubt, number>;
}

/** The most rows of a slice: other work runs after each slice. */
const ROWS_PER_SLICE = 500;

/** Parses the rows of a sweep that started at `sweepStart` (ms UTC), a slice at a time. */
export function* sliceRows(
  rows: readonly unknown[],
  sweepStart: number,
): Generator<RowSlice, void, undefined> {
  for (let from = 0; from < rows.length;) {
    const slice = parseSlice(rows, from, sweepStart);
    from += slice.rows;
    yield slice;
  }
}

function parseSlice(rows: readonly unknown[], from: number, sweepStart: number): RowSlice {
  const most = Math.min(ROWS_PER_SLICE, rows.length - from);
  const outs = createColumns(most);
  const ins = createColumns(most);
  // The ledger applies the opt-outs of a slice before its opt-ins. So an opt-out that follows an opt-in of the same
  // number starts the next slice.
  const optedIn = new Set<number>();
  const doubts = new Map<RowDoubt, number>();
  let unreadable = 0;
  let unreadableHash = 0;
  let parsed = 0;
  for (; parsed < most; parsed++) {
    const row = parseRow(rows[from + parsed], sweepStart);
    if (row.kind === 'unreadable') {
      unreadable++;
      unreadableHash = (unreadableHash + hashText(textOf(rows[from + parsed]))) >>> 0;
      continue;
    }
    const number = toNumber(row.msisdn);
    if (row.kind === 'in') {
      optedIn.add(number);
      ins.add(number, row.date);
      continue;
    }
    if (optedIn.has(number)) break;
    outs.add(number, row.date);
    if (row.doubt !== undefined) doubts.set(row.doubt, (doubts.get(row.doubt) ?? 0) + 1);
  }
  const columns = { outs: outs.numbers, outDates: outs.dates, ins: ins.numbers, inDates: ins.dates };
  return { ...columns, rows: parsed, unreadable, unreadableHash, doubts };
}

function createColumns(most: number) {
  const numbers = new Float64Array(most);
  const dates = new Float64Array(most);
  let count = 0;
  return {
    add(number: number, date: number | undefined): void {
      numbers[count] = number;
      dates[count++] = date ?? Number.NaN;
    },
    get numbers() {
      return numbers.slice(0, count);
    },
    get dates() {
      return dates.slice(0, count);
    },
  };
}

/** The most characters of an unreadable row that go into its hash. */
const MOST_HASHED = 1_000;

function textOf(row: unknown): string {
  try {
    return (JSON.stringify(row) ?? typeof row).slice(0, MOST_HASHED);
  } catch {
    return typeof row;
  }
}
