/** A guard with a clock, a list and a provider that a test controls. */

import { vi } from 'vitest';
import { createGuard, type Guard, type GuardOptions, type Provider } from '../src/index.ts';
import type { WebhookEvent } from '../src/webhooks/custom-parser.ts';
import { createFakeClock, type FakeClock } from './fake-clock.ts';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
/** A number that the provider lists, unless a test says otherwise. */
export const OUT = '15551230001';
/** A number that nothing lists. */
export const CLEAN = '15551239999';
export const silent = { debug() {}, info() {}, warn() {}, error() {} };

export interface FakeProvider {
  readonly page: ReturnType<typeof vi.fn<Provider['page']>>;
  readonly optIn: ReturnType<typeof vi.fn<NonNullable<Provider['optIn']>>>;
}

/** A provider of one list, which an opt-in changes. All rows are on the first page. */
export function fakeProvider(list: Set<string>): FakeProvider {
  return {
    page: vi.fn<Provider['page']>(async ({ index }) => ({
      rows: index === 0 ? [...list] : [],
      total: list.size,
    })),
    optIn: vi.fn<NonNullable<Provider['optIn']>>(async (msisdn) => void list.delete(msisdn)),
  };
}

export interface GuardFixture {
  readonly guard: Guard;
  readonly clock: FakeClock;
  readonly provider: FakeProvider;
  /** The provider's list. */
  readonly list: Set<string>;
}

/** Creates a guard. `provider` is its only one, unless the options have lists of their own. */
export function createFixture(options: GuardOptions = {}, listed: readonly string[] = [OUT]): GuardFixture {
  const clock = createFakeClock();
  const list = new Set(listed);
  const provider = fakeProvider(list);
  const withProvider = options.lists ? {} : { provider };
  const guard = createGuard({ clock, logger: silent, random: () => 0.5, ...withProvider, ...options });
  return { guard, clock, provider, list };
}

/**
 * Lets a guard receive events of webhooks. An event is from the person `msisdn` to the sender 73737, and is proven to
 * be the provider's, unless it says otherwise.
 *
 * @returns a function that resolves to the status of the webhook's answer.
 */
export function webhookOf(guard: Guard, msisdn: string): (event: Partial<WebhookEvent>) => Promise<number> {
  let next: WebhookEvent | undefined;
  const webhook = guard.webhooks({ unsigned: 'block_only', parse: () => next });
  return (event) => {
    next = { msisdn, sender: '73737', isAuthentic: true, ...event };
    return new Promise((resolve) => {
      const res = { statusCode: 0, setHeader() {}, end: () => resolve(res.statusCode) };
      webhook({ method: 'GET', url: '/?a=b', headers: {}, readableDidRead: true, on() {} }, res);
    });
  };
}
