/**
 * The same test with Jest, in a package of ES modules: `NODE_OPTIONS=--experimental-vm-modules npx jest`. Jest has a
 * `fetch` of its own realm, so `installGlobalGuard` cannot see it: use undici's `fetch` there, or test the guard itself.
 */

import { createTestGuard } from 'sms-send-guard/testing';

test('a person who has opted out may not be sent to', async () => {
  const guard = await createTestGuard({ optedOut: ['15550000000'] });
  expect(guard.canSend('15550000000')).toBe(false);
  expect(guard.canSend('15551230001')).toBe(true);
  await guard.close();
});
