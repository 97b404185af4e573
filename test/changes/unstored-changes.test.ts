import { describe, expect, it, vi } from 'vitest';
import type { OptOutChange } from '../../src/ledger/evidence.ts';
import { createRecentOptIns } from '../../src/changes/recent-opt-ins.ts';
import { createUnstoredChanges } from '../../src/changes/unstored-changes.ts';
import { createFakeClock, settle } from '../fake-clock.ts';

const SECOND = 1_000;

function change(id: string, evidence: Partial<OptOutChange['evidence']> = {}): OptOutChange {
  const known = { direction: 'out', kind: 'told', at: 1, seenAt: 1, source: 'inbound', id } as const;
  return { list: '*', msisdn: '15551230001', evidence: { ...known, ...evidence } };
}

describe('changes that could not be stored', () => {
  it('are tried again with growing waits, until they are stored', async () => {
    const clock = createFakeClock();
    const store = vi.fn(async (_changes: readonly OptOutChange[]) => Promise.reject(new Error('down')));
    const unstored = createUnstoredChanges(clock, store);
    unstored.add([change('a')]);
    await clock.advance(10 * SECOND);
    expect(store.mock.calls.length).toBe(3);
    await clock.advance(600 * SECOND);
    expect(store.mock.calls.length).toBeLessThan(16);
    store.mockResolvedValue(undefined as never);
    await clock.advance(60 * SECOND);
    const calls = store.mock.calls.length;
    await clock.advance(600 * SECOND);
    expect([store.mock.calls.length, clock.timers]).toEqual([calls, 0]);
  });

  it.each<[string, OptOutChange, boolean]>([
    ['an opt-out by message', change('a'), true],
    ['an operator’s opt-out', change('a', { kind: 'act' }), true],
    ['a START', change('a', { direction: 'in' }), true],
    ['an operator’s opt-in', change('a', { direction: 'in', kind: 'act' }), false],
  ])('are remembered only if they may count later: %s, %s', async (_name, one, isRemembered) => {
    const clock = createFakeClock();
    const store = vi.fn(async () => undefined);
    createUnstoredChanges(clock, store).add([one]);
    await clock.advance(SECOND);
    expect(store).toHaveBeenCalledTimes(isRemembered ? 1 : 0);
  });

  it('keep their first copy, whatever time a retry brings', () => {
    const unstored = createUnstoredChanges(createFakeClock(), async () => undefined);
    const first = change('a', { at: 5 });
    const retry = change('a', { at: 9 });
    expect(unstored.firstCopyOf(retry)).toBe(retry);
    unstored.add([first]);
    unstored.add([retry]);
    expect(unstored.firstCopyOf(retry)).toBe(first);
    expect(unstored.firstCopyOf(change('a', { direction: 'in' })).evidence.direction).toBe('in');
    unstored.stop();
  });

  it('are stored in batches, including those added meanwhile', async () => {
    const clock = createFakeClock();
    const sizes: number[] = [];
    const unstored = createUnstoredChanges(clock, async (changes) => {
      sizes.push(changes.length);
      if (sizes.length === 1) unstored.add([change('late')]);
      await settle();
    });
    unstored.add(Array.from({ length: 1_200 }, (_, index) => change(String(index))));
    const flushing = unstored.flush();
    expect(unstored.flush()).toBe(flushing);
    await flushing;
    expect(sizes).toEqual([500, 500, 201]);
  });

  it('are tried no more after stop()', async () => {
    const clock = createFakeClock();
    const store = vi.fn(async () => Promise.reject(new Error('down')));
    const unstored = createUnstoredChanges(clock, store);
    unstored.add([change('a')]);
    unstored.stop();
    await unstored.flush();
    await clock.advance(600 * SECOND);
    expect([store.mock.calls.length, clock.timers]).toEqual([1, 0]);
  });
});

describe('recent opt-ins', () => {
  it('are forgotten after the grace, by the monotonic clock', () => {
    const clock = createFakeClock();
    const recent = createRecentOptIns(clock, 10 * SECOND);
    recent.note('alerts', '1');
    clock.jumpWall(1_000 * SECOND);
    expect([recent.has('alerts', '1'), recent.has('*', '1'), recent.has('alerts', '2')]).toEqual([
      true,
      false,
      false,
    ]);
    clock.skip(10 * SECOND - 1);
    expect(recent.has('alerts', '1')).toBe(true);
    clock.skip(1);
    expect(recent.has('alerts', '1')).toBe(false);
  });

  it('count from the newest one, and are bounded in number', () => {
    const clock = createFakeClock();
    const recent = createRecentOptIns(clock, 10 * SECOND);
    recent.note('alerts', '1');
    clock.skip(9 * SECOND);
    recent.note('alerts', '1');
    clock.skip(9 * SECOND);
    expect(recent.has('alerts', '1')).toBe(true);
    for (let index = 2; index < 100_002; index++) recent.note('alerts', String(index));
    expect([recent.has('alerts', '1'), recent.has('alerts', '100001')]).toEqual([false, true]);
  });
});
