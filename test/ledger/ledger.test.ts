import { describe, expect, it } from 'vitest';
import { LATEST_TIME, type Evidence } from '../../src/ledger/evidence.ts';
import { createLedger, type Ledger } from '../../src/ledger/ledger.ts';
import { createNumberSet } from '../../src/number-set/number-set.ts';
import { columnsOf } from './columns.ts';
import {
  HOUR,
  LEDGER,
  MINUTE,
  T,
  at,
  begin,
  evidence,
  finish,
  snapshot,
  inAct,
  many,
  outAct,
  provenIn,
  sweep,
  told,
} from './evidence.ts';

const N = '15550000001';

describe('the weighing of an opt-in against an opt-out', () => {
  const stated = (time: number, position: number) => told('out', time, position, { kind: 'stated' });
  it.each<[string, Evidence, Evidence, boolean]>([
    ['a told opt-in beats an older told opt-out', told('out', T, 1), told('in', T + 1, 2), false],
    [
      'a told opt-in beats an older told opt-out that arrives after it',
      told('out', T, 2),
      told('in', T + 1, 1),
      false,
    ],
    [
      'a told opt-in does not beat a told opt-out of the same time',
      told('out', T, 1),
      told('in', T, 2),
      true,
    ],
    ['a told opt-in does not beat a newer told opt-out', told('out', T + 1, 1), told('in', T, 2), true],
    [
      'a told opt-in does not beat an opt-out without a date',
      told('out', LATEST_TIME, 1),
      told('in', T, 2),
      true,
    ],
    [
      'a told opt-in beats a stated opt-out that is older by more than the slack',
      stated(T, 1),
      told('in', T + MINUTE + 1, 2),
      false,
    ],
    [
      'a told opt-in does not beat a stated opt-out within the slack',
      stated(T, 1),
      told('in', T + MINUTE, 2),
      true,
    ],
    ['a told opt-in never beats an act', outAct(1), told('in', T + HOUR, 2), true],
    ['an act beats a told opt-out that it had seen', told('out', T + HOUR, 5), inAct(5), false],
    [
      'an act does not beat a told opt-out that came after it began',
      told('out', T - HOUR, 6),
      inAct(5),
      true,
    ],
    ['an act beats an opt-out without a date that it had seen', told('out', LATEST_TIME, 5), inAct(5), false],
    ['an act beats a stated opt-out that it had seen', stated(T, 5), inAct(5), false],
    ['an act does not beat a stated opt-out that came after it began', stated(T, 6), inAct(5), true],
    ['an act beats an act that it had seen', outAct(5), inAct(5), false],
    ['an act does not beat an act that came after it began', outAct(6), inAct(5), true],
    ['an act without a basis beats nothing', outAct(1), evidence({ direction: 'in', kind: 'act' }), true],
    ['an act does not beat an opt-out that was never stored', outAct(1, { positions: [] }), inAct(5), true],
    [
      'an act does not beat an opt-out with a position in another log',
      outAct(1, { positions: [at(1, 'log 0')] }),
      inAct(5),
      true,
    ],
    [
      'an act beats a carried-over opt-out whose former position it had seen',
      outAct(1, { positions: [at(9, 'log 2'), at(4)] }),
      inAct(5),
      false,
    ],
  ])('decides that %s', (_name, out, optIn, isBlocked) => {
    for (const order of [
      [out, optIn],
      [optIn, out],
      [optIn, out, optIn, out],
    ]) {
      const ledger = createLedger(LEDGER);
      for (const one of order) ledger.merge(N, one);
      expect(ledger.blocks(N)).toBe(isBlocked);
    }
  });

  it('keeps an act with a basis in an older log beside one in a newer log', () => {
    const ledger = createLedger(LEDGER);
    ledger.merge(N, outAct(5));
    ledger.merge(N, inAct(9, { basis: at(9, 'log 9') }));
    expect(ledger.blocks(N)).toBe(true);
    ledger.merge(N, inAct(5));
    expect(ledger.blocks(N)).toBe(false);
  });

  it('does not depend on the time of receipt: no two clocks are compared', () => {
    for (const seenAt of [0, T - 1_000 * HOUR, T + 1_000 * HOUR]) {
      const ledger = createLedger(LEDGER);
      ledger.merge(N, outAct(5, { seenAt, at: seenAt }));
      ledger.merge(N, inAct(5, { seenAt: T, at: T }));
      expect(ledger.blocks(N)).toBe(false);
      ledger.merge(N, outAct(7, { seenAt, at: seenAt }));
      expect(ledger.blocks(N)).toBe(true);
    }
  });

  it('counts five copies of one STOP as one change', () => {
    const ledger = createLedger(LEDGER);
    const stop = told('out', T, 1);
    const changes = [0, 1, 2, 3, 4].map((late) => ledger.merge(N, { ...stop, seenAt: T + late }));
    expect(changes).toEqual([true, false, false, false, false]);
  });

  it('lets an act without a basis beat nothing, and an act with a basis still release the number', () => {
    const { basis: _, ...without } = inAct(0);
    for (const ins of [
      [without, inAct(1)],
      [inAct(1), without],
    ]) {
      const ledger = createLedger(LEDGER);
      ledger.merge(N, outAct(1));
      ledger.merge(N, without);
      expect(ledger.blocks(N)).toBe(true);
      for (const optIn of ins) ledger.merge(N, optIn);
      expect(ledger.blocks(N)).toBe(false);
    }
  });

  it('answers for many numbers at once', () => {
    const ledger = createLedger(LEDGER);
    const [listed = '', out = '', back = '', nobody = ''] = many(4);
    sweep(ledger, 1, [listed, back]);
    const numbers = Float64Array.from([listed, out, back, nobody], Number);
    const asked = () => {
      const found = new Uint8Array(4).fill(7);
      ledger.blocksEach(numbers, found, 4);
      return [...found];
    };
    expect(asked()).toEqual([1, 0, 1, 0]);
    ledger.merge(out, outAct(1));
    ledger.merge(back, provenIn(1, { sweep: 1 }), 0);
    expect(asked()).toEqual([1, 1, 0, 0]);
  });

  it('does not merge evidence that proves nothing', () => {
    const ledger = createLedger(LEDGER);
    expect(ledger.merge(N, told('out', T, 1, { proves: false }))).toBe(false);
    expect([ledger.blocks(N), ledger.firstHand]).toEqual([false, 0]);
    ledger.merge(N, told('out', T, 2));
    expect(ledger.merge(N, told('in', T + HOUR, 3, { proves: false }))).toBe(false);
    expect(ledger.blocks(N)).toBe(true);
  });

  it('keeps an opt-out of today beside one that is dated next year', () => {
    const ledger = createLedger(LEDGER);
    ledger.merge(N, told('out', T + 10_000 * HOUR, 1));
    ledger.merge(N, told('out', T, 9));
    ledger.merge(N, inAct(5));
    expect(ledger.blocks(N)).toBe(true);
    ledger.merge(N, inAct(9));
    expect(ledger.blocks(N)).toBe(false);
  });

  it('uses the time of the copy that was stored first: one id is one opt-in', () => {
    for (const order of [
      [0, 1],
      [1, 0],
    ]) {
      const ledger = createLedger(LEDGER);
      ledger.merge(N, told('out', T + MINUTE, 2));
      const first = told('in', T, 1, { id: 'START' });
      const copies = [first, { ...first, at: T + HOUR, positions: [at(3)] }];
      for (const index of order) ledger.merge(N, copies[index] as Evidence);
      expect(ledger.blocks(N)).toBe(true);
    }
  });
});

