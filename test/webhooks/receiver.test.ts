import fc from 'fast-check';
import { CompactSign } from 'jose';
import { describe, expect, it, vi } from 'vitest';
import { ConfigError, StoreError } from '../../src/errors.ts';
import { makeSig } from '../../src/testing/simulator/signing.ts';
import { makeWebhook, type WebhookSpec } from '../../src/testing/simulator/webhook-request.ts';
import type { WebhookChange } from '../../src/webhooks/payload.ts';
import type { WebhookRequest } from '../../src/webhooks/request.ts';
import type { WebhooksOptions } from '../../src/webhooks/options.ts';
import { createReceiver, type WebhookAnswer, type WebhookSink } from '../../src/webhooks/receiver.ts';
import { START, createFakeClock } from '../fake-clock.ts';

const PERSON = '15551230001';
const NOW = START;
const HOUR = 3_600_000;
const secret = 'test-signature-secret';
const SIGNED: WebhooksOptions = { signature: { secret, method: 'sha256' }, jwt: { secret } };

function harness(options: WebhooksOptions = SIGNED) {
  const clock = createFakeClock();
  const news: WebhookChange[] = [];
  const sink = {
    record: vi.fn<WebhookSink['record']>(async (told) => {
      news.push(told);
      return 'recorded';
    }),
    unclear: vi.fn<WebhookSink['unclear']>(),
    warn: vi.fn<WebhookSink['warn']>(),
    refused: vi.fn<WebhookSink['refused']>(),
    failed: vi.fn<WebhookSink['failed']>(),
  };
  const receiver = createReceiver(options, { clock, sink });
  const send = (
    spec: Omit<WebhookSpec, 'person'> & { person?: string },
    change: Partial<WebhookRequest> = {},
  ) => receiver.receive(requestOf({ person: PERSON, at: NOW, ...spec }, change));
  return { receiver, sink, news, clock, send };
}

function requestOf(spec: WebhookSpec, change: Partial<WebhookRequest> = {}): WebhookRequest {
  const { method, query, headers, body } = makeWebhook(spec);
  return {
    ...{ method, url: `/hooks${query}`, headers },
    ...(body === undefined ? {} : { body: Buffer.from(body) }),
    ...change,
  };
}

const form = (body: string, url = '/hooks'): WebhookRequest => ({
  method: 'POST',
  url,
  headers: {},
  body: Buffer.from(body),
});
const said = ({ status, body }: WebhookAnswer) => [status, (JSON.parse(body) as { status: string }).status];

