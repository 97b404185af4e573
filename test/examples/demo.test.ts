/** The demo as a user runs it, but from the sources: built packages are checked by `npm run demo` itself. */

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { createService } from '../../examples/express-service/service.ts';
import { startSimulator } from '../../src/testing/index.ts';

it('the example service sends what the guard allows, and nothing else', async () => {
  await using simulator = await startSimulator({ optOuts: 250 });
  const { app, guard } = createService({
    apiKey: simulator.apiKey,
    apiSecret: simulator.apiSecret,
    signatureSecret: simulator.signature.secret,
    providerUrl: simulator.url,
    refresh: { pageSize: 100 },
  });
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  await guard.ready();
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const post = async (path: string, body: unknown) => {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) });
    return [response.status, (await response.json()) as Record<string, unknown>] as const;
  };
  const send = async (to: unknown) => (await post('/messages', { to, text: 'hello' }))[0];

  expect(await send('+1 555 123 0001')).toBe(202);
  expect([await send('15550000000'), await send('15550000150'), await send('15550000249')]).toEqual([
    403, 403, 403,
  ]);
  expect(await send(['15551230002', '15550000001'])).toBe(403);
  const { status } = await simulator.receiveStop(`${url}/webhooks/sms`, { person: '15551230001' });
  expect([status, await send('15551230001')]).toEqual([200, 403]);
  expect(await post('/resubscribe', { to: '15551230001' })).toEqual([
    200,
    { released: true, stillBlocked: [] },
  ]);
  expect(await send('15551230001')).toBe(202);
  expect((await fetch(`${url}/health`)).status).toBe(200);
  expect(simulator.messages.map(({ to }) => to)).toEqual(['15551230001', '15551230001']);
  await guard.close();
  server.closeAllConnections();
  server.close();
});
