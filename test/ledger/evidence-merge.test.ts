/** The evidence about one number that a record keeps, in any order of arrival. */

import { describe, expect, it } from 'vitest';
import type { Evidence } from '../../src/ledger/evidence.ts';
import {
  EMPTY_RECORD,
  joinListed,
  mergeEvidence,
  mergeListed,
  type Listed,
  type NumberRecord,
} from '../../src/ledger/evidence-rules.ts';
import { T, at, evidence, inAct, outAct, provenIn, told } from './evidence.ts';

const merge = (all: readonly Evidence[]) => all.reduce<NumberRecord>(mergeEvidence, EMPTY_RECORD);
const idsOf = (all: readonly Evidence[]) => all.map(({ id }) => id);

function ordersOf<Item>(all: readonly Item[]): readonly (readonly Item[])[] {
  if (all.length < 2) return [all];
  return all.flatMap((one) => ordersOf(all.filter((other) => other !== one)).map((rest) => [one, ...rest]));
}

/** Returns the ids of the kept opt-outs and opt-ins. Checks that they are the same in every order and with repeats. */
function kept(all: readonly Evidence[]): readonly (readonly string[])[] {
  const wanted = merge(all);
  for (const order of ordersOf(all)) {
    expect(merge(order)).toEqual(wanted);
    expect(merge([...order, ...order])).toEqual(wanted);
  }
  return [idsOf(wanted.outs), idsOf(wanted.ins)];
}

const stop = (id: string, time: number, position: number, change: Partial<Evidence> = {}) =>
  told('out', T + time, position, { id, ...change });
const start = (id: string, time: number, position: number) => told('in', T + time, position, { id });
const unstored = (id: string, change: Partial<Evidence> = {}) => evidence({ id, ...change });

describe('the opt-outs of a record', () => {
  const both = (log2: number, log1: number) => ({ positions: [at(log2, 'log 2'), at(log1)] });
  it.each<[string, readonly Evidence[], readonly string[]]>([
    [
      'messages: the newest by time and by position',
      [stop('a', 1, 3), stop('b', 2, 2), stop('c', 3, 1)],
      ['a', 'c'],
    ],
    ['messages: one that is the newest in both', [stop('a', 1, 1), stop('b', 2, 2), stop('c', 3, 3)], ['c']],
    [
      'rows with a date: the newest by date and by position',
      [
        stop('c', 1, 3, { kind: 'stated' }),
        stop('b', 2, 2, { kind: 'stated' }),
        stop('a', 3, 1, { kind: 'stated' }),
      ],
      ['a', 'c'],
    ],
    [
      'acts: the last by position',
      [outAct(1, { id: 'c' }), outAct(3, { id: 'b' }), outAct(2, { id: 'd' })],
      ['b'],
    ],
    [
      'acts: their time decides nothing',
      [outAct(2, { id: 'a', at: T }), outAct(1, { id: 'b', at: T + 9 }), outAct(1, { id: 'c', at: T - 9 })],
      ['a'],
    ],
    [
      'each kind on its own',
      [stop('b', 1, 1), outAct(9, { id: 'c', at: T + 9 }), stop('a', 5, 5, { kind: 'stated' })],
      ['a', 'b', 'c'],
    ],
    [
      'each log on its own: positions of two logs are not compared',
      [stop('a', 9, 9), stop('b', 1, 1, { positions: [at(1, 'log 2')] }), stop('c', 8, 8)],
      ['a', 'b'],
    ],
    [
      'opt-outs in two logs: the newest by time and in each log',
      [
        stop('a', 9, 0, both(1, 2)),
        stop('b', 1, 0, both(9, 1)),
        stop('c', 2, 0, both(2, 9)),
        stop('d', 8, 0, both(8, 8)),
      ],
      ['a', 'b', 'c'],
    ],
    [
      'stored and unstored opt-outs: each on its own',
      [stop('a', 9, 9), unstored('b', { at: T })],
      ['a', 'b'],
    ],
    [
      'messages that were not stored: the newest',
      [
        unstored('a', { at: T + 1 }),
        unstored('b', { at: T + 3, positions: [] }),
        unstored('c', { at: T + 2 }),
      ],
      ['b'],
    ],
    [
      'acts that were not stored: one, the last that was received',
      [
        unstored('a', { kind: 'act', seenAt: T + 1 }),
        unstored('b', { kind: 'act', seenAt: T + 3, positions: [] }),
        unstored('c', { kind: 'act', seenAt: T + 2, at: T + 9 }),
      ],
      ['b'],
    ],
    ['equal opt-outs: one, whatever the order', [unstored('c'), unstored('a'), unstored('b')], ['a']],
  ])('are the strongest of %s', (_name, all, ids) => {
    expect(kept(all)).toEqual([ids, []]);
  });
});

