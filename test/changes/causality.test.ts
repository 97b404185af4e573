/** Acts are ordered by causality, and messages by the provider's time: through the public API, with wrong clocks. */

import { describe, expect, it, vi } from 'vitest';
import { createGuard, memoryStore, type Guard, type Provider } from '../../src/index.ts';
import { createFakeClock, settle } from '../fake-clock.ts';
import { createSharedLog } from '../shared-log.ts';
import { DAY, HOUR, MINUTE, N, SECOND, create, isOut, silent } from './causality-world.ts';

describe('a clock that is ahead', () => {
  it('dates no later act in its future', async () => {
    const store = memoryStore();
    const { guard, clock, receive } = await create({ store });
    clock.jumpWall(10 * 365 * DAY);
    await receive({ direction: 'out', messageId: 'a', at: clock.now(), msisdn: '15551230009' } as never);
    clock.jumpWall(-10 * 365 * DAY);
    await guard.optOut(N);
    await guard.resubscribe(N);
    expect(isOut(guard)).toBe(false);
    await receive({ direction: 'out', messageId: 'b', at: clock.now() - HOUR });
    expect(isOut(guard)).toBe(true);
    const again = await create({ store });
    expect(isOut(again.guard)).toBe(true);
  });

  it('lets no START of the provider outweigh a later opt-out of an operator', async () => {
    const { guard, clock, receive } = await create();
    await receive({ direction: 'in', messageId: 'a', at: clock.now() + 5 * SECOND });
    await clock.advance(2 * SECOND);
    await guard.optOut(N, { list: 'alerts' });
    expect(isOut(guard)).toBe(true);
    await receive({ direction: 'in', messageId: 'b', at: clock.now() });
    expect(isOut(guard)).toBe(true);
    expect(await guard.resubscribe(N)).toMatchObject({ released: true });
  });

  it.each([-3 * 365 * DAY, -HOUR, -1, 1, HOUR, 3 * 365 * DAY])(
    'lets an act lift what it has seen, and a later opt-out block, after a jump of %d ms',
    async (jump) => {
      const { guard, clock, receive } = await create();
      for (const moment of [0, 1, 2]) {
        await receive({ direction: 'out', messageId: `out ${moment}`, at: clock.now() });
        if (moment === 0) clock.jumpWall(jump);
        expect(isOut(guard)).toBe(true);
        if (moment === 1) clock.jumpWall(jump);
        expect(await guard.resubscribe(N)).toMatchObject({ released: true });
        expect(isOut(guard)).toBe(false);
        if (moment === 2) clock.jumpWall(jump);
        await guard.optOut(N);
        expect(isOut(guard)).toBe(true);
        expect(await guard.resubscribe(N)).toMatchObject({ released: true });
      }
    },
  );
});

describe('a STOP without a usable date', () => {
  it.each([undefined, 0, Date.UTC(1900, 0, 1), Date.UTC(1999, 11, 31), new Date('0001-01-01')])(
    'is answered only by an act: date %s',
    async (at) => {
      const { guard, clock, receive } = await create();
      await receive({ direction: 'out', messageId: 'a', ...(at === undefined ? {} : { at }) });
      await receive({ direction: 'in', messageId: 'b', at: clock.now() });
      expect(guard.canSend(N)).toBe(false);
      expect(await guard.resubscribe(N)).toMatchObject({ released: true });
      expect(guard.canSend(N)).toBe(true);
    },
  );
});

describe('a START that no time can order', () => {
  it.each([undefined, Date.UTC(1999, 0, 1), 2 * MINUTE])(
    'proves nothing, now or later: date %s',
    async (ahead) => {
      const { guard, clock, receive } = await create();
      const at = ahead === 2 * MINUTE ? clock.now() + ahead : ahead;
      await receive({ direction: 'out', messageId: 'a', at: clock.now() - HOUR });
      await receive({ direction: 'in', messageId: 'b', ...(at === undefined ? {} : { at }) });
      expect(guard.canSend(N)).toBe(false);
      await clock.advance(DAY);
      // The same message with a usable date is still the same message.
      await receive({ direction: 'in', messageId: 'b', at: clock.now() });
      expect(guard.canSend(N)).toBe(false);
      await receive({ direction: 'in', messageId: 'c', at: clock.now() });
      expect(guard.canSend(N)).toBe(true);
    },
  );
});

