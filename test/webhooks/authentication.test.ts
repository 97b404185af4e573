/** How far requests are believed, by what signs them and which secrets the receiver knows. */

import { describe, expect, it, vi } from 'vitest';
import { makeSig, makeToken } from '../../src/testing/simulator/signing.ts';
import { createAuthenticator, type AuthenticatorOptions } from '../../src/webhooks/authentication.ts';
import { readParameters } from '../../src/webhooks/parameters.ts';
import type { WebhookRequest } from '../../src/webhooks/request.ts';
import { startReceiver } from './receiver-harness.ts';

const secret = ['test-signature-secret'];
const signature = { secret, method: 'sha256' } as const;
const jwt = { secret };
const BOTH = { signature, jwt };
const webhook = { msisdn: '15551230001', to: '73737', text: 'STOP' };
const message = { message_uuid: 'u', from: '15551230001', to: '73737', text: 'STOP' };
const sig = makeSig(webhook, secret[0] ?? '', 'sha256');

type Given = { json?: object; parsed?: unknown; query?: Record<string, string>; token?: string | string[] };

function tokenOf(body: object, key = secret[0] ?? ''): string {
  return `Bearer ${makeToken(JSON.stringify(body), key, { apiKey: 'k', iat: 0 })}`;
}

/** What is found out about a request; the message of the refusal where it is refused. */
async function find(
  options: Partial<AuthenticatorOptions>,
  { json, parsed, query, token }: Given,
  onBodyMismatch = () => {},
): Promise<string> {
  const request: WebhookRequest = {
    ...{ method: 'POST', url: `/?${new URLSearchParams(query).toString()}`, parsedBody: parsed },
    headers: token === undefined ? {} : { authorization: token },
    body: json && Buffer.from(JSON.stringify(json)),
  };
  const { url, headers, body: bytes } = request;
  const parameters = readParameters({ url, headers, bytes, parsed });
  if (typeof parameters === 'string') throw new TypeError(parameters);
  const authenticate = createAuthenticator(
    { signature: undefined, jwt: undefined, unsigned: 'reject', ...options },
    onBodyMismatch,
  );
  const found = authenticate(request, parameters);
  return found.then(
    ({ trust }) => trust,
    (error: Error) => error.message,
  );
}

const WRONG = 'the signature is wrong';
const NOT_SIGNED = 'the webhook is not signed';