describe('shapes', () => {
  const transports = ['get', 'post-form', 'post-json'] as const;
  const shapes: readonly [string, WebhookSpec][] = [
    ...transports.map((transport) => [`sms-inbound ${transport}`, { person: PERSON, transport }] as const),
    ...transports.map(
      (transport) => [`receipt ${transport}`, { person: PERSON, shape: 'sms-receipt', transport }] as const,
    ),
    ...(['messages-inbound', 'messages-inbound-nested', 'messages-status'] as const).map(
      (shape) => [shape, { person: PERSON, shape }] as const,
    ),
  ].map(([name, spec]) => [name, spec]);

  it.each(shapes)('%s opts the person out', async (_name, spec) => {
    const { send, news } = harness();
    expect(said(await send(spec))).toEqual([200, 'recorded']);
    expect(news).toMatchObject([
      { direction: 'out', msisdn: PERSON, sender: '73737', isProven: true, at: NOW },
    ]);
    expect(news[0]?.messageId).toBeTypeOf('string');
    const isReceipt = (spec.shape ?? '').match(/receipt|status/) !== null;
    expect(news[0]?.source).toBe(isReceipt ? 'receipt' : 'inbound');
  });

  it.each(shapes)('%s with a wrong signature is 401', async (_name, spec) => {
    for (const options of [SIGNED, { ...SIGNED, unsigned: 'block_only' } as const]) {
      const { send, sink } = harness(options);
      const signed = spec.shape?.startsWith('messages') ? 'wrong-jwt' : 'wrong-sig';
      expect(said(await send({ ...spec, signed }))).toEqual([401, 'refused']);
      expect(sink.record).not.toHaveBeenCalled();
      expect(sink.refused.mock.calls[0]?.[0]).toMatchObject({ code: 'webhook_unauthorized', status: 401 });
    }
  });

  it.each(shapes)('%s unsigned is 401, or blocks', async (_name, spec) => {
    const strict = harness();
    expect((await strict.send({ ...spec, signed: 'none' })).status).toBe(401);
    const open = harness({ unsigned: 'block_only' });
    expect(said(await open.send({ ...spec, signed: 'none' }))).toEqual([200, 'recorded']);
    expect(open.news).toMatchObject([{ direction: 'out', isProven: false }]);
  });

  it.each([
    ['a delivered receipt', { shape: 'sms-receipt', errorCode: 0 }],
    ['a barred number', { shape: 'sms-receipt', errorCode: 7 }],
    ['a receipt with 99', { shape: 'sms-receipt', errorCode: 99 }],
    ['send status 9', { shape: 'sms-receipt', errorCode: 1, extra: { status: '9' } }],
    ['too many requests', { shape: 'messages-status', errorCode: 1241 }],
    ['quota', { shape: 'messages-status', errorCode: 1070 }],
    ['another channel', { shape: 'messages-status', extra: { channel: 'whatsapp' } }],
    ['chat', { text: 'see you at five' }],
    ['help', { text: 'HELP' }],
  ] satisfies [string, Partial<WebhookSpec>][])('%s changes nothing', async (_name, spec) => {
    const { send, sink } = harness();
    expect(said(await send(spec))).toEqual([200, 'ignored']);
    expect(sink.record).not.toHaveBeenCalled();
  });

  it('takes a title in words of digits', async () => {
    const { send } = harness();
    expect(said(await send({ shape: 'messages-status', errorCode: '1240' }))).toEqual([200, 'recorded']);
  });

  it('reads keyword only where text is absent', async () => {
    const without = harness();
    await without.send({ extra: { text: undefined, keyword: 'STOP' } });
    expect(without.news).toHaveLength(1);
    const withText = harness();
    await withText.send({ text: 'hello', extra: { keyword: 'STOP' } });
    expect(withText.news).toHaveLength(0);
  });

  it('reads binary data as well as it can, and only to block', async () => {
    const { send, news } = harness();
    const hex = (text: string, encoding: BufferEncoding) => Buffer.from(text, encoding).toString('hex');
    const binary = (data: string) => ({
      extra: { text: undefined, keyword: undefined, type: 'binary', data },
    });
    await send(binary(hex('STOP', 'utf8')));
    await send(binary(Buffer.from('STOP', 'utf16le').swap16().toString('hex')));
    await send(binary(hex('START', 'utf8')));
    await send(binary('zz'));
    expect(news.map(({ direction }) => direction)).toEqual(['out', 'out']);
  });

  it('takes a form whatever its content type claims, in Latin-1 too', async () => {
    const { receiver, news } = harness({ unsigned: 'block_only' });
    await receiver.receive(form(`msisdn=${PERSON}&to=1&text=Arr%EAt`));
    await receiver.receive({
      ...form(`{"msisdn":"${PERSON}","text":"STOP"}`),
      headers: { 'content-type': 'x' },
    });
    await receiver.receive({ ...form(''), url: `/hooks?msisdn=${PERSON}&text=stop` });
    expect(news).toHaveLength(3);
  });
});

