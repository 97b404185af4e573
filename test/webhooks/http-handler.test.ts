import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import express from 'express';
import express4 from 'express4';
import { afterEach, describe, expect, it } from 'vitest';
import { createGuard, type Guard, type StoreError, type WarnEvent } from '../../src/index.ts';
import { makeWebhook, type WebhookSpec } from '../../src/testing/simulator/webhook-request.ts';

const PERSON = '15551230001';
const secret = 'test-signature-secret';
const options = { signature: { secret, method: 'sha256' }, jwt: { secret } } as const;
const silent = { debug() {}, info() {}, warn() {}, error() {} };
const open: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

/** Every host, with the guard's webhooks mounted before and after a body parser. */
const hosts: readonly [string, (guard: Guard) => Server][] = [
  ['node:http', (guard) => createServer(guard.webhooks(options))],
  ['Express 5', (guard) => createServer(express().use('/hooks', guard.webhooks(options)))],
  ['Express 4', (guard) => createServer(express4().use('/hooks', guard.webhooks(options)))],
  [
    'Express 5 after parsers',
    (guard) =>
      createServer(
        express()
          .use(express.json(), express.urlencoded({ extended: true }))
          .use('/hooks', guard.webhooks(options)),
      ),
  ],
  [
    'Express 4 after parsers',
    (guard) =>
      createServer(
        express4()
          .use(express4.json(), express4.urlencoded({ extended: false }))
          .use('/hooks', guard.webhooks(options)),
      ),
  ],
];

