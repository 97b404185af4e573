/** After which STARTs a provider is asked, and about how many numbers at a time. */

import { describe, expect, it, vi } from 'vitest';
import { createAgeClock } from '../../src/clock.ts';
import { memoryStore } from '../../src/index.ts';
import { createLists } from '../../src/lists/opt-out-lists.ts';
import { readOptions } from '../../src/options/guard-options.ts';
import { createStartJobs } from '../../src/changes/start-jobs.ts';
import { HOUR, MINUTE, N, SECOND, create, isOut } from './causality-world.ts';
import { createFakeClock, settle } from '../fake-clock.ts';
import { told } from '../ledger/evidence.ts';
import { createSharedLog } from '../shared-log.ts';

describe('a number that the provider lists', () => {
  it('is not asked about after an operator’s opt-in and a restart, as that is no START', async () => {
    const store = memoryStore();
    const { guard, clock } = await create({ store }, [N]);
    await guard.optOut(N, { list: 'alerts' });
    await guard.resubscribe(N, { list: 'alerts', localOnly: true });
    await guard.close();
    const again = await create({ store, clock }, [N]);
    expect([again.provider.optIn.mock.calls.length, isOut(again.guard)]).toEqual([0, true]);
  });

  it('is asked about once, although the provider still lists it after manage has succeeded', async () => {
    const { guard, clock, provider, list, receive } = await create();
    const row = (date: number) => ({
      ...{ msisdn: N, 'opt-out': true, 'opt-in': false },
      'opt-out-date': new Date(date).toISOString(),
    });
    list.add(row(clock.now() - HOUR));
    await guard.refresh();
    provider.optIn.mockResolvedValue(undefined);
    await receive({ direction: 'in', messageId: 'start', at: clock.now() });
    await settle();
    expect([provider.optIn.mock.calls.length, isOut(guard)]).toEqual([1, false]);
    await clock.advance(HOUR);
    expect([provider.optIn.mock.calls.length, isOut(guard)]).toEqual([1, true]);
  });
});

describe('a START that is followed up', () => {
  it('is asked about once if it is repeated while the provider is asked', async () => {
    const { guard, clock, provider, receive } = await create({}, [N]);
    let answer: (() => void) | undefined;
    provider.optIn.mockReturnValue(new Promise<void>((resolve) => (answer = resolve)));
    await receive({ direction: 'in', messageId: 'first', at: clock.now() });
    await receive({ direction: 'in', messageId: 'second', at: clock.now() + 1 });
    await settle();
    answer?.();
    await settle();
    expect([provider.optIn.mock.calls.length, isOut(guard)]).toEqual([1, false]);
  });

  it('waits for the unread entries before its repetition', async () => {
    const log = createSharedLog();
    const [a, b] = [await create({ store: log.handle() }, [N]), await create({ store: log.handle() }, [N])];
    let answer: (() => void) | undefined;
    a.provider.optIn.mockReturnValueOnce(new Promise<void>((resolve) => (answer = resolve)));
    const at = a.clock.now();
    await a.receive({ direction: 'in', messageId: 'first', at: at - MINUTE });
    await settle();
    await b.guard.optOut('15551230002');
    await a.receive({ direction: 'in', messageId: 'second', at });
    answer?.();
    await settle();
    expect([a.provider.optIn.mock.calls.length, isOut(a.guard)]).toEqual([1, true]);
    await log.deliver();
    await a.clock.advance(SECOND);
    expect([a.provider.optIn.mock.calls.length, isOut(a.guard)]).toEqual([2, false]);
  });

  it('causes no error if the guard is closed meanwhile', async () => {
    const { guard, clock, provider, receive } = await create({}, [N]);
    const errors: string[] = [];
    guard.on('error', ({ code }) => errors.push(code));
    provider.optIn.mockReturnValue(new Promise<void>(() => undefined));
    await receive({ direction: 'in', messageId: 'start', at: clock.now() });
    await settle();
    expect(provider.optIn).toHaveBeenCalledTimes(1);
    await guard.close();
    await settle();
    expect([errors, clock.timers]).toEqual([[], 0]);
  });

  it('is not tried again if a listener of the failure closes the guard', async () => {
    const { guard, clock, provider, receive } = await create({}, [N]);
    let closing: Promise<void> | undefined;
    guard.on('error', () => void (closing = guard.close()));
    provider.optIn.mockRejectedValue(new Error('down'));
    await receive({ direction: 'in', messageId: 'start', at: clock.now() });
    await settle();
    await closing;
    expect([guard.status().state, clock.timers]).toEqual(['closed', 0]);
    await clock.advance(HOUR);
    expect(provider.optIn).toHaveBeenCalledTimes(1);
  });
});

it('follows up a thousand STARTs at once, and one more after the next sweep', async () => {
  const many = Array.from({ length: 1_001 }, (_, index) => String(15_551_230_000 + index));
  const last = many.at(-1) as string;
  const { guard, clock, provider, list, receive } = await create({}, many);
  let answer: (() => void) | undefined;
  const answered = new Promise<void>((resolve) => (answer = resolve));
  provider.optIn.mockImplementation(async (msisdn) => {
    await answered;
    list.delete(msisdn);
  });
  for (const msisdn of many) {
    await receive({ msisdn, direction: 'in', messageId: `start ${msisdn}`, at: clock.now() });
  }
  answer?.();
  await expect.poll(() => many.filter((one) => !guard.canSend(one))).toEqual([last]);
  await settle();
  expect(provider.optIn).toHaveBeenCalledTimes(1_000);
  await guard.refresh();
  await settle();
  expect([provider.optIn.mock.lastCall?.[0], guard.canSend(last)]).toEqual([last, true]);
});

it('gives other work its turn while it searches for STARTs', async () => {
  const clock = createFakeClock();
  const provider = { page: async () => ({ rows: [] }), optIn: async () => undefined };
  const config = readOptions({ clock, lists: { alerts: { optInByReply: true, provider } } });
  const lists = createLists(config, createAgeClock(clock));
  const { ledger } = lists.ensure('alerts');
  for (let index = 0; index < 1_000; index++) {
    ledger.merge(String(15_551_230_000 + index), told('in', clock.now(), index));
  }
  const journal = { applied: { log: 'log 1', position: 1_000 }, record: vi.fn() };
  const jobs = createStartJobs({
    ...{ lists, config, journal: journal as never, askManage: vi.fn() },
    ...{ isClosed: () => false, onError: vi.fn() },
  });
  let hadTurn = false;
  setImmediate(() => (hadTurn = true));
  await jobs.resume();
  expect(hadTurn).toBe(true);
});