describe('opt-ins', () => {
  it.each([
    ['proven and fresh', {}, SIGNED, 1],
    ['a token', { shape: 'messages-inbound' }, SIGNED, 1],
    ['within the window', { at: NOW - 72 * HOUR }, SIGNED, 1],
    ['older than the window', { at: NOW - 72 * HOUR - 1000 }, SIGNED, 0],
    ['without a time', { extra: { 'message-timestamp': undefined } }, SIGNED, 0],
    ['unsigned', { signed: 'none' }, { ...SIGNED, unsigned: 'block_only' }, 0],
    ['YES', { text: 'YES' }, SIGNED, 0],
  ] satisfies [string, Partial<WebhookSpec>, WebhooksOptions, number][])(
    'START %s',
    async (_name, spec, options, count) => {
      const { send, news } = harness(options);
      expect((await send({ text: 'START', ...spec })).status).toBe(200);
      const proving = news.filter((one) => one.direction === 'in' && one.isProven && !one.isStale);
      expect(proving).toHaveLength(count);
    },
  );

  it('an opt-out has no age limit', async () => {
    const { send, news } = harness();
    await send({ at: NOW - 1000 * HOUR });
    expect(news).toHaveLength(1);
  });

  it('is not believed where the token does not cover what is said', async () => {
    const { receiver, news, sink } = harness();
    const request = requestOf({ person: PERSON, at: NOW, shape: 'messages-inbound', text: 'START' });
    const parsed = JSON.parse(Buffer.from(request.body ?? '').toString()) as Record<string, unknown>;
    const { body: _, ...rest } = request;
    // The same once written again.
    await receiver.receive({ ...rest, parsedBody: parsed });
    expect(news).toMatchObject([{ direction: 'in', isProven: true }]);
    // Another message under the same token, as a parser or a replay could have it.
    expect(said(await receiver.receive({ ...rest, parsedBody: { ...parsed, message_uuid: 'x' } }))[1]).toBe(
      'ignored',
    );
    expect(sink.warn.mock.calls[0]?.[0]).toBe('webhook_body_parsed');
    await receiver.receive({ ...rest, parsedBody: { ...parsed, text: 'STOP' } });
    expect(news.at(-1)).toMatchObject({ direction: 'out', isProven: false });
    // A query is not covered by the hash of a body.
    const url = `/hooks?msisdn=${PERSON}&to=1&text=START&message-timestamp=2026-01-01%2000:00:00`;
    await receiver.receive({ ...rest, url, body: Buffer.from('') });
    expect(news).toHaveLength(2);
  });
});

describe('what is kept', () => {
  it('of a text is no more than anybody writes', async () => {
    const { send, news } = harness();
    await send({ text: `leave me alone ${'x'.repeat(20_000)}` });
    expect(news[0]?.text).toHaveLength(4_096);
  });

  it('of an opt-in that is sent again under a new time is the first time', async () => {
    const { send, news, sink } = harness();
    sink.record.mockRejectedValueOnce(new StoreError('down'));
    await send({ text: 'START', messageId: 'm', at: NOW - 5_000 });
    await send({ text: 'START', messageId: 'm', at: NOW });
    expect(news.map(({ at }) => at)).toEqual([NOW - 5_000]);
  });
});

