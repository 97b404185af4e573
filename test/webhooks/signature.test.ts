/** Signatures by the provider's rules, compared with those of an independent signer. */

import { createHash } from 'node:crypto';
import { CompactSign } from 'jose';
import { describe, expect, it } from 'vitest';
import { makeSig } from '../../src/testing/simulator/signing.ts';
import { checkToken, isSigned, SIGNATURE_METHODS, signedText } from '../../src/webhooks/signature.ts';

const secret = 'test-signature-secret';
const asParameters = (values: object) => ({
  from: 'json' as const,
  values: new Map<string, unknown>(Object.entries(values)),
  repeated: new Set<string>(),
});
const isAccepted = (values: object, secrets: readonly string[] = [secret]) =>
  isSigned(asParameters(values), secrets, 'sha256');
const sigOf = (parameters: Record<string, string>) => makeSig(parameters, secret, 'sha256');

describe('sig', () => {
  const base = { msisdn: '15551230001', to: '73737', text: 'STOP' };
  const blanks = { ...base, empty: '', none: '', space: ' ', lines: '\r\n\t' };
  const { empty, none, space, lines, ...bare } = blanks;

  it.each<[string, Record<string, string>, boolean]>([
    ['all parameters', blanks, true],
    ['those that are not empty', { ...bare, space, lines }, true],
    ['those that are not blank', bare, true],
    ['some of the empty ones', { ...bare, space, lines, empty }, false],
    ['the empty ones without the blank ones', { ...bare, empty, none }, false],
    ['some of the blank ones', { ...bare, space }, false],
    ['some of both', { ...bare, empty, lines }, false],
    ['fewer than those with a value', { msisdn: base.msisdn, to: base.to }, false],
    ['another value', { ...blanks, text: 'START' }, false],
    ['a blank value as another', { ...blanks, space: '  ' }, false],
  ])('is accepted or refused over %s', (_name, parameters, expected) => {
    expect(isAccepted({ ...blanks, sig: sigOf(parameters) })).toBe(expected);
    expect(isAccepted({ sig: sigOf(parameters), ...blanks })).toBe(expected);
  });

  it.each<[string, unknown, string]>([
    ['a number', 15_551_230_001, '15551230001'],
    ['a fraction', 0.5, '0.5'],
    ['true', true, 'true'],
    ['false', false, 'false'],
    ['an object', { a: 'b', c: [1] }, '{"a":"b","c":[1]}'],
    ['a list', [{ a: 1 }], '[{"a":1}]'],
    ['a text in quotes', '"x"', '"x"'],
    ['an object with separators', { a: 'b&c=d' }, '{"a":"b&c=d"}'],
    ['null', null, ''],
    ['nothing', undefined, ''],
  ])('covers %s as text', (_name, value, text) => {
    expect(signedText(value)).toBe(text);
    expect(isAccepted({ ...base, value, sig: sigOf({ ...base, value: text }) })).toBe(true);
    expect(isAccepted({ ...base, value, sig: sigOf({ ...base, value: `${text}x` }) })).toBe(false);
    if (text !== '') expect(isAccepted({ ...base, value, sig: sigOf({ ...base, value: '' }) })).toBe(false);
  });

  it.each(['md5hash', 'md5', 'sha1', 'sha256', 'sha512'] as const)(
    'is verified by the method %s',
    (method) => {
      const parameters = asParameters({ ...base, sig: makeSig(base, secret, method) });
      for (const other of SIGNATURE_METHODS) {
        expect(isSigned(parameters, [secret], other)).toBe(other === method);
      }
      expect(SIGNATURE_METHODS).toContain(method);
    },
  );

  it.each([5, true, null, undefined, {}, { toLowerCase: 'x' }, [sigOf(base)], ''])(
    'is refused if it is no hex text: %j',
    (sig) => {
      expect(isAccepted({ ...base, sig })).toBe(false);
    },
  );

  it('is refused beside a value that cannot be serialised', () => {
    const circular: unknown[] = [];
    circular.push(circular);
    for (const value of ['', '[]']) {
      expect(isAccepted({ ...base, circular, sig: sigOf({ ...base, circular: value }) })).toBe(false);
    }
    expect(isAccepted({ ...base, circular, sig: sigOf(base) })).toBe(false);
  });

  it('sorts names by their code units', () => {
    const parameters = { b: '1', B: '2', 'a-b': '3', a_b: '4', ab: '5', é: '6', a: '7' };
    expect(isAccepted({ sig: sigOf(parameters), ...parameters })).toBe(true);
  });

  it('is the same for &, = and _ in a value, and is refused if a name has & or =', () => {
    const sig = sigOf({ ...base, text: 'a_b' });
    for (const text of ['a_b', 'a&b', 'a=b']) expect(isAccepted({ ...base, text, sig })).toBe(true);
    for (const name of ['text&', '=', 'a=b&c']) {
      expect(isAccepted({ ...base, [name]: 'x', sig: sigOf({ ...base, [name]: 'x' }) })).toBe(false);
    }
    expect(isAccepted({ ...base, a_b: 'x', sig: sigOf({ ...base, a_b: 'x' }) })).toBe(true);
  });

  it('is accepted with each of several secrets', () => {
    const sig = sigOf(base).toUpperCase();
    expect(isAccepted({ ...base, sig }, [secret, 'b'])).toBe(true);
    expect(isAccepted({ ...base, sig }, ['a', secret])).toBe(true);
    expect(isAccepted({ ...base, sig }, ['a', 'b'])).toBe(false);
    expect(isAccepted({ ...base, sig: sig.slice(1) })).toBe(false);
  });
});

