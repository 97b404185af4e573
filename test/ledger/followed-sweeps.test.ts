/** Sweeps of other processes, and what of a list has to be saved. */

import { describe, expect, it } from 'vitest';
import { createLedger, type Ledger } from '../../src/ledger/ledger.ts';
import { columnsOf } from './columns.ts';
import { HOUR, LEDGER, MINUTE, T, begin, inAct, many, outAct, provenIn, sweep } from './evidence.ts';

const N = '15550000001';
const digits = (set: Iterable<string> | undefined) => [...(set ?? [])].toSorted();

describe('another process’s sweep', () => {
  const news = (number: number, change: object = {}) => ({
    ...{ number, start: number === 0 ? null : T + number, began: number * MINUTE },
    ...{ added: [], removed: [], heldMs: null },
    ...change,
  });

  it('adds and removes at once, and is refused if its number is lower', () => {
    const ledger = createLedger(LEDGER);
    expect(ledger.follow(news(0, { added: [Number(N)] }), [])).toBe(true);
    expect([ledger.blocks(N), ledger.lastStart]).toEqual([true, null]);
    expect(ledger.follow(news(1, { removed: [Number(N)], heldMs: 7 }), [])).toBe(true);
    expect([ledger.blocks(N), ledger.lastNumber, ledger.heldMs]).toEqual([false, 1, 7]);
    // A part of the news says nothing about it.
    ledger.follow(news(1, { heldMs: undefined }), []);
    expect(ledger.heldMs).toBe(7);
    expect(ledger.follow(news(0, { removed: [Number(N)] }), [])).toBe(false);
    expect(ledger.lastNumber).toBe(1);
  });

  it('that is older adds all the same, and takes nothing away that a newer one of ours lists', () => {
    const ledger = createLedger(LEDGER);
    const [other = ''] = many(1);
    sweep(ledger, 2, [N]);
    ledger.save().done('kept');
    expect(ledger.follow(news(1, { added: [Number(other)], removed: [Number(N)] }), [])).toBe(false);
    expect([ledger.blocks(N), ledger.blocks(other), ledger.hasNews]).toEqual([true, true, true]);
    // The store, which took it away, gets it again.
    expect(digits(ledger.save().delta?.added)).toEqual([N]);
  });

  it('that is newer does not take away what the sweep being read has shown', () => {
    const ledger = createLedger(LEDGER);
    sweep(ledger, 1, [N]);
    ledger.save().done('kept');
    const run = begin(ledger, 2);
    run.page(columnsOf([{ kind: 'out', msisdn: N }]));
    ledger.follow(news(3, { removed: [Number(N)] }), []);
    expect([ledger.blocks(N), digits(ledger.save().delta?.added)]).toEqual([true, [N]]);
    run.abort();
    ledger.follow(news(4, { removed: [Number(N)] }), []);
    expect(ledger.blocks(N)).toBe(false);
  });

  it('that refuses ours undoes what ours took away, until a sweep of both lacks it', () => {
    const ledger = createLedger(LEDGER);
    sweep(ledger, 1, [N]);
    ledger.save().done('kept');
    for (const number of [2, 3]) sweep(ledger, number, []);
    expect(ledger.blocks(N)).toBe(false);
    ledger.save().done('refused');
    expect(ledger.blocks(N)).toBe(true);
    sweep(ledger, 4, []);
    expect(ledger.blocks(N)).toBe(false);
  });

  it('tells what it lacked, and which rows outweigh an opt-in', () => {
    const ledger = createLedger(LEDGER);
    sweep(ledger, 1, [N]);
    ledger.merge(N, provenIn(0, { sweep: 1 }), 0);
    expect(ledger.blocks(N)).toBe(false);
    const missingOnce = { numbers: [Number(N)], isFirst: true, isLast: true };
    ledger.follow(news(20, { missingOnce }), [{ msisdn: N, sweep: 20, date: null }]);
    expect(ledger.blocks(N)).toBe(true);
    expect(sweep(ledger, 21, [])).toMatchObject({ removed: 1 });
  });

  it('that began soon after an opt-in only lags', () => {
    const ledger = createLedger(LEDGER);
    sweep(ledger, 1, [N]);
    ledger.merge(N, provenIn(0, { sweep: 1 }), MINUTE);
    ledger.follow(news(11), [{ msisdn: N, sweep: 11, date: null }]);
    expect(ledger.blocks(N)).toBe(false);
    ledger.follow(news(12), [{ msisdn: N, sweep: 12, date: null }]);
    expect(ledger.blocks(N)).toBe(true);
  });

  it('tells what it lacked in parts, which count together with the last one', () => {
    const [a = '', b = '', c = ''] = many(3);
    const part = (msisdn: string, isFirst: boolean, isLast: boolean) => ({
      missingOnce: { numbers: [Number(msisdn)], isFirst, isLast },
    });
    const told = (...parts: ReturnType<typeof part>[]) => {
      const ledger = createLedger(LEDGER);
      sweep(ledger, 1, [a, b, c]);
      for (const [index, one] of parts.entries()) {
        ledger.follow(news(index === parts.length - 1 ? 2 : 1, one), []);
      }
      sweep(ledger, 3, []);
      return [a, b, c].map((msisdn) => ledger.blocks(msisdn));
    };
    expect(told(part(a, true, false), part(b, false, true))).toEqual([false, false, true]);
    // The other process died in the middle: its first parts are told again, or no longer hold.
    expect(told(part(a, true, false), part(b, true, false), part(c, false, true))).toEqual([
      true,
      false,
      false,
    ]);
    expect(told(part(a, true, false), part(b, false, false))).toEqual([true, true, true]);
  });

  it('tells rows that count although the rest of it is too old by now', () => {
    const ledger = createLedger(LEDGER);
    sweep(ledger, 1, [N]);
    ledger.merge(N, provenIn(0, { sweep: 3, optInDate: T }), 0);
    sweep(ledger, 3, [N]);
    expect(ledger.blocks(N)).toBe(false);
    ledger.follow(news(2), [{ msisdn: N, sweep: 2, date: T + HOUR }]);
    expect([ledger.blocks(N), ledger.lastNumber]).toEqual([true, 3]);
  });
});

