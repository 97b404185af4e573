import { createHash, createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createGuard } from '../../src/index.ts';
import {
  createTestGuard,
  signedWebhook,
  startSimulator,
  type Fault,
  type Simulator,
  type SimulatorOptions,
} from '../../src/testing/index.ts';
import { createOptOutList } from '../../src/testing/simulator/opt-out-list.ts';
import { createRows } from '../../src/testing/simulator/rows.ts';
import { makeSig } from '../../src/testing/simulator/signing.ts';

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
  ])('accepts a send to a person who opted out at %s, and records it', async (path, inputs, status) => {
    const basic = `Basic ${Buffer.from('test-key:test-secret').toString('base64')}`;
    expect((await post(path, inputs, { authorization: basic })).status).toBe(status);
    expect(simulator.messages.at(-1)).toMatchObject({ to: OUT, isOptedOut: true });
  });

  it('refuses a send to a person who opted out by 2FA at once', async () => {
    const { body } = await post('/sc/us/2fa/json', { ...keys, to: OUT });
    expect(body).toMatchObject({ messages: [{ status: '102' }] });
  });

  it('opts in through manage, and refuses an invalid number with 103', async () => {
    const path = '/sc/us/alert/opt-in/manage/json';
    expect(await post(path, { ...keys, msisdn: 15550000249 })).toMatchObject({
      body: { msisdn: '15550000249', 'opt-in': 'true', 'opt-out': 'false' },
    });
    expect(simulator.list.has('15550000249')).toBe(false);
    for (const msisdn of ['x', '1234', '1234567890123456', '+15550000000']) {
      expect(await post(path, { ...keys, msisdn })).toMatchObject({
        body: { messages: [{ status: '103' }] },
      });
    }
    expect(await post(path, { ...keys, msisdn: '15559301529' })).toMatchObject({
      body: { 'opt-in': 'true' },
    });
  });

  it('answers 404 at other paths', async () => {
    expect((await post('/elsewhere', keys)).status).toBe(404);
  });

  it('shows a change of its list later if it lags', () => {
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

const QUERY = '/sc/us/alert/opt-in/query/json';
const MANAGE = '/sc/us/alert/opt-in/manage/json';

async function started(options: SimulatorOptions, use: (simulator: Simulator) => Promise<void>) {
  await using own = await startSimulator(options);
  await use(own);
}

async function rowsOf({ url }: Simulator, inputs: object = {}): Promise<string[]> {
  const body = JSON.stringify({ ...keys, ...inputs });
  const reply = (await (await fetch(url + QUERY, { method: 'POST', body })).json()) as Record<
    string,
    unknown
  >;
  return (reply['opt-in-list'] as { msisdn: string }[]).map(({ msisdn }) => msisdn);
}

describe('authentication', () => {
  const secret = 'my_secret_key_for_testing';
  const published = {
    ...{ 'message-timestamp': '2013-11-21 15:27:30', messageId: '020000001B0FE827', msisdn: '14843472194' },
    ...{ text: 'Test again', timestamp: '1385047698', to: '13239877404', type: 'text' },
  };

  it.each([
    ['md5hash', 'd2e7b1dc968737c5998ad624e02f90b7'],
    ['sha1', '27d0d05c2876c7cb1720dbcdba4d492e1e55c09a'],
  ] as const)('signs the published example by %s', (method, sig) => {
    expect(makeSig(published, secret, method)).toBe(sig);
  });

  it.each(['md5hash', 'md5', 'sha1', 'sha256', 'sha512'] as const)('accepts a signature by %s', (method) =>
    started({ optOuts: 1, signature: { secret, method } }, async ({ url }) => {
      const ask = async (inputs: Record<string, string>) =>
        (await (await fetch(`${url}${QUERY}?${new URLSearchParams(inputs).toString()}`)).json()) as object;
      const signed = { api_key: 'test-key', timestamp: '1385047698', note: 'a&b=c', empty: '' };
      const sig = makeSig(signed, secret, method);
      const { empty: _empty, ...full } = signed;
      expect(await ask({ ...signed, sig: sig.toUpperCase() })).toHaveProperty('opt-in-list');
      expect(await ask({ ...signed, sig: makeSig(full, secret, method) })).toHaveProperty('opt-in-list');
      expect(await ask({ ...signed, note: 'bent', sig })).toMatchObject({ status: '4' });
    }),
  );

  it.each([
    ['/v1/messages', 202],
    ['/v2/verify', 202],
  ])('accepts a token at %s', async (path, status) => {
    expect((await post(path, { to: '15551110000' }, { authorization: 'Bearer x' })).status).toBe(status);
  });

  it.each(['/sms/json', QUERY, MANAGE])('refuses a token at %s', async (path) => {
    const { body } = await post(path, { to: OUT }, { authorization: 'Bearer x' });
    expect(JSON.stringify(body)).toContain('Bad Credentials');
  });

  it('leaves no message and no change after a refusal', () =>
    started({ optOuts: [OUT] }, async (own) => {
      for (const path of ['/sms/json', '/v1/messages', MANAGE]) {
        await fetch(own.url + path, { method: 'POST', body: JSON.stringify({ to: OUT, msisdn: OUT }) });
      }
      expect([own.messages.length, own.requests.length, own.list.has(OUT)]).toEqual([0, 3, true]);
    }));
});

describe('the list', () => {
  it('reads a form as it reads JSON, and records both', () =>
    started({ optOuts: 3, now: () => 1_700_000_000_000 }, async (own) => {
      const form = new URLSearchParams({ ...keys, page: '1', 'page-size': '2' });
      const response = await fetch(own.url + QUERY, { method: 'POST', body: form });
      expect(await response.json()).toMatchObject({ 'opt-in-list': [{ msisdn: '15550000002' }] });
      expect(own.requests[0]).toMatchObject({
        ...{ endpoint: 'query', method: 'POST', path: QUERY, at: 1_700_000_000_000, body: form.toString() },
        inputs: { page: '1', 'page-size': '2' },
      });
    }));

  it.each([
    ['pageCap', { pageCap: 2 }, ['15550000002', '15550000003']],
    ['ignoresPage', { ignoresPage: true }, ['15550000000', '15550000001', '15550000002']],
    ['isOneBased', { isOneBased: true }, ['15550000000', '15550000001', '15550000002']],
  ])('returns page 1 of 3 rows with %s', (_name, behaviour, expected) =>
    started({ optOuts: 5 }, async (own) => {
      Object.assign(own.list.behaviour, behaviour);
      expect(await rowsOf(own, { page: 1, 'page-size': 3 })).toEqual(expected);
    }),
  );

  it('returns two rows for some people, and counts both', () =>
    expect(
      [0, 1, 2].map((page) => {
        const list = createOptOutList(5, () => 0);
        list.behaviour.twiceEvery = 2;
        const { 'opt-in-count': count, 'opt-in-list': rows } = JSON.parse(list.page(page, 3)) as {
          'opt-in-count': string;
          'opt-in-list': { msisdn: string }[];
        };
        return [count, ...rows.map(({ msisdn }) => Number(msisdn) - 15_550_000_000)];
      }),
    ).toEqual([
      ['7', 0, 1, 1],
      ['7', 2, 3, 3],
      ['7', 4],
    ]));

  it('changes between two pages if a test does that', () =>
    started({ optOuts: 4 }, async (own) => {
      own.list.behaviour.afterPage = (page) => void (page === 0 && own.list.remove('15550000000'));
      const pages = [await rowsOf(own, { 'page-size': 2 }), await rowsOf(own, { 'page-size': 2, page: 1 })];
      expect(pages).toEqual([['15550000000', '15550000001'], ['15550000003']]);
    }));

  it('shows a change after its lag, by the given clock', () => {
    let time = 1_700_000_000_000;
    return started({ listLagMs: 60_000, now: () => time }, async (own) => {
      own.list.add(OUT);
      time += 59_999;
      expect([own.list.has(OUT), await rowsOf(own)]).toEqual([true, []]);
      time += 1;
      expect(await rowsOf(own)).toEqual([OUT]);
    });
  });

  it('shows the last of several changes', () =>
    started({ optOuts: [OUT] }, async ({ list }) => {
      list.isLagging = true;
      list.remove(OUT);
      list.add(OUT);
      list.remove(OUT);
      list.isLagging = false;
      list.add('15559990001');
      expect(list.size).toBe(2);
      list.catchUp();
      expect([list.size, list.has(OUT)]).toEqual([1, false]);
    }));

  it.each([-1, 1.5, NaN, 10_000_001])('refuses to generate %s rows', async (optOuts) => {
    await expect(startSimulator({ optOuts })).rejects.toThrow(RangeError);
  });

  it('slices like an array after additions and removals', () => {
    const all = (count: number) =>
      Array.from({ length: count }, (_, index) => String(15_550_000_000 + index));
    for (const rows of [createRows(40), createRows(all(40))]) {
      const plain = all(40);
      for (let step = 0; step < 200; step++) {
        const msisdn = String(15_550_000_000 + ((step * 37) % 50));
        if (step % 3 === 0) {
          if (!plain.includes(msisdn)) plain.push(msisdn);
          rows.add(msisdn);
        } else {
          if (plain.includes(msisdn)) plain.splice(plain.indexOf(msisdn), 1);
          rows.remove(msisdn);
        }
        expect([rows.size, rows.has(msisdn)]).toEqual([plain.length, plain.includes(msisdn)]);
        for (let start = 0; start < 50; start += 7) {
          expect(rows.slice(start, 7)).toEqual(plain.slice(start, start + 7));
        }
      }
    }
  });

  it('returns pages of a million rows at the cost of a page', () =>
    started({ optOuts: 1_000_000 }, async (own) => {
      own.list.remove('15550000000');
      expect(await rowsOf(own, { page: 999, 'page-size': 1_000 })).toHaveLength(999);
      expect(own.list.size).toBe(999_999);
    }));
});

describe('faults', () => {
  const ask = ({ url }: Simulator, path = QUERY) =>
    fetch(url + path, { method: 'POST', body: JSON.stringify({ ...keys, to: OUT, msisdn: OUT }) });

  it.each<[string, Fault, (string | number)[]]>([
    ['an endpoint', { on: 'query', times: 2 }, [503, 503, 200, 200, 200]],
    ['a path', { on: '/sms/json' }, [200, 200, 200, 503, 200]],
    ['every send', { on: 'send', times: Infinity }, [200, 200, 200, 503, 503]],
    ['everything', { times: 3 }, [503, 503, 503, 200, 200]],
  ])('affect %s as often as planned', (_name, fault, expected) =>
    started({}, async (own) => {
      own.fault({ status: 503, ...fault });
      const seen: number[] = [];
      for (const path of [QUERY, QUERY, QUERY, '/sms/json', '/sc/us/2fa/json']) {
        seen.push((await ask(own, path)).status);
      }
      own.clearFaults();
      expect([seen, (await ask(own, '/sms/json')).status]).toEqual([expected, 200]);
    }),
  );

  it.each([
    [QUERY, { status: '1' }],
    ['/sms/json', { messages: [{ status: '1' }] }],
    ['/v1/messages', { title: 'Rate Limit Hit' }],
  ])('throttle %s with its own reply', (path, expected) =>
    started({}, async (own) => {
      own.fault({ throttle: { retryAfter: 7 } });
      const response = await ask(own, path);
      expect([response.status, response.headers.get('retry-after')]).toEqual([429, '7']);
      expect(await response.json()).toMatchObject(expected);
    }),
  );

  it.each<Fault>([{ isReset: true }, { isTruncated: true }])('break the connection: %j', (fault) =>
    started({ optOuts: 5 }, async (own) => {
      own.fault(fault);
      await expect(ask(own).then((response) => response.text())).rejects.toThrow(TypeError);
      expect((await ask(own)).status).toBe(200);
    }),
  );

  it.each(['headers', 'body'] as const)(
    'stall before the end of the %s, and do not keep it from closing',
    (stall) =>
      started({ optOuts: 5 }, async (own) => {
        own.fault({ stall });
        const pending = ask(own).then((response) => response.text());
        await expect(
          Promise.race([pending, new Promise((resolve) => setTimeout(resolve, 50))]),
        ).resolves.toBe(undefined);
        await Promise.all([own.close(), expect(pending).rejects.toThrow(TypeError)]);
      }),
  );

  it.each<Fault>([{ status: 503 }, { body: '{}' }, { throttle: {} }])(
    'do not carry out the request: %j',
    (fault) =>
      started({ optOuts: [OUT] }, async (own) => {
        own.fault({ ...fault, times: 2 });
        await ask(own, MANAGE);
        await ask(own, '/sms/json');
        expect([own.list.has(OUT), own.messages.length]).toEqual([true, 0]);
      }),
  );

  it('make the provider fail, and answer again', () =>
    started({}, async (own) => {
      own.setDown(true);
      await expect(ask(own)).rejects.toThrow(TypeError);
      own.setDown(false);
      expect((await ask(own)).status).toBe(200);
    }));
});

describe('a message to a person who opted out', () => {
  interface Came {
    readonly authorization: string | undefined;
    readonly body: string;
  }

  async function receiving(use: (url: string, came: Came[]) => Promise<void>) {
    const came: Came[] = [];
    const server = createServer((req, res) => {
      void (async () => {
        const chunks: Buffer[] = [];
        for await (const chunk of req as AsyncIterable<Buffer>) chunks.push(chunk);
        const body = Buffer.concat(chunks).toString() || new URL(req.url ?? '', 'http://x').search.slice(1);
        came.push({ authorization: req.headers.authorization, body });
        res.writeHead(204).end();
      })();
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    try {
      await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}/hook?tenant=1`, came);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  }

  it.each([
    ['/sms/json', '0', 1],
    ['/sc/us/alert/json', '0', 1],
    ['/sc/us/marketing/json', '0', 1],
    ['/v1/messages', '202', 1],
    ['/sc/us/2fa/json', '102', 0],
    ['/verify/json', '0', 0],
  ])('is answered at %s with %s, and leaves %i pending receipts', (path, status, owed) =>
    started({ optOuts: [OUT] }, async (own) => {
      const authorization = `Basic ${Buffer.from('test-key:test-secret').toString('base64')}`;
      for (const to of [OUT, '15551110000']) {
        const body = JSON.stringify({ to, number: to });
        await fetch(own.url + path, { method: 'POST', headers: { authorization }, body });
      }
      expect(own.messages).toMatchObject([
        { to: OUT, status, isOptedOut: true },
        { to: '15551110000', isOptedOut: false },
      ]);
      expect(own.pendingReceipts).toHaveLength(owed);
    }),
  );

  it('is reported once by a signed receipt and a signed status, and stays pending if that fails', () =>
    started({ optOuts: [OUT], apiKey: 'mine', apiSecret: 's' }, async (own) => {
      const authorization = `Basic ${Buffer.from('mine:s').toString('base64')}`;
      for (const path of ['/sms/json', '/v1/messages']) {
        const body = JSON.stringify({ to: OUT, from: '73737' });
        await fetch(own.url + path, { method: 'POST', headers: { authorization }, body });
      }
      await expect(own.deliverReceipts('http://127.0.0.1:1/')).rejects.toThrow(TypeError);
      expect(own.pendingReceipts).toHaveLength(2);
      await receiving(async (url, came) => {
        expect(await own.deliverReceipts(url)).toEqual([
          { status: 204, body: '' },
          { status: 204, body: '' },
        ]);
        expect(await own.deliverReceipts(url)).toEqual([]);
        const [receipt, status] = came;
        const { sig, ...form } = Object.fromEntries(new URLSearchParams(receipt?.body));
        expect(form).toMatchObject({ msisdn: OUT, to: '73737', 'err-code': '9' });
        const text = Object.keys(form)
          .toSorted()
          .map((name) => `&${name}=${form[name]}`);
        expect(sig).toBe(createHmac('sha256', own.signature.secret).update(text.join('')).digest('hex'));
        expect(JSON.parse(status?.body ?? '')).toMatchObject({
          to: OUT,
          from: '73737',
          error: { title: 1240 },
        });
        const [head, claims, signature] = (status?.authorization ?? '').replace('Bearer ', '').split('.');
        const hmac = createHmac('sha256', own.signature.secret).update(`${head}.${claims}`);
        expect(signature).toBe(hmac.digest('base64url'));
        expect(JSON.parse(Buffer.from(claims ?? '', 'base64url').toString())).toMatchObject({
          ...{ iss: 'Vonage', api_key: 'mine' },
          payload_hash: createHash('sha256')
            .update(status?.body ?? '')
            .digest('hex'),
        });
      });
    }));

  it.each([
    ['sms-inbound', 'get', /msisdn=15550000000.*text=STOP\+now.*keyword=STOP/],
    ['sms-inbound', 'post-form', /msisdn=15550000000/],
    ['sms-inbound', 'post-json', /"msisdn":"15550000000"/],
    ['messages-inbound', 'post-json', /"from":"15550000000"/],
    ['messages-inbound-nested', 'post-json', /"from":\{"type":"sms","number":"15550000000"\}/],
  ] as const)('is sent to the receiver as %s by %s', (shape, transport, expected) =>
    started({}, (own) =>
      receiving(async (url, came) => {
        await own.receiveStop(url, { person: OUT, shape, transport, text: 'STOP now' });
        expect(own.list.has(OUT)).toBe(true);
        expect(came[0]?.body).toMatch(expected);
      }),
    ),
  );
});

describe('signedWebhook', () => {
  it.each([
    ['post-form', '/hook', /^\/hook$/],
    ['get', '/hook', /^\/hook\?msisdn=/],
    ['get', '/hook?tenant=1', /^\/hook\?tenant=1&msisdn=/],
  ] as const)('writes its url for %s to %s', (transport, path, expected) => {
    expect(signedWebhook({ person: OUT, transport, path }).url).toMatch(expected);
  });
});

describe('createTestGuard', () => {
  it('creates a ready guard whose list can be changed and can fail', async () => {
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

it('creates a signed webhook that a guard accepts', async () => {
  const guard = createGuard();
  await guard.ready();
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
