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
      // Rules, parsers and signatures. Where every branch can be reached, every one is.
      thresholds: {
        'src/{dates,watch,clock}.ts': { branches: 100 },
        'src/optouts/keywords.ts': { branches: 100 },
        'src/provider/row.ts': { branches: 100 },
        'src/webhooks/parameters.ts': { branches: 100 },
        'src/{decision,msisdn}.ts': { branches: 97 },
        'src/optouts/*.ts': { branches: 92 },
        'src/provider/reply.ts': { branches: 95 },
        'src/webhooks/{payload,signature}.ts': { branches: 90 },
      },
    },
  },
});
