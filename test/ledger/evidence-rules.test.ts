/** The rules that weigh the evidence about one number, case by case. */

import { describe, expect, it } from 'vitest';
import { LATEST_TIME, type Evidence } from '../../src/ledger/evidence.ts';
import {
  EMPTY_RECORD,
  NOTHING_OBSERVED,
  evidenceOf,
  isBlockedByEvidence,
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
  it.each<[string, readonly Evidence[], readonly Evidence[], 'stands' | 'is beaten']>([
    ['against no opt-in', [told('out', T, 1)], [], 'stands'],
    ['told, against a later message', [told('out', T, 9)], [told('in', T + 1, 1)], 'is beaten'],
    ['told, against a message of the same time', [told('out', T, 1)], [told('in', T, 2)], 'stands'],
    ['told without a date, against a message', [told('out', LATEST_TIME, 1)], [told('in', T, 2)], 'stands'],
    [
      'stated, against a message that is later by more than the slack',
      [stated(T, 1)],
      [told('in', T + MINUTE + 1, 2)],
      'is beaten',
    ],
    ['stated, against a message within the slack', [stated(T, 1)], [told('in', T + MINUTE, 2)], 'stands'],
    ['an act, against any message', [outAct(1, { at: T })], [told('in', T + HOUR, 9)], 'stands'],
    ['told, against an act that had seen it', [told('out', T, 5)], [inAct(5)], 'is beaten'],
    [
      'told, against an act that had not seen it',
      [told('out', T, 6)],
      [inAct(5, { at: T + HOUR })],
      'stands',
    ],
    ['stated, against an act that had seen it', [stated(T, 5)], [inAct(5)], 'is beaten'],
    ['stated, against an act that had not seen it', [stated(T, 6)], [inAct(5)], 'stands'],
    ['an act, against an act that had seen it', [outAct(5)], [inAct(5)], 'is beaten'],
    ['an act, against an act that had not seen it', [outAct(6)], [inAct(5)], 'stands'],
    ['an act, against an act without a basis', [outAct(1)], [noBasis], 'stands'],
    ['never stored, against an act', [evidence({ kind: 'act' })], [inAct(5)], 'stands'],
    [
      'stored in another log, against an act',
      [outAct(1, { positions: [at(1, 'log 0')] })],
      [inAct(5)],
      'stands',
    ],
    [
      'carried over, against an act of the log it comes from',
      ...[[outAct(0, { positions: [at(9, 'log 2'), at(5)] })], [inAct(5)], 'is beaten' as const],
    ] as [string, Evidence[], Evidence[], 'is beaten'],
    [
      'one of two told, against a message that is later than only the other',
      [told('out', T, 1), told('out', T + 9, 2)],
      [told('in', T + 5, 3)],
      'stands',
    ],
    [
      'one of two acts, against an act that had seen only the other',
      [outAct(4), outAct(6)],
      [inAct(5)],
      'stands',
    ],
    [
      'two acts of two logs, against one act in each log',
      [outAct(5), outAct(0, { positions: [at(1, 'log 2')] })],
      [inAct(5), inAct(0, { basis: at(1, 'log 2') })],
      'stands',
    ],
    [
      'an act, against several opt-ins one of which beats it',
      [outAct(5)],
      [inAct(4), told('in', T + HOUR, 9), inAct(5)],
      'is beaten',
    ],
  ])('stands unless an opt-in beats it: %s', (_name, outs, ins, result) => {
    expect(standingOptOuts(recordOf(outs, ins), LEDGER)).toEqual(result === 'stands' ? outs : []);
    expect(isBlockedByEvidence(recordOf(outs, ins), LEDGER)).toBe(result === 'stands' ? true : undefined);
  });

  it('is weighed with the others of its kind only', () => {
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

describe('the opt-out that is reported', () => {
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

  it('is one that stands, and none if all are beaten', () => {
    const outs = [outAct(5, { at: T }), told('out', T, 7)];
    expect(standingOptOut(recordOf(outs), LEDGER)).toEqual(shownAs('inbound'));
    expect(standingOptOut(recordOf(outs, [told('in', T + 1, 9)]), LEDGER)).toEqual(shownAs('manual'));
    expect(standingOptOut(recordOf(outs, [inAct(7)]), LEDGER)).toBeUndefined();
    expect(standingOptOut(EMPTY_RECORD, LEDGER)).toBeUndefined();
  });

  it.each([
    ['the time of the provider', T - HOUR, T - HOUR],
    ['the time of the provider if it is also the time of receipt', T, T],
    ['the time of receipt if the time of the provider is later', T + 1, T],
    ['the time of receipt if it has no date', LATEST_TIME, T],
  ])('counts from %s', (_name, time, since) => {
    expect(sinceOf({ at: time, seenAt: T })).toBe(since);
    expect(standingOptOut(recordOf([told('out', time, 1)]), LEDGER)).toEqual({ source: 'inbound', since });
  });
});

/** When the opt-in was applied here, by the monotonic clock. */
const APPLIED_AT = 100 * MINUTE;
const observed = (began: number): Observed => ({
  appliedAt: new Map([['own', APPLIED_AT]]),
  listedBegan: began,
});
const IN_GRACE = observed(APPLIED_AT + LEDGER.lagGraceMs);
const AFTER_GRACE = observed(APPLIED_AT + LEDGER.lagGraceMs + 1);

describe('first-hand evidence', () => {
  it('decides nothing if there is none, and blocks if an opt-out stands', () => {
    expect(isBlockedByEvidence(EMPTY_RECORD, LEDGER)).toBeUndefined();
    expect(isBlockedByEvidence(recordOf([outAct(1)], [provenIn(0)]), LEDGER)).toBe(true);
    expect(isBlockedByEvidence(recordOf([outAct(1)], [provenIn(1)]), LEDGER)).toBe(false);
  });

  it('leaves the answer to the provider’s list unless an act is proven', () => {
    for (const optIn of [inAct(1), told('in', T + HOUR, 2), noBasis]) {
      expect(isBlockedByEvidence(recordOf([], [optIn]), LEDGER)).toBeUndefined();
      expect(isBlockedByEvidence(recordOf([], [optIn], { sweep: 1, date: T }), LEDGER)).toBeUndefined();
    }
  });

  const listed = (sweep: number, date: number | null = null): Listed => ({ sweep, date });
  const assumed = (sweep: number): Listed => ({ sweep, date: null, isAssumed: true });
  it.each<[string, number | null, Listed | undefined, Observed | undefined, 'releases' | 'does not release']>(
    [
      ['not listed', null, undefined, undefined, 'releases'],
      ['listed by the sweep that the act knew of', null, listed(5), undefined, 'releases'],
      ['listed by an earlier sweep', null, listed(4), AFTER_GRACE, 'releases'],
      ['listed by a later sweep, and loaded from the store', null, listed(6), undefined, 'does not release'],
      ['listed by a sweep that began within the grace', null, listed(6), IN_GRACE, 'releases'],
      ['listed by a sweep that began after the grace', null, listed(6), AFTER_GRACE, 'does not release'],
      ['listed by a sweep whose begin is not known', null, listed(6), observed(-Infinity), 'releases'],
      ['listed with a later date than the act', T, listed(5, T + 1), IN_GRACE, 'does not release'],
      ['listed by an earlier sweep, with a later date', T, listed(4, T + 1), undefined, 'does not release'],
      ['listed with the date of the act', T, listed(5, T), undefined, 'releases'],
      ['listed with an earlier date', T, listed(5, T - 1), undefined, 'releases'],
      ['listed without a date', T, listed(5), undefined, 'releases'],
      ['listed with a date, and the act has none', null, listed(5, T), undefined, 'releases'],
      ['listed by a later sweep, with an earlier date', T, listed(6, T - 1), AFTER_GRACE, 'does not release'],
      ['assumed to be listed by a later sweep', null, assumed(6), IN_GRACE, 'does not release'],
      ['assumed to be listed by the sweep that the act knew of', null, assumed(5), IN_GRACE, 'releases'],
    ],
  )('releases with a proven act unless the list outweighs it: %s', (_name, optInDate, list, seen, result) => {
    const optIn = provenIn(1, { optInDate, sweep: 5 }, { id: 'own' });
    const verdict = (ins: readonly Evidence[]) => isBlockedByEvidence(recordOf([], ins, list), LEDGER, seen);
    expect(verdict([optIn])).toBe(result === 'releases' ? false : undefined);
    expect(verdict([inAct(1), optIn, told('in', T, 1)])).toBe(result === 'releases' ? false : undefined);
    // If another process applied the act, or this one before a restart, any later sweep outweighs it.
    if (seen)
      expect(verdict([{ ...optIn, id: 'other' }])).toBe(
        list && list.sweep > 5 ? undefined : verdict([optIn]),
      );
  });

  it('releases if one of several proven acts is not outweighed', () => {
    const [older, newer] = [
      provenIn(1, { optInDate: T, sweep: 5 }),
      provenIn(2, { optInDate: T + 2, sweep: 6 }),
    ];
    const verdict = (list: Listed) => isBlockedByEvidence(recordOf([], [older, newer], list), LEDGER);
    expect([verdict(listed(6, T + 1)), verdict(listed(7, T + 1)), verdict(listed(6, T + 3))]).toEqual([
      false,
      undefined,
      undefined,
    ]);
  });
});

describe('a START', () => {
  it.each<[string, number | undefined, Listed | undefined, Observed, boolean]>([
    ['not listed', 5, undefined, NOTHING_OBSERVED, false],
    ['older than the row', 5, { sweep: 4, date: T + 1 }, IN_GRACE, true],
    ['as old as the row', 5, { sweep: 4, date: T }, IN_GRACE, true],
    ['newer than the row', 5, { sweep: 6, date: T - 1 }, AFTER_GRACE, false],
    ['without the number of a sweep', undefined, { sweep: 1, date: null }, IN_GRACE, true],
    ['listed by an earlier sweep', 5, { sweep: 4, date: null }, AFTER_GRACE, false],
    ['listed by the sweep that it knew of', 5, { sweep: 5, date: null }, AFTER_GRACE, false],
    ['listed by a sweep within the grace', 5, { sweep: 6, date: null }, IN_GRACE, false],
    ['listed by a sweep after the grace', 5, { sweep: 6, date: null }, AFTER_GRACE, true],
    [
      'listed by a later sweep, and loaded from the store',
      5,
      { sweep: 6, date: null },
      NOTHING_OBSERVED,
      true,
    ],
    [
      'listed by a sweep whose begin is not known',
      ...[5, { sweep: 6, date: null }, { ...IN_GRACE, listedBegan: NOTHING_OBSERVED.listedBegan }, false],
    ] as [string, number, Listed, Observed, boolean],
  ])('is older than a row that lists the number again: %s', (_name, sweep, listed, seen, isAfter) => {
    const message = told('in', T, 1, { id: 'own', ...(sweep !== undefined && { sweep }) });
    expect(isListedAfter(message, listed, seen, LEDGER)).toBe(isAfter);
  });
});

describe('a record', () => {
  const [out, optIn] = [outAct(1), inAct(2)];

  it.each<[string, NumberRecord, Evidence | undefined]>([
    ['no evidence', EMPTY_RECORD, undefined],
    ['one opt-out', recordOf([out]), out],
    ['one opt-out that is also listed', recordOf([out], [], { sweep: 1, date: null }), out],
    ['two opt-outs', recordOf([out, outAct(2)]), undefined],
    ['an opt-out and an opt-in', recordOf([out], [optIn]), undefined],
    ['an opt-in', recordOf([], [optIn]), undefined],
  ])('has a sole opt-out only without other evidence: %s', (_name, record, sole) => {
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
