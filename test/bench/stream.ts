/** How fast a file of rows goes through the stream and what memory that takes, beside a plain reader of its lines. */

import { join } from 'node:path';
import { figure, line, median, megabytes, spread, times, withFolder } from './measure.ts';
import type { StreamTasks } from './stream-tasks.ts';
import { tasksOf } from './task-processes.ts';

type Figures = Awaited<ReturnType<StreamTasks['lines']>>;

const inProcess = tasksOf<StreamTasks>('./stream-tasks.js');
const MILLION = 1_000_000;
const OPT_OUTS = MILLION;
const ROUNDS = 5;

async function rowsOf(file: string, rows: number): Promise<void> {
  const campaign = { file, rows, optOuts: OPT_OUTS };
  const { bytes } = await inProcess('writeRows', campaign);
  const variants: readonly (readonly [string, () => Promise<Figures>])[] = [
    ['node:readline, lines only', () => inProcess('lines', campaign)],
    ['filterStream', () => inProcess('filtered', { ...campaign, isFolding: false })],
    ["filterStream, duplicates: 'fold'", () => inProcess('filtered', { ...campaign, isFolding: true })],
  ];
  const measured = variants.map(([label, run]) => ({ label, run, figures: [] as Figures[] }));
  for (let round = 0; round < ROUNDS; round++) {
    for (const { run, figures } of measured) figures.push(await run());
  }
  console.log(
    `stream: ${figure(rows)} CSV rows (${megabytes(bytes)}), ${figure(OPT_OUTS)} opt-outs restored before, each of ${ROUNDS} rounds in a new process`,
  );
  line('', 'rows/s', 'spread', 'of readline', 'memory before', 'at most', 'grown by');
  const rateOf = (figures: readonly Figures[]) => median(figures.map(({ rate }) => rate));
  const peer = rateOf(measured[0]?.figures ?? []);
  for (const { label, figures } of measured) {
    const rate = rateOf(figures);
    const rates = figures.map((one) => one.rate);
    const before = median(figures.map(({ startBytes }) => startBytes));
    const most = Math.max(...figures.map(({ peakBytes }) => peakBytes));
    const grown = Math.max(...figures.map(({ startBytes, peakBytes }) => peakBytes - startBytes));
    line(label, figure(rate), spread(rates), times(rate, peer), ...[before, most, grown].map(megabytes));
  }
}

/** Prints it. `isLarge` takes ten million rows in place of one, which takes minutes. */
export async function benchStream({ isLarge }: { readonly isLarge: boolean }): Promise<void> {
  await withFolder((folder) => rowsOf(join(folder, 'rows.csv'), (isLarge ? 10 : 1) * MILLION));
}