describe('the opt-ins of a record', () => {
  const basis = (position: number, log: string) => ({ basis: at(position, log) });
  const noBasis = (id: string) => evidence({ direction: 'in', kind: 'act', id });
  it.each<[string, readonly Evidence[], readonly string[]]>([
    ['messages: the newest by time', [start('a', 1, 9), start('b', 3, 1), start('c', 2, 5)], ['b']],
    ['messages and acts: each on its own', [start('b', 9, 1), inAct(5, { id: 'a' })], ['a', 'b']],
    [
      'acts: the largest basis',
      [inAct(1, { id: 'a' }), inAct(3, { id: 'b' }), inAct(2, { id: 'c', at: T + 9 })],
      ['b'],
    ],
    [
      'acts: the largest basis of each log, whatever its name',
      [
        inAct(1, { id: 'a', ...basis(1, 'log 2') }),
        inAct(9, { id: 'b' }),
        inAct(8, { id: 'c' }),
        inAct(2, { id: 'd', ...basis(2, 'log 2') }),
        inAct(7, { id: 'e', ...basis(7, 'log 0') }),
      ],
      ['b', 'd', 'e'],
    ],
    ['acts without a basis: one', [noBasis('b'), noBasis('a'), inAct(1, { id: 'c' })], ['a', 'c']],
    [
      'unproven acts, and proven acts with a larger basis',
      [inAct(3, { id: 'a' }), provenIn(5, {}, { id: 'b' })],
      ['a', 'b'],
    ],
    [
      'proven acts, and unproven acts with a larger basis',
      [inAct(5, { id: 'a' }), provenIn(3, {}, { id: 'b' })],
      ['a', 'b'],
    ],
    [
      'proven acts: the largest basis, the latest date and the latest sweep',
      [
        provenIn(5, { optInDate: T + 1, sweep: 1 }, { id: 'c' }),
        provenIn(3, { optInDate: T + 3, sweep: 2 }, { id: 'b' }),
        provenIn(2, { optInDate: T + 2, sweep: 3 }, { id: 'a' }),
        provenIn(4, { optInDate: T, sweep: 0 }, { id: 'd' }),
        inAct(9, { id: 'e' }),
      ],
      ['a', 'b', 'c', 'e'],
    ],
    [
      'proven acts: one without a date is before any other',
      [
        provenIn(5, { optInDate: null, sweep: 5 }, { id: 'b' }),
        provenIn(4, { optInDate: T - 1 }, { id: 'c' }),
        provenIn(3, { optInDate: null }, { id: 'a' }),
        provenIn(2, { optInDate: T }, { id: 'd' }),
      ],
      ['b', 'd'],
    ],
    [
      'equal proven acts: one, whatever the order',
      [provenIn(1, {}, { id: 'b' }), provenIn(1, {}, { id: 'c' }), provenIn(1, {}, { id: 'a' })],
      ['a'],
    ],
  ])('are the strongest of %s', (_name, all, ids) => {
    expect(kept(all)).toEqual([[], ids]);
  });
});