describe('the reason of a block', () => {
  it('is the opt-out that was stored last', () => {
    const ledger = createLedger(LEDGER);
    ledger.merge(N, told('out', T, 5, { source: 'receipt' }));
    ledger.merge(N, outAct(3));
    expect(ledger.listing(N)).toEqual({ list: 'default', source: 'receipt', since: T });
    ledger.merge(N, outAct(6, { seenAt: T + 7, at: T + 7 }));
    expect(ledger.listing(N)).toEqual({ list: 'default', source: 'manual', since: T + 7 });
  });

  it('is the same in any order if it is not known which opt-out was stored last', () => {
    for (const positions of [undefined, [{ log: 'log 1', position: 3 }]]) {
      const none = positions === undefined ? {} : { positions };
      const outs = (['inbound', 'manual'] as const).map((source, index) => ({
        ...({
          direction: 'out',
          kind: index === 0 ? 'told' : 'act',
          at: T,
          seenAt: T,
          source,
          id: source,
        } as const),
        ...none,
      }));
      for (const [id, source] of [
        ['a', 'manual'],
        ['z', 'inbound'],
      ]) {
        const given = outs.map((one) => (one.source === 'manual' ? { ...one, id: id ?? '' } : one));
        for (const ordered of [given, given.toReversed()]) {
          const ledger = createLedger(LEDGER);
          for (const one of ordered) ledger.merge(N, one);
          expect(ledger.reason(N).source).toBe(source);
        }
      }
    }
  });

  it.each([
    ['the time of the opt-out', T - HOUR, T - HOUR],
    ['the time of receipt if the opt-out has no date', LATEST_TIME, T],
    ['the time of receipt if the opt-out is dated ahead of our clock', T + HOUR, T],
  ])('counts from %s', (_name, time, since) => {
    const ledger = createLedger(LEDGER);
    ledger.merge(N, told('out', time, 1, { seenAt: T }));
    expect(ledger.listing(N)?.since).toBe(since);
  });

  it('is an opt-out that no opt-in beats', () => {
    const ledger = createLedger(LEDGER);
    ledger.merge(N, outAct(1, { seenAt: T, at: T }));
    ledger.merge(N, told('out', T - HOUR, 5));
    ledger.merge(N, told('in', T, 6));
    expect(ledger.listing(N)).toEqual({ list: 'default', source: 'manual', since: T });
  });
});

