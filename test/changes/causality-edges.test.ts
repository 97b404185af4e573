/** Acts of a process that has not read the whole log, or reads it twice: no wrong send, and a second act releases. */

import { describe, expect, it } from 'vitest';
import { memoryStore, type Store } from '../../src/index.ts';
import { settle } from '../fake-clock.ts';
import { createSharedLog } from '../shared-log.ts';
import { DAY, HOUR, MINUTE, N, SECOND, create, isOut } from './causality-world.ts';

describe('a log that is lost', () => {
  it('does not make an old opt-in a recent one, so that a later receipt blocks', async () => {
    const log = createSharedLog();
    const { guard, clock, receive } = await create({ store: log.handle() });
    await guard.optOut(N);
    await guard.resubscribe(N);
    await clock.advance(HOUR);
    log.lose();
    await log.deliver();
    await settle();
    await log.deliver();
    await receive({ direction: 'out', source: 'receipt', messageId: 'refused', at: clock.now() });
    expect(isOut(guard)).toBe(true);
  });
});

describe('a START of a number that the provider lists', () => {
  const row = (date: number | undefined) => ({
    ...{ msisdn: N, 'opt-out': true, 'opt-in': false },
    ...(date === undefined ? {} : { 'opt-out-date': new Date(date).toISOString() }),
  });

  it.each([
    ['a row without a date', 30 * DAY, undefined, false],
    ['a row with a later date', 30 * DAY, 29 * DAY, false],
    ['a row with a later date, within lagGrace', 0, SECOND, false],
    ['a row with the same date', 0, 0, false],
    ['a row without a date, within lagGrace', 0, undefined, true],
    ['a row with an earlier date', 0, -MINUTE, true],
    ['a row with an earlier date, much later', 30 * DAY, -MINUTE, true],
  ])(
    'asks manage only if the list says nothing newer: %s, read %d ms later, dated %s ms after the START',
    async (_name, wait, date, isAsked) => {
      for (const restarts of [false, true]) {
        const store = memoryStore();
        const { guard, clock, provider, list, receive } = await create({ store });
        const startAt = clock.now();
        await receive({ direction: 'out', messageId: 'stop', at: startAt - HOUR });
        await receive({ direction: 'in', messageId: 'start', at: startAt });
        expect(isOut(guard)).toBe(false);
        clock.skip(wait);
        await clock.advance(MINUTE);
        if (restarts) provider.optIn.mockRejectedValue(new Error('down'));
        list.add(row(date === undefined ? undefined : startAt + date));
        await guard.refresh();
        await settle();
        if (!restarts) {
          expect([provider.optIn.mock.calls.length > 0, isOut(guard)]).toEqual([isAsked, !isAsked]);
          continue;
        }
        await guard.close();
        const again = await create({ store, clock }, [...list]);
        // Without a date, a restarted process does not know how long after the START the sweep began.
        const isAskedAgain = isAsked && date !== undefined;
        expect([again.provider.optIn.mock.calls.length > 0, isOut(again.guard)]).toEqual([
          isAskedAgain,
          !isAskedAgain,
        ]);
      }
    },
  );

  it.each([
    ['a later STOP', (at: number) => ({ direction: 'out' as const, messageId: 'stop', at: at + SECOND })],
    ['an operator’s opt-out', () => undefined],
  ])('lifts no unread opt-out that another process stored before it: %s', async (_name, stop) => {
    const log = createSharedLog();
    const [a, b] = [await create({ store: log.handle() }, [N]), await create({ store: log.handle() }, [N])];
    const at = a.clock.now() - MINUTE;
    const event = stop(at);
    await (event ? b.receive(event) : b.guard.optOut(N, { list: 'alerts' }));
    await a.receive({ direction: 'in', messageId: 'start', at });
    await a.clock.advance(10 * SECOND);
    expect(a.provider.optIn).not.toHaveBeenCalled();
    await log.deliver();
    await a.clock.advance(10 * SECOND);
    expect([isOut(a.guard), isOut(b.guard)]).toEqual([true, true]);
    expect(a.provider.optIn).not.toHaveBeenCalled();
  });

  it('waits for the entries before it, and then asks manage', async () => {
    const log = createSharedLog();
    const [a, b] = [await create({ store: log.handle() }, [N]), await create({ store: log.handle() }, [N])];
    await b.guard.optOut('15551230002');
    await a.receive({ direction: 'in', messageId: 'start', at: a.clock.now() });
    await a.clock.advance(2 * SECOND);
    expect(isOut(a.guard)).toBe(true);
    await log.deliver();
    await a.clock.advance(2 * SECOND);
    expect([isOut(a.guard), a.provider.optIn.mock.calls.length]).toEqual([false, 1]);
  });
});

describe('a store that no other process writes to', () => {
  const inner = memoryStore();
  let isBroken = false;
  let failed = 0;
  const fail = (): void => {
    if (!isBroken) return;
    failed++;
    throw new Error('down');
  };
  const withGaps: Store = {
    ...inner,
    async append(changes, options) {
      fail();
      const results = await inner.append(changes, options);
      return results.map((one) => ({ ...one, position: one.position + failed }));
    },
  };
  const ofFirstEdition = {
    ...inner,
    async load() {
      const { changes, sweeps, cursor } = await inner.load();
      return { changes, sweeps, cursor };
    },
    async append(changes: Parameters<Store['append']>[0]) {
      fail();
      return (await inner.append(changes)).map(({ isNew }) => isNew);
    },
  } as unknown as Store;

  it.each([
    ['with positions', withGaps],
    ['of the first edition', ofFirstEdition],
  ])('blocks nobody for ever when failed writes leave gaps: a store %s', async (_name, store) => {
    const { guard, clock } = await create({ store });
    await guard.optOut('15551230009');
    isBroken = true;
    await expect(guard.optOut('15551230008')).rejects.toThrow('store failed');
    isBroken = false;
    await guard.optOut(N);
    expect(await guard.resubscribe(N)).toMatchObject({ released: true });
    await clock.advance(MINUTE);
    expect(await guard.resubscribe('15551230008')).toMatchObject({ released: true });
  });
});

describe('a sweep of a process that gets no number from the shared store', () => {
  it.each(['lease', 'number'])('removes no number while it gets no %s', async (lacking) => {
    let isDown = true;
    let given = 10;
    const store: Store = {
      ...createSharedLog().handle(),
      async lease() {
        if (isDown && lacking === 'lease') throw new Error('down');
        return {
          async nextSweep() {
            if (isDown) throw new Error('down');
            return ++given;
          },
          isHeld: () => true,
          release: async () => undefined,
        };
      },
    };
    const { guard, clock, list } = await create({ store }, [N]);
    expect(isOut(guard)).toBe(true);
    list.clear();
    list.add('15551230002');
    for (let times = 0; times < 3; times++) await guard.refresh();
    expect([isOut(guard), guard.canSend('15551230002')]).toEqual([true, false]);
    isDown = false;
    await clock.advance(HOUR);
    expect([isOut(guard), guard.canSend('15551230002')]).toEqual([false, false]);
  });
});
