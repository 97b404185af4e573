/** Mutation testing: rules, parsers and signatures against the tests that are about them; nothing is built. */

import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: [
      'test/{dates,decision}.test.ts',
      'test/ledger/{ledger,evidence-rules,evidence-merge,sender-lists}.test.ts',
      'test/msisdn/*.test.ts',
      'test/options/fields.test.ts',
      'test/providers/vonage/{json-steps,reply}.test.ts',
      'test/sync/row.test.ts',
      'test/webhooks/{authentication,payload,signature,keywords/*,keywords/words/*}.test.ts',
    ],
    restoreMocks: true,
    testTimeout: 60_000,
  },
});
