/**
 * Requests of every kind are answered with every kind of host and body parser, and an opt-out blocks, even if a parser has
 * read the stream to its end before.
 */

import { once } from 'node:events';
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type RequestListener,
  type Server,
} from 'node:http';
import { connect as connectHttp2, createServer as createHttp2Server, type Http2Server } from 'node:http2';
import type { AddressInfo, Server as NetServer } from 'node:net';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import express, { type RequestHandler } from 'express';
import express4 from 'express4';
import { afterEach, describe, expect, it } from 'vitest';
import { createGuard, type Guard, type GuardError } from '../../src/index.ts';
import { makeWebhook, type WebhookHttp } from '../../src/testing/simulator/webhook-request.ts';
import type { WebhookHandler, WebhookHttpRequest } from '../../src/webhooks/http-handler.ts';

const PERSON = '15551230001';
const secret = 'test-signature-secret';
const SIGNED = { signature: { secret, method: 'sha256' }, jwt: { secret } } as const;
const silent = { debug() {}, info() {}, warn() {}, error() {} };
/** A request without an answer fails its test after this time, ms. */
const ANSWER_MS = 15_000;
const open: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

async function listen(server: Server | Http2Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  open.push(() => {
    if ('closeAllConnections' in server) server.closeAllConnections();
    server.close();
  });
  return ((server as NetServer).address() as AddressInfo).port;
}

async function startGuard(): Promise<{ guard: Guard; errors: GuardError[]; warnings: string[] }> {
  const guard = createGuard({ logger: silent });
  open.push(() => guard.close());
  const errors: GuardError[] = [];
  const warnings: string[] = [];
  guard.on('error', (error) => errors.push(error));
  guard.on('warn', ({ code }) => {
    if (code.startsWith('webhook_')) warnings.push(code);
  });
  await guard.ready();
  return { guard, errors, warnings };
}

const behind = (parsers: readonly RequestHandler[]) => (hooks: WebhookHandler) =>
  express()
    .use(...parsers)
    .use('/hooks', hooks);

/** Keeps the body in a property, and calls `next` at the end of the stream. */
function keeper(keep: (req: IncomingMessage, chunks: readonly Buffer[]) => void): RequestHandler {
  return (req, _res, next) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => {
      keep(req, chunks);
      next();
    });
  };
}

const hosts: readonly [string, (hooks: WebhookHandler) => RequestListener][] = [
  ['node:http', (hooks) => hooks],
  ['express.json', behind([express.json()])],
  ['express.urlencoded', behind([express.urlencoded({ extended: true })])],
  ['express.json and express.urlencoded', behind([express.json(), express.urlencoded({ extended: false })])],
  ['express.raw', behind([express.raw({ type: '*/*' })])],
  ['express.text', behind([express.text({ type: '*/*' })])],
  [
    'Express 4 with its parsers',
    (hooks) =>
      express4()
        .use(express4.json(), express4.urlencoded({ extended: true }))
        .use('/hooks', hooks),
  ],
  [
    'parsers with a verify hook that keeps bytes',
    behind(
      [express.json, express.urlencoded].map((parser) =>
        parser({ verify: (req, _res, bytes) => void Object.assign(req, { rawBody: bytes }) }),
      ),
    ),
  ],
  [
    'parsers with a verify hook that keeps text',
    behind(
      [express.json, express.urlencoded].map((parser) =>
        parser({ verify: (req, _res, bytes) => void Object.assign(req, { rawBody: bytes.toString() }) }),
      ),
    ),
  ],
  [
    'middleware that keeps rawBody as bytes',
    behind([keeper((req, chunks) => Object.assign(req, { rawBody: Buffer.concat(chunks) }))]),
  ],
  [
    'middleware that keeps rawBody as text',
    behind([keeper((req, chunks) => Object.assign(req, { rawBody: Buffer.concat(chunks).toString() }))]),
  ],
  [
    'middleware that calls next before the end',
    behind([
      (req, _res, next) => {
        const kept = Object.assign(req, { rawBody: '' });
        req.setEncoding('utf8');
        req.on('data', (chunk: string) => (kept.rawBody += chunk));
        next();
      },
    ]),
  ],
  [
    'middleware that calls next after the first chunk',
    behind([
      (req, _res, next) => {
        const kept = Object.assign(req, { rawBody: '' });
        let isOn = false;
        const goOn = () => {
          if (!isOn) next();
          isOn = true;
        };
        req.on('data', (chunk: Buffer) => {
          kept.rawBody += chunk.toString();
          goOn();
        });
        req.on('end', goOn);
      },
    ]),
  ],
  [
    // Like the API routes of Next.js: parses the body by its content type, and leaves `{}` if there is none.
    'a parser like that of Next.js',
    behind([
      keeper((req, chunks) => {
        const text = Buffer.concat(chunks).toString();
        const isJson = req.headers['content-type']?.startsWith('application/json') === true;
        const parsed = isJson
          ? (JSON.parse(text || '{}') as unknown)
          : Object.fromEntries(new URLSearchParams(text));
        Object.assign(req, { body: parsed });
      }),
    ]),
  ],
  [
    'middleware that pauses the stream',
    behind([
      (req, _res, next) => {
        req.pause();
        setImmediate(next);
      },
    ]),
  ],
];

