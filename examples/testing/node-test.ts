/** The same tests with node:test. Run by `node --test`. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestGuard } from 'sms-send-guard/testing';
import { sendToAll } from './sender.ts';

await test('leaves out a person who has opted out', async () => {
  await using guard = await createTestGuard({ optedOut: ['15550000000'] });
  const sent: string[] = [];
  const send = async (to: string) => void sent.push(to);
  assert.equal(await sendToAll(guard, ['15550000000', '15551230001'], send), 1);
  assert.deepEqual(sent, ['15551230001']);
});
