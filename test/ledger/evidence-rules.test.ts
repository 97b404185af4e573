/** The rules that weigh the evidence about one number, case by case. */

import { describe, expect, it } from 'vitest';
import { LATEST_TIME, type Evidence } from '../../src/ledger/evidence.ts';
import {
  EMPTY_RECORD,
  NOTHING_OBSERVED,
  evidenceOf,
  firstHandVerdict,
  isListedAfter,
  lastOptInSeenAt,
  sinceOf,
  soleOptOutOf,
  standingOptOut,
  standingOptOuts,
  type Listed,
  type NumberRecord,
  type Observed,
} from '../../src/ledger/evidence-rules.ts';
import { HOUR, LEDGER, MINUTE, T, at, evidence, inAct, outAct, provenIn, told } from './evidence.ts';

const recordOf = (
  outs: readonly Evidence[],
  ins: readonly Evidence[] = [],
  listed?: Listed,
): NumberRecord => ({
  ...{ outs, ins, listed },
});
const stated = (time: number, position: number) => told('out', time, position, { kind: 'stated' });
const noBasis = evidence({ direction: 'in', kind: 'act' });

describe('an opt-out', () => {
  it.each<[string, readonly Evidence[], readonly Evidence[], 'stands' | 'is answered']>([
    ['of nobody who came back', [told('out', T, 1)], [], 'stands'],
    ['told, against a later message', [told('out', T, 9)], [told('in', T + 1, 1)], 'is answered'],
    ['told, against a message of the same time', [told('out', T, 1)], [told('in', T, 2)], 'stands'],
    ['told without a date, against a message', [told('out', LATEST_TIME, 1)], [told('in', T, 2)], 'stands'],
    [
      'stated, beyond the slack before a message',
      [stated(T, 1)],
      [told('in', T + MINUTE + 1, 2)],
      'is answered',
    ],
    ['stated, within the slack before a message', [stated(T, 1)], [told('in', T + MINUTE, 2)], 'stands'],
    ['that is an act, against any message', [outAct(1, { at: T })], [told('in', T + HOUR, 9)], 'stands'],
    ['told, that an act had seen', [told('out', T, 5)], [inAct(5)], 'is answered'],
    ['told, that an act had not seen', [told('out', T, 6)], [inAct(5, { at: T + HOUR })], 'stands'],
    ['stated, that an act had seen', [stated(T, 5)], [inAct(5)], 'is answered'],
    ['stated, that an act had not seen', [stated(T, 6)], [inAct(5)], 'stands'],
    ['that is an act, that an act had seen', [outAct(5)], [inAct(5)], 'is answered'],
    ['that is an act, that an act had not seen', [outAct(6)], [inAct(5)], 'stands'],
    ['against an act without a basis', [outAct(1)], [noBasis], 'stands'],
    ['that was never stored, against an act', [evidence({ kind: 'act' })], [inAct(5)], 'stands'],
    ['of another log, against an act', [outAct(1, { positions: [at(1, 'log 0')] })], [inAct(5)], 'stands'],
    [
      'that was carried over, against an act of the log it comes from',
      ...[[outAct(0, { positions: [at(9, 'log 2'), at(5)] })], [inAct(5)], 'is answered' as const],
    ] as [string, Evidence[], Evidence[], 'is answered'],
    [
      'told, of which a message answers only one',
      [told('out', T, 1), told('out', T + 9, 2)],
      [told('in', T + 5, 3)],
      'stands',
    ],
    ['of which an act had seen only one', [outAct(4), outAct(6)], [inAct(5)], 'stands'],
    [
      'of which each is answered by another act',
      [outAct(5), outAct(0, { positions: [at(1, 'log 2')] })],
      [inAct(5), inAct(0, { basis: at(1, 'log 2') })],
      'stands',
    ],
    [
      'that one of several opt-ins answers',
      [outAct(5)],
      [inAct(4), told('in', T + HOUR, 9), inAct(5)],
      'is answered',
    ],
  ])('%s', (_name, outs, ins, result) => {
    expect(standingOptOuts(recordOf(outs, ins), LEDGER)).toEqual(result === 'stands' ? outs : []);
    expect(firstHandVerdict(recordOf(outs, ins), LEDGER)).toBe(result === 'stands' ? true : undefined);
  });

  it('of each kind is answered on its own', () => {
    const [message, row, act] = [told('out', T, 7), stated(T, 8), outAct(2)];
    const standing = (...ins: readonly Evidence[]) =>
      standingOptOuts(recordOf([act, message, row], ins), LEDGER);
    expect(standing()).toEqual([message, row, act]);
    expect(standing(told('in', T + 1, 9))).toEqual([row, act]);
    expect(standing(told('in', T + HOUR, 9))).toEqual([act]);
    expect(standing(inAct(2))).toEqual([message, row]);
    expect(standing(inAct(7))).toEqual([row]);
    expect(standing(inAct(2), told('in', T + HOUR, 9))).toEqual([]);
  });
});

