/** Turns rows into the columns that a sweep takes. */

import type { RowColumns } from '../../src/ledger/seen-numbers.ts';

export interface Row {
  readonly kind: 'out' | 'in';
  readonly msisdn: string;
  readonly date?: number | undefined;
}

export function columnsOf(rows: readonly Row[]): RowColumns {
  const of = (wanted: Row['kind']) => rows.filter(({ kind }) => kind === wanted);
  const numbers = (some: readonly Row[]) => Float64Array.from(some, ({ msisdn }) => Number(msisdn));
  const dates = (some: readonly Row[]) => Float64Array.from(some, ({ date }) => date ?? Number.NaN);
  const [outs, ins] = [of('out'), of('in')];
  return { outs: numbers(outs), outDates: dates(outs), ins: numbers(ins), inDates: dates(ins) };
}
