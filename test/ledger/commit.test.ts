/** The end of a sweep of a long list, and what comes in between its steps. */

import { describe, expect, it } from 'vitest';
import { createNumberSet } from '../../src/number-set/number-set.ts';
import { createProviderList } from '../../src/ledger/provider-list.ts';
import type { FirstHandPort } from '../../src/ledger/sweep-types.ts';
import { columnsOf } from './columns.ts';

const T = Date.UTC(2026, 0, 1);
const many = (count: number, from = 0) =>
  Array.from({ length: count }, (_, index) => String(15_550_000_000 + (from + index) * 7));
const noEvidence: FirstHandPort = {
  hasNumber: () => false,
  noteListed: () => false,
  optInOfRemoval: () => undefined,
};
const news = (number: number, change: object) => ({
  ...{ number, start: T + number, began: number, added: [], removed: [] },
  ...change,
});

/** A part whose running sweep lacks all but some for the second time. */
function createWorld(before: readonly string[], after: readonly string[]) {
  const part = createProviderList({ shrinkHoldMs: 1, longestStepMs: 1 });
  const read = (number: number, shown: readonly string[]) => {
    const run = part.begin({ number, start: T + number, began: number }, noEvidence);
    run.page(columnsOf(shown.map((msisdn) => ({ kind: 'out', msisdn }))));
    return run;
  };
  for (const [index, shown] of [before, after].entries())
    for (const _ of read(1 + index, shown).commit('accept'));
  part.save().done('kept');
  return { part, read, commit: read(9, after).commit('accept') };
}

function finish(commit: Iterator<undefined, unknown>) {
  for (let steps = 0; ; steps++) {
    const { done, value } = commit.next();
    if (done) return { steps, effect: value };
  }
}

describe('a sweep that removes half of 200 000 numbers', () => {
  it('does so in many steps, and all of it at the last', () => {
    const all = many(200_000);
    const { part, commit } = createWorld(all, all.slice(100_000));
    let steps = 0;
    for (; !commit.next().done; steps++) expect(part.view.numbers.size).toBe(200_000);
    expect(steps).toBeGreaterThan(95);
    expect([part.view.numbers.size, part.has(all[0] ?? ''), part.has(all[100_000] ?? '')]).toEqual([
      100_000,
      false,
      true,
    ]);
    const { delta, done } = part.save();
    expect([delta?.added.size, delta?.removed.size]).toEqual([0, 100_000]);
    done('refused');
    expect([part.view.numbers.size, part.has(all[0] ?? '')]).toEqual([200_000, true]);
  });

  it('loses nothing that comes in between two of its steps', () => {
    const all = many(60_000);
    const [gone = '', later = ''] = all;
    const fresh = many(1, 900_000)[0] ?? '';
    for (let when = 1; when < 28; when += 5) {
      const { part, commit } = createWorld(all, all.slice(30_000));
      for (let step = 0; step < when; step++) commit.next();
      part.follow(news(3, { added: [gone, fresh].map(Number) }));
      expect(finish(commit).effect).toMatchObject({ status: 'committed', size: 30_002, removed: 29_999 });
      expect([gone, fresh, later].map(part.has)).toEqual([true, true, false]);
    }
  });

  it('keeps what leaves from the store’s news of what came, and adds to what left before', () => {
    const [first = '', ...rest] = many(10_000);
    const { part, read } = createWorld([first, ...rest], [first, ...rest]);
    const extra = many(5_000, 50_000);
    finish(read(10, [...rest, ...extra]).commit('apply'));
    finish(read(11, [...rest, ...extra]).commit('apply'));
    // Nothing was saved: the first one left, the others came, and now leave too.
    finish(read(12, rest).commit('accept'));
    const last = finish(read(13, rest).commit('accept'));
    expect(last.effect).toMatchObject({ removed: 5_000, size: 9_999 });
    const { delta } = part.save();
    expect([...(delta?.added ?? [])]).toEqual([]);
    expect([...(delta?.removed ?? [])]).toEqual([first, ...extra]);
  });

  it('is saved right where a save begins between its steps', () => {
    const all = many(20_000);
    const { part, read, commit } = createWorld(all, all.slice(10_000));
    void read;
    for (let step = 0; step < 12; step++) commit.next();
    const begun = part.save();
    finish(commit);
    begun.done('failed');
    expect(part.save().delta?.removed.size).toBe(10_000);
  });

  it('is dropped where a list that was saved takes its place', () => {
    const all = many(20_000);
    const { part, commit } = createWorld(all, all.slice(10_000));
    commit.next();
    const image = { numbers: createNumberSet(many(3, 70_000)), missingOnce: createNumberSet() };
    expect(part.restore({ number: 3, start: T + 3, heldMs: null, ...image })).toBe(true);
    expect(finish(commit).effect).toEqual({ status: 'dropped' });
    expect(part.has(all[15_000] ?? '')).toBe(true);
  });
});

describe('another process’s removal', () => {
  const [one = '', two = ''] = many(2);

  it('waits while nobody here knows whether the sweep has shown the number', () => {
    const { part, read } = createWorld([one, two], [one, two]);
    const run = read(10, [one]);
    const shown = run.lend();
    part.follow(news(4, { removed: [Number(two)] }));
    expect(part.has(two)).toBe(true);
    run.takeBack(shown.outs);
    part.follow(news(4, { removed: [Number(one), Number(two)] }));
    expect([part.has(one), part.has(two)]).toEqual([true, false]);
    expect(finish(run.commit('apply')).effect).toMatchObject({ status: 'committed', size: 1 });
  });

  it('drops a sweep whose numbers never came back', () => {
    const { part, read } = createWorld([one, two], [one, two]);
    const run = read(10, [one]);
    run.lend();
    expect(finish(run.commit('accept')).effect).toEqual({ status: 'dropped' });
    expect(part.view.numbers.size).toBe(2);
  });

  it('of a number that is missing holds although it comes between two steps', () => {
    const all = many(9_000);
    const [gone = '', lacked = ''] = all;
    const { part, read } = createWorld(all, all.slice(1));
    const commit = read(10, all.slice(2)).commit('accept');
    commit.next();
    part.follow(news(4, { removed: [Number(lacked)] }));
    expect(finish(commit).effect).toMatchObject({ size: 8_998, removed: 1 });
    expect([part.has(gone), part.has(lacked)]).toEqual([false, false]);
  });
});