describe('the opt-out that is shown', () => {
  const act = (id: string, positions?: Evidence['positions']) =>
    evidence({ kind: 'act', source: 'manual', ...{ id, at: T, seenAt: T }, ...(positions && { positions }) });
  const shownAs = (source: Evidence['source']) => ({ source, since: T });

  it.each<[string, Evidence, Evidence]>([
    ['has the largest position', act('b', [at(2)]), act('a', [at(1)])],
    [
      'has the largest position, whatever its time',
      act('b', [at(2)]),
      { ...act('a', [at(1)]), at: T + 9, seenAt: T + 9 },
    ],
    ['stands in the newest log', act('b', [at(1, 'log 2')]), act('a', [at(9)])],
    [
      'stands in the newest log, also if it was carried over',
      act('b', [at(1, 'log 2'), at(1)]),
      act('a', [at(9)]),
    ],
    ['is not stored yet', act('b'), act('a', [at(9)])],
    ['is in no log', act('b', []), act('a', [at(9)])],
    ['has the smaller id, of two that are not stored yet', act('a'), act('b')],
    ['has the smaller id, of two at one position', act('a', [at(3)]), act('b', [at(3)])],
  ])('%s', (_name, shown, other) => {
    const outs = [{ ...shown, source: 'receipt' as const }, other];
    expect(standingOptOut(recordOf(outs), LEDGER)).toEqual(shownAs('receipt'));
    expect(standingOptOut(recordOf(outs.toReversed()), LEDGER)).toEqual(shownAs('receipt'));
  });

  it('is one that holds, and none where all are answered', () => {
    const outs = [outAct(5, { at: T }), told('out', T, 7)];
    expect(standingOptOut(recordOf(outs), LEDGER)).toEqual(shownAs('inbound'));
    expect(standingOptOut(recordOf(outs, [told('in', T + 1, 9)]), LEDGER)).toEqual(shownAs('manual'));
    expect(standingOptOut(recordOf(outs, [inAct(7)]), LEDGER)).toBeUndefined();
    expect(standingOptOut(EMPTY_RECORD, LEDGER)).toBeUndefined();
  });

  it.each([
    ['the time of the provider', T - HOUR, T - HOUR],
    ['that also where it is when we received it', T, T],
    ['when we received it, where the time of the provider is later', T + 1, T],
    ['when we received it, where it has no date', LATEST_TIME, T],
  ])('is since %s', (_name, time, since) => {
    expect(sinceOf({ at: time, seenAt: T })).toBe(since);
    expect(standingOptOut(recordOf([told('out', time, 1)]), LEDGER)).toEqual({ source: 'inbound', since });
  });
});

/** Applied here at minute 100; the sweep that lists the number began at that minute. */
const BEGAN = 100 * MINUTE;
const observed = (began: number): Observed => ({ appliedAt: new Map([['own', BEGAN]]), listedBegan: began });
const IN_GRACE = observed(BEGAN + LEDGER.lagGraceMs);
const AFTER_GRACE = observed(BEGAN + LEDGER.lagGraceMs + 1);

describe('first-hand evidence', () => {
  it('says nothing where there is none, and blocks where an opt-out stands', () => {
    expect(firstHandVerdict(EMPTY_RECORD, LEDGER)).toBeUndefined();
    expect(firstHandVerdict(recordOf([outAct(1)], [provenIn(0)]), LEDGER)).toBe(true);
    expect(firstHandVerdict(recordOf([outAct(1)], [provenIn(1)]), LEDGER)).toBe(false);
  });

  it('leaves it to the list of the provider unless an act is proven', () => {
    for (const optIn of [inAct(1), told('in', T + HOUR, 2), noBasis]) {
      expect(firstHandVerdict(recordOf([], [optIn]), LEDGER)).toBeUndefined();
      expect(firstHandVerdict(recordOf([], [optIn], { sweep: 1, date: T }), LEDGER)).toBeUndefined();
    }
  });

  const listed = (sweep: number, date: number | null = null): Listed => ({ sweep, date });
  const assumed = (sweep: number): Listed => ({ sweep, date: null, isAssumed: true });
  it.each<[string, number | null, Listed | undefined, Observed | undefined, 'releases' | 'is outweighed']>([
    ['while nothing is listed', null, undefined, undefined, 'releases'],
    ['listed by the sweep of then', null, listed(5), undefined, 'releases'],
    ['listed by an earlier sweep', null, listed(4), AFTER_GRACE, 'releases'],
    ['listed later, when it was loaded', null, listed(6), undefined, 'is outweighed'],
    ['listed by a sweep that began within the grace', null, listed(6), IN_GRACE, 'releases'],
    ['listed by a sweep that began after the grace', null, listed(6), AFTER_GRACE, 'is outweighed'],
    [
      'listed by a sweep of which nobody knows when it began',
      null,
      listed(6),
      observed(-Infinity),
      'releases',
    ],
    ['listed with a later date than it', T, listed(5, T + 1), IN_GRACE, 'is outweighed'],
    ['listed earlier, with a later date', T, listed(4, T + 1), undefined, 'is outweighed'],
    ['listed with its own date', T, listed(5, T), undefined, 'releases'],
    ['listed with an earlier date', T, listed(5, T - 1), undefined, 'releases'],
    ['listed without a date', T, listed(5), undefined, 'releases'],
    ['listed with a date where it has none', null, listed(5, T), undefined, 'releases'],
    ['listed later, with an earlier date', T, listed(6, T - 1), AFTER_GRACE, 'is outweighed'],
    ['assumed to be listed later', null, assumed(6), IN_GRACE, 'is outweighed'],
    ['assumed to be listed by the sweep of then', null, assumed(5), IN_GRACE, 'releases'],
  ])('that is proven, %s', (_name, optInDate, list, seen, result) => {
    const optIn = provenIn(1, { optInDate, sweep: 5 }, { id: 'own' });
    const verdict = (ins: readonly Evidence[]) => firstHandVerdict(recordOf([], ins, list), LEDGER, seen);
    expect(verdict([optIn])).toBe(result === 'releases' ? false : undefined);
    expect(verdict([inAct(1), optIn, told('in', T, 1)])).toBe(result === 'releases' ? false : undefined);
    // What another process applied, or this one before a restart, is not known to be recent.
    if (seen)
      expect(verdict([{ ...optIn, id: 'other' }])).toBe(
        list && list.sweep > 5 ? undefined : verdict([optIn]),
      );
  });

  it('releases where one of several proven acts is not outweighed', () => {
    const [older, newer] = [
      provenIn(1, { optInDate: T, sweep: 5 }),
      provenIn(2, { optInDate: T + 2, sweep: 6 }),
    ];
    const verdict = (list: Listed) => firstHandVerdict(recordOf([], [older, newer], list), LEDGER);
    expect([verdict(listed(6, T + 1)), verdict(listed(7, T + 1)), verdict(listed(6, T + 3))]).toEqual([
      false,
      undefined,
      undefined,
    ]);
  });
});

