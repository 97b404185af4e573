import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createGuard } from '../../src/index.ts';
import { createTestGuard, signedWebhook, startSimulator, type Simulator } from '../../src/testing/index.ts';

const OUT = '15550000000';
let simulator: Simulator;
const keys = { api_key: 'test-key', api_secret: 'test-secret' };

beforeAll(async () => {
  simulator = await startSimulator({ optOuts: 250 });
});
afterAll(() => simulator.close());
beforeEach(() => simulator.clearFaults());

async function post(path: string, inputs: object, headers: Record<string, string> = {}) {
  const response = await fetch(simulator.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(inputs),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

describe('the simulator', () => {
  it('pages its list as documented: 100 rows, from page 0, every value a string', async () => {
    const path = '/sc/us/alert/opt-in/query/json';
    const first = await fetch(`${simulator.url}${path}?${new URLSearchParams(keys).toString()}`);
    const { 'opt-in-count': count, 'opt-in-list': rows } = (await first.json()) as Record<string, object[]>;
    expect([count, rows?.length]).toEqual(['250', 100]);
    expect(rows?.[0]).toEqual({
      ...{ msisdn: OUT, 'opt-in': 'false', 'opt-out': 'true' },
      'opt-out-date': expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/) as string,
    });
    const { body } = await post(path, { ...keys, page: 2, 'page-size': 100 });
    expect(body['opt-in-list']).toHaveLength(50);
  });

  it('refuses unknown credentials in the body of a 200', async () => {
    expect(await post('/sc/us/alert/opt-in/query/json', { api_key: 'x' })).toMatchObject({
      status: 200,
      body: { status: '4' },
    });
    expect((await post('/v1/messages', { to: OUT })).status).toBe(401);
    expect(await post('/sms/json', { to: OUT })).toMatchObject({ body: { messages: [{ status: '4' }] } });
  });

  it.each([
    ['/sms/json', { to: OUT }, 200],
    ['/sc/us/alert/json', { to: OUT }, 200],
    ['/sc/us/marketing/json', { to: OUT }, 200],
    ['/verify/json', { number: OUT }, 200],
    ['/v1/messages', { to: OUT, channel: 'sms' }, 202],
    ['/v2/verify', { workflow: [{ channel: 'sms', to: OUT }] }, 202],
  ])('%s accepts a send to somebody who opted out, and remembers it', async (path, inputs, status) => {
    const basic = `Basic ${Buffer.from('test-key:test-secret').toString('base64')}`;
    expect((await post(path, inputs, { authorization: basic })).status).toBe(status);
    expect(simulator.messages.at(-1)).toMatchObject({ to: OUT, isOptedOut: true });
  });

  it('refuses the same by 2FA at once', async () => {
    const { body } = await post('/sc/us/2fa/json', { ...keys, to: OUT });
    expect(body).toMatchObject({ messages: [{ status: '102' }] });
  });

  it('opts in through manage, and refuses what is no number with 103', async () => {
    const path = '/sc/us/alert/opt-in/manage/json';
    expect(await post(path, { ...keys, msisdn: 15550000249 })).toMatchObject({
      body: { msisdn: '15550000249', 'opt-in': 'true', 'opt-out': 'false' },
    });
    expect(simulator.list.has('15550000249')).toBe(false);
    expect(await post(path, { ...keys, msisdn: 'x' })).toMatchObject({
      body: { messages: [{ status: '103' }] },
    });
  });

  it('answers 404 elsewhere', async () => {
    expect((await post('/elsewhere', keys)).status).toBe(404);
  });

  it('shows a change to its list later where it lags', () => {
    simulator.list.isLagging = true;
    simulator.list.add('15559990001');
    expect([
      simulator.list.has('15559990001'),
      simulator.list.page(0, 1_000).includes('15559990001'),
    ]).toEqual([true, false]);
    simulator.list.catchUp();
    expect(simulator.list.page(0, 1_000)).toContain('15559990001');
  });
});

describe('createTestGuard', () => {
  it('is ready, and its list can be changed and taken down', async () => {
    const guard = await createTestGuard({ optedOut: [OUT] });
    expect([guard.status().state, guard.canSend(OUT), guard.canSend('15559999999')]).toEqual([
      'fresh',
      false,
      true,
    ]);
    guard.providerList.add('15559999999');
    await guard.refresh();
    expect(guard.canSend('15559999999')).toBe(false);
    guard.setProviderDown(true);
    expect((await guard.refresh()).isComplete).toBe(false);
    await expect(guard.resubscribe(OUT)).rejects.toMatchObject({ code: 'provider_unreachable' });
    guard.setProviderDown(false);
    expect(await guard.resubscribe(OUT)).toMatchObject({ released: true });
    expect(guard.canSend(OUT)).toBe(true);
    await guard.close();
    expect(guard.check(OUT)).toMatchObject({ allowed: false, reason: 'closed' });
  });
});

it('signedWebhook makes a request that a guard believes', async () => {
  const guard = createGuard();
  await guard.ready();
  const { createServer } = await import('node:http');
  const server = createServer(
    guard.webhooks({ signature: { secret: 'another secret', method: 'sha1' } }),
  ).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  const { method, query, headers, body } = signedWebhook({
    person: OUT,
    secret: 'another secret',
    method: 'sha1',
  });
  const response = await fetch(`http://127.0.0.1:${port}/${query}`, { method, headers, body: body ?? null });
  expect([response.status, guard.canSend(OUT)]).toEqual([200, false]);
  await guard.close();
  server.closeAllConnections();
  server.close();
});
