/** The provider's signatures, by its documentation: the `sig` parameter and the token of the Messages API. */

import { createHash, createHmac, randomUUID } from 'node:crypto';

/** The account's signature method: `md5hash` is an MD5 with the secret appended, the others are HMACs. */
export type SigMethod = 'md5hash' | 'md5' | 'sha1' | 'sha256' | 'sha512';

/** Returns the `sig` of the parameters, hex in lower case. */
export function makeSig(
  parameters: Readonly<Record<string, string>>,
  secret: string,
  method: SigMethod,
): string {
  let signedText = '';
  for (const name of Object.keys(parameters).toSorted()) {
    if (name !== 'sig') signedText += `&${name}=${(parameters[name] ?? '').replace(/[&=]/g, '_')}`;
  }
  if (method !== 'md5hash') return createHmac(method, secret).update(signedText).digest('hex');
  return createHash('md5')
    .update(signedText + secret)
    .digest('hex');
}

/** Returns a token for the body, signed with HS256. `iat` is in seconds. */
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
