/** The ages of lists, through restarts and with other processes, and the reasons for which numbers are listed. */

import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createAgeClock } from '../../src/clock.ts';
import { STARTING } from '../../src/decision.ts';
import { createGuard, memoryStore, type Guard, type GuardOptions, type Provider } from '../../src/index.ts';
import { createLists, listingOf } from '../../src/lists/opt-out-lists.ts';
import { readOptions } from '../../src/options/guard-options.ts';
import type { SavedSweep } from '../../src/stores/store.ts';
import { createFakeClock } from '../fake-clock.ts';
import { T, outAct } from '../ledger/evidence.ts';
import { newFolder } from '../stores/folders.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const OUT = '15551230001';
const CLEAN = '15551239999';
const silent = { debug() {}, info() {}, warn() {}, error() {} };

const sweep: Omit<SavedSweep, 'start'> = {
  ...{ number: 1, ageMs: 0, size: 1, numbers: [OUT], missingOnce: [], heldMs: null, rows: [] },
};
const followed = { list: 'alerts', number: 1, ageMs: 0, added: [], removed: [], rows: [] };

function create(options: GuardOptions = {}) {
  const clock = createFakeClock();
  const provider: Provider = { page: async () => ({ rows: [] }) };
  const config = readOptions({ clock, lists: { alerts: { senders: ['73737'], provider } }, ...options });
  const lists = createLists(config, createAgeClock(clock));
  lists.markLoaded();
  const alerts = lists.ensure('alerts');
  const restore = (start: number | null, ageMs = 0) =>
    lists.restore('alerts', { ...sweep, start, ageMs, number: start === null ? 0 : 1 });
  return { clock, lists, alerts, restore };
}

describe('the age that is saved with a list', () => {
  it('is 0 before a complete sweep', async () => {
    const { lists, alerts, restore } = create();
    expect(lists.sweepAgeMs(alerts)).toBe(0);
    await restore(null);
    expect([lists.sweepAgeMs(alerts), lists.standing([alerts])]).toEqual([0, STARTING]);
  });

  it('is that of the restored sweep, until another process completes a later one', async () => {
    const { clock, lists, alerts, restore } = create();
    await restore(clock.now() - HOUR);
    clock.skip(MINUTE);
    expect(lists.sweepAgeMs(alerts)).toBe(HOUR + MINUTE);
    // An incomplete sweep of another process has added numbers to the restored one.
    lists.follow({ ...followed, start: clock.now() - HOUR });
    expect(lists.sweepAgeMs(alerts)).toBe(HOUR + MINUTE);
    lists.follow({ ...followed, number: 2, start: clock.now(), ageMs: 10 });
    clock.skip(5);
    expect(lists.sweepAgeMs(alerts)).toBe(15);
  });

  it.each([
    ['a restored sweep of the future', (now: number) => ({ start: now + 1, ageMs: HOUR })],
    ['a restored sweep whose age is no number', (now: number) => ({ start: now, ageMs: Number.NaN })],
    ['a restored sweep whose age has no end', (now: number) => ({ start: now, ageMs: Infinity })],
  ])('is the largest one after %s, and the list stays expired', async (_name, of) => {
    const { clock, lists, alerts, restore } = create();
    const { start, ageMs } = of(clock.now());
    await restore(start, ageMs);
    const expired = { state: 'restored', freshness: 'expired', ageMs: null };
    expect(lists.standing([alerts])).toEqual(expired);
    const kept = lists.sweepAgeMs(alerts);
    // Stores may keep the age as an integer or as JSON.
    expect([Number.isSafeInteger(kept), JSON.parse(JSON.stringify(kept))]).toEqual([true, kept]);
    const again = create();
    again.clock.skip(MINUTE);
    await again.restore(clock.now() + 1, kept);
    expect([again.lists.standing([again.alerts]), again.lists.freshness([again.alerts])]).toEqual([
      expired,
      'expired',
    ]);
    expect(again.lists.sweepAgeMs(again.alerts)).toBe(kept);
  });

  it('is the largest one if another process does not know it', () => {
    const { clock, lists, alerts } = create();
    const start = clock.now();
    lists.follow({ ...followed, start, ageMs: Infinity });
    const kept = lists.sweepAgeMs(alerts);
    const again = create();
    again.lists.follow({ ...followed, start, ageMs: kept });
    for (const { lists: each, alerts: list } of [{ lists, alerts }, again]) {
      expect(each.standing([list])).toEqual({ state: 'expired', freshness: 'expired', ageMs: null });
      expect([each.freshness([list]), each.sweepAgeMs(list)]).toEqual(['expired', kept]);
    }
    again.lists.follow({ ...followed, number: 2, start, ageMs: 7 });
    expect([again.lists.freshness([again.alerts]), again.lists.sweepAgeMs(again.alerts)]).toEqual([
      'fresh',
      7,
    ]);
  });
});

describe('a sweep of the future', () => {
  it.each([
    ['memory', () => memoryStore()],
    ['sqlite', () => `sqlite:${join(newFolder(), 'store.db')}` as const],
  ])('stays expired in a %s store after it was saved again and its time has come', async (_name, make) => {
    const store = make();
    const clock = createFakeClock();
    async function run<T>(page: Provider['page'], inspect: (guard: Guard) => T): Promise<T> {
      const guard = createGuard({ clock, logger: silent, store, provider: { account: 'ours', page } });
      await guard.refresh();
      const result = inspect(guard);
      await guard.close();
      return result;
    }
    const down = () => Promise.reject(new Error('down'));
    const state = (guard: Guard) => guard.check('15551230002').state;
    clock.jumpWall(MINUTE);
    expect(await run(async ({ index }) => ({ rows: index === 0 ? [OUT] : [] }), state)).toBe('fresh');
    clock.jumpWall(-MINUTE);
    // An incomplete sweep adds a number, and the list is saved again.
    const torn = async ({ index }: { index: number }) => (index === 0 ? { rows: [CLEAN] } : down());
    expect(await run(torn, state)).toBe('restored');
    clock.skip(2 * MINUTE);
    await run(down, (guard) => {
      expect(guard.check('15551230002')).toMatchObject({ reason: 'expired', state: 'restored', ageMs: null });
      expect([OUT, CLEAN].map((one) => guard.check(one).reason)).toEqual(['opted_out', 'opted_out']);
    });
  });
});

describe('why a number is listed', () => {
  const pending = { list: 'alerts', source: 'inbound', since: T } as const;

  it('is the opt-out that is being stored, if nothing else lists it', () => {
    const { alerts } = create();
    expect(listingOf([alerts], OUT)).toBeUndefined();
    alerts.pending.set(OUT, { listing: pending, writes: 1 });
    expect([listingOf([alerts], OUT), listingOf([alerts], CLEAN)]).toEqual([pending, undefined]);
  });

  it('is the known opt-out while another one is being stored', () => {
    const { lists, alerts } = create();
    alerts.pending.set(OUT, { listing: pending, writes: 1 });
    alerts.ledger.merge(OUT, outAct(1));
    expect(listingOf(lists.all(), OUT)).toMatchObject({ list: 'alerts', source: 'manual' });
  });
});

describe('the lists that are asked', () => {
  it('are unknown if there are none', () => {
    const { lists } = create();
    expect([lists.standing([]), lists.freshness([])]).toEqual([STARTING, 'unknown']);
  });
});
