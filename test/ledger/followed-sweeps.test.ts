/** Sweeps of other processes, and the saves of a list. */

import { describe, expect, it } from 'vitest';
import { createLedger, type Ledger } from '../../src/ledger/ledger.ts';
import { columnsOf } from './columns.ts';
import { HOUR, LEDGER, MINUTE, T, begin, inAct, many, outAct, provenIn, sweep } from './evidence.ts';

const N = '15550000001';
const digits = (set: Iterable<string> | undefined) => [...(set ?? [])].toSorted();

describe('another process’s sweep', () => {
  const followed = (number: number, change: object = {}) => ({
    ...{ number, start: number === 0 ? null : T + number, began: number * MINUTE },
    ...{ added: [], removed: [], heldMs: null },
    ...change,
  });

  it('adds and removes numbers at once, and is not taken over if its number is lower', () => {
    const ledger = createLedger(LEDGER);
    expect(ledger.follow(followed(0, { added: [Number(N)] }), [])).toBe(true);
    expect([ledger.blocks(N), ledger.lastStart]).toEqual([true, null]);
    expect(ledger.follow(followed(1, { removed: [Number(N)], heldMs: 7 }), [])).toBe(true);
    expect([ledger.blocks(N), ledger.lastNumber, ledger.heldMs]).toEqual([false, 1, 7]);
    // A part without `heldMs` leaves it as it is.
    ledger.follow(followed(1, { heldMs: undefined }), []);
    expect(ledger.heldMs).toBe(7);
    expect(ledger.follow(followed(0, { removed: [Number(N)] }), [])).toBe(false);
    expect(ledger.lastNumber).toBe(1);
  });

  it('adds numbers even if it is older, but removes none that a newer sweep of ours lists', () => {
    const ledger = createLedger(LEDGER);
    const [other = ''] = many(1);
    sweep(ledger, 2, [N]);
    ledger.save().done('kept');
    expect(ledger.follow(followed(1, { added: [Number(other)], removed: [Number(N)] }), [])).toBe(false);
    expect([ledger.blocks(N), ledger.blocks(other), ledger.hasUnsavedChanges]).toEqual([true, true, true]);
    // The store removed the number. The next save adds it again.
    expect(digits(ledger.save().delta?.added)).toEqual([N]);
  });

  it('does not remove a number that the sweep under way has seen, even if it is newer', () => {
    const ledger = createLedger(LEDGER);
    sweep(ledger, 1, [N]);
    ledger.save().done('kept');
    const run = begin(ledger, 2);
    run.page(columnsOf([{ kind: 'out', msisdn: N }]));
    ledger.follow(followed(3, { removed: [Number(N)] }), []);
    expect([ledger.blocks(N), digits(ledger.save().delta?.added)]).toEqual([true, [N]]);
    run.abort();
    ledger.follow(followed(4, { removed: [Number(N)] }), []);
    expect(ledger.blocks(N)).toBe(false);
  });

  it('brings back the numbers that our refused sweep removed, until our next sweep lacks them too', () => {
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

  it('brings the numbers that it lacked, and rows that outweigh an opt-in', () => {
    const ledger = createLedger(LEDGER);
    sweep(ledger, 1, [N]);
    ledger.merge(N, provenIn(0, { sweep: 1 }), 0);
    expect(ledger.blocks(N)).toBe(false);
    const missingOnce = { numbers: [Number(N)], isFirst: true, isLast: true };
    ledger.follow(followed(20, { missingOnce }), [{ msisdn: N, sweep: 20, date: null }]);
    expect(ledger.blocks(N)).toBe(true);
    expect(sweep(ledger, 21, [])).toMatchObject({ removed: 1 });
  });

  it('does not outweigh an opt-in if it began soon after it', () => {
    const ledger = createLedger(LEDGER);
    sweep(ledger, 1, [N]);
    ledger.merge(N, provenIn(0, { sweep: 1 }), MINUTE);
    ledger.follow(followed(11), [{ msisdn: N, sweep: 11, date: null }]);
    expect(ledger.blocks(N)).toBe(false);
    ledger.follow(followed(12), [{ msisdn: N, sweep: 12, date: null }]);
    expect(ledger.blocks(N)).toBe(true);
  });

  it('brings the numbers that it lacked in parts, which take effect with the last one', () => {
    const [a = '', b = '', c = ''] = many(3);
    const part = (msisdn: string, isFirst: boolean, isLast: boolean) => ({
      missingOnce: { numbers: [Number(msisdn)], isFirst, isLast },
    });
    const answersAfter = (...parts: ReturnType<typeof part>[]) => {
      const ledger = createLedger(LEDGER);
      sweep(ledger, 1, [a, b, c]);
      for (const [index, one] of parts.entries()) {
        ledger.follow(followed(index === parts.length - 1 ? 2 : 1, one), []);
      }
      sweep(ledger, 3, []);
      return [a, b, c].map((msisdn) => ledger.blocks(msisdn));
    };
    expect(answersAfter(part(a, true, false), part(b, false, true))).toEqual([false, false, true]);
    // The other process died in the middle: its first parts come again, or are dropped.
    expect(answersAfter(part(a, true, false), part(b, true, false), part(c, false, true))).toEqual([
      true,
      false,
      false,
    ]);
    expect(answersAfter(part(a, true, false), part(b, false, false))).toEqual([true, true, true]);
  });

  it('brings rows that count although the sweep itself is too old', () => {
    const ledger = createLedger(LEDGER);
    sweep(ledger, 1, [N]);
    ledger.merge(N, provenIn(0, { sweep: 3, optInDate: T }), 0);
    sweep(ledger, 3, [N]);
    expect(ledger.blocks(N)).toBe(false);
    ledger.follow(followed(2), [{ msisdn: N, sweep: 2, date: T + HOUR }]);
    expect([ledger.blocks(N), ledger.lastNumber]).toEqual([true, 3]);
  });
});

describe('a save', () => {
  it('has everything at first, and then the changes since the last save that was kept', () => {
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

  it.each(['failed', 'refused'] as const)('has everything again if the first save was %s', (outcome) => {
    const ledger = createLedger(LEDGER);
    sweep(ledger, 1, [N]);
    ledger.save().done(outcome);
    expect(ledger.save().delta).toBeUndefined();
  });

  it('has the rows of people who opted in, and of others if the date is new', () => {
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
    // An erasure leaves the rows of the list.
    ledger.replace(a, []);
    expect(rowsOf(ledger)).toEqual([a]);
    ledger.merge(a, inAct(3));
    dated(3);
    for (const number of [4, 5]) sweep(ledger, number, []);
    expect(ledger.prune(T + HOUR)).toBe(1);
    expect(rowsOf(ledger)).toEqual([]);
  });
});
