/** The guard, its client and the simulator together, over HTTP on loopback. */

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { Auth } from '@vonage/auth';
import { Vonage } from '@vonage/server-sdk';
import express from 'express';
import nock from 'nock';
import { afterEach, describe, expect, it } from 'vitest';
import { createGuard, isSendBlocked, vonage, type GuardOptions, type WarnEvent } from '../src/index.ts';
import { startSimulator, type Simulator, type SimulatorOptions } from '../src/testing/index.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const listed = (index: number) => String(15_550_000_000 + index);
const open: (() => unknown)[] = [];

afterEach(async () => {
  nock.cleanAll();
  nock.restore();
  for (const close of open.splice(0).toReversed()) await close();
});

async function start(
  given: SimulatorOptions,
  options: GuardOptions['refresh'] = {},
  prepare: (simulator: Simulator) => void = () => undefined,
  timeout: '300ms' | '20s' = '20s',
) {
  const simulator = await startSimulator(given);
  open.push(() => simulator.close());
  prepare(simulator);
  const { apiKey, apiSecret, url } = simulator;
  const guard = createGuard({
    logger: silent,
    provider: vonage({ apiKey, apiSecret, baseUrl: url, retries: 0, timeout }),
    refresh: { every: '1h', ...options },
  });
  open.push(() => guard.close());
  return { simulator, guard };
}

it('warns once about a list that holds numbers in two rows', async () => {
  const { guard } = await start({ optOuts: 250 }, {}, ({ list }) => {
    list.behaviour.twiceEvery = 50;
  });
  const warnings: WarnEvent[] = [];
  guard.on('warn', (event) => warnings.push(event));
  for (let time = 0; time < 3; time++) expect((await guard.refresh()).isComplete).toBe(true);
  expect(warnings).toMatchObject([{ code: 'duplicate_rows', message: expect.stringContaining('5 rows') }]);
});

