/** Lists that have opted-out and opted-in rows of one number, on any pages, in any order. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLedger } from '../../src/ledger/ledger.ts';
import { columnsOf, type Row } from './columns.ts';
import { LEDGER, begin, finish } from './evidence.ts';

const PEOPLE = ['15550000001', '15550000002', '15550000003', '15550000004'];
/** After this many sweeps an unchanged list is settled: two find the contradiction, and two lack the number. */
const ENOUGH = 4;

const date = fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined });
const row: fc.Arbitrary<Row> = fc.record({
  kind: fc.constantFrom('out' as const, 'out' as const, 'in' as const),
  msisdn: fc.constantFrom(...PEOPLE),
  date,
});
const rowsOf = fc.array(row, { maxLength: 14 });
/** One sweep of the list: the order of its rows, the ends of its pages, and the page at which it fails, if any. */
const sweepPlan = fc.record({
  keys: fc.array(fc.nat({ max: 99 }), { minLength: 14, maxLength: 14 }),
  borders: fc.array(fc.nat({ max: 13 }), { maxLength: 4 }),
  failsAt: fc.option(fc.nat({ max: 4 }), { nil: undefined, freq: 4 }),
});
type SweepPlan = typeof sweepPlan extends fc.Arbitrary<infer T> ? T : never;

function pagesOf(rows: readonly Row[], { keys, borders }: SweepPlan): readonly (readonly Row[])[] {
  const shuffled = rows
    .map((one, index) => ({ one, key: keys[index] ?? 0 }))
    .toSorted((a, b) => a.key - b.key)
    .map(({ one }) => one);
  const ends = [...borders, rows.length].toSorted((a, b) => a - b);
  return ends.map((end, index) => shuffled.slice(ends[index - 1] ?? 0, end));
}

/** Compares the latest opt-out with the latest opt-in. An opt-out without a date is the latest possible one. */
function isListed(rows: readonly Row[], msisdn: string): boolean {
  const own = rows.filter((one) => one.msisdn === msisdn);
  const outs = own.filter(({ kind }) => kind === 'out').map((one) => one.date ?? Infinity);
  const ins = own.filter(({ kind }) => kind === 'in').map((one) => one.date ?? -Infinity);
  return outs.length > 0 && Math.max(...outs) >= Math.max(...ins);
}

describe('rows that contradict each other', { timeout: 120_000 }, () => {
  it('are settled by their dates and stay settled, in any order and on any pages', () => {
    const given = fc.record({
      before: rowsOf,
      rows: rowsOf,
      first: fc.array(sweepPlan, { maxLength: 3 }),
      plans: fc.array(sweepPlan, { maxLength: ENOUGH + 6 }),
    });
    fc.assert(
      fc.property(given, ({ before, rows, first, plans }) => {
        const ledger = createLedger(LEDGER);
        // An opted-in row of an earlier sweep may have beaten the opted-out row that is left.
        const wasIn = (msisdn: string) =>
          [...before, ...rows].some((one) => one.msisdn === msisdn && one.kind === 'in');
        let sweeps = 0;
        let complete = 0;

        /** Reads the list once; `check` is called after each page and at the end. */
        function read(list: readonly Row[], how: SweepPlan, check: () => void): void {
          const run = begin(ledger, ++sweeps);
          const seen = new Set<string>();
          for (const [index, page] of pagesOf(list, how).entries()) {
            if (index === how.failsAt) return run.abort();
            run.page(columnsOf(page));
            for (const { msisdn } of page) seen.add(msisdn);
            for (const msisdn of seen) if (!wasIn(msisdn)) expect(ledger.blocks(msisdn)).toBe(true);
            check();
          }
          expect(finish(run)).toMatchObject({ status: 'committed' });
          complete++;
          check();
        }

        for (const how of first) read(before, how, () => undefined);
        complete = 0;
        const wanted = PEOPLE.map((msisdn) => isListed(rows, msisdn));
        for (const how of plans) {
          const wasComplete = complete;
          read(rows, how, () => {
            const answers = PEOPLE.map((msisdn) => ledger.blocks(msisdn));
            if (complete >= ENOUGH) expect(answers).toEqual(wanted);
            // A listed person is blocked from the first complete sweep on, without a gap.
            else if (wasComplete > 0) expect(answers.filter((is, index) => !is && wanted[index])).toEqual([]);
          });
        }
      }),
      { numRuns: 10_000, seed: 20_261_130 },
    );
  });

  it('are compared for the first hundred thousand opt-in dates; any further number is listed', () => {
    const numbers = Array.from({ length: 100_001 }, (_, index) => String(15_550_000_000 + index));
    const last = numbers.at(-1) ?? '';
    const ledger = createLedger(LEDGER);
    const rows = [
      ...numbers.map((msisdn): Row => ({ kind: 'in', msisdn, date: 2 })),
      ...[numbers[0] ?? '', last].map((msisdn): Row => ({ kind: 'out', msisdn, date: 1 })),
    ];
    for (const number of [1, 2]) {
      const run = begin(ledger, number);
      run.page(columnsOf(rows));
      finish(run);
    }
    expect([ledger.blocks(numbers[0] ?? ''), ledger.blocks(last)]).toEqual([false, true]);
  });
});
