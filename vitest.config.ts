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
      // Rules, parsers, signatures and gates: every branch.
      thresholds: {
        'src/{acts,checker,clock,dates,decision,lists,msisdn,status,watch}.ts': { branches: 100 },
        'src/{gates,optouts,provider,webhooks}/*.ts': { branches: 100 },
        statements: 95,
        branches: 92,
      },
    },
  },
});
