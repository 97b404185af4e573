/** Signed requests: the `sig` parameter instead of the api_secret. Pure. */

import { createHash, createHmac } from 'node:crypto';

/** How a request is signed: MD5 of the string with the secret behind it, or an HMAC. */
export type SigningMethod = 'md5hash' | 'md5' | 'sha1' | 'sha256' | 'sha512';

export const SIGNING_METHODS: readonly SigningMethod[] = ['md5hash', 'md5', 'sha1', 'sha256', 'sha512'];

/**
 * The `sig` of these parameters, hex: sorted by key, each `&` and `=` in a value replaced by `_`, joined as
 * `&key=value`.
 */
export function signParameters(
  parameters: Readonly<Record<string, string>>,
  { secret, method }: { readonly secret: string; readonly method: SigningMethod },
): string {
  const text = Object.entries(parameters)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `&${key}=${value.replaceAll(/[&=]/g, '_')}`)
    .join('');
  return method === 'md5hash'
    ? createHash('md5')
        .update(text + secret)
        .digest('hex')
    : createHmac(method, secret).update(text).digest('hex');
}
