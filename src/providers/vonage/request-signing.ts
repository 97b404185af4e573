/** Signs requests: a `sig` parameter replaces the `api_secret`. Pure. */

import { createHash, createHmac } from 'node:crypto';

/** How a request is signed. `md5hash`: MD5 of the string followed by the secret. The others: HMAC with the secret. */
export type SigningMethod = 'md5hash' | 'md5' | 'sha1' | 'sha256' | 'sha512';

export const SIGNING_METHODS: readonly SigningMethod[] = ['md5hash', 'md5', 'sha1', 'sha256', 'sha512'];

/**
 * Returns the `sig` of these parameters, hex. The signed string has the parameters sorted by key, each as `&key=value`,
 * with `&` and `=` in a value replaced by `_`.
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
