import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const source = (path: string) => fileURLToPath(new URL(`./src/${path}`, import.meta.url));

export default defineConfig({
  resolve: {
    alias: [
      { find: /^sms-send-guard$/, replacement: source('index.ts') },
      { find: /^sms-send-guard\/testing$/, replacement: source('testing/index.ts') },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    restoreMocks: true,
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      reporter: ['text-summary', 'text'],
      // Rules, parsers and signatures.
      thresholds: Object.fromEntries(
        [
          'optouts/*.ts',
          'decision.ts',
          'msisdn.ts',
          'dates.ts',
          'provider/{row,reply,signing}.ts',
          'webhooks/{payload,parameters,signature}.ts',
        ].map((path) => [`src/${path}`, { branches: 100 }]),
      ),
    },
  },
});
