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
  const changes: WebhookChange[] = [];
  const sink = {
    record: vi.fn<WebhookSink['record']>(async (change) => {
      changes.push(change);
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
  return { receiver, sink, changes, clock, send };
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
const answered = ({ status, body }: WebhookAnswer) => [
  status,
  (JSON.parse(body) as { status: string }).status,
];

describe('a webhook', () => {
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

  it.each(shapes)('opts the person out in the shape %s', async (_name, spec) => {
    const { send, changes } = harness();
    expect(answered(await send(spec))).toEqual([200, 'recorded']);
    expect(changes).toMatchObject([
      { direction: 'out', msisdn: PERSON, sender: '73737', isProven: true, at: NOW },
    ]);
    expect(changes[0]?.messageId).toBeTypeOf('string');
    const isReceipt = (spec.shape ?? '').match(/receipt|status/) !== null;
    expect(changes[0]?.source).toBe(isReceipt ? 'receipt' : 'inbound');
  });

  it.each(shapes)('is refused with a wrong signature in the shape %s', async (_name, spec) => {
    for (const options of [SIGNED, { ...SIGNED, unsigned: 'block_only' } as const]) {
      const { send, sink } = harness(options);
      const signed = spec.shape?.startsWith('messages') ? 'wrong-jwt' : 'wrong-sig';
      expect(answered(await send({ ...spec, signed }))).toEqual([401, 'refused']);
      expect(sink.record).not.toHaveBeenCalled();
      expect(sink.refused.mock.calls[0]?.[0]).toMatchObject({ code: 'webhook_unauthorized', status: 401 });
    }
  });

  it.each(shapes)('is refused without a signature, or only blocks, in the shape %s', async (_name, spec) => {
    const strict = harness();
    expect((await strict.send({ ...spec, signed: 'none' })).status).toBe(401);
    const open = harness({ unsigned: 'block_only' });
    expect(answered(await open.send({ ...spec, signed: 'none' }))).toEqual([200, 'recorded']);
    expect(open.changes).toMatchObject([{ direction: 'out', isProven: false }]);
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
  ] satisfies [string, Partial<WebhookSpec>][])('changes nothing: %s', async (_name, spec) => {
    const { send, sink } = harness();
    expect(answered(await send(spec))).toEqual([200, 'ignored']);
    expect(sink.record).not.toHaveBeenCalled();
  });

  it('is read with a title that is a string', async () => {
    const { send } = harness();
    expect(answered(await send({ shape: 'messages-status', errorCode: '1240' }))).toEqual([200, 'recorded']);
  });

  it('is read by its keyword only if it has no text', async () => {
    const withoutText = harness();
    await withoutText.send({ extra: { text: undefined, keyword: 'STOP' } });
    expect(withoutText.changes).toHaveLength(1);
    const withText = harness();
    await withText.send({ text: 'hello', extra: { keyword: 'STOP' } });
    expect(withText.changes).toHaveLength(0);
  });

  it('may block by its binary data, and opts nobody in by it', async () => {
    const { send, changes } = harness();
    const hex = (text: string, encoding: BufferEncoding) => Buffer.from(text, encoding).toString('hex');
    const binary = (data: string) => ({
      extra: { text: undefined, keyword: undefined, type: 'binary', data },
    });
    await send(binary(hex('STOP', 'utf8')));
    await send(binary(Buffer.from('STOP', 'utf16le').swap16().toString('hex')));
    await send(binary(hex('START', 'utf8')));
    await send(binary('zz'));
    expect(changes.map(({ direction }) => direction)).toEqual(['out', 'out']);
  });

  it('is read as a form or JSON despite its content type, in Latin-1 too', async () => {
    const { receiver, changes } = harness({ unsigned: 'block_only' });
    await receiver.receive(form(`msisdn=${PERSON}&to=1&text=Arr%EAt`));
    await receiver.receive({
      ...form(`{"msisdn":"${PERSON}","text":"STOP"}`),
      headers: { 'content-type': 'x' },
    });
    await receiver.receive({ ...form(''), url: `/hooks?msisdn=${PERSON}&text=stop` });
    expect(changes).toHaveLength(3);
  });
});

describe('an opt-in', () => {
  it.each([
    ['proven and fresh', {}, SIGNED, 1],
    ['a token', { shape: 'messages-inbound' }, SIGNED, 1],
    ['within the window', { at: NOW - 72 * HOUR }, SIGNED, 1],
    ['older than the window', { at: NOW - 72 * HOUR - 1000 }, SIGNED, 0],
    ['without a time', { extra: { 'message-timestamp': undefined } }, SIGNED, 0],
    ['unsigned', { signed: 'none' }, { ...SIGNED, unsigned: 'block_only' }, 0],
    ['YES', { text: 'YES' }, SIGNED, 0],
  ] satisfies [string, Partial<WebhookSpec>, WebhooksOptions, number][])(
    'is recorded or ignored: START %s',
    async (_name, spec, options, count) => {
      const { send, changes } = harness(options);
      expect((await send({ text: 'START', ...spec })).status).toBe(200);
      const proving = changes.filter((one) => one.direction === 'in' && one.isProven && !one.isStale);
      expect(proving).toHaveLength(count);
    },
  );

  it('has an age limit, and an opt-out has none', async () => {
    const { send, changes } = harness();
    await send({ at: NOW - 1000 * HOUR });
    expect(changes).toHaveLength(1);
  });

  it('is ignored if its token does not cover its content', async () => {
    const { receiver, changes, sink } = harness();
    const request = requestOf({ person: PERSON, at: NOW, shape: 'messages-inbound', text: 'START' });
    const parsed = JSON.parse(Buffer.from(request.body ?? '').toString()) as Record<string, unknown>;
    const { body: _, ...rest } = request;
    // The serialised body is the same again.
    await receiver.receive({ ...rest, parsedBody: parsed });
    expect(changes).toMatchObject([{ direction: 'in', isProven: true }]);
    // Another message with the same token, from a parser or a replay.
    expect(
      answered(await receiver.receive({ ...rest, parsedBody: { ...parsed, message_uuid: 'x' } }))[1],
    ).toBe('ignored');
    expect(sink.warn.mock.calls[0]?.[0]).toBe('webhook_body_parsed');
    await receiver.receive({ ...rest, parsedBody: { ...parsed, text: 'STOP' } });
    expect(changes.at(-1)).toMatchObject({ direction: 'out', isProven: false });
    // A query is not covered by the hash of a body.
    const url = `/hooks?msisdn=${PERSON}&to=1&text=START&message-timestamp=2026-01-01%2000:00:00`;
    await receiver.receive({ ...rest, url, body: Buffer.from('') });
    expect(changes).toHaveLength(2);
  });
});

describe('a change', () => {
  it('keeps at most 4,096 characters of its text', async () => {
    const { send, changes } = harness();
    await send({ text: `leave me alone ${'x'.repeat(20_000)}` });
    expect(changes[0]?.text).toHaveLength(4_096);
  });

  it('has the first time of an opt-in that is repeated with a new time', async () => {
    const { send, changes, sink } = harness();
    sink.record.mockRejectedValueOnce(new StoreError('down'));
    await send({ text: 'START', messageId: 'm', at: NOW - 5_000 });
    await send({ text: 'START', messageId: 'm', at: NOW });
    expect(changes.map(({ at }) => at)).toEqual([NOW - 5_000]);
  });
});

describe('a signature', () => {
  const VECTOR = {
    ...{ 'message-timestamp': '2013-11-21 15:27:30', messageId: '020000001B0FE827', msisdn: '14843472194' },
    ...{ text: 'Test again', timestamp: '1385047698', to: '13239877404', type: 'text' },
  };
  it.each([
    ['md5hash', 'd2e7b1dc968737c5998ad624e02f90b7'],
    ['sha1', '27D0D05C2876C7CB1720DBCDBA4D492E1E55C09A'],
  ] as const)('is that of the published vector of %s', async (method, sig) => {
    const { receiver } = harness({ signature: { secret: 'my_secret_key_for_testing', method } });
    const query = (given: string) => `/?${new URLSearchParams({ ...VECTOR, sig: given }).toString()}`;
    const get = { method: 'GET', headers: {} };
    expect((await receiver.receive({ ...get, url: query(sig) })).status).toBe(200);
    expect((await receiver.receive({ ...get, url: query(sig.toLowerCase()) })).status).toBe(200);
    expect((await receiver.receive({ ...get, url: query(sig.slice(1)) })).status).toBe(401);
    expect((await receiver.receive({ ...get, url: query(sig.replace(/^./, '0')) })).status).toBe(401);
  });

  it.each(['md5hash', 'md5', 'sha1', 'sha256', 'sha512'] as const)(
    'is accepted with each of several secrets: %s',
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

  it('is accepted with or without empty values', async () => {
    const { receiver, send } = harness();
    expect((await send({ extra: { empty: '' } })).status).toBe(200);
    const { url } = requestOf({ person: PERSON, at: NOW, transport: 'get' });
    expect((await receiver.receive({ method: 'GET', url: `${url}&empty=`, headers: {} })).status).toBe(200);
  });

  it('counts for nothing if a parameter that is read occurs twice', async () => {
    const { receiver } = harness();
    const { url } = requestOf({ person: PERSON, at: NOW, transport: 'get' });
    const twice = { method: 'GET', url: `${url}&msisdn=15559999999`, headers: {} };
    expect((await receiver.receive(twice)).status).toBe(401);
    const open = harness({ ...SIGNED, unsigned: 'block_only' });
    await open.receiver.receive(twice);
    expect(open.changes).toMatchObject([{ isProven: false }]);
  });

  it.each([
    ['none', { alg: 'none' }],
    ['HS512', { alg: 'HS512' }],
  ])('is refused in a token of %s', async (_name, header) => {
    const { receiver } = harness();
    const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const authorization = `Bearer ${part(header)}.${part({ payload_hash: 'x' })}.`;
    const request = requestOf({ person: PERSON, shape: 'messages-inbound' }, { headers: { authorization } });
    expect((await receiver.receive(request)).status).toBe(401);
  });

  it('is refused in a token for another body, which was captured', async () => {
    const { receiver, changes } = harness({ ...SIGNED, unsigned: 'block_only' });
    const request = requestOf({ person: PERSON, shape: 'messages-inbound' });
    const forged = Buffer.from(String(request.body).replace(PERSON, '15551230002'));
    expect((await receiver.receive({ ...request, body: forged })).status).toBe(401);
    expect(changes).toEqual([]);
  });

  it('may block but not unblock, with a warning, if a parser has changed the body of its token', async () => {
    const { receiver, changes, sink } = harness();
    const parsedOf = (text: string) => {
      const { body, ...request } = requestOf({ person: PERSON, shape: 'messages-inbound', text, at: NOW });
      const { message_uuid: id, ...rest } = JSON.parse(String(body)) as Record<string, unknown>;
      return { ...request, parsedBody: { ...rest, message_uuid: id } };
    };
    expect((await receiver.receive(parsedOf('STOP'))).status).toBe(200);
    expect((await receiver.receive(parsedOf('START'))).status).toBe(200);
    expect(changes).toMatchObject([{ direction: 'out', isProven: false }]);
    expect(sink.warn.mock.calls.map(([code]) => code)).toEqual([
      'webhook_body_parsed',
      'webhook_body_parsed',
    ]);
  });

  it.each([
    ['no hash', { jti: 'a' }, 200],
    ['no id', { payload_hash: 'x' }, 401],
    ['claims that are no object', 'claims', 401],
  ])('does not prove a body in a token with %s', async (_name, claims, status) => {
    const { receiver, changes } = harness();
    const token = await new CompactSign(new TextEncoder().encode(JSON.stringify(claims)))
      .setProtectedHeader({ alg: 'HS256' })
      .sign(new TextEncoder().encode(secret));
    const headers = { authorization: `Bearer ${token}` };
    const request = requestOf({ person: PERSON, shape: 'messages-inbound' }, { headers });
    expect((await receiver.receive(request)).status).toBe(status);
    expect(changes.filter(({ isProven }) => isProven)).toEqual([]);
  });

  it('proves by sig what a token beside it does not cover', async () => {
    const { receiver, changes } = harness();
    const { url } = requestOf({ person: PERSON, at: NOW, transport: 'get' });
    const { headers } = requestOf({ person: PERSON, shape: 'messages-inbound' });
    expect((await receiver.receive({ method: 'GET', url, headers })).status).toBe(200);
    expect(changes).toMatchObject([{ isProven: true }]);
  });

  it('treats null in JSON as empty', async () => {
    const { receiver, changes } = harness({ signature: { secret, method: 'sha256' } });
    const signed = { msisdn: PERSON, to: '73737', text: 'STOP', 'message-timestamp': '2026-01-01 00:00:00' };
    for (const parameters of [signed, { ...signed, empty: '' }]) {
      const sig = makeSig(parameters, secret, 'sha256');
      const request = form(JSON.stringify({ ...signed, empty: null, sig }));
      expect((await receiver.receive(request)).status).toBe(200);
    }
    expect(changes).toMatchObject([{ isProven: true }, { isProven: true }]);
  });
});

describe('the options', () => {
  it.each(['YES', 'yes!'])('refuse %s as an opt-in word', (word) => {
    const ports = { clock: createFakeClock(), sink: harness().sink };
    expect(() => createReceiver({ ...SIGNED, keywords: { optIn: [word] } }, ports)).toThrow(ConfigError);
    expect(() => createReceiver({ ...SIGNED, keywords: { optIn: ['JA'] } }, ports)).not.toThrow();
  });

  it.each([
    ['a footer of two words', { footers: ['Reply STOP'] }],
    ['a footer without words', { footers: ['!!!'] }],
    ['a group that is no list', { languages: [{ groups: { messages: 'sms' } }] }],
    ['groups that are no object', { languages: [{ groups: ['sms'] }] }],
    ['groups that are null', { languages: [{ groups: null }] }],
    ['groups that are a word', { languages: [{ groups: 'sms' }] }],
    ['a language that is not included', { languages: ['xx'] }],
  ])('refuses %s', (_name, keywords) => {
    const ports = { clock: createFakeClock(), sink: harness().sink };
    expect(() => createReceiver({ ...SIGNED, keywords: keywords as never }, ports)).toThrow(ConfigError);
  });

  it('accepts footers, and packs with groups and phrases', () => {
    const ports = { clock: createFakeClock(), sink: harness().sink };
    const pack = { groups: { messages: ['sms', 'werbung'] }, requests: ['keine @messages mehr'] };
    const keywords = { languages: [pack, 'de'] as const, footers: ['Reply STOP to end'] };
    expect(() => createReceiver({ ...SIGNED, keywords }, ports)).not.toThrow();
  });

  it('must contain a secret or block_only', () => {
    const ports = { clock: createFakeClock(), sink: harness().sink };
    expect(() => createReceiver({}, ports)).toThrow(ConfigError);
    const misspelt = { ...SIGNED, unsigend: 'reject' } as WebhooksOptions;
    expect(() => createReceiver(misspelt, ports)).toThrow(/did you mean webhooks.unsigned/);
  });
});

describe('an answer', () => {
  it('is 2xx only after the sink has stored the change', async () => {
    const { send, sink } = harness();
    sink.record.mockRejectedValueOnce(new StoreError('down')).mockRejectedValueOnce(new Error('bug'));
    const spec = { messageId: 'one' };
    expect(answered(await send(spec))).toEqual([503, 'not_stored']);
    expect(answered(await send(spec))).toEqual([500, 'not_stored']);
    expect(answered(await send(spec))).toEqual([200, 'recorded']);
    expect(answered(await send(spec))).toEqual([200, 'known']);
    expect(sink.record).toHaveBeenCalledTimes(3);
  });

  it('is recorded for the signed repetition of an unsigned webhook', async () => {
    const { send, changes } = harness({ ...SIGNED, unsigned: 'block_only' });
    await send({ messageId: 'one', signed: 'none' });
    await send({ messageId: 'one' });
    expect(changes.map(({ isProven }) => isProven)).toEqual([false, true]);
  });

  it.each([
    ['PUT', form('x=1'), 405],
    ['half a JSON', form('{"msisdn":"1555'), 400],
    ['an array', form('[1,2]'), 400],
    ['null', form('null'), 400],
    ['a number', form(' 5 '), 400],
    ['true', form('true'), 400],
    [
      'a parsed body that is too large',
      { ...form(''), body: undefined, parsedBody: { a: 'a'.repeat(70_000) } },
      413,
    ],
    [
      'a parsed text that is too large',
      { ...form(''), body: undefined, parsedBody: 'a'.repeat(70_000) },
      413,
    ],
    ['a STOP without a readable number', form('msisdn=abc&text=STOP'), 400],
    ['a body that is too large', form('a'.repeat(70_000)), 413],
    ['a long URL', form('', `/?${'a'.repeat(70_000)}`), 413],
    ['an empty body', form(''), 200],
    ['10 000 parameters', form(Array.from({ length: 10_000 }, (_, index) => `p${index}`).join('&')), 413],
    ['prototype names', form('__proto__=1&constructor=2&toString=3&hasOwnProperty=4'), 200],
    ['prototype names in JSON', form('{"__proto__":{"msisdn":"15551230001"},"text":"STOP"}'), 200],
    ['deep JSON', form(`{"a":${'['.repeat(5000)}${']'.repeat(5000)}}`), 200],
    ['bytes', { ...form(''), body: Buffer.from([0xff, 0xfe, 0, 1, 0xc3]) }, 400],
  ])('has the right status: %s', async (name, request, status) => {
    const { receiver, sink } = harness({ unsigned: 'block_only' });
    const answer = await receiver.receive({ ...request, method: name === 'PUT' ? 'PUT' : 'POST' });
    expect(answer.status).toBe(status);
    if (status === 405) expect(answer.headers).toEqual({ allow: 'GET, POST' });
    expect(sink.record).not.toHaveBeenCalled();
  });

  it('is given to every request', async () => {
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

describe('a text', () => {
  it('blocks and is reported if it is unclear', async () => {
    const { send, changes, sink } = harness();
    await send({ text: 'leave me alone' });
    expect(changes).toMatchObject([{ direction: 'out' }]);
    expect(sink.unclear.mock.calls[0]?.[0]).toMatchObject({
      matched: 'leave me alone',
      blocked: true,
      sender: '73737',
    });
  });

  it('is only reported if it is an answer, or unclear under report', async () => {
    const blocking = harness();
    await blocking.send({ text: 'No' });
    const reporting = harness({ ...SIGNED, unclear: 'report' });
    await reporting.send({ text: 'leave me alone' });
    for (const { changes, sink } of [blocking, reporting]) {
      expect(changes).toHaveLength(0);
      expect(sink.unclear.mock.calls[0]?.[0]).toMatchObject({ blocked: false });
    }
  });

  it('is reported once, however often its webhook is repeated', async () => {
    const { send, sink } = harness();
    const answers = [
      await send({ text: 'No', messageId: 'one' }),
      await send({ text: 'No', messageId: 'one' }),
    ];
    expect(answers.map(answered)).toEqual([
      [200, 'reported'],
      [200, 'known'],
    ]);
    expect(sink.unclear).toHaveBeenCalledTimes(1);
  });

  it('is interpreted in parts, alone and joined', async () => {
    const { send, changes, clock } = harness();
    const part = (index: number, text: string, ref = '7') => ({
      text,
      extra: { concat: 'true', 'concat-ref': ref, 'concat-total': '2', 'concat-part': String(index) },
    });
    await send(part(2, 'STOP', '1'));
    expect(changes).toHaveLength(1);
    await send(part(2, 'OP', '2'));
    await send(part(1, 'ST', '2'));
    expect(changes).toHaveLength(2);
    await send(part(1, 'START', '3'));
    expect(changes).toHaveLength(2);
    await send(part(1, 'ST', '4'));
    await clock.advance(600_001);
    await send(part(2, 'OP', '4'));
    expect(changes).toHaveLength(2);
  });

  it('is not joined from more than 16 parts', async () => {
    const { send, changes } = harness();
    const extra = { 'concat-ref': '9', 'concat-total': '17' };
    for (let index = 1; index <= 17; index++) {
      const text = ['S', 'TO', 'P'][index - 1] ?? '';
      await send({ text: text || ' ', extra: { ...extra, 'concat-part': String(index) } });
    }
    expect(changes).toEqual([]);
  });

  it('is reported each time if its webhook has no id', async () => {
    const { receiver, sink } = harness({ unsigned: 'block_only' });
    const answer = `msisdn=${PERSON}&to=73737&text=no`;
    for (const body of [answer, answer, 'msisdn=nobody&to=73737&text=no']) {
      expect(answered(await receiver.receive(form(body)))).toEqual([200, 'reported']);
    }
    expect(sink.unclear).toHaveBeenCalledTimes(2);
  });

  it('is not reported again if its opt-out was stored before', async () => {
    const { send, sink } = harness();
    sink.record.mockResolvedValueOnce('known');
    expect(answered(await send({ text: 'leave me alone' }))).toEqual([200, 'known']);
    expect(sink.unclear).not.toHaveBeenCalled();
  });

  it('tells the rule that decided, and its words', async () => {
    const { send, changes } = harness();
    for (const text of ['STOP please', 'please stop texting me', 'wrong number']) await send({ text });
    expect(changes.map(({ reason }) => reason)).toEqual([
      ...['whole_message: stop', 'request: stop texting', 'refusal: wrong number'],
    ]);
  });

  it('blocks if one of its sentences does', async () => {
    const { send, changes } = harness();
    const [doubt, refusal] = ["don't stop", 'wrong number'];
    await send({ text: `${doubt}. ${refusal}` });
    expect(changes).toMatchObject([{ reason: 'refusal: wrong number' }]);
  });

  it('is compared with the user’s words and packs', async () => {
    const keywords = { languages: ['en', { optOut: ['stopp'] }], optOut: ['basta ya'] } as const;
    const { send, changes } = harness({ ...SIGNED, keywords });
    for (const text of ['Stopp!', 'BASTA YA', 'arret']) await send({ text });
    expect(changes).toHaveLength(2);
  });
});

describe('a parse function', () => {
  const parse: WebhooksOptions['parse'] = ({ body }) => {
    if (!body?.startsWith('other ')) return undefined;
    const [, msisdn = '', text = '', isAuthentic] = body.split(' ');
    return { msisdn, text, at: NOW, isAuthentic: isAuthentic === 'checked', sender: '1' };
  };

  it('is called first, and its event counts if it has authenticated the request', async () => {
    const { receiver, changes } = harness({ ...SIGNED, parse });
    expect((await receiver.receive(form(`other ${PERSON} START`))).status).toBe(401);
    expect((await receiver.receive(form(`other ${PERSON} START checked`))).status).toBe(200);
    expect((await receiver.receive(form(`other ${PERSON} STOP checked`))).status).toBe(200);
    expect((await receiver.receive(form('other nobody STOP checked'))).status).toBe(500);
    expect(changes).toMatchObject([{ direction: 'in', isProven: true }, { direction: 'out' }]);
  });

  it.each<[string, unknown, Partial<WebhookChange>]>([
    ['a receipt', { direction: 'out', source: 'receipt' }, { source: 'receipt', direction: 'out' }],
    [
      'an opt-in with its time',
      { direction: 'in', at: NOW },
      { source: 'inbound', direction: 'in', at: NOW },
    ],
  ])('may return %s', async (_name, event, expected) => {
    const { receiver, changes } = harness({
      ...SIGNED,
      parse: () => ({ msisdn: PERSON, isAuthentic: true, ...(event as object) }),
    });
    expect((await receiver.receive(form('x'))).status).toBe(200);
    expect(changes).toMatchObject([expected]);
  });

  it.each([
    ['a word', 'STOP'],
    ['an odd direction', { msisdn: PERSON, direction: 'sideways' }],
  ])('fails if it returns %s, so that the provider repeats the webhook', async (_name, result) => {
    const { receiver, sink } = harness({ ...SIGNED, parse: () => result as never });
    expect((await receiver.receive(form('x'))).status).toBe(500);
    expect(sink.failed.mock.calls[0]?.[0]).toMatchObject({
      code: 'webhook_failed',
      cause: expect.any(TypeError),
    });
  });

  it('changes nothing without text or direction', async () => {
    const { receiver, changes } = harness({
      ...SIGNED,
      parse: () => ({ msisdn: PERSON, isAuthentic: true }),
    });
    expect(answered(await receiver.receive(form('x')))).toEqual([200, 'ignored']);
    expect(changes).toEqual([]);
  });

  it('reads bodies that are no parameters', async () => {
    const { receiver, changes } = harness({
      unsigned: 'block_only',
      parse: ({ body }) => (body === '["STOP"]' ? { msisdn: PERSON, text: 'STOP' } : undefined),
    });
    expect((await receiver.receive(form('["STOP"]'))).status).toBe(200);
    expect((await receiver.receive(form('["GO"]'))).status).toBe(400);
    expect(changes).toMatchObject([{ direction: 'out', isProven: false }]);
  });
});
