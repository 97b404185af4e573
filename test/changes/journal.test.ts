/** A store that is slow, broken or not open yet: no change is lost, and each failure is reported. */

import { describe, expect, it, vi } from 'vitest';
import {
  StoreError,
  createGuard,
  memoryStore,
  type Evidence,
  type Guard,
  type GuardOptions,
  type Provider,
  type Store,
} from '../../src/index.ts';
import { createFakeClock, settle } from '../fake-clock.ts';
import { CLEAN, HOUR, MINUTE, OUT, createFixture, silent, webhookOf } from '../guard-fixture.ts';

/** A guard with a store some of whose methods are replaced, and the codes of its errors. */
function harness(change: (store: Store) => Partial<Store>, options: GuardOptions = {}) {
  const inner = memoryStore();
  const store: Store = { ...inner, ...change(inner) };
  const fixture = createFixture({ store, ...options });
  const errors: string[] = [];
  fixture.guard.on('error', ({ code }) => errors.push(code));
  return { ...fixture, inner, errors };
}

const evidence: Evidence = {
  ...({ direction: 'out', kind: 'act', source: 'manual', id: 'a' } as const),
  ...{ at: 1_700_000_000_000, seenAt: 1_700_000_000_000 },
};

describe('evidence of a kind that this version does not know', () => {
  const changed = (direction: 'in' | 'out', kind: unknown) => ({ ...evidence, direction, kind }) as Evidence;

  it.each([undefined, null, '', 'hearsay', 'Act'])(
    'blocks as an opt-out act, and releases nobody as an opt-in: kind %j',
    async (kind) => {
      const { inner, guard } = harness(() => ({}));
      const optIn = { ...changed('in', kind), id: 'b', proof: { optInDate: null, sweep: 99 } };
      await inner.append([
        { list: '*', msisdn: CLEAN, evidence: changed('out', kind) },
        { list: 'default', msisdn: OUT, evidence: optIn },
      ]);
      await guard.ready();
      expect(guard.canSend(CLEAN)).toBe(false);
      expect(guard.canSend(OUT)).toBe(false);
      await guard.resubscribe(CLEAN);
      expect(guard.canSend(CLEAN)).toBe(true);
    },
  );
});

describe('a store that is not loaded yet', () => {
  function loadingLater() {
    let failures = 1;
    return harness((inner) => ({
      load: async () => (failures-- > 0 ? Promise.reject(new Error('locked')) : inner.load()),
    }));
  }

  it('rejects an erasure, and the number stays blocked', async () => {
    const { guard, inner, clock } = loadingLater();
    await inner.append([{ list: '*', msisdn: CLEAN, evidence }]);
    await settle();
    await expect(guard.erase(CLEAN)).rejects.toThrow(StoreError);
    await expect(guard.history(CLEAN)).rejects.toThrow(StoreError);
    await clock.advance(1_000);
    expect(await guard.history(CLEAN)).toHaveLength(1);
    expect(guard.canSend(CLEAN)).toBe(false);
  });

  it('fails a sweep, so that an empty list is compared with the saved one later', async () => {
    const { guard, inner, clock, list, provider } = loadingLater();
    const numbers = Array.from({ length: 1_000 }, (_, index) => String(15_550_000_000 + index));
    const saved = { number: 1, ageMs: 0, size: 1_000, numbers, missingOnce: [], heldMs: null, rows: [] };
    await inner.saveSweep('default', { ...saved, start: clock.now() - MINUTE });
    list.clear();
    await settle();
    expect(await guard.refresh()).toMatchObject({
      isComplete: false,
      lists: [{ status: 'failed', error: { code: 'store_unavailable' } }],
    });
    expect(provider.page).not.toHaveBeenCalled();
    await clock.advance(1_000);
    await clock.advance(10 * MINUTE);
    expect(guard.status().lists['default']).toMatchObject({ size: 1_000, heldSince: expect.any(Number) });
    expect(numbers.filter((number) => guard.canSend(number))).toEqual([]);
  });
});

