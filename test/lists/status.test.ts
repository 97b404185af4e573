/** `status().ready` and `reasons` answer a probe, and the counters count acts. */

import { describe, expect, it, vi } from 'vitest';
import { memoryStore, type GuardOptions, type Provider, type Store } from '../../src/index.ts';
import { accessOf } from '../../src/gates/guard-access.ts';
import { settle } from '../fake-clock.ts';
import { CLEAN, HOUR, MINUTE, OUT, createFixture } from '../guard-fixture.ts';

function create(options: GuardOptions = {}) {
  const fixture = createFixture(options);
  const { guard } = fixture;
  const probe = () => {
    const { ready, reasons } = guard.status();
    return { ready, reasons, isAllowed: guard.canSend(CLEAN) };
  };
  return { ...fixture, probe };
}

const READY = { ready: true, reasons: [], isAllowed: true };
const because = (...reasons: string[]) => ({ ready: false, reasons, isAllowed: false });

describe('ready and reasons', () => {
  it('follow the state of the list', async () => {
    const { guard, clock, provider, probe } = create();
    expect(probe()).toEqual(because('not_ready'));
    await settle();
    expect(probe()).toEqual(READY);
    provider.page.mockRejectedValue(new Error('down'));
    await clock.advance(14 * MINUTE);
    expect(guard.status().state).toBe('fresh');
    expect(probe()).toEqual(READY);
    await clock.advance(2 * MINUTE);
    expect(guard.status().state).toBe('stale');
    expect(probe()).toEqual(READY);
    await clock.advance(25 * HOUR);
    expect(probe()).toEqual(because('expired'));
    provider.page.mockResolvedValue({ rows: [], total: 0 });
    await clock.advance(10 * MINUTE);
    expect(probe()).toEqual(READY);
    await guard.close();
    expect(probe()).toEqual(because('closed'));
  });

  it.each<[NonNullable<GuardOptions['policy']>, number, object]>([
    [{ whenNotReady: 'allow' }, 0, READY],
    [{ whenStale: 'block' }, 30 * MINUTE, because('stale')],
    [{ whenExpired: 'allow' }, 25 * HOUR, READY],
  ])('follow the policy %j', async (policy, ms, expected) => {
    const { clock, provider, probe } = create({ policy });
    if (ms === 0) return expect(probe()).toEqual(expected);
    await settle();
    provider.page.mockRejectedValue(new Error('down'));
    await clock.advance(ms);
    return expect(probe()).toEqual(expected);
  });

  it('are those of the worst list', async () => {
    const provider: Provider = { page: async () => Promise.reject(new Error('down')) };
    const { guard } = create({
      lists: { alerts: { senders: ['73737'] }, offers: { senders: ['Acme'], provider } },
    });
    await settle();
    expect(guard.canSend(CLEAN, { from: '73737' })).toBe(true);
    expect(guard.status()).toMatchObject({ ready: false, reasons: ['not_ready'] });
  });

  it('do not name a store that is down while the answers are good', async () => {
    const store: Store = memoryStore();
    const { guard, probe } = create({ store });
    await settle();
    vi.spyOn(store, 'append').mockRejectedValue(new Error('disk full'));
    await expect(guard.optOut(OUT)).rejects.toMatchObject({ code: 'store_unavailable' });
    expect(guard.status().store.lastErrorCode).toBe('store_unavailable');
    expect(probe()).toEqual(READY);
  });

  it('are not_ready if the store never opened', async () => {
    const store: Store = { ...memoryStore(), open: async () => Promise.reject(new Error('no')) };
    const { probe } = create({ store });
    await settle();
    expect(probe()).toEqual(because('not_ready'));
  });

  it('name the codes of other modules, each once and until it is removed', async () => {
    const { guard, clock } = create();
    await settle();
    const { addObstacle } = accessOf(guard);
    const [first, second, other] = [
      addObstacle('gate_blind'),
      addObstacle('gate_blind'),
      addObstacle('other'),
    ];
    const reasons = () => guard.status().reasons;
    expect(guard.status()).toMatchObject({ ready: false, reasons: ['gate_blind', 'other'] });
    first();
    first();
    expect(reasons()).toEqual(['gate_blind', 'other']);
    second();
    expect(reasons()).toEqual(['other']);
    await clock.advance(0);
    await guard.close();
    expect(reasons()).toEqual(['closed', 'other']);
    other();
    expect(reasons()).toEqual(['closed']);
  });
});

describe('counters', () => {
  it('count an opt-in once, however many lists it is about', async () => {
    const lists = {
      alerts: { senders: ['73737'] },
      offers: { senders: ['Acme'] },
      news: { senders: ['News'] },
    };
    const { guard } = create({ lists });
    await settle();
    await guard.optOut('+14155550100');
    expect(await guard.resubscribe('+14155550100')).toMatchObject({ released: true });
    expect(guard.status().counters).toMatchObject({ optIns: 1 });
    await Promise.all([guard.resubscribe('+14155550100'), guard.resubscribe('+14155550101')]);
    await guard.resubscribe('+14155550100', { list: 'alerts' });
    await guard.resubscribe('+14155550100', { list: 'offers' });
    expect(guard.status().counters).toMatchObject({ optIns: 5 });
  });

  it('count each opt-in that another process stored', async () => {
    const lists = { alerts: { senders: ['73737'] }, offers: { senders: ['Acme'] } };
    const changes: Parameters<Store['append']>[0][number][] = [];
    const store = memoryStore();
    const first = create({
      lists,
      store: { ...store, append: async (given) => (changes.push(...given), store.append(given)) },
    });
    await settle();
    await first.guard.resubscribe(OUT);
    await first.guard.optOut(OUT);
    await first.guard.resubscribe(OUT);
    const end = { sweeps: [], erased: [], cursor: '', logId: 'log 1', position: changes.length };
    let publish: (given: typeof changes) => void = () => undefined;
    const other: Store = {
      ...memoryStore(),
      tail(_since, { onChanges }) {
        publish = (given) => onChanges({ changes: given, ...end });
        return () => undefined;
      },
    };
    const { guard } = create({ lists, store: other });
    await settle();
    publish(changes);
    expect(guard.status().counters).toMatchObject({ optIns: 2, optOuts: 1 });
  });
});
