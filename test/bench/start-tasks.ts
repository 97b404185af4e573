/**
 * What is measured of starts in a process of its own, its own start and its imports not included. A program: a task's
 * name and what it takes as arguments, its figures as a message.
 */

import { readFile } from 'node:fs/promises';
import { createGuard, type Guard, type Store } from 'sms-send-guard';
import { sqliteStore } from 'sms-send-guard/sqlite';
import { peakBytes, residentBytes, timed } from './measure.ts';
import { isDown, requireThat, silent } from './saved-guard.ts';
import { CHANGED, numbersOf, type Saved } from './saved-list.ts';

/** Starts a guard whose provider cannot be reached. @param listed a number that it has to block. */
async function firstAnswer(store: Store | `sqlite:${string}`, listed: string): Promise<Guard> {
  const guard = createGuard({ provider: isDown, store, logger: silent });
  const state = await guard.ready({ timeout: '10m' });
  requireThat(!guard.canSend(listed), 'a saved number is blocked');
  requireThat(state === 'restored', `the state is restored, not ${state}`);
  return guard;
}

/** From a saved store up to the first answer. */
async function startGuard({ file, count }: Saved) {
  const numbers = numbersOf(count);
  const listed = String(numbers.at(CHANGED));
  const before = await residentBytes();
  const { result: guard, ...figures } = await timed(() => firstAnswer(`sqlite:${file}`, listed));
  for (let index = CHANGED; index < count; index += 9_973) {
    requireThat(!guard.canSend(String(numbers.at(index))), 'a saved number is blocked');
  }
  requireThat(guard.canSend(String(numbers.other(0))), 'another number is not');
  const grownBytes = (await residentBytes()) - before;
  await guard.close();
  return { ...figures, grownBytes, peakBytes: peakBytes() - before };
}

/** The same, as the store sees it: milliseconds of opening, of reading and taking in, and of all that is left. */
async function startParts({ file, count }: Saved) {
  const listed = String(numbersOf(count).at(CHANGED));
  const inner = sqliteStore(file);
  let [asked, opened, loaded] = [0, 0, 0];
  const store: Store = {
    ...inner,
    async open(opening) {
      asked = performance.now();
      const trouble = await inner.open(opening);
      opened = performance.now();
      return trouble;
    },
    async loaded() {
      await inner.loaded?.();
      loaded = performance.now();
    },
  };
  const start = performance.now();
  const guard = await firstAnswer(store, listed);
  const end = performance.now();
  await guard.close();
  return { openMs: opened - asked, loadMs: loaded - opened, restMs: asked - start + end - loaded };
}

async function startSet({ file, count }: Saved) {
  const listed = String(numbersOf(count).at(CHANGED));
  const before = await residentBytes();
  const { result: set, ...figures } = await timed(async () => {
    const read = new Set(JSON.parse(await readFile(file, 'utf8')) as string[]);
    requireThat(read.has(listed), 'a saved number is in the set');
    return read;
  });
  const grownBytes = (await residentBytes()) - before;
  requireThat(set.size === count, 'all numbers are in the set');
  return { ...figures, grownBytes, peakBytes: peakBytes() - before };
}

const tasks = { startGuard, startParts, startSet };
export type StartTasks = typeof tasks;

const [name = '', takes = ''] = process.argv.slice(2);
const run = tasks[name as keyof StartTasks] as (given: Saved) => Promise<unknown>;
process.send?.(await run(JSON.parse(takes) as Saved));
process.disconnect();