describe('two processes', () => {
  it('block at a tie of one millisecond, as the act had not seen the STOP', async () => {
    const log = createSharedLog();
    const [a, b] = [await create({ store: log.handle() }), await create({ store: log.handle() })];
    await b.receive({ direction: 'out', messageId: 'first', at: b.clock.now() - HOUR });
    await log.deliver();
    const asking = a.guard.resubscribe(N);
    await b.receive({ direction: 'out', messageId: 'second', at: b.clock.now() });
    // Both have the same wall clock time. The act's process did not know the second STOP when the act began.
    expect(await asking).toMatchObject({ released: false });
    await log.deliver();
    expect([a.guard.canSend(N), b.guard.canSend(N)]).toEqual([false, false]);
    expect(await a.guard.resubscribe(N)).toMatchObject({ released: true });
    await log.deliver();
    expect([a.guard.canSend(N), b.guard.canSend(N)]).toEqual([true, true]);
  });

  it('let an act answer only what its own process had read of the log', async () => {
    const log = createSharedLog();
    const [a, b] = [await create({ store: log.handle() }), await create({ store: log.handle() })];
    await b.guard.optOut(N);
    // The write returns what is in the log by then.
    expect(await a.guard.resubscribe(N)).toEqual({ released: false, stillBlocked: ['*'] });
    expect(a.guard.canSend(N)).toBe(false);
    await log.deliver();
    expect([a.guard.canSend(N), b.guard.canSend(N)]).toEqual([false, false]);
  });

  it('keep the first time of a START that one answered with 503 and the other got again', async () => {
    const log = createSharedLog();
    const [a, b] = [await create({ store: log.handle() }), await create({ store: log.handle() })];
    const now = a.clock.now();
    log.isBroken = true;
    expect(await a.receive({ direction: 'in', messageId: 'start', at: now - 3 * SECOND })).toBe(503);
    log.isBroken = false;
    await b.receive({ direction: 'out', messageId: 'stop', at: now - 2 * SECOND });
    await a.clock.advance(2 * SECOND);
    await log.deliver();
    expect(await b.receive({ direction: 'in', messageId: 'start', at: now })).toBe(200);
    await log.deliver();
    expect([a.guard.canSend(N), b.guard.canSend(N)]).toEqual([false, false]);
  });

  it('permit one confirmation of one opt-out, wherever its STOPs arrive', async () => {
    const log = createSharedLog();
    const [a, b] = [await create({ store: log.handle() }), await create({ store: log.handle() })];
    const at = a.clock.now();
    await Promise.all([
      a.receive({ direction: 'out', messageId: 'one', at, text: 'STOP' }),
      b.receive({ direction: 'out', messageId: 'two', at, text: 'STOP' }),
    ]);
    const confirms = ({ guard }: { guard: Guard }) =>
      guard.canSend(N, { from: '73737', purpose: 'opt_out_confirmation' });
    expect([confirms(a), confirms(b)].filter(Boolean)).toHaveLength(1);
    await log.deliver();
    // A repeated STOP after a restart permits no confirmation either.
    const c = await create({ store: log.handle() });
    await c.receive({ direction: 'out', messageId: 'three', at, text: 'STOP' });
    expect(confirms(c)).toBe(false);
  });
});

describe('a log that is lost', () => {
  it('is filled again from memory, so that acts from before and after can be compared', async () => {
    const log = createSharedLog();
    const [a, b] = [await create({ store: log.handle() }), await create({ store: log.handle() })];
    const people = ['15551230002', '15551230003', '15551230004'];
    for (const one of people) await a.guard.optOut(one);
    await a.guard.resubscribe(people[0] ?? '');
    await log.deliver();
    log.lose();
    await b.guard.optOut(N);
    await log.deliver();
    await settle();
    await log.deliver();
    expect((await log.entries()).length).toBeGreaterThanOrEqual(5);
    for (const { guard } of [a, b]) {
      expect([...people, N].map((one) => guard.canSend(one))).toEqual([true, false, false, false]);
    }
    expect(await a.guard.resubscribe(people[1] ?? '')).toMatchObject({ released: true });
    await log.deliver();
    const c = await create({ store: log.handle() });
    expect([...people, N].map((one) => c.guard.canSend(one))).toEqual([true, true, false, false]);
  });
});

