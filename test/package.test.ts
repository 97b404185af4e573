/** The public names, as a list: a change here is a change for users. */

import { expect, it } from 'vitest';
import * as main from '../src/index.ts';
import * as testing from '../src/testing/index.ts';

it('exports these names and no others', () => {
  expect(Object.keys(main).toSorted()).toEqual([
    ...['ConfigError', 'GuardError', 'ProviderError', 'SendBlockedError', 'StoreError', 'WebhookError'],
    ...['createGuard', 'isSendBlocked', 'memoryStore', 'vonage'],
  ]);
  expect(Object.keys(testing).toSorted()).toEqual([
    ...['createTestGuard', 'signedWebhook', 'startSimulator', 'storeConformance'],
  ]);
});
