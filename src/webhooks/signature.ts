/**
 * Verifies the signatures of the provider: the `sig` parameter of the SMS API and the signed token of the Messages API.
 * Pure. The age of a message is not checked here; see `replayWindow`.
 */

import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { compactVerify } from 'jose';
import { isRecord } from '../options/fields.ts';
import type { Parameters } from './request.ts';

/** How `sig` is computed: `md5hash` is the MD5 of the string and the secret after it, the others are HMACs. */
export type SignatureMethod = 'md5hash' | 'md5' | 'sha1' | 'sha256' | 'sha512';

export const SIGNATURE_METHODS: readonly SignatureMethod[] = ['md5hash', 'md5', 'sha1', 'sha256', 'sha512'];

/**
 * Returns whether `sig` is the signature of the parameters with one of the secrets.
 *
 * The signed string consists of all parameters but `sig`, sorted by name and joined as `&name=value`, where each `&`
 * and `=` in a value is replaced by `_`. Some senders leave out parameters with empty values, the Java SDK also those
 * with blank values, others leave out none. These three are accepted, and hex in upper and lower case.
 */
export function isSigned(
  { values }: Parameters,
  secrets: readonly string[],
  method: SignatureMethod,
): boolean {
  const sig = values.get('sig');
  // A name with a separator could contain other parameters: the signed string would be the same.
  if (typeof sig !== 'string' || [...values.keys()].some((name) => /[&=]/.test(name))) return false;
  const texts = signedTexts(values);
  let isMatch = false;
  for (const secret of secrets) {
    for (const text of texts) isMatch = isSame(digest(text, secret, method), sig.toLowerCase()) || isMatch;
  }
  return isMatch;
}

/** Returns the strings that a sender may have signed; none if a value cannot be serialised. */
function signedTexts(values: ReadonlyMap<string, unknown>): ReadonlySet<string> {
  try {
    const pairs = [...values]
      .filter(([name]) => name !== 'sig')
      .map(([name, value]) => [name, signedText(value)] as const)
      .toSorted(([a], [b]) => (a < b ? -1 : 1));
    const filters = [
      () => true,
      ([, value]: readonly [string, string]) => value !== '',
      ([, value]: readonly [string, string]) => value.trim() !== '',
    ];
    return new Set(
      filters.map((isIncluded) =>
        pairs
          .filter(isIncluded)
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
 * Returns a value as it is signed. Values of JSON bodies are signed as strings.
 *
 * @throws RangeError for a value that is nested too deeply to be serialised.
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

/** The result of a token's verification. */
export interface TokenProof {
  /** `wrong`: it is not signed with one of the secrets. */
  readonly status: 'signed' | 'wrong';
  /** Whether the token's hash is that of the body; `unknown` if one of them is missing. */
  readonly body: 'matches' | 'differs' | 'unknown';
  /** The token's `jti`. */
  readonly id?: string | undefined;
}

/** Verifies a token (HS256) and compares its `payload_hash` with the body. Never rejects. */
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
      // Try the next secret.
    }
  }
  return { status: 'wrong', body: 'unknown' };
}

function compareBody(body: Uint8Array | undefined, hash: unknown): TokenProof['body'] {
  if (body === undefined || body.length === 0 || typeof hash !== 'string') return 'unknown';
  return isSame(createHash('sha256').update(body).digest('hex'), hash.toLowerCase()) ? 'matches' : 'differs';
}