describe('sweeps', () => {
  it('block a number at once, and remove it if two complete sweeps in a row lack it', () => {
    const ledger = createLedger(LEDGER);
    const run = begin(ledger, 1);
    run.page(columnsOf([{ kind: 'out', msisdn: N }]));
    expect(ledger.blocks(N)).toBe(true);
    run.abort();
    expect(ledger.blocks(N)).toBe(true);
    sweep(ledger, 2, []);
    expect(ledger.blocks(N)).toBe(true);
    sweep(ledger, 3, [N]);
    sweep(ledger, 4, []);
    expect(ledger.blocks(N)).toBe(true);
    sweep(ledger, 5, []);
    expect(ledger.blocks(N)).toBe(false);
  });

  it('remove nothing if a row could not be read', () => {
    const ledger = createLedger(LEDGER);
    sweep(ledger, 1, [N]);
    for (let number = 2; number < 6; number++) sweep(ledger, number, [], { removals: 'none' });
    expect(ledger.blocks(N)).toBe(true);
    expect(ledger.lastNumber).toBe(5);
  });

  it('are dropped if their number is lower than that of the last committed one', () => {
    const ledger = createLedger(LEDGER);
    sweep(ledger, 10, [N]);
    expect(sweep(ledger, 9, [])).toEqual({ status: 'dropped' });
    const first = begin(ledger, 20);
    sweep(ledger, 30, [N]);
    expect(first.commit('apply').next().value).toEqual({ status: 'dropped' });
    expect([ledger.blocks(N), ledger.lastNumber]).toEqual([true, 30]);
  });

  it('are ordered by number: a wall clock that was set back changes nothing', () => {
    const ledger = createLedger(LEDGER);
    sweep(ledger, 1, [N]);
    for (const number of [2, 3]) {
      finish(ledger.begin({ number, start: T - number * HOUR, began: number * MINUTE }));
    }
    expect([ledger.blocks(N), ledger.lastStart]).toEqual([false, T - 3 * HOUR]);
  });

  it.each([
    ['99 that become none', 99, 0, false],
    ['100 that become 50', 100, 50, true],
    ['100 that become 51', 100, 51, false],
    ['50 000 that become 40', 50_000, 40, true],
    ['3 that become none', 3, 0, false],
  ])('hold removals back only if a list of 100 or more loses half: %s', (_name, before, after, isHeld) => {
    const ledger = createLedger(LEDGER);
    const all = many(before);
    sweep(ledger, 1, all);
    expect(sweep(ledger, 2, all.slice(0, after))).toMatchObject({ isHeld, removed: 0 });
    expect(sweep(ledger, 3, all.slice(0, after))).toMatchObject({
      isHeld,
      removed: isHeld ? 0 : before - after,
    });
  });

  it('apply held removals when an operator accepts them, or after 24 hours of complete sweeps that agree', () => {
    const shrunk = () => {
      const ledger = createLedger(LEDGER);
      sweep(ledger, 1, many(200), { began: 0 });
      sweep(ledger, 2, many(10), { began: HOUR });
      return ledger;
    };
    expect(sweep(shrunk(), 3, many(10), { removals: 'accept' })).toMatchObject({ removed: 190 });
    const waited = shrunk();
    for (let hour = 2; hour < 25; hour++) {
      expect(sweep(waited, 1 + hour, many(10), { began: hour * HOUR })).toMatchObject({ isHeld: true });
    }
    expect(waited.heldMs).toBe(23 * HOUR);
    expect(sweep(waited, 50, many(10), { began: 25 * HOUR })).toMatchObject({ isHeld: false, removed: 190 });
    const recovered = shrunk();
    sweep(recovered, 3, many(200), { began: 2 * HOUR });
    expect(recovered.heldMs).toBeNull();
    expect(sweep(recovered, 4, many(10), { began: 40 * HOUR })).toMatchObject({ isHeld: true, removed: 0 });
  });

  it('add at most the longest step to the time of a hold, and nothing after a restart', () => {
    const ledger = createLedger(LEDGER);
    sweep(ledger, 1, many(200), { began: 0 });
    sweep(ledger, 2, many(10), { began: HOUR });
    expect(sweep(ledger, 3, many(10), { began: 100 * HOUR })).toMatchObject({ isHeld: true });
    expect(ledger.heldMs).toBe(2 * HOUR);
    // A process does not know how long ago a restored sweep began.
    const next = createLedger(LEDGER);
    next.restore(snapshot(3, many(200), { heldMs: ledger.heldMs }), []);
    expect(sweep(next, 4, many(10), { began: 200 * HOUR })).toMatchObject({ isHeld: true });
    expect(next.heldMs).toBe(2 * HOUR);
  });

  it('start a hold at zero without an earlier complete sweep, and add the time since a followed one', () => {
    const ledger = createLedger(LEDGER);
    const run = begin(ledger, 1, 0);
    run.page(columnsOf(many(200).map((msisdn) => ({ kind: 'out', msisdn }) as const)));
    run.abort();
    expect(sweep(ledger, 2, many(10), { began: HOUR })).toMatchObject({ isHeld: true, removed: 0 });
    expect(ledger.heldMs).toBe(0);
    ledger.follow({ number: 3, start: T, began: 2 * HOUR, added: [], removed: [] }, []);
    sweep(ledger, 4, many(10), { began: 3 * HOUR });
    expect(ledger.heldMs).toBe(HOUR);
  });

  it('never release a person who opted out first-hand', () => {
    const ledger = createLedger(LEDGER);
    ledger.merge(N, told('out', T, 1));
    sweep(ledger, 1, [N]);
    for (let number = 2; number < 6; number++)
      sweep(ledger, number, [{ kind: 'in', msisdn: N, date: T + HOUR }]);
    expect([ledger.blocks(N), ledger.isListedByProvider(N)]).toEqual([true, false]);
  });
});