describe('a store that never answers', () => {
  it('does not stop the sweeps or close()', async () => {
    const { guard, clock, provider } = harness(() => ({
      saveSweep: () => new Promise(() => undefined),
      close: () => new Promise(() => undefined),
    }));
    await settle();
    const calls = provider.page.mock.calls.length;
    await clock.advance(HOUR);
    expect(provider.page.mock.calls.length).toBeGreaterThan(calls + 10);
    const closing = guard.close({ timeout: 200 });
    await clock.advance(200);
    await closing;
    expect(guard.status().state).toBe('closed');
    expect(clock.timers).toBe(0);
  });

  it('does not stop close() while it opens, and is closed once it is open', async () => {
    let opened: (() => void) | undefined;
    const close = vi.fn(async () => undefined);
    const load = vi.fn<Store['load']>();
    const { guard, clock } = harness(() => ({
      open: () => new Promise<void>((resolve) => (opened = resolve)),
      load,
      close,
    }));
    const closing = guard.close({ timeout: 100 });
    await clock.advance(100);
    await closing;
    opened?.();
    await settle();
    expect(load).not.toHaveBeenCalled();
    expect(close.mock.calls.length).toBeGreaterThan(0);
  });
});

describe('a store that fails', () => {
  it('causes an error event besides the rejection', async () => {
    const { guard, errors } = harness(() => ({ append: () => Promise.reject(new Error('disk full')) }));
    await settle();
    await expect(guard.optOut(CLEAN)).rejects.toThrow(StoreError);
    expect(errors).toEqual(['store_unavailable']);
    expect(guard.canSend(CLEAN)).toBe(false);
  });

  it('blocks an opt-out that it had already, although the history cannot be read', async () => {
    const { guard, inner, errors } = harness(() => ({
      append: async (changes) =>
        changes.map(({ evidence: { seenAt } }, index) => ({
          ...{ isNew: false, position: index + 1, firstSeenAt: seenAt },
        })),
      history: () => Promise.reject(new Error('locked')),
    }));
    await settle();
    await guard.optOut(CLEAN);
    expect([guard.canSend(CLEAN), errors]).toEqual([false, ['store_unavailable']]);
    await inner.close();
  });

  it('blocks an opt-out for which it returned no result, and no act has seen that opt-out', async () => {
    let isWithoutResult = true;
    const { guard, errors } = harness((inner) => ({
      append: async (...given) => {
        const results = await inner.append(...given);
        return isWithoutResult ? [] : results;
      },
      history: () => Promise.reject(new Error('locked')),
    }));
    await settle();
    await guard.optOut(CLEAN);
    expect([guard.canSend(CLEAN), errors]).toEqual([false, ['store_unavailable']]);
    isWithoutResult = false;
    expect(await guard.resubscribe(CLEAN)).toMatchObject({ released: false });
    expect(guard.canSend(CLEAN)).toBe(false);
  });

  it('causes an error for a sweep that it could not keep, and gets the whole list with the next save', async () => {
    let isBroken = true;
    const saved: unknown[] = [];
    const { clock, errors } = harness((inner) => ({
      saveSweep: async (list, sweep) => {
        if (isBroken) throw new Error('disk full');
        saved.push(sweep.delta);
        return inner.saveSweep(list, sweep);
      },
    }));
    await settle();
    expect(errors).toEqual(['store_unavailable']);
    isBroken = false;
    await clock.advance(5 * MINUTE);
    await clock.advance(5 * MINUTE);
    expect(saved).toEqual([undefined, expect.anything()]);
  });

  it('makes an error without a listener be logged once a minute', async () => {
    const logger = { ...silent, error: vi.fn<(details: object, message: string) => void>() };
    const clock = createFakeClock();
    const store = { ...memoryStore(), append: () => Promise.reject(new Error('disk full')) };
    const guard = createGuard({ clock, logger, store });
    await settle();
    for (let time = 0; time < 5; time++) await guard.optOut(CLEAN).catch(() => undefined);
    expect(logger.error).toHaveBeenCalledTimes(1);
    await clock.advance(MINUTE);
    await guard.optOut(CLEAN).catch(() => undefined);
    expect(logger.error).toHaveBeenCalledTimes(2);
  });

  it('gets what it could not keep as soon as it works again, each message with its first time', async () => {
    let isBroken = true;
    const { guard, inner, clock } = harness(
      (store) => ({
        append: async (...given) => (isBroken ? Promise.reject(new Error('down')) : store.append(...given)),
      }),
      { lists: { alerts: { senders: ['73737'], optInByReply: true } } },
    );
    await settle();
    const receive = webhookOf(guard, CLEAN);
    const now = clock.now();
    expect(await receive({ direction: 'in', messageId: 'm1', at: now - 3_000 })).toBe(503);
    expect(await receive({ direction: 'out', messageId: 'm2', at: now - 2_000 })).toBe(503);
    isBroken = false;
    await clock.advance(2 * MINUTE);
    expect(await inner.history(CLEAN)).toMatchObject([
      { evidence: { direction: 'out', at: now - 2_000 } },
      { evidence: { direction: 'in', at: now - 3_000 } },
    ]);
    // The retry of the START has a new time, but it is the same message.
    expect(await receive({ direction: 'in', messageId: 'm1', at: now })).toBe(200);
    expect(guard.canSend(CLEAN)).toBe(false);
    await guard.close();
  });

  it('never gets an operator’s opt-in later, because its call was rejected', async () => {
    let isBroken = false;
    const { guard, inner, clock } = harness((store) => ({
      append: async (...given) => (isBroken ? Promise.reject(new Error('down')) : store.append(...given)),
    }));
    await settle();
    await guard.optOut(CLEAN);
    isBroken = true;
    await expect(guard.resubscribe(CLEAN)).rejects.toThrow(StoreError);
    isBroken = false;
    await clock.advance(HOUR);
    expect([guard.canSend(CLEAN), (await inner.history(CLEAN)).length]).toEqual([false, 1]);
  });

  it('gets unstored changes when the guard is closed', async () => {
    let isBroken = true;
    const { guard, inner } = harness((store) => ({
      append: async (...given) => (isBroken ? Promise.reject(new Error('down')) : store.append(...given)),
    }));
    await settle();
    await guard.optOut(CLEAN).catch(() => undefined);
    isBroken = false;
    await guard.close();
    expect(await inner.history(CLEAN)).toHaveLength(1);
  });
});

