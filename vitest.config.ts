import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const source = (path: string) => fileURLToPath(new URL(`./src/${path}`, import.meta.url));

/** Threads run what test/build.ts has built. */
const builtWorker = {
  name: 'built-worker',
  enforce: 'pre' as const,
  transform(code: string, id: string) {
    const [, room] = /\/src\/(stores\/sqlite|provider\/thread)\/connection\.ts$/.exec(id) ?? [];
    if (room === undefined) return undefined;
    const built = (file: string) => new URL(`./dist/${room}/${file}`, import.meta.url).href;
    return code.replace(
      /new URL\('\.\/(worker\.c?js)', import\.meta\.url\)/,
      (_, file: string) => `new URL('${built(file)}')`,
    );
  },
};

export default defineConfig({
  plugins: [builtWorker],
  resolve: {
    alias: [
      { find: /^sms-send-guard$/, replacement: source('index.ts') },
      { find: /^sms-send-guard\/fetch$/, replacement: source('gates/fetch.ts') },
      { find: /^sms-send-guard\/sqlite$/, replacement: source('stores/sqlite.ts') },
      { find: /^sms-send-guard\/undici$/, replacement: source('gates/undici.ts') },
      { find: /^sms-send-guard\/testing$/, replacement: source('testing/index.ts') },
      { find: /^sms-send-guard\/vonage-sdk$/, replacement: source('gates/vonage-sdk.ts') },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/build.ts'],
    restoreMocks: true,
    // Disks and processes take their time on a busy machine; a condition that holds at once costs nothing.
    testTimeout: 60_000,
    expect: { poll: { timeout: 20_000 } },
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      reporter: ['text-summary', 'text'],
      // Rules, parsers, signatures and gates: every branch.
      thresholds: {
        'src/{acts,appender,carry-over,checker,clock,dates,decision,import-rows,list-options,lists,manage,msisdn,msisdn-digits,msisdn-equivalents,msisdn-readings,msisdn-trunk,msisdn-writing,options,pending,permits,recent-opt-ins,start-jobs,status,store-path,subscribers,unstored,watch}.ts':
          { branches: 100 },
        'src/{gates,optouts,provider,webhooks}/*.ts': { branches: 100 },
        statements: 95,
        branches: 92,
      },
    },
  },
});
