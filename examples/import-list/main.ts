/**
 * Moves an opt-out list that another system kept into the guard. An import never unblocks anybody, and importing the
 * same file twice changes nothing. Rows of people who opted in later are reported as conflicts and left out.
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ImportRow } from 'sms-send-guard';
import { ALLOWED, LEAVING, startStory } from '../story.ts';

const folder = await mkdtemp(join(tmpdir(), 'import-list-'));

/** The old list, as a table of the database or a Redis set may have it. */
const old: readonly ImportRow[] = [
  { msisdn: LEAVING, at: '2025-03-01T10:00:00Z', reason: 'STOP, old system' },
  { msisdn: '+1 (555) 123-0003', at: 1_740_000_000 },
  '15551230004.0', // as spreadsheets write it
  'unknown',
];

{
  await using story = await startStory({ store: `sqlite:${join(folder, 'optouts.db')}` });
  const { guard } = story;
  story.check('a person on the old list, before', guard.canSend(LEAVING), true);
  const { added, known, invalid } = await guard.import(old, { source: 'old system' });
  story.check('added, known, rows that cannot be read', [added, known, invalid], [3, 0, [{ index: 3 }]]);
  story.check('a person on the old list, after', guard.canSend(LEAVING), false);
  story.check('a person who was not on it', guard.canSend(ALLOWED), true);
  const dated = old.slice(0, 2);
  story.check('the dated rows again', (await guard.import(dated, { source: 'old system' })).known, 2);
}
{
  await using story = await startStory({ store: `sqlite:${join(folder, 'optouts.db')}` });
  story.check('after a restart', story.guard.canSend(LEAVING), false);
}
await rm(folder, { recursive: true });