describe('what has to be saved', () => {
  it('is everything first, then what changed since the last save that was kept', () => {
    const ledger = createLedger(LEDGER);
    const [a = '', b = '', c = ''] = many(3);
    sweep(ledger, 1, [a, b]);
    const first = ledger.save();
    expect([first.delta, digits(first.numbers), first.number, first.start]).toEqual([
      undefined,
      [a, b],
      1,
      T + 1,
    ]);
    first.done('kept');
    for (const number of [2, 3]) sweep(ledger, number, [b, c]);
    const refused = ledger.save();
    expect([digits(refused.delta?.added), digits(refused.delta?.removed)]).toEqual([[c], [a]]);
    refused.done('failed');
    for (const number of [4, 5]) sweep(ledger, number, [a, b]);
    const second = ledger.save();
    expect([digits(second.delta?.added), digits(second.delta?.removed)]).toEqual([[a], [c]]);
    second.done('kept');
    expect([...(ledger.save().delta?.added ?? [])]).toEqual([]);
  });

  it.each(['failed', 'refused'] as const)('is everything again if the first save was %s', (outcome) => {
    const ledger = createLedger(LEDGER);
    sweep(ledger, 1, [N]);
    ledger.save().done(outcome);
    expect(ledger.save().delta).toBeUndefined();
  });

  it('holds the rows of people who opted in, and of others if the date is news', () => {
    const ledger = createLedger(LEDGER);
    const [a = '', b = ''] = many(2);
    ledger.merge(a, inAct(1));
    ledger.merge(b, outAct(1));
    const rowsOf = (one: Ledger) => one.save().rows.map(({ msisdn }) => msisdn);
    const dated = (number: number) =>
      sweep(
        ledger,
        number,
        [a, b].map((msisdn) => ({ kind: 'out', msisdn, date: T - HOUR }) as const),
      );
    dated(1);
    const first = ledger.save();
    expect(first.rows).toEqual([a, b].map((msisdn) => ({ msisdn, sweep: 1, date: T - HOUR })));
    first.done('kept');
    dated(2);
    const second = ledger.save();
    expect(second.rows.map(({ msisdn }) => msisdn)).toEqual([a]);
    second.done('failed');
    // What is erased leaves what the list says.
    ledger.replace(a, []);
    expect(rowsOf(ledger)).toEqual([a]);
    ledger.merge(a, inAct(3));
    dated(3);
    for (const number of [4, 5]) sweep(ledger, number, []);
    expect(ledger.prune(T + HOUR)).toBe(1);
    expect(rowsOf(ledger)).toEqual([]);
  });
});
