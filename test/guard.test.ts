import { describe, expect, it, vi } from 'vitest';
import {
  ConfigError,
  ProviderError,
  SendBlockedError,
  StoreError,
  createGuard,
  isSendBlocked,
  memoryStore,
  type Guard,
  type GuardOptions,
  type Provider,
  type Store,
} from '../src/index.ts';
import { createFakeClock, settle } from './fake-clock.ts';
import {
  CLEAN,
  HOUR,
  MINUTE,
  OUT,
  createFixture,
  fakeProvider,
  silent,
  type FakeProvider,
  type GuardFixture,
} from './guard-fixture.ts';

/** A guard whose list is fresh. */
async function ready(options: GuardOptions = {}, listed: readonly string[] = [OUT]): Promise<GuardFixture> {
  const fixture = createFixture(options, listed);
  await settle();
  expect(await fixture.guard.ready()).toBe('fresh');
  return fixture;
}

describe('checks', () => {
  it('blocks a listed number and allows one that is not listed', async () => {
    const { guard } = await ready();
    expect([guard.canSend(OUT), guard.canSend(CLEAN)]).toEqual([false, true]);
    expect(guard.check(OUT)).toEqual({
      allowed: false,
      reason: 'opted_out',
      to: OUT,
      list: 'default',
      source: 'provider',
      since: null,
      state: 'fresh',
      ageMs: 0,
    });
    expect(guard.check(CLEAN)).toEqual({
      allowed: true,
      reason: 'not_listed',
      to: CLEAN,
      list: 'default',
      state: 'fresh',
      ageMs: 0,
    });
  });

  it.each([
    '+1 (555) 123-0001',
    '0015551230001',
    15_551_230_001,
    'tel:+1-555-123-0001',
    '１５５５１２３０００１',
  ])('reads %s as its number', async (form) => {
    const { guard } = await ready();
    expect(guard.check(form)).toMatchObject({ reason: 'opted_out', to: OUT });
  });

  it.each([undefined, null, '', 'abc', {}, [], Number.NaN, 1.5, Symbol('x'), () => OUT, '1', '1'.repeat(16)])(
    'blocks %s as unreadable and never throws',
    async (input) => {
      const { guard } = await ready();
      expect(guard.canSend(input)).toBe(false);
      expect(guard.check(input)).toMatchObject({ allowed: false, reason: 'invalid_number', to: null });
    },
  );

  it('blocks and does not throw if the options object throws', async () => {
    const { guard } = await ready();
    const hostile = {
      get from(): string {
        throw new Error('boom');
      },
    };
    expect([guard.canSend(CLEAN, hostile), guard.check(CLEAN, hostile).allowed]).toEqual([false, false]);
    expect(guard.canSend(CLEAN, null as never)).toBe(true);
    expect(guard.canSend(CLEAN, { from: {} as never })).toBe(true);
  });

  it('throws a masked error whose decision loggers do not see', async () => {
    const { guard } = await ready();
    guard.assertCanSend(CLEAN);
    let thrown: unknown;
    try {
      guard.assertCanSend(OUT);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(SendBlockedError);
    expect((thrown as SendBlockedError).decision).toMatchObject({ reason: 'opted_out', to: OUT });
    expect(JSON.stringify(thrown) + String(thrown) + Object.keys(thrown as object).join()).not.toContain(OUT);
    expect(isSendBlocked(new TypeError('fetch failed', { cause: thrown }))).toBe(true);
    expect(isSendBlocked(new TypeError('fetch failed'))).toBe(false);
  });

  it('filters recipients and counts the refused ones', async () => {
    const { guard } = await ready();
    const result = guard.filter([{ phone: OUT }, { phone: CLEAN }, { phone: '' }], {
      to: (row) => row.phone,
    });
    expect(result.allowed).toEqual([{ phone: CLEAN }]);
    expect(guard.status().counters.blocked).toMatchObject({ opted_out: 1, invalid_number: 1 });
  });

  it('reads the monotonic clock at most once per check', async () => {
    const { guard, clock } = await ready();
    for (const check of [() => guard.canSend(CLEAN), () => guard.check(CLEAN)]) {
      const before = clock.monotonicReads;
      check();
      expect(clock.monotonicReads - before).toBeLessThanOrEqual(1);
    }
  });

  it('does no I/O in a check', async () => {
    const store = memoryStore();
    const { guard, provider } = await ready({ store });
    const calls = provider.page.mock.calls.length;
    const spies = (['append', 'load', 'history', 'saveSweep'] as const).map((name) => vi.spyOn(store, name));
    for (let time = 0; time < 100; time++) guard.check(time % 2 ? OUT : CLEAN, { from: '1' });
    expect(provider.page.mock.calls.length).toBe(calls);
    expect(spies.every((spy) => spy.mock.calls.length === 0)).toBe(true);
  });
});

describe('both readings under a default country', () => {
  it('blocks a number if either reading is listed', async () => {
    const { guard } = await ready({ defaultCountry: 'GB' }, ['447700900123']);
    expect(guard.check('07700 900123')).toMatchObject({ reason: 'opted_out', to: '447700900123' });
    expect(guard.check('7700900123')).toMatchObject({ reason: 'opted_out', to: '447700900123' });
    expect(guard.check('+7700900123').allowed).toBe(true);
  });

  it('opts out both readings and opts in one at a time', async () => {
    const { guard } = await ready({ defaultCountry: 'GB' }, []);
    await guard.optOut('7700900123');
    expect([guard.canSend('+447700900123'), guard.canSend('+7700900123')]).toEqual([false, false]);
    await expect(guard.resubscribe('7700900123')).rejects.toMatchObject({ code: 'ambiguous_number' });
    expect([guard.canSend('+447700900123'), guard.canSend('+7700900123')]).toEqual([false, false]);
    expect(await guard.resubscribe('+447700900123')).toEqual({ released: true, stillBlocked: [] });
    expect(await guard.resubscribe('7700900123')).toEqual({ released: true, stillBlocked: [] });
    expect([guard.canSend('+447700900123'), guard.canSend('+7700900123')]).toEqual([true, true]);
  });
});

describe('states', () => {
  it('allows no number while it starts, and blocks the numbers of the first pages as opted out', async () => {
    let more: (() => void) | undefined;
    const clock = createFakeClock();
    const page: Provider['page'] = ({ index }) =>
      index === 0
        ? Promise.resolve({ rows: [OUT], total: 2 })
        : new Promise((resolve) => (more = () => resolve({ rows: index === 1 ? [CLEAN] : [] })));
    const guard = createGuard({ clock, logger: silent, provider: { page } });
    expect(guard.check(CLEAN)).toMatchObject({ reason: 'not_ready', state: 'starting', ageMs: null });
    await settle();
    expect(guard.check(OUT)).toMatchObject({ reason: 'opted_out', state: 'starting' });
    expect(guard.check('447700900123')).toMatchObject({ reason: 'not_ready' });
    more?.();
    await settle();
    more?.();
    await settle();
    expect([guard.check(CLEAN).reason, guard.check('447700900123').reason]).toEqual([
      'opted_out',
      'not_listed',
    ]);
    await guard.close();
  });

  it('is fresh, stale or expired by the age of the list alone', async () => {
    const { guard, clock, provider } = await ready();
    provider.page.mockRejectedValue(new Error('down'));
    await clock.advance(15 * MINUTE);
    expect(guard.check(CLEAN)).toMatchObject({ allowed: true, reason: 'not_listed', state: 'fresh' });
    await clock.advance(1);
    expect(guard.check(CLEAN)).toMatchObject({ allowed: true, reason: 'stale', state: 'stale' });
    await clock.advance(24 * HOUR - 15 * MINUTE - 1);
    expect(guard.check(CLEAN)).toMatchObject({ allowed: true, reason: 'stale' });
    await clock.advance(1);
    expect(guard.check(CLEAN)).toMatchObject({ allowed: false, reason: 'expired', state: 'expired' });
    expect(guard.check(OUT)).toMatchObject({ reason: 'opted_out', state: 'expired' });
  });

  it('blocks nobody after one failed poll', async () => {
    const { guard, clock, provider } = await ready();
    provider.page.mockRejectedValueOnce(new Error('down'));
    await clock.advance(5 * MINUTE);
    expect(guard.check(CLEAN)).toMatchObject({ allowed: true, reason: 'not_listed' });
  });

  it('is expired at the first check after the machine slept', async () => {
    const { guard, clock } = await ready();
    clock.jumpWall(25 * HOUR);
    expect(guard.canSend(CLEAN)).toBe(false);
    expect(guard.check(CLEAN)).toMatchObject({ reason: 'expired' });
  });

  it('gets no younger when the wall clock is set back a day', async () => {
    const { guard, clock } = await ready();
    clock.skip(25 * HOUR);
    clock.jumpWall(-24 * HOUR);
    expect(guard.check(CLEAN)).toMatchObject({ reason: 'expired' });
  });

  it.each([
    [{ whenNotReady: 'allow' }, 0, 'policy'],
    [{ whenStale: 'block' }, HOUR, 'stale'],
    [{ whenExpired: 'allow' }, 25 * HOUR, 'policy'],
  ] as const)('follows the policy %j', async (policy, age, reason) => {
    const { guard, clock, provider } = createFixture({ policy });
    if (age === 0) provider.page.mockRejectedValue(new Error('down'));
    await settle();
    clock.skip(age);
    const decision = guard.check(CLEAN);
    expect(decision).toMatchObject({ reason, allowed: reason === 'policy' });
    expect(guard.canSend(CLEAN)).toBe(decision.allowed);
    // Before a list was read, it is not known that the number is on it.
    expect(guard.canSend(OUT)).toBe(age === 0);
  });

  it('emits an event for each change, in time', async () => {
    const { guard, clock, provider } = createFixture();
    const events: string[] = [];
    guard.on('state', ({ previous, state }) => events.push(`${previous}→${state}`));
    guard.on('ready', ({ state }) => events.push(`ready ${state}`));
    await settle();
    provider.page.mockRejectedValue(new Error('down'));
    await clock.advance(15 * MINUTE + 100);
    expect(events).toEqual(['starting→fresh', 'ready fresh', 'fresh→stale']);
    await clock.advance(24 * HOUR);
    expect(events.at(-1)).toBe('stale→expired');
    provider.page.mockResolvedValue({ rows: [] });
    await clock.advance(5 * MINUTE);
    expect(events.at(-1)).toBe('expired→fresh');
    await guard.close();
    expect(events.at(-1)).toBe('fresh→closed');
  });

  it('is fresh without a provider as soon as the store is loaded', async () => {
    const guard = createGuard({ clock: createFakeClock(), logger: silent });
    expect(guard.canSend(CLEAN)).toBe(false);
    expect(await guard.ready()).toBe('fresh');
    expect(guard.check(CLEAN)).toMatchObject({ allowed: true, ageMs: null });
  });
});

describe('ready', () => {
  it('resolves at its deadline if the provider does not answer', async () => {
    const { guard, clock, provider } = createFixture();
    provider.page.mockImplementation(() => new Promise(() => undefined));
    const reached = Promise.all([guard.ready(), guard.ready({ timeout: '2s' }), guard.ready({ timeout: 0 })]);
    await clock.advance(10_000);
    expect(await reached).toEqual(['starting', 'starting', 'starting']);
  });

  it('resolves after a retry if the first sweep failed', async () => {
    const { guard, clock, provider } = createFixture();
    provider.page.mockRejectedValueOnce(new Error('down'));
    const reached = guard.ready();
    await clock.advance(2_000);
    expect(await reached).toBe('fresh');
    expect(guard.canSend(OUT)).toBe(false);
  });

  it('resolves when the guard is closed', async () => {
    const { guard, provider } = createFixture();
    provider.page.mockImplementation(() => new Promise(() => undefined));
    const reached = guard.ready();
    await guard.close();
    expect(await reached).toBe('closed');
  });
});

describe('acts of operators', () => {
  it('opts a number out everywhere, at once and through later sweeps', async () => {
    const { guard, clock } = await ready();
    await guard.optOut(CLEAN, { reason: 'by phone' });
    expect(guard.check(CLEAN)).toMatchObject({ reason: 'opted_out', list: '*', source: 'manual' });
    await clock.advance(HOUR);
    expect(guard.canSend(CLEAN)).toBe(false);
  });

  it('asks the provider before it releases a number, and keeps it released while the list lags', async () => {
    const { guard, clock, provider } = await ready();
    provider.optIn.mockImplementation(async () => undefined);
    provider.page.mockImplementation(async ({ index }) => ({
      rows: index === 0 ? [{ msisdn: OUT, optOut: true, optOutDate: clock.now() - HOUR }] : [],
    }));
    expect(await guard.resubscribe(OUT)).toEqual({ released: true, stillBlocked: [] });
    expect(provider.optIn).toHaveBeenCalledWith(OUT, { signal: expect.any(AbortSignal) });
    expect(guard.canSend(OUT)).toBe(true);
    await clock.advance(9 * MINUTE);
    expect(guard.canSend(OUT)).toBe(true);
  });

  it('blocks a released number again if the provider still lists it after the grace', async () => {
    const { guard, clock, provider } = await ready();
    provider.optIn.mockImplementation(async () => undefined);
    provider.page.mockImplementation(async ({ index }) => ({
      rows: index === 0 ? [{ msisdn: OUT, optOut: true, optOutDate: Date.UTC(2014, 5, 27) }] : [],
    }));
    const codes: string[] = [];
    guard.on('anomaly', ({ code }) => codes.push(code));
    await guard.resubscribe(OUT);
    await clock.advance(10 * MINUTE);
    expect(guard.canSend(OUT)).toBe(true);
    await clock.advance(5 * MINUTE);
    expect(guard.canSend(OUT)).toBe(false);
    expect(codes).toEqual(['opt_in_overruled']);
  });

  it('changes nothing if the provider refuses the opt-in', async () => {
    const { guard, provider } = await ready();
    provider.optIn.mockRejectedValue(new Error('no'));
    await expect(guard.resubscribe(OUT)).rejects.toMatchObject({ code: 'provider_unreachable' });
    expect(guard.canSend(OUT)).toBe(false);
    expect(await guard.history(OUT)).toEqual([]);
  });

  it('does not release a number that opts out while the provider is asked', async () => {
    const { guard, clock, provider } = await ready();
    provider.optIn.mockImplementation(async () => {
      clock.skip(10);
      await guard.optOut(OUT, { list: 'default' });
    });
    expect(await guard.resubscribe(OUT)).toEqual({ released: false, stillBlocked: ['default'] });
    clock.skip(10);
    provider.optIn.mockImplementation(async () => undefined);
    expect(await guard.resubscribe(OUT)).toMatchObject({ released: true });
  });

  it('asks no provider with localOnly, and releases no number that a provider lists', async () => {
    const { guard, provider } = await ready();
    await guard.optOut(CLEAN);
    expect(await guard.resubscribe(CLEAN, { localOnly: true })).toEqual({ released: true, stillBlocked: [] });
    expect(await guard.resubscribe(OUT, { localOnly: true })).toEqual({
      released: false,
      stillBlocked: ['default'],
    });
    expect([provider.optIn.mock.calls.length, guard.canSend(OUT), guard.canSend(CLEAN)]).toEqual([
      0,
      false,
      true,
    ]);
  });

  it.each<[string, (guard: Guard) => Promise<unknown>]>([
    ['optOut', (guard) => guard.optOut('abc')],
    ['resubscribe', (guard) => guard.resubscribe('')],
    ['history', (guard) => guard.history('x')],
    ['erase', (guard) => guard.erase('x')],
  ])('rejects %s of an unreadable number', async (_name, act) => {
    const { guard } = await ready();
    await expect(act(guard)).rejects.toMatchObject({ code: 'invalid_number' });
  });

  it('throws a ConfigError for an unknown list, option or event', async () => {
    const { guard } = await ready();
    await expect(guard.optOut(OUT, { list: 'nope' })).rejects.toBeInstanceOf(ConfigError);
    await expect(guard.optOut(OUT, { lst: 'x' } as never)).rejects.toBeInstanceOf(ConfigError);
    expect(() => guard.on('blokked' as never, () => undefined)).toThrow(ConfigError);
  });

  it('imports many rows, unblocks nobody, and reports unreadable rows', async () => {
    const { guard, clock } = await ready({}, []);
    await guard.resubscribe('15551230007', { localOnly: true });
    clock.skip(1_000);
    const rows = [
      '15551230002',
      { msisdn: '15551230003', at: new Date(clock.now() - HOUR), reason: 'crm' },
      'x',
      { msisdn: '15551230007', at: clock.now() - HOUR },
      { msisdn: '15551230002' },
      null as never,
    ];
    expect(await guard.import(rows, { source: 'old system' })).toEqual({
      added: 2,
      known: 1,
      invalid: [{ index: 2 }, { index: 5 }],
      undated: [],
      conflicts: [{ index: 3 }],
    });
    expect(['2', '3', '7'].map((last) => guard.canSend(`1555123000${last}`))).toEqual([false, false, true]);
    expect(await guard.import(['15551230002'])).toMatchObject({ added: 1, known: 0 });
    async function* later() {
      yield '15551230009';
    }
    expect(await guard.import(later())).toMatchObject({ added: 1 });
    await expect(guard.import('15551230009' as never)).rejects.toBeInstanceOf(ConfigError);
  });

  it('lists every blocked number', async () => {
    const { guard } = await ready();
    await guard.optOut('15551230002');
    const found: unknown[] = [];
    for await (const entry of guard.optOuts()) found.push(entry);
    expect(found).toEqual([
      { msisdn: '15551230002', list: '*', source: 'manual', since: expect.any(Number) },
      { msisdn: OUT, list: 'default', source: 'provider', since: null },
    ]);
    await expect(guard.optOuts({ list: 'nope' })[Symbol.asyncIterator]().next()).rejects.toThrow(ConfigError);
    await expect(guard.history(OUT, { list: 'nope' })).rejects.toThrow(ConfigError);
  });

  it('lists a number whose reason changes during the listing', async () => {
    const { guard } = await ready({}, [OUT, '15551230002', '15551230003']);
    const found = new Set<string>();
    for await (const { msisdn } of guard.optOuts()) {
      if (found.size === 0) for (const one of [OUT, '15551230002', '15551230003']) await guard.optOut(one);
      found.add(msisdn);
    }
    expect([...found].toSorted()).toEqual([OUT, '15551230002', '15551230003']);
  });

  it('erases words and keeps the block', async () => {
    const { guard } = await ready();
    await guard.optOut(CLEAN, { reason: 'Ann called' });
    expect(await guard.history(CLEAN)).toMatchObject([
      { reason: 'Ann called', direction: 'out', list: '*', source: 'manual' },
    ]);
    await guard.erase(CLEAN);
    expect(JSON.stringify(await guard.history(CLEAN))).not.toContain('Ann');
    expect(guard.canSend(CLEAN)).toBe(false);
    await guard.resubscribe(CLEAN);
    await guard.erase(CLEAN);
    expect([await guard.history(CLEAN), guard.canSend(CLEAN)]).toEqual([[], true]);
  });

  it('keeps an opt-out that arrives during an erasure', async () => {
    const store = memoryStore();
    const { guard } = await ready({ store }, []);
    await guard.optOut(CLEAN);
    await guard.resubscribe(CLEAN);
    const erase = store.erase.bind(store);
    let proceed: (() => void) | undefined;
    vi.spyOn(store, 'erase').mockImplementation(async (msisdn, forget) => {
      await new Promise<void>((resolve) => (proceed = resolve));
      return erase(msisdn, forget);
    });
    const erasing = guard.erase(CLEAN);
    const optingOut = guard.optOut(CLEAN);
    await settle();
    proceed?.();
    await Promise.all([erasing, optingOut]);
    expect(guard.canSend(CLEAN)).toBe(false);
    expect(await guard.history(CLEAN)).toMatchObject([{ direction: 'out' }]);
  });

  it('keeps an opt-out whose write is under way when an erasure begins', async () => {
    const store = memoryStore();
    const append = store.append.bind(store);
    vi.spyOn(store, 'append').mockImplementation(async (changes) => {
      const isNew = await append(changes);
      await settle();
      return isNew;
    });
    const { guard } = await ready({ store }, []);
    await Promise.all([guard.optOut(CLEAN), guard.erase(CLEAN)]);
    expect(await guard.history(CLEAN)).toMatchObject([{ direction: 'out' }]);
    expect(guard.canSend(CLEAN)).toBe(false);
  });
});

describe('resubscribing', () => {
  it('takes a number that the provider refuses for unlisted only if the list is known', async () => {
    const { guard, provider } = createFixture();
    provider.page.mockReturnValue(new Promise(() => undefined));
    provider.optIn.mockRejectedValue(new ProviderError('provider_number_refused', 'no such number'));
    await settle();
    await expect(guard.resubscribe(CLEAN)).rejects.toMatchObject({ code: 'provider_number_refused' });
    const known = await ready();
    known.provider.optIn.mockRejectedValue(new ProviderError('provider_number_refused', 'no such number'));
    expect(await known.guard.resubscribe(CLEAN)).toMatchObject({ released: true });
    await expect(known.guard.resubscribe(OUT)).rejects.toMatchObject({ code: 'provider_number_refused' });
  });

  it('rejects with guard_closed if the guard is closed meanwhile', async () => {
    const { guard, provider } = await ready();
    provider.optIn.mockReturnValue(new Promise(() => undefined));
    const asking = guard.resubscribe(OUT).catch((error: unknown) => error);
    await settle();
    await guard.close();
    expect(await asking).toMatchObject({ code: 'guard_closed' });
  });

  it('does not outweigh a later opt-out after the clock was set back', async () => {
    const { guard, clock } = await ready({}, []);
    await guard.resubscribe(CLEAN);
    clock.jumpWall(-2 * HOUR);
    await guard.optOut(CLEAN);
    expect(guard.canSend(CLEAN)).toBe(false);
  });
});

describe('an import', () => {
  it('reads a date as the latest instant that it can mean, and an unreadable date as now', async () => {
    const { guard, clock } = await ready({}, []);
    const rows = [
      { msisdn: '15551230011', at: '2025-12-31 15:00:00' },
      { msisdn: '15551230012', at: '2025-12-31T15:00:00+02:00' },
      { msisdn: '15551230013', at: new Date(clock.now() - HOUR) },
      { msisdn: '15551230018', at: 1_767_000_000 },
      { msisdn: '15551230014', at: 1_000 },
      { msisdn: '15551230015', at: [] as never },
      { msisdn: '15551230016', at: 'soon' },
      { msisdn: '15551230017', at: clock.now() + HOUR },
    ];
    expect(await guard.import(rows)).toMatchObject({ added: 8, known: 0, invalid: [] });
    const at = async (msisdn: string) => (await guard.history(msisdn))[0]?.at;
    const day = Date.UTC(2025, 11, 31);
    expect(await Promise.all(rows.slice(0, 4).map(({ msisdn }) => at(msisdn)))).toEqual([
      // Without a zone, the time may be that of the last zone that has it.
      day + 27 * HOUR + 999,
      day + 13 * HOUR + 999,
      clock.now() - HOUR,
      1_767_000_000_999,
    ]);
    for (const { msisdn } of rows.slice(4)) expect(await at(msisdn)).toBeGreaterThanOrEqual(clock.now());
  });

  it('knows the rows of a dated file that is imported again, and blocks nobody who came back', async () => {
    const { guard, clock } = await ready({}, []);
    const rows = [{ msisdn: CLEAN, at: clock.now() - HOUR }];
    expect(await guard.import(rows)).toMatchObject({ added: 1, known: 0 });
    expect(await guard.import(rows)).toMatchObject({ added: 0, known: 1, conflicts: [] });
    await guard.resubscribe(CLEAN);
    const before = await guard.history(CLEAN);
    expect(await guard.import(rows)).toMatchObject({ added: 0, known: 0, conflicts: [{ index: 0 }] });
    expect([guard.canSend(CLEAN), await guard.history(CLEAN)]).toEqual([true, before]);
  });
});

describe('lists and senders', () => {
  async function twoLists(): Promise<GuardFixture & { marketing: FakeProvider }> {
    const clock = createFakeClock();
    const list = new Set([OUT]);
    const provider = fakeProvider(list);
    const marketing = fakeProvider(new Set(['15551230002']));
    const guard = createGuard({
      clock,
      logger: silent,
      lists: {
        alerts: { senders: ['73737', '+1 (555) 000-1111'], provider },
        marketing: { senders: ['Acme'], provider: marketing, optInByReply: true },
      },
    });
    await settle();
    return { guard, clock, provider, list, marketing };
  }

  it('asks the sender’s list, and every list for an unknown sender', async () => {
    const { guard } = await twoLists();
    const answers = (msisdn: string) =>
      ['73737', '15550001111', 'acme', 'unknown', undefined].map((from) => guard.canSend(msisdn, { from }));
    expect(answers(OUT)).toEqual([false, false, true, false, false]);
    expect(answers('15551230002')).toEqual([true, true, false, false, false]);
    expect(guard.check(CLEAN, { from: '73737' })).toMatchObject({ list: 'alerts' });
    expect(guard.check(CLEAN)).toMatchObject({ list: null });
  });

  it('opts out everywhere without a list, and only there with one', async () => {
    const { guard } = await twoLists();
    await guard.optOut('15551230005');
    await guard.optOut('15551230006', { list: 'alerts' });
    expect(['73737', 'Acme'].map((from) => guard.canSend('15551230005', { from }))).toEqual([false, false]);
    expect(['73737', 'Acme'].map((from) => guard.canSend('15551230006', { from }))).toEqual([false, true]);
  });

  it('keeps a number blocked on one list when another releases it', async () => {
    const { guard } = await twoLists();
    await guard.optOut(OUT);
    expect(await guard.resubscribe(OUT, { list: 'alerts' })).toEqual({ released: true, stillBlocked: ['*'] });
    expect(guard.check(OUT, { from: '73737' })).toMatchObject({ reason: 'opted_out', list: '*' });
    expect(await guard.resubscribe(OUT)).toEqual({ released: true, stillBlocked: [] });
  });

  it('gives the worst state of the asked lists', async () => {
    const { guard, clock, marketing } = await twoLists();
    marketing.page.mockRejectedValue(new Error('down'));
    await clock.advance(HOUR);
    expect(guard.check(CLEAN, { from: '73737' }).state).toBe('fresh');
    expect(guard.check(CLEAN, { from: 'Acme' }).state).toBe('stale');
    expect(guard.check(CLEAN).state).toBe('stale');
  });

  it('keeps blocking the numbers of a list whose provider fails', async () => {
    const { guard, clock, marketing } = await twoLists();
    marketing.page.mockRejectedValue(new Error('down'));
    await clock.advance(HOUR);
    expect(guard.canSend('15551230002', { from: 'Acme' })).toBe(false);
  });

  it('keeps an opt-out on a list that only a resolver names', async () => {
    const guard = createGuard({
      clock: createFakeClock(),
      logger: silent,
      lists: { resolve: (from) => (from.startsWith('brand-') ? from : undefined) },
    });
    await settle();
    await guard.optOut(OUT, { list: 'brand-a' });
    expect(['brand-a', 'brand-b', 'other'].map((from) => guard.canSend(OUT, { from }))).toEqual([
      false,
      true,
      false,
    ]);
  });

  it.each<[string, GuardOptions['lists'], RegExp]>([
    ['no list', {}, /at least one list/],
    ['a value that is no object', ['alerts'] as never, /an object of lists by name/],
    ['two catch-alls', { a: {}, b: {} }, /only one list may leave its senders out/],
    ['one sender twice', { a: { senders: ['1 2'] }, b: { senders: ['12'] } }, /named again/],
    ['senders of *', { '*': { senders: ['1'] } }, /for every sender/],
    ['replies on *', { '*': { optInByReply: true }, a: {} }, /a reply never lifts/],
    ['a misspelt option', { a: { sender: ['1'] } as never }, /did you mean lists\.a\.senders/],
  ])('refuses %s', (_name, lists, message) => {
    expect(() => createGuard({ lists: lists as NonNullable<typeof lists> })).toThrow(message);
  });

  it('accepts a provider of the list that counts everywhere', async () => {
    const provider: Provider = { page: async ({ index }) => ({ rows: index === 0 ? [OUT] : [] }) };
    const guard = createGuard({ logger: silent, lists: { '*': { provider }, alerts: { senders: ['12'] } } });
    await guard.ready();
    expect(['12', 'Brand'].map((from) => guard.canSend(OUT, { from }))).toEqual([false, false]);
    expect(guard.canSend(CLEAN, { from: '12' })).toBe(true);
    await guard.close();
  });

  it('accepts a sender that one list names twice', async () => {
    const lists = { alerts: { senders: ['1 2', '12'] }, brand: { senders: ['Brand'] } };
    const guard = createGuard({ logger: silent, lists });
    await guard.ready();
    await guard.optOut(OUT, { list: 'alerts' });
    expect(['12', 'Brand'].map((from) => guard.canSend(OUT, { from }))).toEqual([false, true]);
    await guard.close();
  });
});

describe('the store', () => {
  function failing(): Store & { isBroken: boolean } {
    const store = memoryStore();
    const failingStore = {
      ...store,
      isBroken: false,
      append: async (changes: Parameters<Store['append']>[0]) => {
        if (failingStore.isBroken) throw new Error('disk full');
        return store.append(changes);
      },
    };
    return failingStore;
  }

  it('rejects an opt-out that it cannot keep, and the number is blocked all the same', async () => {
    const store = failing();
    const { guard } = await ready({ store });
    store.isBroken = true;
    await expect(guard.optOut(CLEAN)).rejects.toBeInstanceOf(StoreError);
    expect(guard.canSend(CLEAN)).toBe(false);
    await expect(guard.resubscribe(OUT)).rejects.toBeInstanceOf(StoreError);
    expect(guard.canSend(OUT)).toBe(false);
    expect(guard.status().store.lastErrorCode).toBe('store_unavailable');
  });

  it('makes an opt-out block while it is written, and an opt-in release only afterwards', async () => {
    const store = memoryStore();
    let proceed: (() => void) | undefined;
    const append = store.append.bind(store);
    vi.spyOn(store, 'append').mockImplementation(async (changes) => {
      await new Promise<void>((resolve) => (proceed = resolve));
      return append(changes);
    });
    const { guard } = await ready({ store });
    const optingOut = guard.optOut(CLEAN);
    await settle();
    expect(guard.check(CLEAN)).toMatchObject({ reason: 'opted_out', source: 'manual', list: '*' });
    expect(guard.canSend(CLEAN)).toBe(false);
    proceed?.();
    await optingOut;
    const resubscribing = guard.resubscribe(OUT);
    await settle();
    expect(guard.canSend(OUT)).toBe(false);
    proceed?.();
    await resubscribing;
    expect(guard.canSend(OUT)).toBe(true);
  });

  it('gives a later guard the state restored and the same answers', async () => {
    const store = memoryStore();
    const first = await ready({ store });
    await first.guard.optOut('15551230002');
    await first.guard.close();
    const down: Provider = { page: async () => Promise.reject(new Error('down')) };
    const guard = createGuard({ clock: first.clock, logger: silent, store, provider: down });
    first.clock.skip(MINUTE);
    await settle();
    expect(await guard.ready()).toBe('restored');
    expect(guard.check(OUT)).toMatchObject({ reason: 'opted_out', state: 'restored', ageMs: MINUTE });
    expect(guard.check('15551230002')).toMatchObject({ reason: 'opted_out', list: '*' });
    expect(guard.check(CLEAN)).toMatchObject({ allowed: true, reason: 'not_listed', state: 'restored' });
    first.clock.skip(HOUR);
    expect(guard.check(CLEAN)).toMatchObject({ allowed: true, reason: 'stale', state: 'restored' });
    first.clock.skip(24 * HOUR);
    expect(guard.check(CLEAN)).toMatchObject({ allowed: false, reason: 'expired' });
  });

  it('makes a guard expired if its sweep is dated in the future', async () => {
    const store = memoryStore();
    const clock = createFakeClock();
    const sweep = { number: 1, ageMs: 0, size: 1, numbers: [OUT], missingOnce: [], heldMs: null, rows: [] };
    await store.saveSweep('default', { ...sweep, start: clock.now() + 1 });
    const guard = createGuard({
      clock,
      logger: silent,
      store,
      provider: { page: () => new Promise(() => undefined) },
    });
    await settle();
    expect(guard.check(CLEAN)).toMatchObject({ allowed: false, reason: 'expired', state: 'restored' });
    expect(guard.canSend(OUT)).toBe(false);
  });

  it('is opened again after a failure; until then nothing is allowed or acknowledged', async () => {
    const store = memoryStore();
    const open = vi.spyOn(store, 'open').mockRejectedValueOnce(new Error('locked'));
    const { guard, clock } = createFixture({ store });
    const errors: string[] = [];
    guard.on('error', ({ code }) => errors.push(code));
    await settle();
    expect(errors).toEqual(['store_unavailable']);
    await expect(guard.optOut(CLEAN)).rejects.toBeInstanceOf(StoreError);
    expect(guard.check('447700900123').reason).toBe('not_ready');
    await clock.advance(1_000);
    expect(open).toHaveBeenCalledTimes(2);
    expect(guard.check('447700900123').reason).toBe('not_listed');
    expect(guard.canSend(CLEAN)).toBe(false);
  });

  it('ages a guard that falls behind, if it is shared', async () => {
    let caughtUp: (() => void) | undefined;
    const store: Store = {
      ...memoryStore(),
      isShared: true,
      tail(_since, handlers) {
        caughtUp = () => handlers.onCaughtUp({ logId: 'log', position: 0 });
        return () => undefined;
      },
    };
    const { guard, clock } = await ready({ store });
    await clock.advance(20 * MINUTE);
    expect(guard.check(CLEAN).state).toBe('stale');
    caughtUp?.();
    expect(guard.check(CLEAN).state).toBe('fresh');
  });
});

describe('refresh', () => {
  it('resolves to the outcome of each list and never rejects', async () => {
    const { guard, provider, list } = await ready();
    list.add(CLEAN);
    expect(await guard.refresh()).toMatchObject({
      isComplete: true,
      lists: [{ status: 'complete', size: 2, added: 1 }],
    });
    expect(guard.canSend(CLEAN)).toBe(false);
    provider.page.mockRejectedValue(new Error('down'));
    expect(await guard.refresh()).toMatchObject({ isComplete: false, lists: [{ status: 'failed' }] });
    await guard.close();
    expect(await guard.refresh()).toMatchObject({ isComplete: false, lists: [{ status: 'closed' }] });
  });

  it('removes the numbers of a shrinking list only if that is accepted', async () => {
    const many = Array.from({ length: 200 }, (_, index) => String(15_551_000_000 + index));
    const { guard, list } = await ready({}, many);
    list.clear();
    expect(await guard.refresh()).toMatchObject({ lists: [{ isHeld: true }] });
    expect(guard.status().lists['default']?.heldSince).toBeTypeOf('number');
    expect(await guard.refresh({ acceptShrink: true })).toMatchObject({
      lists: [{ isHeld: false, removed: 200 }],
    });
  });
});

describe('events', () => {
  it('reach the other listeners if one throws', async () => {
    const { guard } = await ready();
    const listener = vi.fn<() => void>();
    guard.on('blocked', () => {
      throw new Error('boom');
    });
    guard.on('blocked', listener);
    expect(guard.canSend(OUT)).toBe(false);
    expect(listener).toHaveBeenCalledTimes(1);
  });

  it('end for one subscription of a function that has two', async () => {
    const { guard } = await ready();
    const listener = vi.fn<() => void>();
    const [end] = [guard.on('blocked', listener), guard.on('blocked', listener)];
    guard.canSend(OUT);
    end();
    end();
    guard.canSend(OUT);
    expect(listener).toHaveBeenCalledTimes(3);
  });

  it('show a number only in members that are not enumerable', async () => {
    const { guard } = await ready();
    const events: unknown[] = [];
    guard.on('optOut', (event) => events.push(event, event.msisdn));
    guard.on('blocked', (event) => events.push(event, event.decision.to));
    await guard.optOut(CLEAN, { reason: 'Ann' });
    guard.canSend(CLEAN);
    expect(events).toMatchObject([
      { to: '*******9999', source: 'manual' },
      CLEAN,
      { reason: 'opted_out' },
      CLEAN,
    ]);
    expect(JSON.stringify([events[0], events[2]])).not.toMatch(/15551239999|Ann/);
  });

  it('are logged and not thrown if an error has no listener', async () => {
    const logger = { ...silent, error: vi.fn<(details: object, message: string) => void>() };
    const { provider, clock } = await ready({ logger });
    provider.page.mockRejectedValue(new Error('down'));
    await clock.advance(5 * MINUTE);
    expect(logger.error).toHaveBeenCalledWith(
      expect.objectContaining({ code: 'provider_unreachable' }),
      expect.any(String),
    );
  });

  it('are emitted once for each act', async () => {
    const { guard } = await ready();
    const listener = vi.fn<() => void>();
    guard.on('optOut', listener);
    await guard.optOut(CLEAN);
    expect(listener).toHaveBeenCalledTimes(1);
    expect(guard.status().counters).toMatchObject({ optOuts: 1, optIns: 0 });
  });
});

describe('a gate that only observes', () => {
  it('counts and reports what it would have refused, and warns hourly that it refuses nothing', async () => {
    const { guard, clock } = await ready();
    const events: unknown[] = [];
    guard.on('blocked', ({ observed, gate }) => events.push({ observed, gate }));
    guard.on('warn', ({ code }) => events.push(code));
    const gate = guard.middleware({ onBlocked: 'observe' });
    const next = vi.fn<() => void>();
    const send = () => gate({ body: { to: OUT } }, { statusCode: 200, setHeader() {}, end() {} }, next);
    send();
    send();
    await clock.advance(HOUR);
    send();
    const refusal = { observed: true, gate: 'middleware' };
    expect(events).toEqual(['observe_only', refusal, refusal, 'observe_only', refusal]);
    expect(next.mock.calls).toEqual([[], [], []]);
    expect(guard.status().counters).toMatchObject({ observed: 3, blocked: { opted_out: 0 } });
  });
});

describe('memory as a store', () => {
  it('causes one warning, when a change is made that a restart would lose', async () => {
    const clock = createFakeClock();
    const guard = createGuard({ clock, logger: silent });
    const warnings: string[] = [];
    guard.on('warn', ({ code }) => warnings.push(code));
    await settle();
    guard.canSend(CLEAN);
    expect(warnings).toEqual([]);
    await guard.optOut(CLEAN);
    guard.webhooks({ unsigned: 'block_only' });
    expect(warnings).toEqual(['memory_store']);
    const own = createGuard({ clock, logger: silent, store: memoryStore() });
    own.on('warn', ({ code }) => warnings.push(code));
    await settle();
    await own.optOut(CLEAN);
    expect(warnings).toEqual(['memory_store']);
  });
});

describe('prune', () => {
  it('asks the store to remove evidence older than an age or a date', async () => {
    const prune = vi.fn<NonNullable<Store['prune']>>(async () => 7);
    const { guard, clock } = await ready({ store: { ...memoryStore(), prune } });
    expect(await guard.prune({ olderThan: '24h' })).toEqual({ removed: 7 });
    expect(await guard.prune({ olderThan: new Date(5) })).toEqual({ removed: 7 });
    expect(prune.mock.calls).toEqual([[clock.now() - 24 * HOUR], [5]]);
    await expect(guard.prune({ olderThan: new Date(Number.NaN) })).rejects.toThrow(ConfigError);
    await expect(guard.prune({} as never)).rejects.toThrow(/olderThan/);
  });
});

describe('status', () => {
  it('is plain data', async () => {
    const { guard, clock } = await ready();
    guard.canSend(OUT);
    guard.canSend(CLEAN);
    await clock.advance(1_000);
    const status = guard.status();
    expect(JSON.parse(JSON.stringify(status))).toEqual(status);
    expect(status).toMatchObject({
      state: 'fresh',
      ageMs: 1_000,
      lists: {
        default: {
          state: 'fresh',
          size: 1,
          lastAttempt: { status: 'complete' },
          consecutiveFailures: 0,
          lastErrorCode: null,
          heldSince: null,
        },
      },
      store: { kind: 'memory', isOpen: true },
      counters: { allowed: 1, blocked: { opted_out: 1 } },
    });
  });

  it('shows failures', async () => {
    const { guard, clock, provider } = await ready();
    provider.page.mockRejectedValue(new Error('down'));
    await clock.advance(10 * MINUTE);
    expect(guard.status().lists['default']).toMatchObject({
      consecutiveFailures: 2,
      lastErrorCode: 'provider_unreachable',
      lastAttempt: { status: 'failed' },
    });
  });
});

describe('close', () => {
  it('blocks every number from then on and leaves no timer', async () => {
    const { guard, clock, provider } = await ready();
    await Promise.all([guard.close(), guard.close()]);
    await guard[Symbol.asyncDispose]();
    expect(clock.timers).toBe(0);
    expect(guard.check(CLEAN)).toMatchObject({ allowed: false, reason: 'closed', state: 'closed' });
    expect(guard.check(OUT)).toMatchObject({ reason: 'opted_out', state: 'closed' });
    expect(guard.canSend(CLEAN)).toBe(false);
    expect(guard.status().state).toBe('closed');
    await expect(guard.optOut(CLEAN)).rejects.toMatchObject({ code: 'guard_closed' });
    const calls = provider.page.mock.calls.length;
    await clock.advance(HOUR);
    expect(provider.page.mock.calls.length).toBe(calls);
  });

  it('waits for a write, up to its timeout', async () => {
    const store = memoryStore();
    const { guard, clock } = await ready({ store });
    vi.spyOn(store, 'append').mockImplementation(() => new Promise(() => undefined));
    void guard.optOut(CLEAN).catch(() => undefined);
    await settle();
    let isOver = false;
    const closing = guard.close({ timeout: '1s' }).then(() => (isOver = true));
    await clock.advance(999);
    expect(isOver).toBe(false);
    await clock.advance(1);
    await closing;
    expect(guard.canSend(CLEAN)).toBe(false);
  });
});

describe('options', () => {
  it.each<[GuardOptions, string]>([
    [{ refresh: { every: 0 } }, 'refresh.every'],
    [{ refresh: { every: '60' as never } }, 'refresh.every'],
    [{ refresh: { every: 2 ** 31 } }, 'refresh.every'],
    [{ refresh: { every: Number.NaN } }, 'refresh.every'],
    [{ refresh: { jitter: 2 } }, 'refresh.jitter'],
    [{ refresh: { pageSize: 0 } }, 'refresh.pageSize'],
    [{ maxAge: '1m', staleAfter: '2m' }, 'staleAfter'],
    [{ provider: {} as never }, 'provider'],
    [{ provider: { page: async () => ({ rows: [] }) }, lists: { a: {} } }, 'lists'],
    [{ store: 'sqlite:' }, 'store'],
    [{ store: 'sqlite::memory:' }, 'store'],
    [{ store: 'mysql:x' }, 'store'],
    [{ store: {} as never }, 'store'],
    [{ policy: { whenNotReady: 'pass' as never } }, 'policy.whenNotReady'],
    [{ defaultCountry: 'usa' }, 'defaultCountry'],
    [{ clock: {} as never }, 'clock'],
    [{ logger: Math.max as never }, 'logger'],
    [{ random: 5 as never }, 'random'],
    [{ polcy: {} } as never, 'polcy'],
    [null as never, 'options'],
  ])('refuses %j and names %s', (options, key) => {
    expect(() => createGuard(options)).toThrow(expect.objectContaining({ name: 'ConfigError', key }));
  });
});