describe('signatures', () => {
  const VECTOR = {
    ...{ 'message-timestamp': '2013-11-21 15:27:30', messageId: '020000001B0FE827', msisdn: '14843472194' },
    ...{ text: 'Test again', timestamp: '1385047698', to: '13239877404', type: 'text' },
  };
  it.each([
    ['md5hash', 'd2e7b1dc968737c5998ad624e02f90b7'],
    ['sha1', '27D0D05C2876C7CB1720DBCDBA4D492E1E55C09A'],
  ] as const)('fit the published vector of %s', async (method, sig) => {
    const { receiver } = harness({ signature: { secret: 'my_secret_key_for_testing', method } });
    const query = (given: string) => `/?${new URLSearchParams({ ...VECTOR, sig: given }).toString()}`;
    const get = { method: 'GET', headers: {} };
    expect((await receiver.receive({ ...get, url: query(sig) })).status).toBe(200);
    expect((await receiver.receive({ ...get, url: query(sig.toLowerCase()) })).status).toBe(200);
    expect((await receiver.receive({ ...get, url: query(sig.slice(1)) })).status).toBe(401);
    expect((await receiver.receive({ ...get, url: query(sig.replace(/^./, '0')) })).status).toBe(401);
  });

  it.each(['md5hash', 'md5', 'sha1', 'sha256', 'sha512'] as const)(
    '%s: any of several secrets',
    async (method) => {
      const { send } = harness({ signature: { secret: ['new', 'old'], method } });
      for (const [key, status] of [
        ['new', 200],
        ['old', 200],
        ['gone', 401],
      ] as const) {
        expect((await send({ secret: key, method, text: 'a&b=c stop' })).status).toBe(status);
      }
    },
  );

  it('leave empty values in or out', async () => {
    const { receiver, send } = harness();
    expect((await send({ extra: { empty: '' } })).status).toBe(200);
    const { url } = requestOf({ person: PERSON, at: NOW, transport: 'get' });
    expect((await receiver.receive({ method: 'GET', url: `${url}&empty=`, headers: {} })).status).toBe(200);
  });

  it('count for nothing where a parameter that is read occurs twice', async () => {
    const { receiver } = harness();
    const { url } = requestOf({ person: PERSON, at: NOW, transport: 'get' });
    const twice = { method: 'GET', url: `${url}&msisdn=15559999999`, headers: {} };
    expect((await receiver.receive(twice)).status).toBe(401);
    const open = harness({ ...SIGNED, unsigned: 'block_only' });
    await open.receiver.receive(twice);
    expect(open.news).toMatchObject([{ isProven: false }]);
  });

  it.each([
    ['none', { alg: 'none' }],
    ['HS512', { alg: 'HS512' }],
  ])('refuse a token of %s', async (_name, header) => {
    const { receiver } = harness();
    const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const authorization = `Bearer ${part(header)}.${part({ payload_hash: 'x' })}.`;
    const request = requestOf({ person: PERSON, shape: 'messages-inbound' }, { headers: { authorization } });
    expect((await receiver.receive(request)).status).toBe(401);
  });

  it('a token made for another body is a captured one', async () => {
    const { receiver, news } = harness({ ...SIGNED, unsigned: 'block_only' });
    const request = requestOf({ person: PERSON, shape: 'messages-inbound' });
    const bent = Buffer.from(String(request.body).replace(PERSON, '15551230002'));
    expect((await receiver.receive({ ...request, body: bent })).status).toBe(401);
    expect(news).toEqual([]);
  });

  it('a token whose body a parser has changed may block, says so, and unblocks nothing', async () => {
    const { receiver, news, sink } = harness();
    const parsedOf = (text: string) => {
      const { body, ...request } = requestOf({ person: PERSON, shape: 'messages-inbound', text, at: NOW });
      const { message_uuid: id, ...rest } = JSON.parse(String(body)) as Record<string, unknown>;
      return { ...request, parsedBody: { ...rest, message_uuid: id } };
    };
    expect((await receiver.receive(parsedOf('STOP'))).status).toBe(200);
    expect((await receiver.receive(parsedOf('START'))).status).toBe(200);
    expect(news).toMatchObject([{ direction: 'out', isProven: false }]);
    expect(sink.warn.mock.calls.map(([code]) => code)).toEqual([
      'webhook_body_parsed',
      'webhook_body_parsed',
    ]);
  });

  it.each([
    ['no hash', { jti: 'a' }, 200],
    ['no id', { payload_hash: 'x' }, 401],
    ['claims that are no object', 'claims', 401],
  ])('a token with %s proves no body', async (_name, claims, status) => {
    const { receiver, news } = harness();
    const token = await new CompactSign(new TextEncoder().encode(JSON.stringify(claims)))
      .setProtectedHeader({ alg: 'HS256' })
      .sign(new TextEncoder().encode(secret));
    const headers = { authorization: `Bearer ${token}` };
    const request = requestOf({ person: PERSON, shape: 'messages-inbound' }, { headers });
    expect((await receiver.receive(request)).status).toBe(status);
    expect(news.filter(({ isProven }) => isProven)).toEqual([]);
  });

  it('sig beside a token proves what the token does not cover', async () => {
    const { receiver, news } = harness();
    const { url } = requestOf({ person: PERSON, at: NOW, transport: 'get' });
    const { headers } = requestOf({ person: PERSON, shape: 'messages-inbound' });
    expect((await receiver.receive({ method: 'GET', url, headers })).status).toBe(200);
    expect(news).toMatchObject([{ isProven: true }]);
  });

  it('JSON with null is signed as if it were empty', async () => {
    const { receiver, news } = harness({ signature: { secret, method: 'sha256' } });
    const signed = { msisdn: PERSON, to: '73737', text: 'STOP', 'message-timestamp': '2026-01-01 00:00:00' };
    for (const parameters of [signed, { ...signed, empty: '' }]) {
      const sig = makeSig(parameters, secret, 'sha256');
      const request = form(JSON.stringify({ ...signed, empty: null, sig }));
      expect((await receiver.receive(request)).status).toBe(200);
    }
    expect(news).toMatchObject([{ isProven: true }, { isProven: true }]);
  });

  it.each(['YES', 'yes!'])('are opt-in words never: %s', (word) => {
    const ports = { clock: createFakeClock(), sink: harness().sink };
    expect(() => createReceiver({ ...SIGNED, keywords: { optIn: [word] } }, ports)).toThrow(ConfigError);
    expect(() => createReceiver({ ...SIGNED, keywords: { optIn: ['JA'] } }, ports)).not.toThrow();
  });

  it('are asked for at construction', () => {
    const ports = { clock: createFakeClock(), sink: harness().sink };
    expect(() => createReceiver({}, ports)).toThrow(ConfigError);
    const misspelt = { ...SIGNED, unsigend: 'reject' } as WebhooksOptions;
    expect(() => createReceiver(misspelt, ports)).toThrow(/did you mean webhooks.unsigned/);
  });
});

