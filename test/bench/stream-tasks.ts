/**
 * What is measured of the stream of rows in a process of its own. A program: a task's name and what it takes as
 * arguments, its figures as a message.
 */

import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { clusteredSample } from './clustered.ts';
import { peakBytes, residentBytes } from './measure.ts';
import { requireThat, savedGuard } from './saved-guard.ts';

interface Campaign {
  readonly file: string;
  readonly rows: number;
  readonly optOuts: number;
}

interface Filtered extends Campaign {
  readonly isFolding: boolean;
}

/** Every how many-th row is of somebody who opted out, and of somebody who had a row before. */
const LISTED = 10;
const AGAIN = 20;
const ROWS_AT_ONCE = 1_000;
const HEADER = 'name,msisdn,town,amount\n';

/** Writes the file of a campaign. @returns its size, bytes. */
async function writeRows({ file, rows, optOuts }: Campaign) {
  const sample = clusteredSample(optOuts);
  const numberOf = (row: number): number => {
    if (row % LISTED === 1) return sample.at(row % optOuts);
    return sample.other(row % AGAIN === 2 ? (row >>> 1) - 1 : row);
  };
  function* pieces() {
    yield HEADER;
    for (let row = 0; row < rows;) {
      let text = '';
      const end = Math.min(rows, row + ROWS_AT_ONCE);
      for (; row < end; row++)
        text += `Customer ${row},+${numberOf(row)},"Springfield, North",${row % 997}.50\n`;
      yield text;
    }
  }
  const out = createWriteStream(file);
  await pipeline(Readable.from(pieces()), out);
  return { bytes: out.bytesWritten };
}

/** Runs work over a file. @returns rows per second, and memory at its beginning and at most, bytes. */
async function measured(rows: number, work: () => Promise<number>) {
  const startBytes = await residentBytes();
  const start = performance.now();
  const read = await work();
  const rate = (rows / (performance.now() - start)) * 1_000;
  requireThat(read === rows, `all rows are read, not ${read}`);
  return { rate, startBytes, peakBytes: peakBytes() };
}

/** Reads lines and does nothing with them. */
const lines = ({ file, rows }: Campaign) =>
  measured(rows, async () => {
    let read = -1;
    const reader = createInterface({ input: createReadStream(file), crlfDelay: Infinity });
    reader.on('line', () => read++);
    await once(reader, 'close');
    return read;
  });

/** Lets the rows through that may be sent to, to nowhere. */
async function filtered({ file, rows, optOuts, isFolding }: Filtered) {
  const guard = await savedGuard(clusteredSample(optOuts));
  const stream = guard.filterStream({
    csv: { column: 'msisdn' },
    duplicates: isFolding ? 'fold' : 'keep',
  });
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const figures = await measured(rows, async () => {
    await pipeline(createReadStream(file), stream, nowhere);
    return stream.report.rows;
  });
  const { allowed, blocked, folded } = stream.report;
  requireThat(blocked.opted_out === Math.ceil((rows - 1) / LISTED), 'those who opted out are blocked');
  requireThat(allowed + folded === rows - blocked.opted_out, 'all others are not');
  requireThat(
    isFolding ? folded >= Math.floor(rows / AGAIN) : folded === 0,
    'second rows are folded where that is asked for',
  );
  await guard.close();
  return figures;
}

const tasks = { writeRows, lines, filtered };
export type StreamTasks = typeof tasks;

const [name = '', takes = ''] = process.argv.slice(2);
const run = tasks[name as keyof StreamTasks] as (given: unknown) => Promise<unknown>;
process.send?.(await run(JSON.parse(takes)));
process.disconnect();
