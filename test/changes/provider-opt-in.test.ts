import { describe, expect, it, vi } from 'vitest';
import { createAgeClock } from '../../src/clock.ts';
import type { Provider } from '../../src/index.ts';
import { createLists } from '../../src/lists/opt-out-lists.ts';
import { createProviderOptIn } from '../../src/changes/provider-opt-in.ts';
import { readOptions } from '../../src/options/guard-options.ts';
import { START, createFakeClock } from '../fake-clock.ts';

const N = '15551230001';

function harness(optIn?: NonNullable<Provider['optIn']>) {
  const clock = createFakeClock();
  const page = async () => ({ rows: [] });
  const provider = optIn === undefined ? { page } : { page, optIn };
  const config = readOptions({ clock, refresh: { timeout: '5s' }, lists: { alerts: { provider } } });
  const list = createLists(config, createAgeClock(clock)).ensure('alerts');
  const closing = new AbortController();
  const askManage = createProviderOptIn(config, closing.signal);
  return { clock, closing, ask: () => askManage(list, N) };
}

describe('manage', () => {
  it.each<[string, unknown, number | null]>([
    ['a date', { optInDate: new Date(START) }, START],
    ['a number', { optInDate: START }, START],
    ['a date that is none', { optInDate: new Date(Number.NaN) }, null],
    ['text', { optInDate: '2026-01-01' }, null],
    ['no date', {}, null],
    ['nothing', undefined, null],
  ])('proves an opt-in by its success, dated by %s', async (_name, reply, optInDate) => {
    const optIn = vi.fn(async () => reply as never);
    expect(await harness(optIn).ask()).toEqual({ optInDate, sweep: 0 });
    expect(optIn).toHaveBeenCalledExactlyOnceWith(N, { signal: expect.any(AbortSignal) });
  });

  it('proves nothing if the provider has none', async () => {
    expect(await harness().ask()).toBeUndefined();
  });

  it('causes provider_timeout if it does not answer in time', async () => {
    const { clock, ask } = harness(() => new Promise(() => undefined));
    const [asked] = await Promise.allSettled([ask(), clock.advance(5_000)]);
    expect(asked).toMatchObject({ status: 'rejected', reason: { code: 'provider_timeout' } });
    expect(clock.timers).toBe(0);
  });

  it('is not asked once the guard is closed', async () => {
    const optIn = vi.fn(async () => undefined);
    const { clock, closing, ask } = harness(optIn);
    closing.abort();
    await expect(ask()).rejects.toMatchObject({ code: 'guard_closed' });
    expect([optIn.mock.calls.length, clock.timers]).toEqual([0, 0]);
  });

  it('causes guard_closed if the guard is closed meanwhile', async () => {
    const { clock, closing, ask } = harness(() => new Promise(() => undefined));
    const asking = ask();
    closing.abort();
    await expect(asking).rejects.toMatchObject({ code: 'guard_closed' });
    expect(clock.timers).toBe(0);
  });
});
