/**
 * What the set of numbers costs beside a `Set<string>`, a dependent read of memory and what the numbers weigh in theory,
 * all of the same run. Prints ratios; absolute figures are this machine's.
 */

import { figure, line, median, megabytes, ms, ns, spread, times } from './measure.ts';
import type { SetTasks } from './set-tasks.ts';
import { tasksOf } from './task-processes.ts';

const inSetProcess = tasksOf<SetTasks>('./set-tasks.js');
const MILLION = 1_000_000;
const LEGEND = `  Resident: what a new process has grown by, garbage collected. What that is over what the set tells is room
  that replaced regions have left, for whatever the process needs next; it hardly grows with the set.
  Set: the same where what is freed is given back at once, and code and tables were there before (glibc only).`;

async function lookups(count: number): Promise<void> {
  const { set, each, peer, chase, digits } = await inSetProcess('lookups', {
    count,
    isClustered: true,
  });
  console.log(`\nhas: ${figure(count)} clustered numbers, half of what is asked is in it`);
  line('', 'median', 'spread, ns', 'Set<string>', 'memory read');
  for (const [label, values] of Object.entries({
    'set, has': set,
    'set, hasEach': each,
    'Set<string>': peer,
  })) {
    if (values.length === 0) continue;
    const ofPeer = peer.length > 0 ? times(median(values), median(peer)) : '';
    line(label, ns(values), spread(values), ofPeer, times(median(values), median(chase)));
  }
  line('reading the digits', ns(digits), spread(digits));
  line('one dependent read of 1 GB', ns(chase), spread(chase));
}

/** What nobody can do anything else for meanwhile. */
async function pauses(count: number): Promise<void> {
  const longest = await inSetProcess('pauses', { count, isClustered: true });
  line(`${figure(count)} clustered`, ...Object.values(longest).map((value) => `${value.toFixed(2)} ms`));
}

/**
 * In two new processes: as memory is usually handed out, where what was freed stays with the process; and with every
 * array given back as soon as it is freed, after another set, so that nothing but what the set holds is left.
 */
async function memory(count: number, isClustered: boolean): Promise<void> {
  const usual = await inSetProcess('memory', { count, isClustered });
  const givenBack = await inSetProcess('memory', { count, isClustered }, { MALLOC_MMAP_THRESHOLD_: '4096' });
  const kind = isClustered ? 'clustered' : 'uniform';
  const each = (bytes: number) => `${(bytes / count).toFixed(2)} B`;
  line(
    `${figure(count)} ${kind}`,
    each(usual.residentBytes),
    each(givenBack.residentBytes),
    each(usual.ownBytes),
    `${usual.leastBytes.toFixed(2)} B`,
    megabytes(usual.residentBytes - usual.ownBytes),
    `${figure(usual.loadNs)} ns`,
  );
}

async function images(count: number): Promise<void> {
  const { writeMs, readMs, bytes, longestMs } = await inSetProcess('images', {
    count,
    isClustered: true,
  });
  line(`${figure(count)} clustered`, ms(writeMs), ms(readMs), ms(longestMs), megabytes(bytes));
}

/** Prints all of it. `isLarge` adds a hundred million numbers, which takes minutes. */
export async function benchSet({ isLarge }: { readonly isLarge: boolean }): Promise<void> {
  const counts = isLarge ? [MILLION, 10 * MILLION, 100 * MILLION] : [MILLION, 10 * MILLION];
  console.log('set: memory per number, beside what a code that knows the ranges needs at least');
  line('', 'resident', 'set', 'told', 'least', 'left over', 'to load one');
  for (const count of counts) for (const isClustered of [true, false]) await memory(count, isClustered);
  console.log(LEGEND);
  console.log('\nset: images');
  line('', 'write', 'read', 'longest chunk', 'size');
  for (const count of counts) await images(count);
  console.log(
    '\nset: the longest of 200,000 steps of each kind, of five times that each was done the shortest',
  );
  line('', 'has', 'add', 'delete', 'read a batch');
  for (const count of counts) await pauses(count);
  for (const count of counts) await lookups(count);
}
