/** A guard over a store of your own: the team's audit log has an opt-out as soon as it is acknowledged. */

import { memoryStore, type OptOutChange } from 'sms-send-guard';
import { ALLOWED, LEAVING, startStory } from '../story.ts';
import { mirroredStore } from './mirrored-store.ts';

const audit: OptOutChange[] = [];
const store = mirroredStore(memoryStore(), async (changes) => void audit.push(...changes));
{
  await using story = await startStory({ store });
  await story.guard.optOut(LEAVING, { reason: 'by phone' });
  const entries = audit.map(({ msisdn, evidence }) => [msisdn, evidence.direction, evidence.source]);
  story.check('the audit log', entries, [[LEAVING, 'out', 'manual']]);
  story.check('after the opt-out', story.guard.canSend(LEAVING), false);
}
{
  await using story = await startStory({ store });
  story.check('a later guard over the same store', story.guard.canSend(LEAVING), false);
  story.check('a person who has not opted out', story.guard.canSend(ALLOWED), true);
}
