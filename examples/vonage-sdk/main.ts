/** The official SDK: the same client with the same types, whose sends are checked. */

import { Auth } from '@vonage/auth';
import { Vonage } from '@vonage/server-sdk';
import { isSendBlocked } from 'sms-send-guard';
import { guardVonage } from 'sms-send-guard/vonage-sdk';
import { ALLOWED, OPTED_OUT, startStory } from '../story.ts';

await using story = await startStory();
const { guard, simulator } = story;
const { apiKey, apiSecret, url } = simulator;
const vonage = guardVonage(
  guard,
  new Vonage(new Auth({ apiKey, apiSecret }), { restHost: url, apiHost: url }),
);

async function send(to: string): Promise<string> {
  try {
    const { messages } = await vonage.sms.send({ to, from: '73737', text: 'hello' });
    return String(messages[0]?.status) === '0' ? 'sent' : 'refused by the provider';
  } catch (error) {
    if (isSendBlocked(error)) return 'blocked';
    throw error;
  }
}

story.check('a person who has not opted out', await send(ALLOWED), 'sent');
story.check('a person who has opted out', await send(OPTED_OUT), 'blocked');
story.check(
  'messages that reached the provider',
  simulator.messages.map(({ to }) => to),
  [ALLOWED],
);