describe('an opt-in of a number that the provider lists', () => {
  function listed(): Ledger {
    const ledger = createLedger(LEDGER);
    sweep(ledger, 1, [N]);
    return ledger;
  }

  it.each<[string, Evidence, boolean]>([
    ['a message', told('in', T + HOUR, 1), true],
    ['an act without a proof', inAct(9), true],
    ['an act that manage has proven', provenIn(9, { sweep: 1 }), false],
    ['a proven act that began before the last opt-out was stored', provenIn(3, { sweep: 1 }), true],
  ])('releases only if it is a proven act that had seen every opt-out: %s', (_name, optIn, isBlocked) => {
    const ledger = listed();
    ledger.merge(N, told('out', T - HOUR, 5));
    ledger.merge(N, optIn, 0);
    expect(ledger.blocks(N)).toBe(isBlocked);
  });

  it('is overruled at once by a row with a later date than manage gave', () => {
    for (const [date, isOverruled] of [
      [T - 1, false],
      [T, false],
      [T + 1, true],
    ] as const) {
      const ledger = listed();
      ledger.merge(N, provenIn(0, { sweep: 1, optInDate: T }), 0);
      const { overruled } = begin(ledger, 2, 1).page(columnsOf([{ kind: 'out', msisdn: N, date }]));
      expect([overruled.length === 1, ledger.blocks(N)]).toEqual([isOverruled, isOverruled]);
    }
  });

  it('is overruled by a sweep that began more than lagGrace after it was applied here', () => {
    const grace = LEDGER.lagGraceMs;
    for (const [began, isOverruled] of [
      [5 * MINUTE, false],
      [7 * MINUTE + grace, false],
      [7 * MINUTE + grace + 1, true],
    ] as const) {
      const ledger = listed();
      ledger.merge(N, provenIn(0, { sweep: 1 }), 7 * MINUTE);
      sweep(ledger, 2, [N], { began });
      expect(ledger.blocks(N)).toBe(isOverruled);
      // A further act, which knows of that sweep, releases the number again.
      ledger.merge(N, provenIn(1, { sweep: 2 }), began + 1);
      expect(ledger.blocks(N)).toBe(false);
    }
  });

  it('is not overruled by rows of sweeps that it knew of', () => {
    const ledger = listed();
    const run = begin(ledger, 2, 100 * HOUR);
    ledger.merge(N, provenIn(0, { sweep: 2 }), 0);
    run.page(columnsOf([{ kind: 'out', msisdn: N }]));
    finish(run);
    expect(ledger.blocks(N)).toBe(false);
  });

  it('is overruled after a restart by any later sweep, because the time of its application is not known', () => {
    for (const [number, isOverruled] of [
      [1, false],
      [2, true],
    ] as const) {
      const ledger = createLedger(LEDGER);
      ledger.restore(snapshot(number, [N]), [{ msisdn: N, sweep: number, date: null }]);
      ledger.merge(N, provenIn(0, { sweep: 1 }));
      expect(ledger.blocks(N)).toBe(isOverruled);
    }
  });

  it.each<[string, { number: number; listed: string[]; missing: string[] }, boolean]>([
    ['a later sweep listed it', { number: 2, listed: [N], missing: [] }, true],
    ['only the sweep that the act knew of listed it', { number: 1, listed: [N], missing: [] }, false],
    ['a later sweep lacked it once', { number: 2, listed: [N], missing: [N] }, false],
    ['a later sweep lacked it twice', { number: 2, listed: [], missing: [] }, false],
  ])(
    'is overruled after a restart without rows only if a later sweep listed the number: %s',
    (_name, saved, isOverruled) => {
      // An act that comes after the restored sweep finds no row. The number stays blocked until the next sweep, also
      // if the restored sweep lacked it.
      for (const isEvidenceFirst of saved.missing.length > 0 ? [true] : [true, false]) {
        const ledger = createLedger(LEDGER);
        const { number, listed: numbers, missing } = saved;
        const merge = () => void ledger.merge(N, provenIn(0, { sweep: 1 }));
        if (isEvidenceFirst) merge();
        ledger.restore(snapshot(number, numbers, { missingOnce: createNumberSet(missing) }), []);
        if (!isEvidenceFirst) merge();
        expect(ledger.blocks(N)).toBe(isOverruled);
      }
    },
  );

  it('stays overruled after a restart when it gets a position in a new log', () => {
    const ledger = createLedger(LEDGER);
    const act = provenIn(0, { sweep: 1 });
    ledger.merge(N, act);
    ledger.restore(snapshot(2, [N]), [{ msisdn: N, sweep: 2, date: null }]);
    expect(ledger.blocks(N)).toBe(true);
    expect(ledger.merge(N, { ...act, positions: [at(9, 'log 2'), at(1)] }, HOUR)).toBe(false);
    expect(ledger.evidence(N)).toEqual([{ ...act, positions: [at(9, 'log 2'), at(1)] }]);
    expect(ledger.blocks(N)).toBe(true);
    sweep(ledger, 3, [N], { began: HOUR + MINUTE });
    expect(ledger.blocks(N)).toBe(true);
  });

  it('is assumed to be overruled until the next row if a sweep has begun that it did not know of', () => {
    const ledger = listed();
    sweep(ledger, 2, [N]);
    ledger.merge(N, provenIn(0, { sweep: 1 }), 3 * MINUTE);
    expect(ledger.blocks(N)).toBe(true);
    // The next row shows only that the list lags.
    sweep(ledger, 3, [N], { began: 4 * MINUTE });
    expect(ledger.blocks(N)).toBe(false);
  });

  it('is not assumed to be overruled if the last complete sweep lacked the number', () => {
    const ledger = listed();
    sweep(ledger, 2, []);
    ledger.merge(N, provenIn(0, { sweep: 1 }), 3 * MINUTE);
    expect(ledger.blocks(N)).toBe(false);
  });

  it('is overruled after a restart by the last complete sweep, although its row was not saved', () => {
    for (const [missing, isOverruled] of [
      [[], true],
      [[N], false],
    ] as const) {
      const before = listed();
      before.merge(N, outAct(1), 0);
      sweep(before, 2, [N]);
      before.save().done('kept');
      sweep(before, 3, [N]);
      // A row that says nothing new is not saved.
      const { rows } = before.save();
      expect(rows).toEqual([]);
      const ledger = createLedger(LEDGER);
      ledger.merge(N, outAct(1));
      ledger.merge(N, provenIn(1, { sweep: 2 }));
      ledger.restore(snapshot(3, [N], { missingOnce: createNumberSet(missing) }), [
        { msisdn: N, sweep: 2, date: null },
      ]);
      expect(ledger.blocks(N)).toBe(isOverruled);
    }
  });

  it('stays overruled by an assumed row when a saved sweep is restored', () => {
    const ledger = listed();
    sweep(ledger, 2, [N]);
    ledger.merge(N, provenIn(0, { sweep: 1 }), 3 * MINUTE);
    ledger.restore(snapshot(3, [N]), []);
    expect(ledger.blocks(N)).toBe(true);
  });

  it('raises the number of the newest sweep, as rows of incomplete sweeps do', () => {
    const ledger = createLedger(LEDGER);
    ledger.merge(N, provenIn(0, { sweep: 5 }));
    expect(ledger.lastBegun).toBe(5);
    ledger.restore(snapshot(3, [N]), [{ msisdn: N, sweep: 7, date: null }]);
    expect([ledger.lastBegun, ledger.lastNumber]).toEqual([7, 3]);
  });

  it('is weighed on its own: two overruled acts do not release a number together', () => {
    const ledger = listed();
    ledger.merge(N, provenIn(0, { sweep: 9, optInDate: T }), 0);
    ledger.merge(N, provenIn(1, { sweep: 1, optInDate: T + HOUR }), 0);
    // The date overrules the first act, and the sweep overrules the second one.
    sweep(ledger, 5, [{ kind: 'out', msisdn: N, date: T + MINUTE }], { began: 100 * HOUR });
    expect(ledger.blocks(N)).toBe(true);
  });
});