describe('a receipt of a refused message', () => {
  it('blocks a person who came back only after the grace', async () => {
    const { guard, clock, receive } = await create();
    await guard.optOut(N);
    await guard.resubscribe(N);
    const receipt = { direction: 'out', source: 'receipt' } as const;
    await receive({ ...receipt, messageId: 'a', at: clock.now() });
    expect(guard.canSend(N)).toBe(true);
    await clock.advance(10 * MINUTE);
    await receive({ ...receipt, messageId: 'a', at: clock.now() });
    expect(guard.canSend(N)).toBe(true);
    await receive({ ...receipt, messageId: 'b', at: clock.now() });
    expect(guard.canSend(N)).toBe(false);
  });
});

describe('a START of a number that the provider lists', () => {
  it('asks manage, and only manage releases the number', async () => {
    const { guard, clock, provider, receive } = await create({}, [N]);
    expect(guard.canSend(N)).toBe(false);
    expect(await receive({ direction: 'in', messageId: 'a', at: clock.now() })).toBe(200);
    await settle();
    expect(provider.optIn).toHaveBeenCalledTimes(1);
    expect(guard.canSend(N)).toBe(true);
    await clock.advance(3 * HOUR);
    expect([guard.canSend(N), provider.optIn.mock.calls.length]).toEqual([true, 1]);
  });

  it('asks manage again until it succeeds, also after a restart', async () => {
    const store = memoryStore();
    const first = await create({ store }, [N]);
    first.provider.optIn.mockRejectedValue(new Error('down'));
    await first.receive({ direction: 'in', messageId: 'a', at: first.clock.now() });
    await first.clock.advance(10 * SECOND);
    expect(first.provider.optIn.mock.calls.length).toBeGreaterThan(2);
    expect(first.guard.canSend(N)).toBe(false);
    await first.guard.close();
    const asked = first.provider.optIn.mock.calls.length;
    await first.clock.advance(HOUR);
    expect(first.provider.optIn).toHaveBeenCalledTimes(asked);
    const second = await create({ store }, [N]);
    await settle();
    expect(second.provider.optIn).toHaveBeenCalledTimes(1);
    expect(second.guard.canSend(N)).toBe(true);
  });

  it.each([
    ['an older STOP', -1, true],
    ['a newer STOP', 1, false],
  ])('asks manage only if the START answers every opt-out: %s', async (_name, seconds, isAsked) => {
    const { guard, clock, provider, receive } = await create({}, [N]);
    const at = clock.now() - MINUTE;
    await receive({ direction: 'out', messageId: 'stop', at: at + seconds * SECOND });
    await receive({ direction: 'in', messageId: 'start', at });
    await settle();
    expect([provider.optIn.mock.calls.length > 0, guard.canSend(N)]).toEqual([isAsked, isAsked]);
  });

  it('does not lift an opt-out that arrives while manage is asked', async () => {
    const { guard, clock, provider, receive } = await create({}, [N]);
    let answer: (() => void) | undefined;
    provider.optIn.mockReturnValue(new Promise<void>((resolve) => (answer = resolve)));
    const at = clock.now();
    await receive({ direction: 'in', messageId: 'start', at: at - MINUTE });
    await settle();
    await guard.optOut(N, { list: 'alerts' });
    answer?.();
    await settle();
    expect(guard.canSend(N)).toBe(false);
    expect((await guard.history(N)).filter(({ direction }) => direction === 'in')).toHaveLength(1);
  });

  it('asks about four numbers at a time, and about each once', async () => {
    const many = Array.from({ length: 12 }, (_, index) => String(15_551_230_000 + index));
    const { guard, clock, provider, receive } = await create({}, many);
    const answers: (() => void)[] = [];
    provider.optIn.mockImplementation(() => new Promise<void>((resolve) => answers.push(resolve)));
    for (const msisdn of many) {
      await receive({ msisdn, direction: 'in', messageId: `start ${msisdn}`, at: clock.now() });
    }
    await settle();
    expect(answers).toHaveLength(4);
    for (let answered = 0; answered < many.length; answered++) {
      answers[answered]?.();
      await settle();
    }
    expect([provider.optIn.mock.calls.length, many.filter((one) => guard.canSend(one))]).toEqual([12, many]);
  });

  it('asks nothing on a list without manage, or on one that does not honour replies', async () => {
    for (const isHonoured of [true, false]) {
      const optIn = isHonoured ? {} : { optIn: vi.fn(async () => undefined) };
      const provider = { page: async () => ({ rows: [] as string[] }), ...optIn };
      const lists = { alerts: { senders: ['73737'], optInByReply: isHonoured, provider } };
      const { guard, clock, receive } = await create({ lists });
      await guard.optOut(N, { list: 'alerts' });
      await receive({ direction: 'in', messageId: 'start', at: clock.now() });
      await clock.advance(HOUR);
      expect(guard.canSend(N)).toBe(false);
      if (optIn.optIn) expect(optIn.optIn).not.toHaveBeenCalled();
    }
  });

  it('causes an error and asks no more if manage refuses the number', async () => {
    const { guard, clock, provider, receive } = await create({}, [N]);
    const codes: string[] = [];
    guard.on('error', ({ code }) => codes.push(code));
    const { ProviderError } = await import('../../src/index.ts');
    provider.optIn.mockRejectedValue(new ProviderError('provider_number_refused', 'no such number'));
    await receive({ direction: 'in', messageId: 'start', at: clock.now() });
    await clock.advance(4 * MINUTE);
    expect([provider.optIn.mock.calls.length, codes]).toEqual([1, ['provider_number_refused']]);
  });
});