describe('answers', () => {
  it('2xx only after the sink has stored', async () => {
    const { send, sink } = harness();
    sink.record.mockRejectedValueOnce(new StoreError('down')).mockRejectedValueOnce(new Error('bug'));
    const spec = { messageId: 'one' };
    expect(said(await send(spec))).toEqual([503, 'not_stored']);
    expect(said(await send(spec))).toEqual([500, 'not_stored']);
    expect(said(await send(spec))).toEqual([200, 'recorded']);
    expect(said(await send(spec))).toEqual([200, 'known']);
    expect(sink.record).toHaveBeenCalledTimes(3);
  });

  it('an unsigned repeat does not keep a signed one from counting', async () => {
    const { send, news } = harness({ ...SIGNED, unsigned: 'block_only' });
    await send({ messageId: 'one', signed: 'none' });
    await send({ messageId: 'one' });
    expect(news.map(({ isProven }) => isProven)).toEqual([false, true]);
  });

  it.each([
    ['PUT', form('x=1'), 405],
    ['half a JSON', form('{"msisdn":"1555'), 400],
    ['an array', form('[1,2]'), 400],
    ['null', form('null'), 400],
    ['a number', form(' 5 '), 400],
    ['true', form('true'), 400],
    [
      'a parsed body that is too much',
      { ...form(''), body: undefined, parsedBody: { a: 'a'.repeat(70_000) } },
      413,
    ],
    ['a parsed text that is too much', { ...form(''), body: undefined, parsedBody: 'a'.repeat(70_000) }, 413],
    ['a STOP of nobody', form('msisdn=abc&text=STOP'), 400],
    ['too much', form('a'.repeat(70_000)), 413],
    ['a long URL', form('', `/?${'a'.repeat(70_000)}`), 413],
    ['nothing', form(''), 200],
    ['10 000 parameters', form(Array.from({ length: 10_000 }, (_, index) => `p${index}`).join('&')), 413],
    ['prototype names', form('__proto__=1&constructor=2&toString=3&hasOwnProperty=4'), 200],
    ['prototype names in JSON', form('{"__proto__":{"msisdn":"15551230001"},"text":"STOP"}'), 200],
    ['deep JSON', form(`{"a":${'['.repeat(5000)}${']'.repeat(5000)}}`), 200],
    ['bytes', { ...form(''), body: Buffer.from([0xff, 0xfe, 0, 1, 0xc3]) }, 400],
  ])('%s', async (name, request, status) => {
    const { receiver, sink } = harness({ unsigned: 'block_only' });
    const answer = await receiver.receive({ ...request, method: name === 'PUT' ? 'PUT' : 'POST' });
    expect(answer.status).toBe(status);
    if (status === 405) expect(answer.headers).toEqual({ allow: 'GET, POST' });
    expect(sink.record).not.toHaveBeenCalled();
  });

  it('never rejects, whatever comes', async () => {
    const { receiver } = harness({ ...SIGNED, unsigned: 'block_only' });
    const anything = fc.record({
      method: fc.constantFrom('GET', 'POST', 'post', 'DELETE', ''),
      url: fc.webPath().chain((path) => fc.webQueryParameters().map((query) => `${path}?${query}`)),
      headers: fc.dictionary(fc.constantFrom('authorization', 'content-type'), fc.string()),
      body: fc.oneof(
        fc.uint8Array(),
        fc.json().map((json) => Buffer.from(json)),
        fc.constant(undefined),
      ),
      parsedBody: fc.anything(),
    });
    await fc.assert(
      fc.asyncProperty(anything, async (request) => {
        expect([200, 400, 401, 405, 413, 415]).toContain((await receiver.receive(request)).status);
      }),
      { numRuns: 500 },
    );
  });
});

