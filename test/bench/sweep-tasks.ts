/**
 * What is measured of sweeps in a process of its own. A program: a task's name and what it takes as arguments, its
 * figures as a message.
 */

import { setTimeout as pause } from 'node:timers/promises';
import { createGuard, vonage, type Guard } from 'sms-send-guard';
import { clusteredSample } from './clustered.ts';
import { watchGaps, type Gaps } from './gaps.ts';
import { requireThat, silent } from './saved-guard.ts';
import type { Leaving } from './sweep-provider.ts';
import { startProvider } from './sweep-provider-process.ts';

export interface Swept {
  readonly count: number;
  readonly pageSize: number;
}

/** What some part of the life of a list was like for others. */
export interface SweptPart extends Gaps {
  readonly label: string;
  readonly ms: number;
  readonly rows: number;
}

const IDLE_MS = 5_000;
const LEAVING: Leaving = { every: 100 };

async function watched(label: string, work: () => Promise<number>): Promise<SweptPart> {
  globalThis.gc?.();
  await pause(200);
  const stop = watchGaps();
  const start = performance.now();
  const rows = await work();
  const ms = performance.now() - start;
  return { label, ms, rows, ...stop() };
}

async function idle(): Promise<number> {
  await pause(IDLE_MS);
  return 0;
}

async function sweepOf(guard: Guard): Promise<number> {
  const { isComplete, lists } = await guard.refresh();
  requireThat(isComplete, 'the sweep is complete');
  const outcomes = Object.values(lists);
  return outcomes.reduce((sum, outcome) => sum + ('rows' in outcome ? outcome.rows : 0), 0);
}

/** A list from its first sweep to one in which some have left, and the loop with nothing to do before and after. */
async function sweeps({ count, pageSize }: Swept): Promise<SweptPart[]> {
  const provider = await startProvider(count);
  const parts = [await watched('idle', idle)];
  const guard = createGuard({
    provider: vonage({ apiKey: 'key', apiSecret: 'secret', baseUrl: provider.baseUrl }),
    refresh: { every: '23h', pageSize },
    logger: silent,
  });
  const sweep = () => sweepOf(guard);
  parts.push(await watched('first sweep, all new', sweep));
  parts.push(await watched('second, nothing new', sweep));
  await provider.leave(LEAVING);
  parts.push(await watched('third, 1 % have left', sweep));
  parts.push(await watched('fourth, takes them out', sweep));
  parts.push(await watched('idle, with the list', idle));
  requireThat(!guard.canSend(String(clusteredSample(count).at(1))), 'a number of the list is blocked');
  await guard.close();
  await provider.close();
  return parts;
}

const tasks = { sweeps };
export type SweepTasks = typeof tasks;

const [name = '', takes = ''] = process.argv.slice(2);
const run = tasks[name as keyof SweepTasks];
process.send?.(await run(JSON.parse(takes) as Swept));
process.disconnect();