/** Sends a request, and rejects if nothing answers. */
async function deliver(port: number, { method, query, headers, body }: WebhookHttp): Promise<number> {
  const outgoing = httpRequest({
    ...{ port, method, path: `/hooks/sms${query}`, agent: false, signal: AbortSignal.timeout(ANSWER_MS) },
    headers: {
      ...headers,
      ...(method === 'POST' ? { 'content-length': Buffer.byteLength(body ?? '') } : {}),
    },
  });
  outgoing.end(body);
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  response.resume();
  return response.statusCode ?? 0;
}

const bare = (method: 'GET' | 'POST', type?: string): WebhookHttp => ({
  ...{ method, url: '', query: '', body: '' },
  headers: type === undefined ? {} : { 'content-type': type },
});

describe.each(hosts)('webhooks behind %s', (_name, host) => {
  it.each([
    ['GET', makeWebhook({ person: PERSON, transport: 'get' })],
    ['POST with a form', makeWebhook({ person: PERSON, transport: 'post-form' })],
    ['POST with JSON', makeWebhook({ person: PERSON, transport: 'post-json' })],
    ['POST with a token', makeWebhook({ person: PERSON, shape: 'messages-inbound' })],
    [
      'POST with a query and an empty body',
      { ...makeWebhook({ person: PERSON, transport: 'get' }), method: 'POST' as const },
    ],
  ])('block a number after a STOP by %s', async (_transport, webhook) => {
    const { guard } = await startGuard();
    const port = await listen(createServer(host(guard.webhooks(SIGNED))));
    expect(await deliver(port, webhook)).toBe(200);
    expect(guard.canSend(PERSON)).toBe(false);
  });

  it.each([
    ['GET', bare('GET')],
    ['POST', bare('POST')],
    ['POST of no JSON', bare('POST', 'application/json')],
    ['POST of no form', bare('POST', 'application/x-www-form-urlencoded')],
    ['POST of no text', bare('POST', 'text/plain')],
  ])('answer an empty %s', async (_transport, webhook) => {
    const { guard } = await startGuard();
    const port = await listen(createServer(host(guard.webhooks({ unsigned: 'block_only' }))));
    expect(await deliver(port, webhook)).toBe(200);
  });
});

describe('HTTP/2', () => {
  async function post(port: number, body: string): Promise<number> {
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    open.push(() => session.destroy());
    const stream = session.request({
      ...{ ':method': 'POST', ':path': '/hooks' },
      'content-type': 'application/x-www-form-urlencoded',
    });
    stream.end(body);
    const signal = AbortSignal.timeout(ANSWER_MS);
    const [headers] = (await once(stream, 'response', { signal })) as [{ ':status'?: number }];
    stream.resume();
    return headers[':status'] ?? 0;
  }
  const stop = `msisdn=${PERSON}&to=73737&text=STOP`;

  it.each([
    ['a STOP', stop, 200],
    ['an empty body', '', 200],
    ['a body over the limit', `text=${'a'.repeat(200_000)}`, 413],
  ])('answers %s', async (name, body, status) => {
    const { guard } = await startGuard();
    const hooks = guard.webhooks({ unsigned: 'block_only' });
    const warned: string[] = [];
    const onWarning = (warning: Error) => warned.push(warning.name);
    process.on('warning', onWarning);
    open.push(() => process.off('warning', onWarning));
    const port = await listen(createHttp2Server((req, res) => hooks(req, res)));
    expect(await post(port, body)).toBe(status);
    expect(guard.canSend(PERSON)).toBe(name !== 'a STOP');
    // Node warns about headers that HTTP/2 does not have.
    expect(warned).not.toContain('UnsupportedWarning');
  });

  it.each([
    ['a STOP', stop, 400, ['webhook_unreadable'], ['webhook_body_lost']],
    ['an empty body', '', 200, [], []],
  ])('answers %s that was consumed before', async (_name, body, status, codes, warned) => {
    const { guard, errors, warnings } = await startGuard();
    const hooks = guard.webhooks({ unsigned: 'block_only' });
    const server = createHttp2Server((req, res) => {
      req.resume();
      req.on('end', () => hooks(req, res));
    });
    expect(await post(await listen(server), body)).toBe(status);
    expect(errors.map(({ code }) => code)).toEqual(codes);
    expect(warnings).toEqual(warned);
  });
});