describe('rows of one sweep that contradict each other', () => {
  const out = (date?: number) => ({ kind: 'out', msisdn: N, date }) as const;
  const optIn = (date?: number) => ({ kind: 'in', msisdn: N, date }) as const;

  it.each([
    ['out, later in', [[out(T), optIn(T + 1)]], false],
    ['later in, out', [[optIn(T + 1), out(T)]], false],
    ['out, in of the same second', [[out(T), optIn(T)]], true],
    ['out, earlier in', [[out(T), optIn(T - 1)]], true],
    ['out without a date, in', [[out(), optIn(T + 1)]], true],
    ['out, in without a date', [[out(T), optIn()]], true],
    ['two outs around an in', [[out(T - 1), optIn(T), out(T + 1)]], true],
    ['later in on the page before', [[optIn(T + 1)], [out(T)]], false],
    ['earlier in on the page before', [[optIn(T - 1)], [out(T)]], true],
    // The date of the first row was not kept: the next sweep settles the contradiction.
    ['later in on the next page', [[out(T)], [optIn(T + 1)]], false],
  ])('are settled by their dates and stay settled: %s', (_name, pages, isBlocked) => {
    const ledger = createLedger(LEDGER);
    for (let number = 1; number < 7; number++) {
      const run = begin(ledger, number);
      for (const page of pages) run.page(columnsOf(page));
      finish(run);
      // After the first sweeps the answer never changes again.
      if (number > 3) expect(ledger.blocks(N)).toBe(isBlocked);
    }
    // The number is listed when the opt-in's row is gone.
    sweep(ledger, 7, [out(T)]);
    expect(ledger.blocks(N)).toBe(true);
  });

  it('block until the sweep is complete, and after it was aborted', () => {
    const ledger = createLedger(LEDGER);
    const run = begin(ledger, 1);
    run.page(columnsOf([out(T)]));
    run.page(columnsOf([optIn(T + 1)]));
    expect(ledger.blocks(N)).toBe(true);
    run.abort();
    expect(ledger.blocks(N)).toBe(true);
  });

  it('count as one number that the sweep has seen', () => {
    const run = begin(createLedger(LEDGER), 1);
    expect(run.page(columnsOf([out(T), optIn(T - 1)])).fresh).toBe(1);
    expect([run.page(columnsOf([optIn(T + 1)])).fresh, run.distinct]).toEqual([0, 1]);
  });
});