describe('evidence that changes nothing or little', () => {
  const recorded = () =>
    merge([stop('a', 5, 5), stop('b', 1, 9), outAct(7, { id: 'c' }), inAct(5, { id: 'd' }), unstored('e')]);
  it.each<[string, Evidence]>([
    ['an opt-out that proves nothing', stop('x', 99, 99, { proves: false })],
    ['an opt-in that proves nothing', inAct(99, { proves: false })],
    ['a weaker opt-out', stop('x', 4, 4)],
    ['a weaker opt-in', inAct(4, { id: 'x' })],
    ['a copy of what was stored', stop('a', 5, 5)],
    ['a copy of what was not stored', unstored('e')],
    ['a copy that was stored later', stop('a', 99, 6)],
    ['a copy that was not stored', { ...stop('a', 99, 0), positions: [] }],
  ])('leaves the same record: %s', (_name, one) => {
    const record = recorded();
    expect(mergeEvidence(record, one)).toBe(record);
  });

  it('leaves the empty record if nothing was known', () => {
    expect(mergeEvidence(undefined, stop('a', 1, 1, { proves: false }))).toBe(EMPTY_RECORD);
    expect(mergeEvidence(undefined, stop('a', 1, 1)).outs).toEqual([stop('a', 1, 1)]);
  });

  it('leaves the other direction and the rows as they are', () => {
    const listed = { sweep: 1, date: null };
    const record = recorded();
    const { outs, ins } = record;
    const more = mergeEvidence({ ...record, listed }, outAct(8, { id: 'f', seenAt: T + 1 }));
    expect([more.ins, more.listed, idsOf(more.outs)]).toEqual([ins, listed, ['a', 'b', 'e', 'f']]);
    const released = mergeEvidence({ ...record, listed }, inAct(8, { id: 'g' }));
    expect([released.outs, released.listed, idsOf(released.ins)]).toEqual([outs, listed, ['g']]);
  });
});

describe('two copies of one piece of evidence', () => {
  const two = (position: number) => at(position, 'log 2');
  const stopAt = (time: number, positions?: Evidence['positions']) =>
    evidence({ id: 'a', at: T + time, ...(positions && { positions }) });
  const startAt = (time: number, positions?: Evidence['positions']) => ({
    ...stopAt(time, positions),
    direction: 'in' as const,
  });
  it.each<[string, Evidence, Evidence, Evidence]>([
    ['the copy that was stored counts', stopAt(1, [at(3)]), stopAt(9), stopAt(1, [at(3)])],
    ['the copy of an opt-in that was stored counts', startAt(9, [at(3)]), startAt(1), startAt(9, [at(3)])],
    ['the copy that was stored first counts', stopAt(1, [at(3)]), stopAt(9, [at(4)]), stopAt(1, [at(3)])],
    [
      'the copy of an opt-in that was stored first counts',
      startAt(9, [at(3)]),
      startAt(1, [at(4)]),
      startAt(9, [at(3)]),
    ],
    [
      'the copy that was stored first counts, with the positions of the other in further logs',
      ...[stopAt(1, [at(3)]), stopAt(9, [two(9), at(7)]), stopAt(1, [two(9), at(3)])],
    ] as [string, Evidence, Evidence, Evidence],
    [
      'the copy in more logs counts',
      stopAt(1, [two(5), at(3)]),
      stopAt(9, [at(3)]),
      stopAt(1, [two(5), at(3)]),
    ],
    [
      'of opt-outs in two logs the later one counts, because it blocks more',
      stopAt(1, [two(5)]),
      stopAt(9, [at(7)]),
      stopAt(9, [two(5), at(7)]),
    ],
    [
      'of opt-ins in two logs the earlier one counts',
      startAt(1, [two(5)]),
      startAt(9, [at(7)]),
      startAt(1, [two(5), at(7)]),
    ],
    ['of opt-outs that were not stored the later one counts', stopAt(1), stopAt(9), stopAt(9)],
    ['of opt-ins that were not stored the earlier one counts', startAt(1), startAt(9, []), startAt(1)],
  ])('are joined into one: %s', (_name, one, other, joined) => {
    for (const order of [
      [one, other],
      [other, one],
      [other, one, other],
    ]) {
      const { outs, ins } = merge(order);
      expect([...outs, ...ins]).toEqual([joined]);
    }
  });

  it('leave other evidence beside them', () => {
    const record = merge([stopAt(9), stop('b', 1, 1), stopAt(2, [at(2)])]);
    expect(record.outs).toEqual([stopAt(2, [at(2)])]);
    expect(idsOf(merge([stopAt(9), stop('b', 5, 1), stopAt(2, [at(2)])]).outs)).toEqual(['a', 'b']);
  });
});

