/** The world that tests of causality share: one guard, one list, and webhooks that prove who speaks. */

import { vi } from 'vitest';
import { createGuard, type Guard, type GuardOptions, type Provider } from '../../src/index.ts';
import type { WebhookEvent } from '../../src/webhooks/custom-parser.ts';
import { createFakeClock, settle, type FakeClock } from '../fake-clock.ts';

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
export const N = '15551230001';
export const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** A guard of one list that honours START, with its clock, its provider and what webhooks tell it. */
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
  let next: WebhookEvent | undefined;
  const webhook = guard.webhooks({ unsigned: 'block_only', parse: () => next });
  const tell = (event: Partial<WebhookEvent>): Promise<number> => {
    next = { msisdn: N, sender: '73737', isAuthentic: true, ...event };
    return new Promise((resolve) => {
      const res = { statusCode: 0, setHeader() {}, end: () => resolve(res.statusCode) };
      webhook({ method: 'GET', url: '/?a=b', headers: {}, readableDidRead: true, on() {} }, res);
    });
  };
  return { guard, clock, provider, list, tell };
}

/** Whether the person is opted out: a clock that jumped may block everybody, for the list is old then. */
export const isOut = (guard: Guard) => guard.check(N).reason === 'opted_out';