describe('removals that a list trusts', () => {
  const trusting = { ...LEDGER, trustProviderRemoval: true };
  const merged = (ledger: Ledger, effect: ReturnType<typeof sweep>) => {
    if (effect.status === 'committed')
      for (const { msisdn, evidence: one } of effect.optIns) ledger.merge(msisdn, one);
  };

  function story(list: typeof LEDGER, { listedAt, basis = 5 }: { listedAt: number; basis?: number }) {
    const ledger = createLedger(list);
    sweep(ledger, 1, [], { began: 0 });
    ledger.merge(N, told('out', T, 5), HOUR);
    sweep(ledger, 2, [N], { began: listedAt, basis: 5 });
    merged(ledger, sweep(ledger, 3, [], { began: listedAt + HOUR, basis }));
    merged(ledger, sweep(ledger, 4, [], { began: listedAt + 2 * HOUR, basis: 9 }));
    return ledger;
  }

  it('release a number that a sweep listed long enough after its opt-out', () => {
    const after = HOUR + LEDGER.lagGraceMs + 1;
    expect(story(trusting, { listedAt: after }).blocks(N)).toBe(false);
    expect(story(trusting, { listedAt: after - 1 }).blocks(N)).toBe(true);
    expect(story(LEDGER, { listedAt: after }).blocks(N)).toBe(true);
  });

  it('beat only opt-outs that the first of the two sweeps had seen', () => {
    expect(story(trusting, { listedAt: 3 * HOUR, basis: 4 }).blocks(N)).toBe(true);
    const ledger = story(trusting, { listedAt: 3 * HOUR });
    expect(ledger.blocks(N)).toBe(false);
    ledger.merge(N, told('out', T - HOUR, 6), 9 * HOUR);
    expect(ledger.blocks(N)).toBe(true);
  });

  it('wait for a sweep of this process whose basis is known', () => {
    const ledger = createLedger(trusting);
    sweep(ledger, 1, [], { began: 0 });
    ledger.merge(N, told('out', T, 5), 0);
    sweep(ledger, 2, [N], { began: HOUR, basis: 5 });
    sweep(ledger, 3, [], { began: 2 * HOUR });
    expect(sweep(ledger, 4, [], { began: 3 * HOUR, basis: 5 })).toMatchObject({ optIns: [], removed: 0 });
    expect(sweep(ledger, 5, [], { began: 4 * HOUR, basis: 5 })).toMatchObject({ optIns: [{ msisdn: N }] });
  });

  it.each([
    ['was never listed', []],
    ['was listed only before its opt-out', [N]],
  ])('do not release a number that %s', (_name, before) => {
    const ledger = createLedger(trusting);
    sweep(ledger, 1, before, { began: 0, basis: 0 });
    ledger.merge(N, outAct(1), 10 * HOUR);
    for (const number of [2, 3, 4]) {
      expect(sweep(ledger, number, [], { began: number * 20 * HOUR, basis: 1 })).toMatchObject({
        optIns: [],
      });
    }
    expect(ledger.blocks(N)).toBe(true);
  });

  it('do not release a number with a loaded opt-out that only the first sweep listed', () => {
    const ledger = createLedger(trusting);
    ledger.merge(N, told('out', T, 1));
    sweep(ledger, 1, [N], { began: 0, basis: 1 });
    for (const number of [2, 3]) sweep(ledger, number, [], { began: number * HOUR, basis: 1 });
    expect(ledger.blocks(N)).toBe(true);
  });
});

