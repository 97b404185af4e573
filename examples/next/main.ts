/**
 * Next.js: the two route handlers of `app/messages/route.ts` and `app/webhooks/sms/route.ts`, called as Next.js calls
 * them. Set `serverExternalPackages: ['sms-send-guard']` in next.config.mjs, and create one guard for the process.
 */

import { signedWebhook } from 'sms-send-guard/testing';
import { guardFetch, webhooksFetch } from 'sms-send-guard/fetch';
import { ALLOWED, LEAVING, OPTED_OUT, startStory } from '../story.ts';

await using story = await startStory();
const { guard, simulator } = story;

// app/messages/route.ts: export const POST = …
const POST = guardFetch(guard, {
  next: async (_request, { allowed }) => Response.json({ sending: allowed }, { status: 202 }),
});
// app/webhooks/sms/route.ts: export { webhook as GET, webhook as POST }
const webhook = webhooksFetch(guard, { signature: simulator.signature });

async function post(body: object): Promise<number> {
  const headers = { 'content-type': 'application/json' };
  const init = { method: 'POST', headers, body: JSON.stringify(body) };
  return (await POST(new Request('https://example.com/messages', init))).status;
}

story.check('a person who has not opted out', await post({ to: ALLOWED }), 202);
story.check('a person who has opted out', await post({ to: OPTED_OUT }), 403);
story.check('a person before their STOP', await post({ to: LEAVING }), 202);
const { body, headers, method } = signedWebhook({
  ...simulator.signature,
  person: LEAVING,
  sender: '73737',
  text: 'STOP',
});
const stop = new Request('https://example.com/webhooks/sms', { method, headers, body: body ?? null });
story.check('the STOP is stored', (await webhook(stop)).status, 200);
story.check('the same person after it', await post({ to: LEAVING }), 403);
