/** How far requests are trusted, depending on their signatures and the receiver's secrets. */

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

/** Returns the trust of a request, or the message of the error if it is refused. */
async function trustOf(
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
  return authenticate(request, parameters).then(
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
    ['with a token and a query', BOTH, { query: message, token: tokenOf(message) }, 'block_only'],
    ['with a token and a parsed body', BOTH, { parsed: message, token: tokenOf(message) }, 'proven'],
    [
      'with a token and a body that a parser has changed',
      BOTH,
      { parsed: { ...message, a: 1 }, token: tokenOf(message) },
      'block_only',
    ],
    [
      'with a token and a body that a parser has left as text',
      BOTH,
      { parsed: JSON.stringify(message), token: tokenOf(message) },
      'proven',
    ],
    ['without a signature', BOTH, { json: message }, NOT_SIGNED],
    [
      'without a signature, under block_only',
      { ...BOTH, unsigned: 'block_only' },
      { json: message },
      'block_only',
    ],
    [
      'with sig, if only jwt is configured',
      { jwt },
      { query: { ...webhook, sig } },
      /signed by the parameter sig .* only jwt is configured/,
    ],
    [
      'with a token, if only signature is configured',
      { signature },
      { json: message, token: tokenOf(message) },
      /signed by a Bearer token .* only signature is configured/,
    ],
    [
      'with both, if only signature is configured',
      { signature },
      { json: { ...webhook, sig }, token: tokenOf(webhook) },
      'proven',
    ],
    [
      'with sig, if only jwt is configured, under block_only',
      { jwt, unsigned: 'block_only' },
      { query: { ...webhook, sig } },
      'block_only',
    ],
    [
      'with a token, if no secret is configured',
      { unsigned: 'block_only' },
      { json: message, token: 'Bearer x' },
      'block_only',
    ],
    ['without a signature, if only jwt is configured', { jwt }, { query: webhook }, NOT_SIGNED],
    ['without a signature, if only signature is configured', { signature }, { json: message }, NOT_SIGNED],
  ])('trusts or refuses a request %s', async (_name, options, given, expected) => {
    const trust = await trustOf(options, given);
    if (typeof expected === 'string') expect(trust).toBe(expected);
    else expect(trust).toMatch(expected);
  });

  it.each([
    ['&', /numbers contain & or =/, 'block_only'],
    ['=', /numbers contain & or =/, 'block_only'],
    ['_', /^block_only$/, 'block_only'],
    ['-', /^proven$/, 'proven'],
  ])('trusts or refuses a request whose numbers contain %s', async (mark, expected, expectedWhenOpen) => {
    for (const name of ['msisdn', 'to', 'from']) {
      const values = { ...webhook, [name]: `1${mark}1` };
      const query = { ...values, sig: makeSig(values, secret[0] ?? '', 'sha256') };
      expect(await trustOf(BOTH, { query })).toMatch(expected);
      expect(await trustOf({ ...BOTH, unsigned: 'block_only' }, { query })).toBe(expectedWhenOpen);
    }
    const values = { ...webhook, color: `1${mark}1`, sig: '' };
    const query = { ...values, sig: makeSig(values, secret[0] ?? '', 'sha256') };
    expect(await trustOf(BOTH, { query })).toBe('proven');
  });

  it('trusts a request with a correct sig, even if its token is for something else', async () => {
    expect(await trustOf(BOTH, { query: { ...webhook, sig }, token: tokenOf(message) })).toBe('proven');
  });

  it('does not trust a GET by the token of a body that is not read', async () => {
    const body = Buffer.from(JSON.stringify(message));
    const parameters = readParameters({ url: `/?${new URLSearchParams(webhook).toString()}`, headers: {} });
    const authenticate = createAuthenticator({ ...BOTH, unsigned: 'reject' }, () => {});
    const request = { method: 'GET', url: '/', headers: { authorization: tokenOf(message) }, body };
    if (typeof parameters === 'string') throw new TypeError(parameters);
    expect(await authenticate(request, parameters)).toMatchObject({ trust: 'block_only' });
  });

  it('refuses an unsigned request with a code', async () => {
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
  ])('treats a request with a repeated parameter as unsigned, despite %s', async (_name, given) => {
    expect(await trustOf(BOTH, given)).toMatch(/counts as unsigned: it has a parameter twice/);
    expect(await trustOf({ ...BOTH, unsigned: 'block_only' }, given)).toBe('block_only');
  });

  it('reports a token that does not match a parsed body, and no other token', async () => {
    const onBodyMismatch = vi.fn<() => void>();
    await trustOf(BOTH, { parsed: message, token: tokenOf(message) }, onBodyMismatch);
    await trustOf(BOTH, { json: message, token: tokenOf({ ...message, to: '1' }) }, onBodyMismatch);
    expect(onBodyMismatch).not.toHaveBeenCalled();
    await trustOf(BOTH, { parsed: { ...message, a: 1 }, token: tokenOf(message) }, onBodyMismatch);
    expect(onBodyMismatch).toHaveBeenCalledTimes(1);
  });

  it('does not trust a request whose parsed body cannot be serialised', async () => {
    const parsed: Record<string, unknown> = { ...message };
    parsed['self'] = parsed;
    expect(await trustOf(BOTH, { parsed, token: tokenOf(message) })).toBe('block_only');
  });
});