describe('a late opt-out', () => {
  it('is answered by a later opt-in that memory has dropped', async () => {
    const lists = { alerts: { senders: ['73737'], optInByReply: true } };
    const { guard, clock, inner } = harness(() => ({}), { lists });
    await settle();
    const receive = webhookOf(guard, CLEAN);
    const day = 24 * HOUR;
    await receive({ direction: 'in', messageId: 'm1', at: clock.now() });
    expect(guard.status().lists['alerts']?.firstHand).toBe(1);
    await clock.advance(4 * day);
    expect(guard.status().lists['alerts']?.firstHand).toBe(0);
    await receive({ direction: 'out', messageId: 'm2', at: clock.now() - 5 * day });
    expect(guard.canSend(CLEAN)).toBe(true);
    await receive({ direction: 'out', messageId: 'm3', at: clock.now() - 3 * day });
    expect(guard.canSend(CLEAN)).toBe(false);
    const again = createGuard({ clock, logger: silent, store: inner, lists });
    await settle();
    expect(again.canSend(CLEAN)).toBe(false);
  });
});

describe('a shared store', () => {
  function shared() {
    let handlers: Parameters<Store['tail']>[1] | undefined;
    let logId = '';
    const fixture = harness((inner) => ({
      isShared: true,
      load: async () => {
        const contents = await inner.load();
        ({ logId } = contents);
        return contents;
      },
      tail: (_since, given) => {
        handlers = given;
        return () => undefined;
      },
    }));
    const publish = (news: Partial<Parameters<NonNullable<typeof handlers>['onChanges']>[0]>) => {
      const end = { logId, position: 99 };
      const positions = [{ log: logId, position: 9 }];
      const changes = (news.changes ?? []).map((one) => ({
        ...one,
        evidence: { ...one.evidence, positions },
      }));
      handlers?.onChanges({ sweeps: [], erased: [], cursor: '', ...end, ...news, changes });
      handlers?.onCaughtUp(end);
    };
    return { ...fixture, publish };
  }

  it('passes on changes, sweeps and erasures of other processes', async () => {
    const { guard, clock, publish } = shared();
    await settle();
    const optOuts: string[] = [];
    guard.on('optOut', ({ msisdn }) => optOuts.push(msisdn));
    publish({ changes: [{ list: '*', msisdn: CLEAN, evidence }] });
    expect([guard.canSend(CLEAN), optOuts]).toEqual([false, [CLEAN]]);
    publish({ erased: [CLEAN] });
    expect(guard.canSend(CLEAN)).toBe(true);
    publish({ erased: [CLEAN], changes: [{ list: '*', msisdn: CLEAN, evidence }] });
    expect([guard.canSend(CLEAN), optOuts]).toEqual([false, [CLEAN]]);
    const sweep = { list: 'default', number: 9, ageMs: 0, heldMs: null, rows: [] };
    publish({ sweeps: [{ ...sweep, start: clock.now(), added: [15_551_230_002], removed: [Number(OUT)] }] });
    expect([guard.canSend('15551230002'), guard.canSend(OUT)]).toEqual([false, true]);
  });

  it('keeps a guard fresh by the sweeps of other processes', async () => {
    const { guard, clock, provider, publish } = shared();
    await settle();
    provider.page.mockRejectedValue(new Error('down'));
    const sweep = { list: 'default', ageMs: 0, heldMs: null, rows: [], added: [], removed: [] };
    for (let hour = 0; hour < 30; hour++) {
      await clock.advance(HOUR);
      publish({ sweeps: [{ ...sweep, number: 10 + hour, start: clock.now() }] });
      // The age includes the time since the guard last caught up.
      publish({ sweeps: [{ ...sweep, number: 10.5 + hour, start: clock.now() }] });
    }
    expect(guard.check(CLEAN)).toMatchObject({ allowed: true, state: 'fresh', ageMs: 0 });
    expect(guard.canSend(OUT)).toBe(false);
  });
});