describe('a sweep that is overtaken', () => {
  const row = (msisdn: string) => ({ kind: 'out', msisdn }) as const;

  it('changes nothing after a later sweep has begun', () => {
    const ledger = createLedger(LEDGER);
    const early = begin(ledger, 1);
    const late = begin(ledger, 2);
    expect(early.page(columnsOf([row(N)]))).toMatchObject({ added: 0, fresh: 0 });
    expect(early.commit('apply').next().value).toEqual({ status: 'dropped' });
    early.abort();
    expect(late.page(columnsOf([row(N)]))).toMatchObject({ added: 1, fresh: 1 });
    expect(late.commit('apply').next().value).toMatchObject({ status: 'committed', size: 1 });
  });

  it('removes nothing if a later saved sweep is restored during its commit', () => {
    const ledger = createLedger(LEDGER);
    const numbers = many(50_000);
    sweep(ledger, 1, numbers);
    const run = begin(ledger, 2);
    run.page(columnsOf(numbers.slice(1).map(row)));
    const commit = run.commit('apply');
    expect(commit.next().done).toBe(false);
    expect(ledger.restore(snapshot(3, [N]), [])).toBe(true);
    expect(commit.next().value).toEqual({ status: 'dropped' });
    expect([ledger.listedByProvider, ledger.blocks(N)]).toEqual([50_001, true]);
  });

  it('goes on after an earlier saved sweep is restored, and keeps the numbers that it has seen', () => {
    const ledger = createLedger(LEDGER);
    const run = begin(ledger, 10);
    run.page(columnsOf([row(N)]));
    expect(ledger.restore(snapshot(1, many(5)), [])).toBe(true);
    expect(ledger.blocks(N)).toBe(true);
    run.page(columnsOf(many(5).map(row)));
    expect(run.commit('apply').next().value).toMatchObject({ status: 'committed', size: 6 });
  });

  it('is not restored if a later sweep is known', () => {
    const ledger = createLedger(LEDGER);
    expect(ledger.restore(snapshot(0, []), [])).toBe(true);
    sweep(ledger, 5, [N]);
    expect(ledger.restore(snapshot(0, []), [])).toBe(false);
    expect(ledger.restore(snapshot(4, []), [])).toBe(false);
    expect(ledger.blocks(N)).toBe(true);
  });

  it('keeps a number that a restored sweep lacks for one more sweep', () => {
    const ledger = createLedger(LEDGER);
    sweep(ledger, 1, [N]);
    expect(ledger.restore(snapshot(2, []), [])).toBe(true);
    expect(ledger.blocks(N)).toBe(true);
    expect(ledger.restore(snapshot(3, []), [])).toBe(true);
    expect(ledger.blocks(N)).toBe(false);
  });
});