describe('the rows of sweeps', () => {
  it.each<[string, Listed, Listed, Listed]>([
    ['the newest sweep', { sweep: 1, date: null }, { sweep: 2, date: null }, { sweep: 2, date: null }],
    ['a date rather than none', { sweep: 2, date: T }, { sweep: 1, date: null }, { sweep: 2, date: T }],
    ['the newest date', { sweep: 1, date: T + 1 }, { sweep: 2, date: T }, { sweep: 2, date: T + 1 }],
    ['a date before 1970', { sweep: 1, date: -5 }, { sweep: 1, date: -9 }, { sweep: 1, date: -5 }],
    [
      'a date before 1970 rather than none',
      { sweep: 1, date: -5 },
      { sweep: 1, date: null },
      { sweep: 1, date: -5 },
    ],
    [
      'the first instant of 1970 rather than none',
      { sweep: 1, date: 0 },
      { sweep: 1, date: null },
      { sweep: 1, date: 0 },
    ],
  ])('are joined to the newest: %s', (_name, a, b, joined) => {
    const record = merge([stop('a', 1, 1)]);
    for (const [one, other] of [
      [a, b],
      [b, a],
    ] as const) {
      expect(joinListed(one, other)).toEqual(joined);
      expect(mergeListed(mergeListed(record, one), other)).toEqual({ ...record, listed: joined });
    }
  });

  it.each<[string, Listed, Listed]>([
    ['a row of a later sweep', { sweep: 6, date: T }, { sweep: 6, date: T }],
    ['a row of the same sweep', { sweep: 5, date: T }, { sweep: 5, date: T }],
    ['no row of an older sweep', { sweep: 4, date: T }, { sweep: 5, date: T, isAssumed: true }],
  ])('replace an assumed row: %s', (_name, listed, expected) => {
    const record = {
      ...merge([stop('a', 1, 1)]),
      listed: { sweep: 5, date: null, isAssumed: true as const },
    };
    expect(mergeListed(record, listed)).toEqual({ ...record, listed: expected });
  });

  it('are kept as they are if there were none before', () => {
    const listed: Listed = { sweep: 5, date: null, isAssumed: true };
    const record = merge([inAct(1, { id: 'a' })]);
    expect(mergeListed(record, listed)).toEqual({ ...record, listed });
  });
});

describe('evidence of an unknown kind', () => {
  const unknown = (known: Evidence) => ({ ...known, kind: 'hearsay' }) as unknown as Evidence;

  it('is kept as an act if it is an opt-out', () => {
    const given = stop('a', 1, 1);
    const act = { ...given, kind: 'act' as const };
    expect(mergeEvidence(EMPTY_RECORD, unknown(given)).outs).toEqual([act]);
    expect(merge([unknown(given), start('b', 2, 2)]).outs).toEqual([act]);
  });

  it('is not kept if it is an opt-in', () => {
    const record = merge([stop('a', 1, 1)]);
    expect(mergeEvidence(record, unknown(provenIn(9, {}, { id: 'b' })))).toBe(record);
    expect(mergeEvidence(EMPTY_RECORD, unknown(start('b', 2, 2)))).toBe(EMPTY_RECORD);
  });
});
