/**
 * The rows of a page by column, as a sweep takes them: read one by one, and cut so that no part takes long. The same
 * on the main thread and in a sweep's own. It keeps nothing and decides nothing.
 */

import { toNumber } from '../msisdn/digits.ts';
import { hashText, type PrintedRows } from './page-fingerprint.ts';
import { readRow, type RowDoubt } from './row.ts';

/** Some rows of a page, and what was counted on the way. */
export interface RowSlice extends PrintedRows {
  readonly rows: number;
  /** Rows that block although their flags or date leave a doubt, by kind of doubt. */
  readonly doubts: ReadonlyMap<RowDoubt, number>;
}

/** Rows handled before other work gets its turn. */
const ROWS_PER_TURN = 500;

/** Reads the rows of a sweep that started at `start` (ms UTC), those of one turn at a time. */
export function* slicesOf(rows: readonly unknown[], start: number): Generator<RowSlice, void, undefined> {
  for (let from = 0; from < rows.length;) {
    const slice = readSlice(rows, from, start);
    from += slice.rows;
    yield slice;
  }
}

function readSlice(rows: readonly unknown[], from: number, start: number): RowSlice {
  const most = Math.min(ROWS_PER_TURN, rows.length - from);
  const outs = createColumns(most);
  const ins = createColumns(most);
  // Opt-ins of a slice count after its opt-outs: an opt-out that comes after its opt-in is one of the next slice.
  const optedIn = new Set<number>();
  const doubts = new Map<RowDoubt, number>();
  let unreadable = 0;
  let unreadablePrint = 0;
  let read = 0;
  for (; read < most; read++) {
    const reading = readRow(rows[from + read], start);
    if (reading.kind === 'unreadable') {
      unreadable++;
      unreadablePrint = (unreadablePrint + hashText(textOf(rows[from + read]))) >>> 0;
      continue;
    }
    const number = toNumber(reading.msisdn);
    if (reading.kind === 'in') {
      optedIn.add(number);
      ins.add(number, reading.date);
      continue;
    }
    if (optedIn.has(number)) break;
    outs.add(number, reading.date);
    if (reading.doubt !== undefined) doubts.set(reading.doubt, (doubts.get(reading.doubt) ?? 0) + 1);
  }
  const columns = { outs: outs.numbers, outDates: outs.dates, ins: ins.numbers, inDates: ins.dates };
  return { ...columns, rows: read, unreadable, unreadablePrint, doubts };
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

/** Longest part of an unreadable row that is compared. */
const MOST_COMPARED = 1_000;

function textOf(row: unknown): string {
  try {
    return (JSON.stringify(row) ?? typeof row).slice(0, MOST_COMPARED);
  } catch {
    return typeof row;
  }
}
