/** A campaign: a CSV file of any size goes through `filterStream` in constant memory. */

import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ALLOWED, LEAVING, OPTED_OUT, startStory } from '../story.ts';

await using story = await startStory();
const { guard } = story;
const folder = await mkdtemp(join(tmpdir(), 'campaign-'));
const [input, output] = [join(folder, 'campaign.csv'), join(folder, 'allowed.csv')];
const rows = [
  'name,phone',
  `Ann,+${ALLOWED}`,
  `Ben,${OPTED_OUT}`,
  `Cat,${LEAVING}`,
  `Ann again,${ALLOWED}`,
  'Dan,n/a',
];
await writeFile(input, `${rows.join('\n')}\n`);

const refused: string[] = [];
const stream = guard.filterStream({
  from: '73737',
  csv: { column: 'phone' },
  duplicates: 'fold',
  onRefused: (_row, { reason }) => void refused.push(reason),
});
await pipeline(createReadStream(input), stream, createWriteStream(output));

const lines = (await readFile(output, 'utf8')).trimEnd().split('\n');
story.check('rows that may be sent to', lines.slice(1), [`Ann,+${ALLOWED}`, `Cat,${LEAVING}`]);
story.check('reasons of the others', refused, ['opted_out', 'invalid_number']);
const { allowed, folded, blocked, invalid } = stream.report;
story.check('the report', [allowed, folded, blocked.opted_out, invalid.rows], [2, 1, 1, [6]]);
await rm(folder, { recursive: true });
