/**
 * What it costs to keep opt-outs in a file: beside a plain loop over the same SQLite, a synced file of lines, a JSON
 * file, a `Set` and an idle event loop, all of the same run. Prints ratios; absolute figures are this machine's.
 */

import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { DatabaseSync } from '@photostructure/sqlite';
import { createGuard } from 'sms-send-guard';
import { clusteredSample } from './clustered.ts';
import { bytesOf, figure, line, median, megabytes, ms, percentile, times, withFolder } from './measure.ts';
import { startGuardProcess } from './processes.ts';
import { tasksOf } from './task-processes.ts';
import type { Tasks } from './tasks.ts';

const inProcess = tasksOf<Tasks>('./tasks.js');
/** More than there are opt-outs by hand. */
const numbers = clusteredSample(30_000_000);
const numberAt = (index: number) => String(numbers.at(index));

const ROUNDS = 3;
const ROUND_MS = 700;
const MILLION = 1_000_000;
const WEBHOOKS = 300;

/** Times per second that something is done, which waits for the disk by itself or takes its turns. */
async function rateOf(one: (index: number) => unknown, inFlight: number, from: number): Promise<number> {
  const start = performance.now();
  let done = 0;
  const loops = Array.from({ length: inFlight }, async () => {
    while (performance.now() - start < ROUND_MS) await one(from + done++);
  });
  await Promise.all(loops);
  return (done / (performance.now() - start)) * 1_000;
}