describe('a token', () => {
  const body = Buffer.from('{"text":"STOP"}');
  const hash = createHash('sha256').update(body).digest('hex');
  const bytes = (text: string) => new TextEncoder().encode(text);
  const make = (claims: unknown, { alg = 'HS256', key = secret }: { alg?: string; key?: string } = {}) =>
    new CompactSign(bytes(typeof claims === 'string' ? claims : JSON.stringify(claims)))
      .setProtectedHeader({ alg })
      .sign(bytes(key));
  const wrong = { status: 'wrong', body: 'unknown' };

  it('is accepted with the hash of the body', async () => {
    expect(await checkToken(await make({ payload_hash: hash, jti: 'j' }), [secret], body)).toEqual({
      ...{ status: 'signed', body: 'matches', id: 'j' },
    });
    const upper = await make({ payload_hash: hash.toUpperCase() });
    expect(await checkToken(upper, [secret], body)).toEqual({
      status: 'signed',
      body: 'matches',
      id: undefined,
    });
  });

  it.each([['HS384'], ['HS512']])(
    'is refused with the algorithm %s, even if the secret is right',
    async (alg) => {
      const key = secret.repeat(4);
      expect(await checkToken(await make({ payload_hash: hash }, { alg, key }), [key], body)).toEqual(wrong);
      expect(await checkToken(await make({ payload_hash: hash }, { key }), [key], body)).toMatchObject({
        status: 'signed',
      });
    },
  );

  it('is refused without a signature', async () => {
    const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    for (const alg of ['none', 'HS256']) {
      const token = `${part({ alg })}.${part({ payload_hash: hash })}.`;
      expect(await checkToken(token, [secret], body)).toEqual(wrong);
    }
  });

  it.each(['', 'x', 'a.b.c', '..'])('is refused if it is malformed: %j', async (token) => {
    expect(await checkToken(token, [secret], body)).toEqual(wrong);
  });

  it('is accepted with each of several secrets', async () => {
    const token = await make({ payload_hash: hash });
    for (const secrets of [
      [secret, 'b'],
      ['a', secret],
    ]) {
      expect((await checkToken(token, secrets, body)).body).toBe('matches');
    }
    expect(await checkToken(token, ['a', 'b'], body)).toEqual(wrong);
  });

  it.each<[string, unknown, object]>([
    ['null', null, wrong],
    ['a list', [hash], wrong],
    ['a text', '"claims"', wrong],
    ['a number', 5, wrong],
    ['no JSON', '{', wrong],
    ['no hash', { jti: 'j' }, { status: 'signed', body: 'unknown', id: 'j' }],
    ['a hash that is no text', { payload_hash: 5 }, { status: 'signed', body: 'unknown' }],
    [
      'an id that is no text',
      { payload_hash: hash, jti: 5 },
      { status: 'signed', body: 'matches', id: undefined },
    ],
    ['another hash', { payload_hash: 'x' }, { status: 'signed', body: 'differs' }],
    [
      'the hash of another body',
      { payload_hash: hash.replace(/./, 'g') },
      { status: 'signed', body: 'differs' },
    ],
  ])('proves what its claims allow: %s', async (_name, claims, proof) => {
    expect(await checkToken(await make(claims), [secret], body)).toMatchObject(proof);
  });

  it.each([undefined, Buffer.alloc(0)])('proves nothing about an empty body: %j', async (none) => {
    const emptyHash = createHash('sha256').digest('hex');
    expect(await checkToken(await make({ payload_hash: emptyHash }), [secret], none)).toMatchObject({
      ...{ status: 'signed', body: 'unknown' },
    });
  });
});
