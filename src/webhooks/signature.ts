/**
 * Whether a request comes from the provider: the SMS API's `sig` parameter, the Messages API's signed token. Pure.
 * It looks at authenticity alone; how old a message may be is decided by what it says.
 */

import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { compactVerify } from 'jose';
import { isRecord } from '../options/fields.ts';
import type { Parameters } from './request.ts';

/** How `sig` is made: MD5 of the string with the secret behind it, or an HMAC. */
export type SignatureMethod = 'md5hash' | 'md5' | 'sha1' | 'sha256' | 'sha512';

export const SIGNATURE_METHODS: readonly SignatureMethod[] = ['md5hash', 'md5', 'sha1', 'sha256', 'sha512'];

/**
 * Whether `sig` fits the parameters under one of the secrets.
 *
 * The string that is signed: without `sig`, sorted by name, each `&` and `=` in a value replaced by `_`, joined as
 * `&name=value`. Some senders leave out parameters with empty values, the Java SDK also those with blank ones, others
 * none: these three are accepted, and hex in either letter case.
 */
export function isSigned(
  { values }: Parameters,
  secrets: readonly string[],
  method: SignatureMethod,
): boolean {
  const given = values.get('sig');
  // A name with a separator could swallow its neighbours and still give the same string.
  if (typeof given !== 'string' || [...values.keys()].some((name) => /[&=]/.test(name))) return false;
  const texts = signedTexts(values);
  let isFit = false;
  for (const secret of secrets) {
    for (const text of texts) isFit = isSame(digest(text, secret, method), given.toLowerCase()) || isFit;
  }
  return isFit;
}

/** Every string that a sender may have signed; none for values that cannot be written. */
function signedTexts(values: ReadonlyMap<string, unknown>): ReadonlySet<string> {
  try {
    const pairs = [...values]
      .filter(([name]) => name !== 'sig')
      .map(([name, value]) => [name, signedText(value)] as const)
      .toSorted(([a], [b]) => (a < b ? -1 : 1));
    const isKept = [
      () => true,
      ([, value]: readonly [string, string]) => value !== '',
      ([, value]: readonly [string, string]) => value.trim() !== '',
    ];
    return new Set(
      isKept.map((test) =>
        pairs
          .filter(test)
          .map(([name, value]) => `&${name}=${value.replaceAll(/[&=]/g, '_')}`)
          .join(''),
      ),
    );
  } catch {
    return new Set();
  }
}

function digest(text: string, secret: string, method: SignatureMethod): string {
  return method === 'md5hash'
    ? createHash('md5')
        .update(text + secret)
        .digest('hex')
    : createHmac(method, secret).update(text).digest('hex');
}

/**
 * A value as it is signed: those of JSON bodies as strings.
 *
 * @throws RangeError for what is nested too deeply to be written.
 */
export function signedText(value: unknown): string {
  if (typeof value === 'string') return value;
  return value === undefined || value === null ? '' : JSON.stringify(value);
}

/** Compares in constant time. */
function isSame(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

/** What a token proves. */
export interface TokenProof {
  /** `wrong`: not made with one of the secrets. */
  readonly status: 'signed' | 'wrong';
  /** Whether the token's hash is that of the body; `unknown` where one of them is missing. */
  readonly body: 'fits' | 'differs' | 'unknown';
  readonly id?: string | undefined;
}

/** Checks a token of HS256 and compares its `payload_hash` with the body. Never rejects. */
export async function checkToken(
  token: string,
  secrets: readonly string[],
  body: Uint8Array | undefined,
): Promise<TokenProof> {
  for (const secret of secrets) {
    try {
      const { payload } = await compactVerify(token, new TextEncoder().encode(secret), {
        algorithms: ['HS256'],
      });
      const claims: unknown = JSON.parse(new TextDecoder().decode(payload));
      if (!isRecord(claims)) break;
      const { payload_hash: hash, jti } = claims;
      const id = typeof jti === 'string' ? jti : undefined;
      return { status: 'signed', body: compareBody(body, hash), id };
    } catch {
      // The next secret may fit.
    }
  }
  return { status: 'wrong', body: 'unknown' };
}

function compareBody(body: Uint8Array | undefined, hash: unknown): TokenProof['body'] {
  if (body === undefined || body.length === 0 || typeof hash !== 'string') return 'unknown';
  return isSame(createHash('sha256').update(body).digest('hex'), hash.toLowerCase()) ? 'fits' : 'differs';
}
