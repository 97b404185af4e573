/** Tests of your own with vitest: a guard that needs no network, and webhooks as the provider signs them. */

import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createTestGuard, type TestGuard } from 'sms-send-guard/testing';
import { sendToAll } from './sender.ts';

let guard: TestGuard;
beforeEach(async () => {
  guard = await createTestGuard({ optedOut: ['15550000000'] });
});
afterEach(() => guard.close());

it('leaves out a person who has opted out', async () => {
  const send = vi.fn(async () => undefined);
  expect(await sendToAll(guard, ['15550000000', '15551230001'], send)).toBe(1);
  expect(send.mock.calls).toEqual([['15551230001']]);
});

it('leaves out a person who opts out meanwhile', async () => {
  await guard.optOut('15551230001');
  const send = vi.fn(async () => undefined);
  expect(await sendToAll(guard, ['15551230001'], send)).toBe(0);
});
