/** Mutation testing: rules, parsers and signatures against the tests that are about them; nothing is built. */

import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: [
      'test/{dates,decision,msisdn,msisdn-*,national-reading,option-fields}.test.ts',
      'test/optouts/{keywords,ledger,ledger-*,record,record-*,senders}.test.ts',
      'test/provider/{reply,row}.test.ts',
      'test/webhooks/{authenticity,payload,signature}.test.ts',
    ],
    restoreMocks: true,
    testTimeout: 60_000,
  },
});
