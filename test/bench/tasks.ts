/**
 * What is measured in a process of its own, so that no other part's memory and work are in its figures. A program:
 * a task's name and what it takes as arguments, its figures as a message.
 */

import { open } from 'node:fs/promises';
import { createGuard, type Provider, type Store } from 'sms-send-guard';
import { sqliteStore } from 'sms-send-guard/sqlite';
import { clusteredSample } from './clustered.ts';
import { bytesOf, idleStall, peakBytes, residentBytes, timed, watchStalls } from './measure.ts';
import { requireThat, silent } from './saved-guard.ts';
import { CHANGED, numbersOf, type Saved } from './saved-list.ts';

/** Sweeps a list twice; times run from the provider's last page to the moment the store has kept it. */
async function saveSweeps({ file, count }: Saved) {
  const numbers = numbersOf(count);
  let from = 0;
  let isRead: ((stop: () => Promise<number>) => void) | undefined;
  let isKept: (() => void) | undefined;
  const provider: Provider = {
    async page({ index, size }) {
      const first = index * size;
      const length = Math.max(0, Math.min(size, count - first));
      if (length === 0) isRead?.(await watchStalls());
      return { rows: Array.from({ length }, (_, place) => String(numbers.at(from + first + place))) };
    },
  };
  const inner = sqliteStore(file);
  const store: Store = {
    ...inner,
    async saveSweep(list, given) {
      const isNew = await inner.saveSweep(list, given);
      requireThat(isNew, 'the sweep is kept');
      isKept?.();
      return isNew;
    },
  };
  const idle = await idleStall();
  const before = await residentBytes();

  async function sweep<T>(begin: () => T) {
    const read = new Promise<() => Promise<number>>((resolve) => (isRead = resolve));
    const kept = new Promise<void>((resolve) => (isKept = resolve));
    const begun = begin();
    const stop = await read;
    const start = performance.now();
    await kept;
    const ms = performance.now() - start;
    return { begun, ms, stallMs: await stop(), fileBytes: bytesOf(file) };
  }

  const refresh = { every: '1h', pageSize: 10_000 } as const;
  const { begun: guard, ...first } = await sweep(() =>
    createGuard({ provider, store, logger: silent, refresh }),
  );
  const grownBytes = (await residentBytes()) - before;
  from = CHANGED / 2;
  const { begun, ...following } = await sweep(() => guard.refresh());
  await begun;
  requireThat(!guard.canSend(String(numbers.at(count))), 'a number that came is blocked');
  await guard.close({ timeout: '1m' });
  return { idle, first, following, grownBytes, peakBytes: peakBytes() - before, bytes: bytesOf(file) };
}

/** The same numbers in a JSON file, synced. */
async function saveJson({ file, count }: Saved) {
  const sample = numbersOf(count);
  const numbers = Array.from({ length: count }, (_, index) => String(sample.at(index)));
  const { ms, stallMs } = await timed(async () => {
    const handle = await open(file, 'w');
    await handle.writeFile(JSON.stringify(numbers));
    await handle.sync();
    await handle.close();
  });
  return { ms, stallMs, bytes: bytesOf(file) };
}

/** Puts numbers in and reads them out again, with a guard and with a Set. */
async function importRows({ file, count }: Saved) {
  const sample = clusteredSample(count);
  const numbers = Array.from({ length: count }, (_, index) => String(sample.at(index)));
  const idle = await idleStall();
  const set = new Set<string>();
  const add = await timed(() => {
    for (const number of numbers) set.add(number);
  });
  const iterate = await timed(() => {
    let read = 0;
    for (const number of set) if (number.length > 0) read++;
    return read;
  });
  const guard = createGuard({ store: `sqlite:${file}`, logger: silent });
  await guard.ready();
  const before = await residentBytes();
  const { result: imported, ...importing } = await timed(() => guard.import(numbers));
  requireThat(imported.added === count, 'every row is added');
  const grownBytes = (await residentBytes()) - before;
  const { result: read, ...reading } = await timed(async () => {
    let rows = 0;
    for await (const { msisdn } of guard.optOuts()) if (msisdn.length > 0) rows++;
    return rows;
  });
  requireThat(read === count, 'every row is read');
  await guard.close({ timeout: '1m' });
  return { idle, add, iterate, importing, reading, grownBytes, bytes: bytesOf(file) };
}

/** Starts from a store full of first-hand opt-outs. */
async function startFirstHand({ file, count }: Saved) {
  const last = String(clusteredSample(count).at(count - 1));
  const before = await residentBytes();
  const { result: guard, ...figures } = await timed(async () => {
    const started = createGuard({ store: `sqlite:${file}`, logger: silent });
    requireThat((await started.ready({ timeout: '10m' })) === 'fresh', 'it is ready');
    return started;
  });
  requireThat(!guard.canSend(last), 'an imported number is blocked');
  const grownBytes = (await residentBytes()) - before;
  await guard.close();
  return { ...figures, grownBytes };
}

const tasks = { saveSweeps, saveJson, importRows, startFirstHand };
export type Tasks = typeof tasks;

const [name = '', takes = ''] = process.argv.slice(2);
const run = tasks[name as keyof Tasks] as (given: Saved) => Promise<unknown>;
process.send?.(await run(JSON.parse(takes) as Saved));
process.disconnect();