describe('the provider’s list over HTTP', () => {
  it.each([
    ['101 rows on pages of 100', 101, 100, {}],
    ['201 rows on pages of 100', 201, 100, {}],
    ['1 001 rows on pages of 1 000', 1001, 1000, {}],
    ['a server that caps its pages', 250, 1000, { pageCap: 30 }],
    ['pages counted from 1', 250, 100, { isOneBased: true }],
    ['a count per page', 250, 100, { count: 'page' }],
    ['no count', 250, 100, { count: 'missing' }],
    ['no dates', 250, 100, { hasDates: false }],
    ['numbers in two rows', 250, 100, { twiceEvery: 3 }],
    ['every number in two rows, pages counted from 1', 250, 99, { twiceEvery: 1, isOneBased: true }],
  ] as const)('is read whole: %s', async (_name, optOuts, pageSize, behaviour) => {
    const { guard } = await start({ optOuts }, { pageSize }, ({ list }) =>
      Object.assign(list.behaviour, behaviour),
    );
    expect(await guard.ready()).toBe('fresh');
    for (const index of [0, 99, 100, optOuts - 1]) expect(guard.canSend(listed(index))).toBe(false);
    expect(guard.canSend(listed(optOuts))).toBe(true);
    const sizes = Object.values(guard.status().lists).map(({ size }) => size);
    expect(Math.max(...sizes)).toBe(optOuts);
  });

  it('is incomplete if a server repeats its first page for ever', async () => {
    const { guard } = await start({ optOuts: 250 }, { pageSize: 100 }, ({ list }) => {
      list.behaviour.ignoresPage = true;
    });
    const { lists } = await guard.refresh();
    expect(lists[0]).toMatchObject({ status: 'failed', error: { code: 'provider_incomplete' } });
    expect(guard.canSend(listed(5))).toBe(false);
    expect(guard.check(listed(1000))).toMatchObject({ allowed: false, reason: 'not_ready' });
  });

  it('keeps a number that a changing list moved past the cursor', async () => {
    const { guard, simulator } = await start({ optOuts: 250 }, { pageSize: 100 });
    await guard.ready();
    simulator.list.behaviour.afterPage = (page) => {
      if (page === 0) simulator.list.remove(listed(3));
    };
    await guard.refresh();
    expect(guard.canSend(listed(100))).toBe(false);
  });

  it.each([
    ['an HTML page', { status: 502, body: '<html>Bad Gateway</html>' }, 'provider_unavailable'],
    ['HTML under 200', { body: '<html></html>' }, 'provider_bad_reply'],
    ['{}', { body: '{}' }, 'provider_bad_reply'],
    ['null', { body: 'null' }, 'provider_bad_reply'],
    ['a null list', { body: '{"opt-in-count":"0","opt-in-list":null}' }, 'provider_bad_reply'],
    ['status 0 without a list', { body: '{"messages":[{"status":"0"}]}' }, 'provider_bad_reply'],
    ['status 101 under 200', { body: '{"messages":[{"status":"101"}]}' }, 'provider_rejected'],
    ['status 4 under 200', { body: '{"status":"4"}' }, 'provider_credentials'],
    ['status 1 under 200', { body: '{"messages":[{"status":"1"}]}' }, 'provider_throttled'],
    ['401', { status: 401 }, 'provider_credentials'],
    ['429', { status: 429, headers: { 'retry-after': '60' } }, 'provider_throttled'],
    ['a redirect', { status: 302, headers: { location: 'http://127.0.0.1:1/' } }, 'provider_rejected'],
    ['a truncated body', { isTruncated: true }, 'provider_unreachable'],
    ['a broken connection', { isReset: true }, 'provider_unreachable'],
    ['no headers', { stall: 'headers' }, 'provider_timeout'],
    ['half a body', { stall: 'body' }, 'provider_timeout'],
    ['a page over 16 MiB', { body: 'x'.repeat(16 * 1024 * 1024 + 1) }, 'provider_reply_too_large'],
  ] as const)('stays as it was after %s', async (_name, fault, code) => {
    const timeout = 'stall' in fault ? '300ms' : '20s';
    const { guard, simulator } = await start({ optOuts: 250 }, { pageSize: 100 }, undefined, timeout);
    await guard.ready();
    for (let round = 0; round < 3; round++) {
      simulator.fault({ on: 'query', page: round, ...fault });
      const { isComplete, lists } = await guard.refresh();
      expect(isComplete).toBe(false);
      expect(lists[0]).toMatchObject({ status: 'failed', error: { code } });
      expect(
        JSON.stringify(lists) + String(lists[0]?.status === 'failed' && lists[0].error.stack),
      ).not.toContain(simulator.apiSecret);
    }
    for (const index of [0, 150, 249]) expect(guard.canSend(listed(index))).toBe(false);
    expect(guard.canSend(listed(250))).toBe(true);
  });

  it('is requested by POST, with the credentials only in the body', async () => {
    const { guard, simulator } = await start({ optOuts: 1 });
    await guard.ready();
    for (const { method, url, headers, body } of simulator.requests) {
      expect([method, url]).toEqual(['POST', '/sc/us/alert/opt-in/query/json']);
      expect(JSON.stringify(headers)).not.toContain(simulator.apiSecret);
      expect(body).toContain(`api_secret=${simulator.apiSecret}`);
    }
  });

  it.each(['md5hash', 'md5', 'sha1', 'sha256', 'sha512'] as const)(
    'takes requests signed by %s',
    async (method) => {
      const simulator = await startSimulator({
        optOuts: 3,
        signature: { secret: 'a secret & more', method },
      });
      open.push(() => simulator.close());
      const { apiKey, url: baseUrl, signature } = simulator;
      const guard = createGuard({ logger: silent, provider: vonage({ apiKey, signature, baseUrl }) });
      open.push(() => guard.close());
      expect(await guard.ready()).toBe('fresh');
      expect(simulator.requests[0]?.body).not.toContain('secret=');
    },
  );

  it('is requested again after a wait if the failure is transient', async () => {
    const simulator = await startSimulator({ optOuts: 3 });
    open.push(() => simulator.close());
    simulator.fault({ on: 'query', times: 2, status: 503 });
    const { apiKey, apiSecret, url: baseUrl } = simulator;
    const provider = vonage({ apiKey, apiSecret, baseUrl, random: () => 0 });
    const { rows } = await provider.page({ index: 0, size: 10, signal: AbortSignal.timeout(5_000) });
    expect([rows.length, simulator.requests.length]).toEqual([3, 3]);
  });
});

