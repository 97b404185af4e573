/** The commit of a sweep of a long list, and changes that come between its steps. */

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
const followed = (number: number, change: object) => ({
  ...{ number, start: T + number, began: number, added: [], removed: [] },
  ...change,
});

/** Creates a list whose sweep under way lacks some numbers for the second time. */
function createWorld(before: readonly string[], after: readonly string[]) {
  const list = createProviderList({ shrinkHoldMs: 1, longestStepMs: 1 });
  const read = (number: number, seen: readonly string[]) => {
    const run = list.begin({ number, start: T + number, began: number }, noEvidence);
    run.page(columnsOf(seen.map((msisdn) => ({ kind: 'out', msisdn }))));
    return run;
  };
  for (const [index, seen] of [before, after].entries())
    for (const _ of read(1 + index, seen).commit('accept'));
  list.save().done('kept');
  return { list, read, commit: read(9, after).commit('accept') };
}

function finish(commit: Iterator<undefined, unknown>) {
  for (let steps = 0; ; steps++) {
    const { done, value } = commit.next();
    if (done) return { steps, effect: value };
  }
}

describe('a sweep that removes half of 200 000 numbers', () => {
  it('searches in many steps, and removes all numbers in the last one', () => {
    const all = many(200_000);
    const { list, commit } = createWorld(all, all.slice(100_000));
    let steps = 0;
    for (; !commit.next().done; steps++) expect(list.view.numbers.size).toBe(200_000);
    expect(steps).toBeGreaterThan(95);
    expect([list.view.numbers.size, list.has(all[0] ?? ''), list.has(all[100_000] ?? '')]).toEqual([
      100_000,
      false,
      true,
    ]);
    const { delta, done } = list.save();
    expect([delta?.added.size, delta?.removed.size]).toEqual([0, 100_000]);
    done('refused');
    expect([list.view.numbers.size, list.has(all[0] ?? '')]).toEqual([200_000, true]);
  });

  it('keeps numbers that are added between two of its steps', () => {
    const all = many(60_000);
    const [gone = '', later = ''] = all;
    const fresh = many(1, 900_000)[0] ?? '';
    for (let when = 1; when < 28; when += 5) {
      const { list, commit } = createWorld(all, all.slice(30_000));
      for (let step = 0; step < when; step++) commit.next();
      list.follow(followed(3, { added: [gone, fresh].map(Number) }));
      expect(finish(commit).effect).toMatchObject({ status: 'committed', size: 30_002, removed: 29_999 });
      expect([gone, fresh, later].map(list.has)).toEqual([true, true, false]);
    }
  });

  it('takes the removed numbers out of the unsaved additions, and adds them to the unsaved removals', () => {
    const [first = '', ...rest] = many(10_000);
    const { list, read } = createWorld([first, ...rest], [first, ...rest]);
    const extra = many(5_000, 50_000);
    finish(read(10, [...rest, ...extra]).commit('apply'));
    finish(read(11, [...rest, ...extra]).commit('apply'));
    // Nothing was saved yet: the first number was removed, the extra ones were added and are removed now.
    finish(read(12, rest).commit('accept'));
    const last = finish(read(13, rest).commit('accept'));
    expect(last.effect).toMatchObject({ removed: 5_000, size: 9_999 });
    const { delta } = list.save();
    expect([...(delta?.added ?? [])]).toEqual([]);
    expect([...(delta?.removed ?? [])]).toEqual([first, ...extra]);
  });

  it('is saved completely if a save begins between its steps', () => {
    const all = many(20_000);
    const { list, read, commit } = createWorld(all, all.slice(10_000));
    void read;
    for (let step = 0; step < 12; step++) commit.next();
    const begun = list.save();
    finish(commit);
    begun.done('failed');
    expect(list.save().delta?.removed.size).toBe(10_000);
  });

  it('is dropped if a saved list is restored meanwhile', () => {
    const all = many(20_000);
    const { list, commit } = createWorld(all, all.slice(10_000));
    commit.next();
    const sets = { numbers: createNumberSet(many(3, 70_000)), missingOnce: createNumberSet() };
    expect(list.restore({ number: 3, start: T + 3, heldMs: null, ...sets })).toBe(true);
    expect(finish(commit).effect).toEqual({ status: 'dropped' });
    expect(list.has(all[15_000] ?? '')).toBe(true);
  });
});

describe('another process’s removal', () => {
  const [one = '', two = ''] = many(2);

  it('is not applied to a number that the sweep under way has seen', () => {
    const { list, read } = createWorld([one, two], [one, two]);
    const run = read(10, [one]);
    list.follow(followed(4, { removed: [Number(one), Number(two)] }));
    expect([list.has(one), list.has(two)]).toEqual([true, false]);
    expect(finish(run.commit('apply')).effect).toMatchObject({ status: 'committed', size: 1 });
  });

  it('removes a missing number if it comes between two steps of a commit', () => {
    const all = many(9_000);
    const [gone = '', lacked = ''] = all;
    const { list, read } = createWorld(all, all.slice(1));
    const commit = read(10, all.slice(2)).commit('accept');
    commit.next();
    list.follow(followed(4, { removed: [Number(lacked)] }));
    expect(finish(commit).effect).toMatchObject({ size: 8_998, removed: 1 });
    expect([list.has(gone), list.has(lacked)]).toEqual([false, false]);
  });
});

describe('a sweep that a later one has replaced', () => {
  it('has no effect', () => {
    const [one = '', two = ''] = many(2);
    const { read } = createWorld([one, two], [one, two]);
    const early = read(10, [one]);
    const late = read(11, [one]);
    expect(finish(early.commit('apply')).effect).toEqual({ status: 'dropped' });
    expect(finish(late.commit('apply')).effect).toMatchObject({ status: 'committed', size: 2 });
  });
});