describe('an import', () => {
  it('is an act of its own without a date, which no START sent before it lifts', async () => {
    const { guard, clock, receive } = await create();
    const ten = clock.now();
    await receive({ direction: 'out', messageId: 'stop', at: ten });
    clock.skip(10 * MINUTE);
    expect(await guard.import([N, N, N], { list: 'alerts' })).toMatchObject({ added: 1, known: 2 });
    clock.skip(20 * MINUTE);
    await receive({ direction: 'in', messageId: 'start', at: ten + 5 * MINUTE });
    expect(guard.canSend(N)).toBe(false);
  });

  it('leaves out and reports people who came back, or blocks them on request', async () => {
    const { guard } = await create();
    await guard.optOut(N, { list: 'alerts' });
    await guard.resubscribe(N, { list: 'alerts' });
    const rows = [{ msisdn: '15551230002' }, { msisdn: N, at: '2019-01-01' }, { msisdn: N }];
    const options = { list: 'alerts' };
    expect(await guard.import(rows, options)).toMatchObject({
      added: 1,
      conflicts: [{ index: 1 }, { index: 2 }],
    });
    expect(guard.canSend(N)).toBe(true);
    // On another list the person has not opted in.
    expect(await guard.import([N], {})).toMatchObject({ added: 1, conflicts: [] });
    await guard.resubscribe(N);
    expect(await guard.import(rows, { ...options, conflicts: 'block' })).toMatchObject({ conflicts: [] });
    expect(guard.canSend(N)).toBe(false);
    await expect(guard.import(rows, { conflicts: 'maybe' as never })).rejects.toThrow('conflicts');
  });

  it('reports rows whose date cannot be read, and lets them count from now', async () => {
    const { guard, clock, receive } = await create();
    const rows = [
      { msisdn: N, at: 'last week' },
      { msisdn: '15551230002', at: clock.now() - HOUR },
      { msisdn: '15551230003', at: null as never },
      { msisdn: '15551230004', at: '' },
      { msisdn: '15551230005', at: clock.now() + 365 * DAY },
    ];
    expect(await guard.import(rows, { list: 'alerts' })).toMatchObject({
      ...{ added: 5, invalid: [], conflicts: [] },
      undated: [{ index: 0 }, { index: 4 }],
    });
    await receive({ direction: 'in', messageId: 'start', at: clock.now() });
    expect(guard.canSend(N)).toBe(false);
  });
});

describe('the age of a sweep from before a restart', () => {
  it.each([
    ['its age at the save, if that is larger', 10 * MINUTE, 3 * HOUR, 3 * HOUR],
    ['the time since its start, if that is larger', 5 * HOUR, 10 * MINUTE, 5 * HOUR],
  ])('is %s', async (_name, since, ageMs, expected) => {
    const store = memoryStore();
    const sweep = { number: 1, size: 0, numbers: [], missingOnce: [], heldMs: null, rows: [] };
    const clock = createFakeClock();
    await store.saveSweep('alerts', { ...sweep, start: clock.now() - since, ageMs });
    const page = vi.fn<Provider['page']>(() => new Promise(() => undefined));
    const lists = { alerts: { provider: { page } } };
    const guard = createGuard({ clock, logger: silent, store, lists });
    await settle();
    expect(guard.status().lists['alerts']?.ageMs).toBe(expected);
  });
});