async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  open.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function deliver(url: string, spec: WebhookSpec): Promise<number> {
  const { method, query, headers, body } = makeWebhook(spec);
  const response = await fetch(`${url}/hooks/any/sub/path${query}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body }),
  });
  await response.text();
  return response.status;
}

describe.each(hosts)('webhooks on %s', (_name, host) => {
  async function start(): Promise<{ guard: Guard; url: string; warnings: WarnEvent[] }> {
    const guard = createGuard({ logger: silent });
    open.push(() => guard.close());
    const warnings: WarnEvent[] = [];
    guard.on('warn', (event) => warnings.push(event));
    await guard.ready();
    return { guard, url: await listen(host(guard)), warnings };
  }

  it.each([
    ['GET', { transport: 'get' }],
    ['a form', { transport: 'post-form' }],
    ['JSON', { transport: 'post-json' }],
    ['the Messages API', { shape: 'messages-inbound' }],
    ['a status', { shape: 'messages-status' }],
  ] satisfies [string, Partial<WebhookSpec>][])(
    'block a number after a STOP by %s',
    async (_method, spec) => {
      const { guard, url } = await start();
      expect(guard.canSend(PERSON)).toBe(true);
      expect(await deliver(url, { person: PERSON, ...spec })).toBe(200);
      expect(guard.canSend(PERSON)).toBe(false);
      const bad = 'shape' in spec ? 'wrong-jwt' : 'wrong-sig';
      expect(await deliver(url, { person: '15551230002', ...spec, signed: bad })).toBe(401);
      expect(guard.canSend('15551230002')).toBe(true);
    },
  );

  it('read a body of a type that no parser supports', async () => {
    const { guard, url } = await start();
    const { body = '' } = makeWebhook({ person: PERSON });
    const response = await fetch(`${url}/hooks`, {
      method: 'POST',
      headers: { 'content-type': 'text/odd' },
      body,
    });
    expect(response.status).toBe(200);
    expect(guard.canSend(PERSON)).toBe(false);
  });

  it('refuse a body over the limit, announced or not', async () => {
    const { url } = await start();
    const big = 'a'.repeat(80_000);
    const headers = { 'content-type': 'text/plain' };
    expect((await fetch(`${url}/hooks`, { method: 'POST', headers, body: big })).status).toBe(413);
    // Chunks have no announced length. The answer arrives before the rest is sent.
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    open.push(() => socket.destroy());
    socket.write(
      'POST /hooks HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n',
    );
    socket.write(`13880\r\n${big}\r\n`);
    const [head] = (await once(socket, 'data')) as [Buffer];
    expect(head.toString()).toMatch(/^HTTP\/1\.1 413/);
  });

  it('answer 400 to incomplete JSON, or the parser before them does', async () => {
    const { url } = await start();
    const headers = { 'content-type': 'application/json' };
    expect((await fetch(`${url}/hooks`, { method: 'POST', headers, body: '{"a":' })).status).toBe(400);
  });
});

describe('webhooks', () => {
  it('ask the provider to repeat a webhook whose body was read and not kept', async () => {
    const guard = createGuard({ logger: silent });
    open.push(() => guard.close());
    const warnings: string[] = [];
    const handler = guard.webhooks(options);
    guard.on('warn', ({ code }) => warnings.push(code));
    const url = await listen(
      createServer((req, res) => {
        req.resume();
        req.on('end', () => handler(req, res));
      }),
    );
    expect(await deliver(url, { person: PERSON })).toBe(500);
    expect(warnings).toEqual(['webhook_body_lost']);
  });

  it('answer 503 while the store is down, and block in this process all the same', async () => {
    const { memoryStore } = await import('../../src/index.ts');
    const store = memoryStore();
    const guard = createGuard({
      logger: silent,
      store: { ...store, append: () => Promise.reject(new Error('disk full')) },
    });
    open.push(() => guard.close());
    const errors: StoreError[] = [];
    guard.on('error', (error) => errors.push(error as StoreError));
    await guard.ready();
    const url = await listen(createServer(guard.webhooks(options)));
    expect(await deliver(url, { person: PERSON })).toBe(503);
    expect(guard.canSend(PERSON)).toBe(false);
  });

  it.each([true, false])('lift a STOP by a START only as optInByReply says: %s', async (optInByReply) => {
    const guard = createGuard({ logger: silent, lists: { alerts: { senders: ['73737'], optInByReply } } });
    open.push(() => guard.close());
    await guard.ready();
    const url = await listen(createServer(guard.webhooks(options)));
    const at = Date.now();
    await deliver(url, { person: PERSON, at: at - 10_000 });
    expect(guard.canSend(PERSON)).toBe(false);
    expect(await deliver(url, { person: PERSON, at: at - 5_000, text: 'START' })).toBe(200);
    expect(guard.canSend(PERSON, { from: '73737' })).toBe(optInByReply);
    expect(await deliver(url, { person: PERSON, at: at - 5_000, text: 'STOP', messageId: 'tie' })).toBe(200);
    expect(guard.canSend(PERSON, { from: '73737' })).toBe(false);
  });

  it.each<[string, (body: string) => object]>([
    ['rawBody', (body) => ({ rawBody: Buffer.from(body), body: { changed: 'by a parser' } })],
    ['a raw parser', (body) => ({ body: Buffer.from(body) })],
    ['a text parser', (body) => ({ body })],
  ])('take the unparsed body from %s', async (_name, parsed) => {
    const guard = createGuard({ logger: silent });
    open.push(() => guard.close());
    await guard.ready();
    const handler = guard.webhooks(options);
    const url = await listen(
      createServer((req, res) => {
        const chunks: Buffer[] = [];
        req.on('data', (chunk: Buffer) => chunks.push(chunk));
        req.on('end', () => handler(Object.assign(req, parsed(Buffer.concat(chunks).toString())), res));
      }),
    );
    expect(await deliver(url, { person: PERSON, shape: 'messages-inbound' })).toBe(200);
    expect(guard.canSend(PERSON)).toBe(false);
  });

  it('read a stream of text, and a request without a body or URL', async () => {
    const guard = createGuard({ logger: silent });
    open.push(() => guard.close());
    await guard.ready();
    const handler = guard.webhooks({ unsigned: 'block_only' });
    const url = await listen(createServer((req, res) => handler(req.setEncoding('utf8'), res)));
    expect(await deliver(url, { person: PERSON })).toBe(200);
    expect(guard.canSend(PERSON)).toBe(false);
    const answers: string[] = [];
    const res = { statusCode: 0, setHeader() {}, end: (body: string) => void answers.push(body) };
    handler({ method: 'GET', headers: {}, readableDidRead: true, on() {} }, res);
    handler(
      { method: 'POST', headers: { 'transfer-encoding': 'chunked' }, readableDidRead: true, on() {} },
      res,
    );
    await expect
      .poll(() => answers.toSorted())
      .toEqual(['{"status":"ignored"}', '{"status":"not_stored","code":"webhook_unreadable"}']);
  });

  it('send nothing if the request was answered before or its sender has disconnected', async () => {
    const guard = createGuard({ logger: silent });
    open.push(() => guard.close());
    await guard.ready();
    const handler = guard.webhooks(options);
    const { query } = makeWebhook({ person: PERSON, transport: 'get' });
    const end = () => expect.unreachable();
    const answered = { statusCode: 504, headersSent: true, setHeader: end, end };
    handler({ method: 'GET', url: `/${query}`, headers: {}, readableDidRead: true, on() {} }, answered);
    await expect.poll(() => guard.canSend(PERSON)).toBe(false);
    expect(answered.statusCode).toBe(504);

    const before = guard.status().counters;
    const url = await listen(createServer(handler));
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.write('POST /hooks HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nmsisdn=1555');
    await once(socket, 'connect');
    socket.destroy();
    expect(await deliver(url, { person: '15551230002' })).toBe(200);
    expect(guard.status().counters).toEqual({ ...before, optOuts: before.optOuts + 1 });
  });
});