/** One row per transaction, with the PRAGMAs and the columns of the store. */
function plainInserts(file: string) {
  const database = new DatabaseSync(file);
  database.exec('PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
  database.exec(`CREATE TABLE changes (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    msisdn INTEGER NOT NULL, list TEXT NOT NULL, direction TEXT NOT NULL, id TEXT NOT NULL, at REAL NOT NULL,
    UNIQUE (msisdn, list, direction, id)) STRICT`);
  const insert = database.prepare(
    'INSERT INTO changes (msisdn, list, direction, id, at) VALUES (?, ?, ?, ?, ?)',
  );
  return {
    insert(index: number) {
      insert.run(numbers.at(index), '*', 'out', `id of the change ${index}`, Date.now());
    },
    // Its statements do not keep a database from being collected: whoever inserts holds it.
    close: () => database.close(),
  };
}

async function acknowledged(folder: string): Promise<void> {
  console.log('optOut: acknowledged changes per second, each synced to disk');
  const guard = createGuard({ store: `sqlite:${join(folder, 'changes.db')}` });
  await guard.ready();
  const descriptor = openSync(join(folder, 'lines'), 'a');
  const plainTable = plainInserts(join(folder, 'plain.db'));
  const append = (index: number) => {
    writeSync(descriptor, `${numberAt(index)} opted out\n`);
    fdatasyncSync(descriptor);
  };
  const optOut = (index: number) => guard.optOut(numberAt(index));
  const contenders = [
    { label: 'a line appended, fdatasync', one: append, inFlight: 1 },
    { label: 'plain SQLite, one INSERT per transaction', one: plainTable.insert, inFlight: 1 },
    ...[1, 16, 256].map((inFlight) => ({ label: `guard, ${inFlight} in flight`, one: optOut, inFlight })),
  ].map((contender) => ({ ...contender, rates: [] as number[] }));
  let from = 0;
  for (let round = 0; round <= ROUNDS; round++) {
    for (const { one, inFlight, rates } of contenders) {
      const rate = await rateOf(one, inFlight, from);
      from += MILLION;
      if (round > 0) rates.push(rate);
    }
  }
  const [byLine = Number.NaN, plain = Number.NaN] = contenders.map(({ rates }) => median(rates));
  for (const { label, rates } of contenders) {
    const rate = median(rates);
    const ratios = `${times(rate, plain)} plain SQLite, ${times(rate, byLine)} fdatasync`;
    line(label, `${figure(rate)}/s`, `   ${ratios}`);
  }
  plainTable.close();
  closeSync(descriptor);
  await guard.close();
}

/** Saves lists of a size. */
async function sweeps(folder: string, count: number): Promise<void> {
  const [file, json] = [join(folder, `${count}.db`), join(folder, `${count}.json`)];
  const saved = await inProcess('saveSweeps', { file, count });
  const written = await inProcess('saveJson', { file: json, count });
  const { idle, first, following } = saved;

  console.log(`\nsaving a sweep of ${figure(count)} numbers, from its last page to when it is kept`);
  line('first sweep', ms(first.ms), `${times(first.ms, written.ms)} JSON`);
  line('  longest stall', ms(first.stallMs), `${times(first.stallMs, idle)} idle`);
  line('  file', megabytes(first.fileBytes), `${times(first.fileBytes, written.bytes)} JSON`);
  line('sweep that changes 100 numbers', ms(following.ms), `${times(following.ms, first.ms)} first`);
  line('  longest stall', ms(following.stallMs), `${times(following.stallMs, idle)} idle`);
  line('  file', megabytes(following.fileBytes), `${times(following.fileBytes, written.bytes)} JSON`);
  line('file, closed', megabytes(saved.bytes), `${times(saved.bytes, written.bytes)} JSON`);
  line('  per number', `${(saved.bytes / count).toFixed(2)} bytes`);
  line('memory after the first sweep, at most', megabytes(saved.grownBytes), megabytes(saved.peakBytes));
  line('JSON file, synced', ms(written.ms), megabytes(written.bytes), `${ms(written.stallMs)} stall`);
  line('idle loop', '', '', `${ms(idle)} stall`);
}

/** How soon a process blocks what another one was told. */
async function processes(folder: string): Promise<void> {
  console.log(`\ntwo processes, one file: from the 2xx of a webhook in one to the block in the other`);
  const file = join(folder, 'shared.db');
  const [told, other] = [await startGuardProcess(file), await startGuardProcess(file)];
  const answers: number[] = [];
  const blocks: number[] = [];
  for (let index = 0; index < WEBHOOKS; index++) {
    // The other one looks at the file at fixed times: webhooks come at any moment between two of them.
    await pause((index * 37) % 50);
    const number = numberAt(index);
    const answered = await told.stop(number);
    answers.push(answered.ms);
    blocks.push(await other.blocked(number, answered.at));
  }
  await Promise.all([told.kill(), other.kill()]);
  line('', ...['p50', 'p95', 'p99', 'max']);
  const shares = [0.5, 0.95, 0.99, 1];
  line('webhook until its 2xx', ...shares.map((share) => ms(percentile(answers, share))));
  line('2xx until the block', ...shares.map((share) => ms(percentile(blocks, share))));
  line('ratio', ...shares.map((share) => times(percentile(blocks, share), percentile(answers, share))));
}

/** Rows in and out by hand. */
async function rows(folder: string, count: number): Promise<void> {
  const file = join(folder, 'imported.db');
  const { idle, add, iterate, importing, reading, grownBytes } = await inProcess('importRows', {
    file,
    count,
  });
  const restart = await inProcess('startFirstHand', { file, count });
  const perSecond = (took: number) => `${figure((count / took) * 1_000)}/s`;
  const told = (label: string, { ms: took, stallMs }: { ms: number; stallMs: number }, peer: number) =>
    line(label, perSecond(took), times(peer, took), `${ms(stallMs)} stall`, `${times(stallMs, idle)} idle`);
  console.log(`\nimport and optOuts of ${figure(count)} rows, beside the same numbers in a Set`);
  told('Set, add', add, add.ms);
  told('import', importing, add.ms);
  told('Set, iterate', iterate, iterate.ms);
  told('optOuts', reading, iterate.ms);
  told('start from them', restart, add.ms);
  const size = bytesOf(file);
  line('file, memory', megabytes(size), megabytes(grownBytes), `${(size / count).toFixed(0)} bytes a row`);
}

/** Prints all of it. `isLarge` adds lists of ten million numbers, which takes minutes. */
export async function benchStore({ isLarge }: { readonly isLarge: boolean }): Promise<void> {
  await withFolder(async (folder) => {
    await acknowledged(folder);
    await sweeps(folder, MILLION);
    if (isLarge) await sweeps(folder, 10 * MILLION);
    await processes(folder);
    await rows(folder, MILLION);
  });
}