describe('resubscribing over HTTP', () => {
  it('lifts the block once manage proves the opt-in, even if the list still holds the number', async () => {
    const { guard, simulator } = await start({ optOuts: 250 });
    await guard.ready();
    simulator.list.isLagging = true;
    expect(await guard.resubscribe(listed(0))).toEqual({ released: true, stillBlocked: [] });
    expect(guard.canSend(listed(0))).toBe(true);
  });

  it.each([
    ['another number', '{"msisdn":"15559999999","opt-in":"true","opt-out":"false"}', 'provider_bad_reply'],
    ['still out', '{"msisdn":"15550000000","opt-in":"true","opt-out":"true"}', 'provider_bad_reply'],
    ['no flag', '{"msisdn":"15550000000"}', 'provider_bad_reply'],
    ['an error under 200', '{"messages":[{"status":"102"}]}', 'provider_rejected'],
    ['103', '{"messages":[{"status":"103"}]}', 'provider_number_refused'],
  ])('changes nothing if manage answers %s', async (_name, body, code) => {
    const { guard, simulator } = await start({ optOuts: 250 });
    await guard.ready();
    simulator.fault({ on: 'manage', body });
    await expect(guard.resubscribe(listed(0))).rejects.toMatchObject({ code });
    expect(guard.canSend(listed(0))).toBe(false);
  });
});

describe('a refused send', () => {
  const blocked = '15550000001';

  async function guarded() {
    const { guard } = await start({ optOuts: [blocked] });
    await guard.ready();
    if (!nock.isActive()) nock.activate();
    return guard;
  }

  it('makes no request with the official SDK', async () => {
    const guard = await guarded();
    const scope = nock('http://127.0.0.1:9')
      .post('/sms/json')
      .times(2)
      .reply(200, {
        'message-count': '1',
        messages: [{ to: '15551239999', status: '0', 'message-id': 'x' }],
      });
    const sdk = new Vonage(new Auth({ apiKey: 'k', apiSecret: 's' }), { restHost: 'http://127.0.0.1:9' });
    const app = express().use(express.json());
    app.post('/messages', guard.middleware(), async (req, res) => {
      const { to } = req.body as { to: string };
      res.json(await sdk.sms.send({ to, from: '73737', text: 'hello' }));
    });
    const server = app.listen(0, '127.0.0.1');
    await once(server, 'listening');
    open.push(() => server.close());
    nock.enableNetConnect('127.0.0.1');
    const post = async (to: unknown) => {
      const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/messages`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', connection: 'close' },
        body: JSON.stringify({ to }),
      });
      await response.text();
      return response.status;
    };
    expect(await post(blocked)).toBe(403);
    expect(await post(['15551239999', blocked])).toBe(403);
    expect(await post('not a number')).toBe(422);
    // Both planned replies are left for the allowed sends.
    expect(scope.pendingMocks()).toHaveLength(1);
    expect(await post('15551239999')).toBe(200);
    expect(await post('15551239999')).toBe(200);
    expect(scope.isDone()).toBe(true);
  });

  it('makes no request with the global fetch', async () => {
    const guard = await guarded();
    const scope = nock('http://127.0.0.1:9').post('/v1/messages').reply(202, { message_uuid: 'x' });
    const send = (to: string) => {
      guard.assertCanSend(to);
      return fetch('http://127.0.0.1:9/v1/messages', { method: 'POST', body: JSON.stringify({ to }) });
    };
    let refusal: unknown;
    try {
      await send(blocked);
    } catch (error) {
      refusal = error;
    }
    expect(isSendBlocked(refusal)).toBe(true);
    expect(scope.isDone()).toBe(false);
    expect((await send('15551239999')).status).toBe(202);
    expect(scope.isDone()).toBe(true);
  });
});
