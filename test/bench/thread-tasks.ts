/**
 * What reading a list costs the main thread, with a thread of the sweep's own and without, in a process of its own. A
 * program: a task's name and what it takes as arguments, its figures as a message.
 */

import { setTimeout as pause } from 'node:timers/promises';
import { vonage } from 'sms-send-guard';
import type * as Clocks from '../../src/clock.ts';
import type * as Ledgers from '../../src/ledger/ledger.ts';
import type * as Sweeps from '../../src/sync/sweep.ts';
import { builtModule } from './built.ts';
import { requireThat } from './saved-guard.ts';
import { startProvider, type ProviderProcess } from './sweep-provider-process.ts';

// They are no part of what the package exports: whoever uses it cannot choose.
const { createAgeClock, systemClock } = await builtModule<typeof Clocks>('clock.js');
const { createLedger } = await builtModule<typeof Ledgers>('ledger/ledger.js');
const { createSweeps } = await builtModule<typeof Sweeps>('sync/sweep.js');

const ROUNDS = 9;
const PAGE_SIZE = 1_000;

/** How long sweeps kept the main thread busy, and how long they took: milliseconds, a value a round. */
export interface TimedSweeps {
  readonly busyMs: number[];
  readonly tookMs: number[];
}

function timedSweepsOf(provider: ProviderProcess, threadFromRows: number) {
  const ledger = createLedger({
    ...{ list: 'default', clockSlackMs: 60_000, lagGraceMs: 600_000, shrinkHoldMs: 86_400_000 },
    ...{ longestStepMs: 600_000, trustProviderRemoval: false },
  });
  const sweeps = createSweeps(
    {
      list: 'default',
      timeoutMs: 30_000,
      pageSize: PAGE_SIZE,
      concurrency: 1,
      maxPages: 100_000,
      threadFromRows,
    },
    {
      provider: vonage({ apiKey: 'key', apiSecret: 'secret', baseUrl: provider.baseUrl }),
      ...{
        ledger,
        clock: systemClock,
        ageClock: createAgeClock(systemClock),
      },
      keepOptIns: async () => undefined,
      saveSweep: () => ledger.save().done('kept'),
      onAnomaly: () => undefined,
      onError(error) {
        throw error;
      },
      onThreadLost() {
        throw new Error('the thread was lost');
      },
    },
  );
  return async () => {
    const before = performance.eventLoopUtilization();
    const start = performance.now();
    const { status } = await sweeps.sweep({ abort: new AbortController(), state: 'reading' });
    const tookMs = performance.now() - start;
    requireThat(status === 'complete', 'the sweep is complete');
    return { tookMs, busyMs: performance.eventLoopUtilization(before).active };
  };
}

/** Sweeps a list whose length is known, in both ways by turns. */
async function threads(count: number): Promise<{ readonly without: TimedSweeps; readonly own: TimedSweeps }> {
  const provider = await startProvider(count);
  const figures = { without: { busyMs: [], tookMs: [] }, own: { busyMs: [], tookMs: [] } } as Record<
    'without' | 'own',
    TimedSweeps
  >;
  const ways = { without: timedSweepsOf(provider, Infinity), own: timedSweepsOf(provider, 0) };
  for (let round = -2; round < ROUNDS; round++) {
    for (const way of ['without', 'own'] as const) {
      globalThis.gc?.();
      await pause(20);
      const { busyMs, tookMs } = await ways[way]();
      if (round < 0) continue;
      figures[way].busyMs.push(busyMs);
      figures[way].tookMs.push(tookMs);
    }
  }
  await provider.close();
  return figures;
}

const tasks = { threads };
export type ThreadTasks = typeof tasks;

const [name = '', takes = ''] = process.argv.slice(2);
const run = tasks[name as keyof ThreadTasks];
process.send?.(await run(Number(takes)));
process.disconnect();