describe('the id of a token', () => {
  it('recognises a repeated webhook without an id of its own', async () => {
    const body = { from: '15551230001', to: '73737', text: 'STOP', channel: 'sms' };
    const { postJson, sink } = startReceiver({ jwt });
    const authorization = tokenOf(body);
    for (const status of ['recorded', 'known']) {
      expect((await postJson(body, { authorization })).body).toBe(JSON.stringify({ status }));
    }
    expect((await postJson(body, { authorization: tokenOf(body) })).body).toBe('{"status":"recorded"}');
    expect(sink.record).toHaveBeenCalledTimes(2);
  });

  it('is used even if there is a sig', async () => {
    const body = { ...webhook, sig };
    const { postJson, sink } = startReceiver({ signature, jwt });
    const headers = { authorization: tokenOf(body) };
    await postJson(body, headers);
    await postJson(body, headers);
    expect(sink.record).toHaveBeenCalledTimes(1);
  });

  it('is replaced by the nonce if there is no token', async () => {
    const { get, sink } = startReceiver({ unsigned: 'block_only' });
    for (const nonce of ['a', 'a', 'b']) await get({ ...webhook, nonce });
    expect(sink.record).toHaveBeenCalledTimes(2);
  });
});

describe('a message', () => {
  const content = (count: number) =>
    Array.from({ length: count }, (_, index) => ({ text: index === count - 1 ? 'STOP' : `text ${index}` }));

  it('is read with 32 texts, and refused with more', async () => {
    const { postJson, changes, refused } = startReceiver({ unsigned: 'block_only' });
    const inbound = { message_uuid: 'u', from: '15551230001', to: '1' };
    expect((await postJson({ ...inbound, content: content(33) })).status).toBe(400);
    expect(refused).toMatchObject([
      { code: 'webhook_unreadable', message: expect.stringContaining('32 texts') },
    ]);
    expect((await postJson({ ...inbound, content: content(32) })).status).toBe(200);
    expect(changes).toMatchObject([{ direction: 'out', text: 'STOP' }]);
  });

  it.each([
    ['8 long texts', 7_000, 9],
    ['8 short texts', 140, 0],
  ])('leaves other work its turn between long texts: %s', async (_name, length, turns) => {
    const { postJson, changes } = startReceiver({ unsigned: 'block_only' });
    const others = Array.from({ length: 8 }, (_, index) => ({ text: `text ${index} `.repeat(length / 7) }));
    let seen = 0;
    let isOver = false;
    const countTurns = () => {
      if (isOver) return;
      seen++;
      setImmediate(countTurns);
    };
    setImmediate(countTurns);
    await postJson({
      message_uuid: 'u',
      from: '15551230001',
      to: '1',
      content: [...others, { text: 'STOP' }],
    });
    isOver = true;
    expect(changes).toMatchObject([{ direction: 'out', text: 'STOP' }]);
    expect(seen).toBe(turns);
  });

  it.each([
    ['START alone', { text: 'START' }, 1],
    ['START as a caption', { image: { caption: 'start' } }, 1],
    ['START and UNSTOP', { text: 'START', image: { caption: 'UNSTOP' } }, 1],
    ['START beside other words', { text: 'START', image: { caption: 'my car' } }, 0],
    ['other words beside START', { text: 'my car', image: { caption: 'START' } }, 0],
    ['a keyword', { sms: { keyword: 'START' } }, 0],
  ])('opts in only with nothing but opt-in words: %s', async (_name, members, optIns) => {
    const { postJson, changes } = startReceiver({ jwt });
    const body = {
      message_uuid: 'u',
      from: '15551230001',
      to: '1',
      timestamp: '2026-01-01T00:00:00Z',
      ...members,
    };
    expect((await postJson(body, { authorization: tokenOf(body) })).status).toBe(200);
    expect(changes.filter(({ direction }) => direction === 'in')).toHaveLength(optIns);
  });
});