describe('a request', () => {
  it.each<[string, Partial<AuthenticatorOptions>, Given, string | RegExp]>([
    ['with sig', BOTH, { query: { ...webhook, sig } }, 'proven'],
    ['with a wrong sig', BOTH, { query: { ...webhook, sig: 'x' } }, WRONG],
    [
      'with a wrong sig, under block_only',
      { ...BOTH, unsigned: 'block_only' },
      { query: { ...webhook, sig: '' } },
      WRONG,
    ],
    ['with a token', BOTH, { json: message, token: tokenOf(message) }, 'proven'],
    [
      'with a token in another letter case',
      BOTH,
      { json: message, token: tokenOf(message).replace('Bearer ', 'bearer   ') },
      'proven',
    ],
    ['with a token in one of two headers', BOTH, { json: message, token: [tokenOf(message), 'x'] }, 'proven'],
    ['with a wrong token', BOTH, { json: message, token: tokenOf(message, 'x') }, WRONG],
    [
      'with the token of another body',
      BOTH,
      { json: message, token: tokenOf({ ...message, to: '1' }) },
      WRONG,
    ],
    [
      'with a wrong token, under block_only',
      { ...BOTH, unsigned: 'block_only' },
      { json: message, token: 'Bearer x' },
      WRONG,
    ],
    ['with another scheme', BOTH, { json: message, token: 'Basic eDp5' }, NOT_SIGNED],
    ['with a token behind another word', BOTH, { json: message, token: `x ${tokenOf(message)}` }, NOT_SIGNED],
    ['with two words behind Bearer', BOTH, { json: message, token: `${tokenOf(message)} x` }, NOT_SIGNED],
    ['with a token and spaces behind it', BOTH, { json: message, token: `${tokenOf(message)}  ` }, 'proven'],
    [
      'with sig and a token',
      BOTH,
      { json: { ...webhook, sig }, token: tokenOf({ ...webhook, sig }) },
      'proven',
    ],
    ['with sig and a wrong token', BOTH, { json: { ...webhook, sig }, token: 'Bearer x' }, WRONG],
    ['with a token over a query', BOTH, { query: message, token: tokenOf(message) }, 'block_only'],
    ['with a token over a parsed body', BOTH, { parsed: message, token: tokenOf(message) }, 'proven'],
    [
      'with a token over a body that a parser has changed',
      BOTH,
      { parsed: { ...message, a: 1 }, token: tokenOf(message) },
      'block_only',
    ],
    [
      'with a token over a text that a parser left',
      BOTH,
      { parsed: JSON.stringify(message), token: tokenOf(message) },
      'proven',
    ],
    ['unsigned', BOTH, { json: message }, NOT_SIGNED],
    ['unsigned, under block_only', { ...BOTH, unsigned: 'block_only' }, { json: message }, 'block_only'],
    [
      'with sig where only jwt is known',
      { jwt },
      { query: { ...webhook, sig } },
      /signed by the parameter sig .* only jwt is configured/,
    ],
    [
      'with a token where only sig is known',
      { signature },
      { json: message, token: tokenOf(message) },
      /signed by a Bearer token .* only signature is configured/,
    ],
    [
      'with both where only sig is known',
      { signature },
      { json: { ...webhook, sig }, token: tokenOf(webhook) },
      'proven',
    ],
    [
      'with sig where only jwt is known, under block_only',
      { jwt, unsigned: 'block_only' },
      { query: { ...webhook, sig } },
      'block_only',
    ],
    [
      'with a token where nothing is known',
      { unsigned: 'block_only' },
      { json: message, token: 'Bearer x' },
      'block_only',
    ],
    ['unsigned where only jwt is known', { jwt }, { query: webhook }, NOT_SIGNED],
    ['unsigned where only sig is known', { signature }, { json: message }, NOT_SIGNED],
  ])('%s', async (_name, options, given, expected) => {
    const found = await find(options, given);
    if (typeof expected === 'string') expect(found).toBe(expected);
    else expect(found).toMatch(expected);
  });

  it.each([
    ['&', /numbers contain & or =/, 'block_only'],
    ['=', /numbers contain & or =/, 'block_only'],
    ['_', /^block_only$/, 'block_only'],
    ['-', /^proven$/, 'proven'],
  ])('whose numbers have %s', async (mark, found, foundWhenOpen) => {
    for (const name of ['msisdn', 'to', 'from']) {
      const values = { ...webhook, [name]: `1${mark}1` };
      const query = { ...values, sig: makeSig(values, secret[0] ?? '', 'sha256') };
      expect(await find(BOTH, { query })).toMatch(found);
      expect(await find({ ...BOTH, unsigned: 'block_only' }, { query })).toBe(foundWhenOpen);
    }
    const values = { ...webhook, color: `1${mark}1`, sig: '' };
    const query = { ...values, sig: makeSig(values, secret[0] ?? '', 'sha256') };
    expect(await find(BOTH, { query })).toBe('proven');
  });

  it('whose sig is right beside a token that covers something else is proven', async () => {
    expect(await find(BOTH, { query: { ...webhook, sig }, token: tokenOf(message) })).toBe('proven');
  });

  it('by GET is not proven by the token of a body that nobody reads', async () => {
    const body = Buffer.from(JSON.stringify(message));
    const parameters = readParameters({ url: `/?${new URLSearchParams(webhook).toString()}`, headers: {} });
    const authenticate = createAuthenticator({ ...BOTH, unsigned: 'reject' }, () => {});
    const request = { method: 'GET', url: '/', headers: { authorization: tokenOf(message) }, body };
    if (typeof parameters === 'string') throw new TypeError(parameters);
    expect(await authenticate(request, parameters)).toMatchObject({ trust: 'block_only' });
  });

  it('is refused with a code', async () => {
    const { get, refused } = startReceiver(BOTH);
    await get(webhook);
    expect(refused).toMatchObject([{ code: 'webhook_unauthorized', status: 401 }]);
  });

  it.each<[string, Given]>([
    [
      'sig',
      {
        json: {
          ...webhook,
          text: ['START', 'x'],
          sig: makeSig({ ...webhook, text: 'START' }, secret[0] ?? '', 'sha256'),
        },
      },
    ],
    [
      'a token',
      { json: { ...message, text: ['START', 'x'] }, token: tokenOf({ ...message, text: ['START', 'x'] }) },
    ],
  ])('with a parameter twice is not signed by %s', async (_name, given) => {
    expect(await find(BOTH, given)).toMatch(/counts as unsigned: it has a parameter twice/);
    expect(await find({ ...BOTH, unsigned: 'block_only' }, given)).toBe('block_only');
  });

  it('tells a listener of a token that does not fit a parsed body, and of no other', async () => {
    const onBodyMismatch = vi.fn<() => void>();
    await find(BOTH, { parsed: message, token: tokenOf(message) }, onBodyMismatch);
    await find(BOTH, { json: message, token: tokenOf({ ...message, to: '1' }) }, onBodyMismatch);
    expect(onBodyMismatch).not.toHaveBeenCalled();
    await find(BOTH, { parsed: { ...message, a: 1 }, token: tokenOf(message) }, onBodyMismatch);
    expect(onBodyMismatch).toHaveBeenCalledTimes(1);
  });

  it('whose parsed body cannot be written again is not proven', async () => {
    const parsed: Record<string, unknown> = { ...message };
    parsed['self'] = parsed;
    expect(await find(BOTH, { parsed, token: tokenOf(message) })).toBe('block_only');
  });
});

