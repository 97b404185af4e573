/**
 * undici and the global `fetch`: sends to the provider are checked on their way out, whatever code makes them. Compose
 * the guard first, so that retried and redirected requests come back to it.
 */

import { isSendBlocked } from 'sms-send-guard';
import { guardDispatcher, installGlobalGuard } from 'sms-send-guard/undici';
import { Agent, interceptors, request } from 'undici';
import { ALLOWED, OPTED_OUT, startStory } from '../story.ts';

await using story = await startStory();
const { guard, simulator } = story;
// The provider's own hosts are known; the simulator is one more.
const hosts = [new URL(simulator.url).host];

async function outcomeOf(send: () => Promise<unknown>): Promise<string> {
  try {
    await send();
    return 'sent';
  } catch (error) {
    if (isSendBlocked(error)) return 'blocked';
    throw error;
  }
}
const sendUrl = (to: string) =>
  `${simulator.url}/sms/json?${new URLSearchParams({
    ...{ api_key: simulator.apiKey, api_secret: simulator.apiSecret },
    ...{ to, from: '73737', text: 'hello' },
  }).toString()}`;

const dispatcher = new Agent().compose(guardDispatcher(guard, { hosts }), interceptors.retry());
const byUndici = (to: string) =>
  outcomeOf(async () => (await request(sendUrl(to), { dispatcher })).body.dump());
story.check('undici with a dispatcher, allowed', await byUndici(ALLOWED), 'sent');
story.check('undici with a dispatcher, opted out', await byUndici(OPTED_OUT), 'blocked');

const uninstall = installGlobalGuard(guard, { hosts });
const byFetch = (to: string) => outcomeOf(async () => (await fetch(sendUrl(to))).text());
story.check('the global fetch, allowed', await byFetch(ALLOWED), 'sent');
story.check('the global fetch, opted out', await byFetch(OPTED_OUT), 'blocked');
uninstall();
await dispatcher.close();

story.check(
  'messages that reached the provider',
  simulator.messages.map(({ to }) => to),
  [ALLOWED, ALLOWED],
);
