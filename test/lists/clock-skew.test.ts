import { describe, expect, it, vi } from 'vitest';
import { createClockSkew } from '../../src/lists/clock-skew.ts';
import { createGuard, vonage, type WarnEvent } from '../../src/index.ts';
import { startSimulator } from '../../src/testing/index.ts';
import { createFakeClock } from '../fake-clock.ts';

const MINUTE = 60_000;

function harness(slackMs = MINUTE) {
  const clock = createFakeClock();
  const warn = vi.fn<(message: string) => void>();
  const skew = createClockSkew({ clock, slackMs, warn });
  return { clock, warn, skew, at: (offset: number) => clock.now() + offset };
}

describe('the provider’s time by its replies', () => {
  it.each([
    [0, 0],
    [MINUTE, 0],
    [-MINUTE, 0],
    [MINUTE + 1, 1],
    [-MINUTE - 1, 1],
    [-3 * 24 * 60 * MINUTE, 1],
  ])('warns of an offset of %d ms %d times', (offset, times) => {
    const { skew, warn, at } = harness();
    skew.serverTime(at(offset));
    skew.serverTime(at(offset));
    expect(warn).toHaveBeenCalledTimes(times);
    expect(skew.status).toEqual({ providerOffsetMs: offset });
    if (times > 0) expect(warn.mock.calls[0]?.[0]).toContain(`offset ${offset} ms`);
  });

  it('is unknown before the first reply', () => {
    expect(harness().skew.status).toBeNull();
  });
});

describe('the provider’s time by its webhooks', () => {
  it('shows at once that our clock is behind', () => {
    const { skew, warn, at } = harness();
    skew.webhookTime(at(2 * MINUTE));
    expect(warn).toHaveBeenCalledOnce();
    expect(warn.mock.calls[0]?.[0]).toContain('120 s behind');
    expect(skew.status).toEqual({ providerOffsetMs: 2 * MINUTE });
  });

  it('shows that our clock is ahead only after many old webhooks in a row', () => {
    const { skew, warn, at } = harness();
    for (let index = 0; index < 15; index++) skew.webhookTime(at(-60 * MINUTE - index));
    expect([warn.mock.calls.length, skew.status]).toEqual([0, null]);
    skew.webhookTime(at(-5 * MINUTE));
    expect(warn.mock.calls[0]?.[0]).toContain('300 s ahead of');
    expect(skew.status).toEqual({ providerOffsetMs: -5 * MINUTE });
  });

  it('causes no warning while one of them is recent', () => {
    const { skew, warn, at } = harness();
    for (let index = 0; index < 40; index++) skew.webhookTime(at(index % 16 === 0 ? -100 : -60 * MINUTE));
    expect(warn).not.toHaveBeenCalled();
  });

  it('is ignored if it is no finite number', () => {
    const { skew, warn } = harness(0);
    for (const time of [Number.NaN, Infinity]) {
      skew.webhookTime(time);
      skew.storedTime(time);
    }
    expect([warn.mock.calls.length, skew.status]).toEqual([0, null]);
  });

  it('counts less than the time of its replies', () => {
    const { skew, at } = harness();
    skew.webhookTime(at(500));
    skew.serverTime(at(-1_000));
    expect(skew.status).toEqual({ providerOffsetMs: -1_000 });
  });
});

it('warns once of stored times ahead of our clock, and never of older ones', () => {
  const { skew, warn, at } = harness();
  skew.storedTime(at(-365 * 24 * 60 * MINUTE));
  skew.storedTime(at(MINUTE));
  expect(warn).not.toHaveBeenCalled();
  skew.storedTime(at(MINUTE + 1));
  skew.serverTime(at(-2 * MINUTE));
  expect(warn).toHaveBeenCalledOnce();
  expect(warn.mock.calls[0]?.[0]).toContain('behind times in the store');
});

describe('a guard', () => {
  async function swept(offset: number, headers?: Record<string, string>) {
    const clock = createFakeClock();
    await using simulator = await startSimulator({ optOuts: 3, now: () => clock.now() + offset });
    if (headers) simulator.fault({ on: 'query', headers, times: Infinity });
    const { apiKey, apiSecret, url: baseUrl } = simulator;
    const guard = createGuard({
      provider: vonage({ apiKey, apiSecret, baseUrl, clock }),
      clock,
      logger: { debug() {}, info() {}, warn() {}, error() {} },
    });
    const warnings: WarnEvent[] = [];
    guard.on('warn', (event) => warnings.push(event));
    await guard.refresh();
    await guard.refresh();
    const { clock: shown } = guard.status();
    await guard.close();
    return { shown, codes: warnings.map(({ code }) => code), message: warnings[0]?.message };
  }

  it.each([
    [10 * MINUTE, 'behind'],
    [-10 * MINUTE, 'ahead of'],
  ])('warns once of a clock that is %d ms away', async (offset, way) => {
    const { shown, codes, message } = await swept(offset);
    expect(codes).toEqual(['clock_skew']);
    expect(message).toContain(way);
    expect(shown).toEqual({ providerOffsetMs: offset });
  });

  it('does not warn of a clock that is right', async () => {
    const { shown, codes } = await swept(0);
    expect([shown, codes]).toEqual([{ providerOffsetMs: 0 }, []]);
  });

  it.each([
    ['text that is no date', { date: 'yesterday' }],
    ['a number', { date: '5' }],
    ['a date in another form', { date: 'Thursday, 01-Jan-26 00:00:00 GMT' }],
    ['a day that does not exist', { date: 'Thu, 41 Jan 2026 00:00:00 GMT' }],
    ['a date before 2000', { date: 'Thu, 01 Jan 1970 00:00:00 GMT' }],
    ['the date of a cache', { age: '600' }],
  ])('ignores %s', async (_name, headers) => {
    const { shown, codes } = await swept(10 * MINUTE, headers);
    expect([shown, codes]).toEqual([null, []]);
  });

  it('uses the time of a user’s own provider if it is a number', async () => {
    for (const [serverTime, expected] of [
      [createFakeClock().now() + 1_000, { providerOffsetMs: 1_000 }],
      [Number.NaN, null],
    ] as const) {
      const clock = createFakeClock();
      const guard = createGuard({ clock, provider: { page: async () => ({ rows: [], serverTime }) } });
      await guard.refresh();
      expect(guard.status().clock).toEqual(expected);
      await guard.close();
    }
  });
});