describe('the id of a token', () => {
  it('tells a repeated webhook that has no id of its own', async () => {
    const body = { from: '15551230001', to: '73737', text: 'STOP', channel: 'sms' };
    const { postJson, sink } = startReceiver({ jwt });
    const authorization = tokenOf(body);
    for (const status of ['recorded', 'known']) {
      expect((await postJson(body, { authorization })).body).toBe(JSON.stringify({ status }));
    }
    expect((await postJson(body, { authorization: tokenOf(body) })).body).toBe('{"status":"recorded"}');
    expect(sink.record).toHaveBeenCalledTimes(2);
  });

  it('is that of the token, also beside sig', async () => {
    const body = { ...webhook, sig };
    const { postJson, sink } = startReceiver({ signature, jwt });
    const headers = { authorization: tokenOf(body) };
    await postJson(body, headers);
    await postJson(body, headers);
    expect(sink.record).toHaveBeenCalledTimes(1);
  });

  it('is else the nonce', async () => {
    const { get, sink } = startReceiver({ unsigned: 'block_only' });
    for (const nonce of ['a', 'a', 'b']) await get({ ...webhook, nonce });
    expect(sink.record).toHaveBeenCalledTimes(2);
  });
});

describe('a message', () => {
  const content = (count: number) =>
    Array.from({ length: count }, (_, index) => ({ text: index === count - 1 ? 'STOP' : `text ${index}` }));

  it('of 32 texts is read, one of more is refused', async () => {
    const { postJson, news, refused } = startReceiver({ unsigned: 'block_only' });
    const inbound = { message_uuid: 'u', from: '15551230001', to: '1' };
    expect((await postJson({ ...inbound, content: content(33) })).status).toBe(400);
    expect(refused).toMatchObject([
      { code: 'webhook_unreadable', message: expect.stringContaining('32 texts') },
    ]);
    expect((await postJson({ ...inbound, content: content(32) })).status).toBe(200);
    expect(news).toMatchObject([{ direction: 'out', text: 'STOP' }]);
  });

  it.each([
    ['START alone', { text: 'START' }, 1],
    ['START as a caption', { image: { caption: 'start' } }, 1],
    ['START and UNSTOP', { text: 'START', image: { caption: 'UNSTOP' } }, 1],
    ['START beside other words', { text: 'START', image: { caption: 'my car' } }, 0],
    ['other words beside START', { text: 'my car', image: { caption: 'START' } }, 0],
    ['a keyword', { sms: { keyword: 'START' } }, 0],
  ])('opts in by %s', async (_name, words, optIns) => {
    const { postJson, news } = startReceiver({ jwt });
    const body = {
      message_uuid: 'u',
      from: '15551230001',
      to: '1',
      timestamp: '2026-01-01T00:00:00Z',
      ...words,
    };
    expect((await postJson(body, { authorization: tokenOf(body) })).status).toBe(200);
    expect(news.filter(({ direction }) => direction === 'in')).toHaveLength(optIns);
  });
});