describe('the evidence that is dropped', () => {
  it('includes opt-ins that nothing needs, after the replay window, and never an opt-out', () => {
    const ledger = createLedger(LEDGER);
    ledger.merge(N, inAct(1));
    ledger.merge('15550000002', outAct(1));
    ledger.merge('15550000003', inAct(1));
    sweep(ledger, 1, ['15550000003']);
    expect(ledger.prune(T)).toBe(0);
    expect(ledger.prune(T + 1)).toBe(1);
    expect(ledger.prune(T + 10_000 * HOUR)).toBe(0);
    expect(ledger.blocks('15550000002')).toBe(true);
  });

  it('includes every opt-out of a person that a stronger one replaces', () => {
    const ledger = createLedger(LEDGER);
    for (let position = 1; position < 1_000; position++) ledger.merge(N, told('out', T + position, position));
    expect(ledger.evidence(N)).toHaveLength(1);
    ledger.merge(N, inAct(998));
    expect(ledger.blocks(N)).toBe(true);
  });

  it('is all evidence of an erased person who is not blocked', () => {
    const ledger = createLedger(LEDGER);
    ledger.merge(N, told('out', T, 1));
    sweep(ledger, 1, [N]);
    for (const number of [2, 3]) sweep(ledger, number, []);
    ledger.merge(N, inAct(2));
    expect([ledger.blocks(N), ledger.firstHand]).toEqual([false, 1]);
    ledger.replace(N, []);
    expect([ledger.blocks(N), ledger.firstHand, ledger.evidence(N)]).toEqual([false, 0, []]);
  });
});

describe('a START', () => {
  it('is an answer only while it beats every opt-out by itself', () => {
    const ledger = createLedger(LEDGER);
    const start = told('in', T, 3);
    expect(ledger.isAnsweredBy(N, start)).toBe(true);
    ledger.merge(N, told('out', T - 1, 2));
    ledger.merge(N, start);
    expect(ledger.isAnsweredBy(N, start)).toBe(true);
    ledger.merge(N, outAct(1));
    ledger.merge(N, inAct(9));
    // The act lifts the operator's opt-out; the START alone does not.
    expect([ledger.blocks(N), ledger.isAnsweredBy(N, start)]).toEqual([false, false]);
  });
});