describe('a request', () => {
  /** Returns the handler's answer to a request that is not a stream of a server. */
  async function answerTo(request: WebhookHttpRequest): Promise<[number, string]> {
    const { guard } = await startGuard();
    const handler = guard.webhooks({ unsigned: 'block_only' });
    const answered = new Promise<[number, string]>((resolve) => {
      const res = { statusCode: 0, setHeader() {}, end: (body: string) => resolve([res.statusCode, body]) };
      handler(request, res);
    });
    const timeout = delay(ANSWER_MS, undefined, { ref: false }).then((): never => {
      throw new Error('no answer');
    });
    return Promise.race([answered, timeout]);
  }
  const stop = `msisdn=${PERSON}&text=STOP`;
  const length = { 'content-length': '40' };
  const recorded = [200, '{"status":"recorded"}'];
  const lost = [500, '{"status":"not_stored","code":"webhook_unreadable"}'];
  const broken = [500, '{"status":"not_stored"}'];
  const ignored = [200, '{"status":"ignored"}'];
  const unreadable = [400, '{"status":"refused","code":"webhook_unreadable"}'];
  const ended = { readableEnded: true, readableDidRead: true, destroyed: true };

  it.each<[string, Partial<WebhookHttpRequest>, unknown]>([
    ['with rawBody as text', { ...ended, rawBody: stop }, recorded],
    ['with rawBody as bytes', { ...ended, rawBody: new TextEncoder().encode(stop) }, recorded],
    [
      'with rawBody in the encoding of the stream',
      { ...ended, rawBody: Buffer.from(stop).toString('hex'), readableEncoding: 'hex' },
      recorded,
    ],
    [
      'with rawBody and an unread stream',
      { readableEnded: false, readableDidRead: false, rawBody: stop },
      recorded,
    ],
    [
      'with an empty rawBody beside a body',
      { ...ended, rawBody: '', body: { msisdn: PERSON, text: 'STOP' } },
      recorded,
    ],
    ['with bytes as body', { ...ended, body: Buffer.from(stop) }, recorded],
    ['with text as body', { ...ended, body: stop }, recorded],
    ['that is no stream', { body: { msisdn: PERSON, text: 'STOP' } }, recorded],
    ['whose parser left no body', { ...ended, headers: length }, lost],
    ['whose parser left null', { ...ended, headers: length, body: null }, lost],
    ['whose parser left an empty text', { ...ended, headers: length, body: '' }, lost],
    ['whose parser left empty bytes', { ...ended, headers: length, body: Buffer.alloc(0) }, lost],
    ['whose parser left an empty object', { ...ended, headers: length, body: {} }, lost],
    [
      'whose parser left an empty object of `{}`',
      { ...ended, headers: { 'content-length': '2' }, body: {} },
      ignored,
    ],
    [
      'whose parser left an empty list of `[]`',
      { ...ended, headers: { 'content-length': '2' }, body: [] },
      unreadable,
    ],
    ['whose parser left a number', { ...ended, headers: length, body: 5 }, unreadable],
    ['of chunks whose parser left no body', { ...ended, headers: { 'transfer-encoding': 'chunked' } }, lost],
    ['of unannounced bytes that were consumed', ended, unreadable],
    ['with an odd length', { ...ended, readableDidRead: false, headers: { 'content-length': 'x' } }, ignored],
    ['by GET whose body was consumed', { ...ended, method: 'get', headers: length }, ignored],
    [
      'that was destroyed before its end',
      { destroyed: true, readableEnded: false, rawBody: 'msisdn=1' },
      broken,
    ],
    [
      'that was destroyed after all of it was kept',
      { destroyed: true, readableEnded: false, complete: true, rawBody: stop },
      recorded,
    ],
  ])('is answered %s', async (_name, request, expected) => {
    expect(await answerTo({ method: 'POST', headers: {}, on() {}, ...request })).toEqual(expected);
  });

  it.each<[string, (stream: Readable) => void]>([
    ['is destroyed', (stream) => stream.destroy()],
    ['fails', (stream) => stream.destroy(new Error('reset'))],
  ])('is answered if its stream %s', async (_name, end) => {
    const stream = new Readable({ read() {} });
    stream.push('msisdn=1555');
    stream.once('data', () => setImmediate(() => end(stream)));
    expect(await answerTo(Object.assign(stream, { method: 'POST', headers: {} }))).toEqual(broken);
  });

  it('is answered if another reader has begun and the stream is destroyed', async () => {
    const stream = new Readable({ read() {} });
    stream.push('msisdn=1555');
    stream.once('data', () => setImmediate(() => stream.destroy()));
    await once(stream, 'data');
    expect(await answerTo(Object.assign(stream, { method: 'POST', headers: {} }))).toEqual(broken);
  });

  it('is read as text in another encoding', async () => {
    const stream = Readable.from([Buffer.from(stop)], { objectMode: false }).setEncoding('base64');
    expect(await answerTo(Object.assign(stream, { method: 'POST', headers: {} }))).toEqual(recorded);
  });
});
