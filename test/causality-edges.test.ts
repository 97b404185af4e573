/** What a process has not read yet, or reads a second time, lifts nothing; and asking again releases. */

import { describe, expect, it, vi } from 'vitest';
import { createGuard, type Guard, type GuardOptions, type Provider } from '../src/index.ts';
import type { WebhookEvent } from '../src/webhooks/dialect.ts';
import { createFakeClock, settle } from './fake-clock.ts';
import { createSharedLog } from './shared-log.ts';

const HOUR = 3_600_000;
const N = '15551230001';
const silent = { debug() {}, info() {}, warn() {}, error() {} };

async function create(options: GuardOptions = {}, listed: readonly unknown[] = []) {
  const clock = createFakeClock();
  const list = new Set(listed);
  const provider = {
    page: vi.fn<Provider['page']>(async ({ index }) => ({ rows: index === 0 ? ([...list] as never) : [] })),
    optIn: vi.fn<NonNullable<Provider['optIn']>>(async (msisdn) => void list.delete(msisdn)),
  };
  const lists = { alerts: { senders: ['73737'], optInByReply: true, provider } };
  const guard = createGuard({ clock, logger: silent, random: () => 0.5, lists, ...options });
  await settle();
  let next: WebhookEvent | undefined;
  const webhook = guard.webhooks({ unsigned: 'block_only', parse: () => next });
  const tell = (event: Omit<WebhookEvent, 'msisdn'>): Promise<number> => {
    next = { msisdn: N, sender: '73737', isAuthentic: true, ...event };
    return new Promise((resolve) => {
      const res = { statusCode: 0, setHeader() {}, end: () => resolve(res.statusCode) };
      webhook({ method: 'GET', url: '/?a=b', headers: {}, readableDidRead: true, on() {} }, res);
    });
  };
  return { guard, clock, provider, list, tell };
}
const isOut = (guard: Guard) => guard.check(N).reason === 'opted_out';

describe('a log that is lost', () => {
  it('makes no opt-in of long ago a recent one: a receipt after it blocks', async () => {
    const log = createSharedLog();
    const { guard, clock, tell } = await create({ store: log.handle() });
    await guard.optOut(N);
    await guard.resubscribe(N);
    await clock.advance(HOUR);
    log.lose();
    await log.deliver();
    await settle();
    await log.deliver();
    await tell({ direction: 'out', source: 'receipt', messageId: 'refused', at: clock.now() });
    expect(isOut(guard)).toBe(true);
  });
});