describe('a START', () => {
  it.each<[string, number | undefined, Listed | undefined, Observed, boolean]>([
    ['that nothing lists', 5, undefined, NOTHING_OBSERVED, false],
    ['before a row', 5, { sweep: 4, date: T + 1 }, IN_GRACE, true],
    ['at the time of a row', 5, { sweep: 4, date: T }, IN_GRACE, true],
    ['after a row', 5, { sweep: 6, date: T - 1 }, AFTER_GRACE, false],
    ['of which the sweep is not known', undefined, { sweep: 1, date: null }, IN_GRACE, true],
    ['listed by an earlier sweep', 5, { sweep: 4, date: null }, AFTER_GRACE, false],
    ['listed by the sweep of then', 5, { sweep: 5, date: null }, AFTER_GRACE, false],
    ['listed by a sweep within the grace', 5, { sweep: 6, date: null }, IN_GRACE, false],
    ['listed by a sweep after the grace', 5, { sweep: 6, date: null }, AFTER_GRACE, true],
    ['listed by a later sweep, when it was loaded', 5, { sweep: 6, date: null }, NOTHING_OBSERVED, true],
    [
      'listed by a sweep of which nobody knows when it began',
      ...[5, { sweep: 6, date: null }, { ...IN_GRACE, listedBegan: NOTHING_OBSERVED.listedBegan }, false],
    ] as [string, number, Listed, Observed, boolean],
  ])('%s', (_name, sweep, listed, seen, isAfter) => {
    const message = told('in', T, 1, { id: 'own', ...(sweep !== undefined && { sweep }) });
    expect(isListedAfter(message, listed, seen, LEDGER)).toBe(isAfter);
  });
});

describe('a record', () => {
  const [out, optIn] = [outAct(1), inAct(2)];

  it.each<[string, NumberRecord, Evidence | undefined]>([
    ['of nothing', EMPTY_RECORD, undefined],
    ['of one opt-out', recordOf([out]), out],
    ['of one opt-out that is listed too', recordOf([out], [], { sweep: 1, date: null }), out],
    ['of two', recordOf([out, outAct(2)]), undefined],
    ['of one and an opt-in', recordOf([out], [optIn]), undefined],
    ['of an opt-in', recordOf([], [optIn]), undefined],
  ])('%s: the opt-out that is all there is', (_name, record, sole) => {
    expect(soleOptOutOf(record)).toBe(sole);
  });

  it('gives all evidence that it keeps', () => {
    expect(evidenceOf(EMPTY_RECORD)).toEqual([]);
    expect(new Set(evidenceOf(recordOf([out], [optIn, noBasis])))).toEqual(new Set([out, optIn, noBasis]));
  });

  it('knows when the newest opt-in was received', () => {
    const ins = [
      inAct(1, { seenAt: T + 1 }),
      inAct(2, { seenAt: T + 3, at: T }),
      inAct(3, { seenAt: T + 2, at: T + 9 }),
    ];
    expect(lastOptInSeenAt(recordOf([outAct(1, { seenAt: T + 9 })], ins))).toBe(T + 3);
    expect(lastOptInSeenAt(recordOf([out]))).toBe(-Infinity);
  });
});
