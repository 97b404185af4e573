import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { buildForTests } from './test/build.ts';

const source = (path: string) => fileURLToPath(new URL(`./src/${path}`, import.meta.url));

/** Builds the package before a module is loaded that starts its threads, or that says it needs the built package. */
const builtPackage = {
  name: 'built-package',
  enforce: 'pre' as const,
  async transform(code: string, id: string) {
    if (id.endsWith('/test/built.ts')) await buildForTests();
    if (!id.endsWith('/src/stores/sqlite/connection.ts')) return undefined;
    await buildForTests();
    const built = new URL('./dist/stores/sqlite/connection.js', import.meta.url);
    return code.replace('import.meta.url', `'${built.href}'`);
  },
};

export default defineConfig({
  plugins: [builtPackage],
  resolve: {
    alias: [
      { find: /^sms-send-guard$/, replacement: source('index.ts') },
      { find: /^sms-send-guard\/fetch$/, replacement: source('gates/fetch/fetch.ts') },
      { find: /^sms-send-guard\/sqlite$/, replacement: source('stores/sqlite/sqlite-store.ts') },
      { find: /^sms-send-guard\/undici$/, replacement: source('gates/undici/interceptor.ts') },
      { find: /^sms-send-guard\/testing$/, replacement: source('testing/index.ts') },
      { find: /^sms-send-guard\/vonage-sdk$/, replacement: source('gates/vonage-sdk/client.ts') },
    ],
  },
  test: {
    include: ['test/**/*.test.ts', 'examples/**/*.test.ts'],
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
        'src/{clock,dates,decision}.ts': { branches: 100 },
        'src/changes/{appender,carry-over,change-factory,import-rows,pending-opt-outs,provider-opt-in}.ts': {
          branches: 100,
        },
        'src/changes/{recent-opt-ins,retry-wait,start-jobs,store-failure}.ts': { branches: 100 },
        'src/changes/{subscribers,unstored-changes}.ts': { branches: 100 },
        'src/lists/{batch-lookup,check-reports,checker,confirmation-permits}.ts': { branches: 100 },
        'src/lists/{list-age,opt-out-lists,reading-lookup,state-monitor,status}.ts': { branches: 100 },
        'src/msisdn/{digits,equivalents,msisdn,national-prefixes,notation,readings}.ts': { branches: 100 },
        'src/options/{guard-options,list-options,store-path}.ts': { branches: 100 },
        'src/{gates/**,ledger,number-set,providers/**,sync,webhooks,webhooks/keywords/**}/*.ts': {
          branches: 100,
        },
        statements: 95,
        branches: 92,
      },
    },
  },
});