describe('listeners, resolvers and loggers that reject', () => {
  it('cause no unhandled rejection', async () => {
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    const failing = () => Promise.reject(new Error('boom'));
    const logger = { ...silent, warn: failing, error: failing };
    const lists = { resolve: failing as never };
    const guard: Guard = createGuard({ clock: createFakeClock(), logger, lists });
    await settle();
    guard.on('optOut', failing);
    await guard.optOut(CLEAN);
    expect(guard.canSend(CLEAN, { from: 'brand' })).toBe(false);
    await settle();
    process.off('unhandledRejection', unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });
});

describe('a person who is erased by another process', () => {
  it.each([
    ['that was not stored yet', true],
    ['that was stored after the erasure', false],
  ])('stays blocked by an opt-out %s', async (_name, isBroken) => {
    let handlers: Parameters<Store['tail']>[1] | undefined;
    let logId = '';
    const { guard } = harness((inner) => ({
      isShared: true,
      async load() {
        const contents = await inner.load();
        ({ logId } = contents);
        return contents;
      },
      append: (...given) => (isBroken ? Promise.reject(new Error('down')) : inner.append(...given)),
      tail(_since, given) {
        handlers = given;
        return () => undefined;
      },
    }));
    await settle();
    await guard.optOut(CLEAN).catch(() => undefined);
    handlers?.onChanges({ changes: [], sweeps: [], erased: [CLEAN], cursor: '', logId, position: 0 });
    expect(guard.check(CLEAN).reason).toBe('opted_out');
  });
});

describe('close()', () => {
  it('stores a change whose write failed while it waited', async () => {
    let fail: ((error: Error) => void) | undefined;
    const { guard, inner } = harness((store) => ({
      append: (...given) => (fail ? store.append(...given) : new Promise((_, reject) => (fail = reject))),
    }));
    await settle();
    const writing = guard.optOut(CLEAN).catch(() => undefined);
    await settle();
    const closing = guard.close();
    await settle();
    fail?.(new Error('busy'));
    await closing;
    await writing;
    expect(await inner.history(CLEAN)).toHaveLength(1);
  });

  it('tries once more to carry evidence over into another log', async () => {
    let handlers: Parameters<Store['tail']>[1] | undefined;
    let isBroken = false;
    const { guard, inner, clock } = harness((store) => ({
      isShared: true,
      append: (...given) => (isBroken ? Promise.reject(new Error('down')) : store.append(...given)),
      tail(_since, given) {
        handlers = given;
        return () => undefined;
      },
    }));
    await settle();
    await guard.optOut(CLEAN);
    isBroken = true;
    handlers?.onCaughtUp({ logId: 'another log', position: 0 });
    await clock.advance(MINUTE);
    isBroken = false;
    const append = vi.spyOn(inner, 'append');
    await guard.close();
    expect(append).toHaveBeenCalledWith([expect.objectContaining({ msisdn: CLEAN })], undefined);
    expect(clock.timers).toBe(0);
  });

  it('ends a resubscribe that waits for the store before it asks the provider', async () => {
    let open: (() => void) | undefined;
    const optIn = vi.fn<NonNullable<Provider['optIn']>>(async () => undefined);
    const { guard, clock } = harness(
      () => ({ open: () => new Promise<void>((resolve) => (open = resolve)) }),
      {
        lists: { alerts: { provider: { page: async () => ({ rows: [] }), optIn } } },
      },
    );
    const asking = guard.resubscribe(CLEAN).catch((error: unknown) => error);
    await settle();
    const closing = guard.close({ timeout: 1_000 });
    open?.();
    await clock.advance(2_000);
    await closing;
    expect(await asking).toMatchObject({ code: 'guard_closed' });
    expect([optIn.mock.calls.length, clock.timers]).toEqual([0, 0]);
  });
});
