/** How the provider signs: the `sig` parameter and the Messages API's token, written from its documentation. */

import { createHash, createHmac, randomUUID } from 'node:crypto';

/** The account's signing method. */
export type SigMethod = 'md5hash' | 'md5' | 'sha1' | 'sha256' | 'sha512';

/** @returns the `sig` of the parameters, hex in lower case. */
export function makeSig(
  parameters: Readonly<Record<string, string>>,
  secret: string,
  method: SigMethod,
): string {
  let text = '';
  for (const name of Object.keys(parameters).toSorted()) {
    if (name !== 'sig') text += `&${name}=${(parameters[name] ?? '').replace(/[&=]/g, '_')}`;
  }
  if (method !== 'md5hash') return createHmac(method, secret).update(text).digest('hex');
  return createHash('md5')
    .update(text + secret)
    .digest('hex');
}

/** @returns a token over the body, signed with HS256. `iat` in seconds. */
export function makeToken(
  body: string,
  secret: string,
  { apiKey, iat }: { apiKey: string; iat: number },
): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = {
    iat,
    jti: randomUUID(),
    iss: 'Vonage',
    api_key: apiKey,
    payload_hash: createHash('sha256').update(body).digest('hex'),
  };
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}
