/**
 * A provider of your own: anything that can list who has opted out, page by page. `page` rejects if it cannot be sure,
 * because an error must never look like an empty list. `optIn` resolves only when the provider confirmed it.
 */

import { createGuard, type Provider } from 'sms-send-guard';
import { ALLOWED, OPTED_OUT, silent, startStory } from '../story.ts';

/** In a service this is a table of a database, or the API of another provider. */
const table = new Map<string, { readonly optedOutAt: Date }>([
  [OPTED_OUT, { optedOutAt: new Date('2025-03-01') }],
]);

const provider: Provider = {
  account: 'our own table',
  async page({ index, size, signal }) {
    signal.throwIfAborted();
    const all = [...table].toSorted(([a], [b]) => (a < b ? -1 : 1));
    const rows = all
      .slice(index * size, (index + 1) * size)
      .map(([msisdn, { optedOutAt }]) => ({ msisdn, optOut: true, optOutDate: optedOutAt }));
    return { rows, total: all.length };
  },
  async optIn(msisdn) {
    if (!table.delete(msisdn)) throw new Error('not on the list');
  },
};

await using story = await startStory();
await using guard = createGuard({ provider, logger: silent });
story.check('the guard is ready', await guard.ready(), 'fresh');
story.check('a person who has not opted out', guard.canSend(ALLOWED), true);
story.check('a person who has opted out', guard.canSend(OPTED_OUT), false);
const { released } = await guard.resubscribe(OPTED_OUT);
story.check('the same person, opted in again', [released, guard.canSend(OPTED_OUT)], [true, true]);