describe('texts', () => {
  it('unclear ones block and are reported', async () => {
    const { send, news, sink } = harness();
    await send({ text: 'leave me alone' });
    expect(news).toMatchObject([{ direction: 'out' }]);
    expect(sink.unclear.mock.calls[0]?.[0]).toMatchObject({
      matched: 'leave me alone',
      blocked: true,
      sender: '73737',
    });
  });

  it('answers are only reported, and so is all that is unclear under report', async () => {
    const usual = harness();
    await usual.send({ text: 'No' });
    const lenient = harness({ ...SIGNED, unclear: 'report' });
    await lenient.send({ text: 'leave me alone' });
    for (const { news, sink } of [usual, lenient]) {
      expect(news).toHaveLength(0);
      expect(sink.unclear.mock.calls[0]?.[0]).toMatchObject({ blocked: false });
    }
  });

  it('that are only reported are reported once, however often the webhook comes', async () => {
    const { send, sink } = harness();
    const answers = [
      await send({ text: 'No', messageId: 'one' }),
      await send({ text: 'No', messageId: 'one' }),
    ];
    expect(answers.map(said)).toEqual([
      [200, 'reported'],
      [200, 'known'],
    ]);
    expect(sink.unclear).toHaveBeenCalledTimes(1);
  });

  it('parts are judged alone and joined', async () => {
    const { send, news, clock } = harness();
    const part = (index: number, text: string, ref = '7') => ({
      text,
      extra: { concat: 'true', 'concat-ref': ref, 'concat-total': '2', 'concat-part': String(index) },
    });
    await send(part(2, 'STOP', '1'));
    expect(news).toHaveLength(1);
    await send(part(2, 'P', '2'));
    await send(part(1, 'STO', '2'));
    expect(news).toHaveLength(2);
    await send(part(1, 'START', '3'));
    expect(news).toHaveLength(2);
    await send(part(1, 'STO', '4'));
    await clock.advance(600_001);
    await send(part(2, 'P', '4'));
    expect(news).toHaveLength(2);
  });

  it('of more parts than anybody writes are judged alone', async () => {
    const { send, news } = harness();
    const extra = { 'concat-ref': '9', 'concat-total': '17' };
    for (let index = 1; index <= 17; index++) {
      const text = ['S', 'TO', 'P'][index - 1] ?? '';
      await send({ text: text || ' ', extra: { ...extra, 'concat-part': String(index) } });
    }
    expect(news).toEqual([]);
  });

  it('that are only reported are reported each time where nothing names them', async () => {
    const { receiver, sink } = harness({ unsigned: 'block_only' });
    const answer = `msisdn=${PERSON}&to=73737&text=no`;
    for (const body of [answer, answer, 'msisdn=nobody&to=73737&text=no']) {
      expect(said(await receiver.receive(form(body)))).toEqual([200, 'reported']);
    }
    expect(sink.unclear).toHaveBeenCalledTimes(2);
  });

  it('unclear ones that were stored before are not reported again', async () => {
    const { send, sink } = harness();
    sink.record.mockResolvedValueOnce('known');
    expect(said(await send({ text: 'leave me alone' }))).toEqual([200, 'known']);
    expect(sink.unclear).not.toHaveBeenCalled();
  });

  it('take words and packs of the user', async () => {
    const keywords = { languages: ['en', { optOut: ['stopp'] }], optOut: ['basta ya'] } as const;
    const { send, news } = harness({ ...SIGNED, keywords });
    for (const text of ['Stopp!', 'BASTA YA', 'arret']) await send({ text });
    expect(news).toHaveLength(2);
  });
});

