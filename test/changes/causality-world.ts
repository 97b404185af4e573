/** The guard that tests of causality share: one list that honours START, and webhooks that are proven. */

import { vi } from 'vitest';
import { createGuard, type Guard, type GuardOptions, type Provider } from '../../src/index.ts';
import { createFakeClock, settle, type FakeClock } from '../fake-clock.ts';
import { HOUR, OUT, silent, webhookOf } from '../guard-fixture.ts';

export { HOUR, MINUTE, OUT as N, silent } from '../guard-fixture.ts';

export const SECOND = 1_000;
export const DAY = 24 * HOUR;

/** A guard with one list, its clock, its provider, and a function that lets it receive events of webhooks. */
export async function create(options: GuardOptions = {}, listed: readonly unknown[] = []) {
  const clock = (options.clock as FakeClock | undefined) ?? createFakeClock();
  const list = new Set(listed);
  const provider = {
    page: vi.fn<Provider['page']>(async ({ index }) => ({ rows: index === 0 ? ([...list] as never) : [] })),
    optIn: vi.fn<NonNullable<Provider['optIn']>>(async () => list.clear()),
  };
  const lists = { alerts: { senders: ['73737'], optInByReply: true, provider } };
  const guard = createGuard({ logger: silent, random: () => 0.5, lists, ...options, clock });
  await settle();
  return { guard, clock, provider, list, receive: webhookOf(guard, OUT) };
}

/** Whether `N` is opted out. `canSend` does not tell: after a jump of the clock the list may be too old. */
export const isOut = (guard: Guard) => guard.check(OUT).reason === 'opted_out';