describe('parse', () => {
  const parse: WebhooksOptions['parse'] = ({ body }) => {
    if (!body?.startsWith('other ')) return undefined;
    const [, msisdn = '', text = '', isAuthentic] = body.split(' ');
    return { msisdn, text, at: NOW, isAuthentic: isAuthentic === 'checked', sender: '1' };
  };

  it('is tried first, and its word counts where it has checked it', async () => {
    const { receiver, news } = harness({ ...SIGNED, parse });
    expect((await receiver.receive(form(`other ${PERSON} START`))).status).toBe(401);
    expect((await receiver.receive(form(`other ${PERSON} START checked`))).status).toBe(200);
    expect((await receiver.receive(form(`other ${PERSON} STOP checked`))).status).toBe(200);
    expect((await receiver.receive(form('other nobody STOP checked'))).status).toBe(500);
    expect(news).toMatchObject([{ direction: 'in', isProven: true }, { direction: 'out' }]);
  });

  it.each<[string, unknown, Partial<WebhookChange>]>([
    ['a receipt', { direction: 'out', source: 'receipt' }, { source: 'receipt', direction: 'out' }],
    [
      'an opt-in with its time',
      { direction: 'in', at: NOW },
      { source: 'inbound', direction: 'in', at: NOW },
    ],
  ])('may tell of %s', async (_name, told, expected) => {
    const { receiver, news } = harness({
      ...SIGNED,
      parse: () => ({ msisdn: PERSON, isAuthentic: true, ...(told as object) }),
    });
    expect((await receiver.receive(form('x'))).status).toBe(200);
    expect(news).toMatchObject([expected]);
  });

  it.each([
    ['a word', 'STOP'],
    ['an odd direction', { msisdn: PERSON, direction: 'sideways' }],
  ])('returning %s is a fault that is told, and the provider asks again', async (_name, result) => {
    const { receiver, sink } = harness({ ...SIGNED, parse: () => result as never });
    expect((await receiver.receive(form('x'))).status).toBe(500);
    expect(sink.failed.mock.calls[0]?.[0]).toMatchObject({
      code: 'webhook_failed',
      cause: expect.any(TypeError),
    });
  });

  it('without text or direction tells nothing', async () => {
    const { receiver, news } = harness({ ...SIGNED, parse: () => ({ msisdn: PERSON, isAuthentic: true }) });
    expect(said(await receiver.receive(form('x')))).toEqual([200, 'ignored']);
    expect(news).toEqual([]);
  });

  it('reads bodies that nothing else can', async () => {
    const { receiver, news } = harness({
      unsigned: 'block_only',
      parse: ({ body }) => (body === '["STOP"]' ? { msisdn: PERSON, text: 'STOP' } : undefined),
    });
    expect((await receiver.receive(form('["STOP"]'))).status).toBe(200);
    expect((await receiver.receive(form('["GO"]'))).status).toBe(400);
    expect(news).toMatchObject([{ direction: 'out', isProven: false }]);
  });
});
