/**
 * Who speaks: how far a webhook is to be believed, by the account's signature secrets. It says nothing about what
 * is told, and nothing about its age.
 */

import { WebhookError } from '../errors.ts';
import type { Parameters } from './parameters.ts';
import { isAmbiguous } from './payload.ts';
import type { WebhookRequest } from './receiver.ts';
import { checkToken, isSigned, type SignatureMethod } from './signature.ts';

/** `proven`: it comes from the provider. `block`: believed where it blocks, not where it unblocks. */
export type Trust = 'proven' | 'block';

/** What was found about a request. `tokenId` is the id of its token, where it has one. */
export interface Authenticity {
  readonly trust: Trust;
  readonly tokenId?: string | undefined;
}

export interface AuthenticatorOptions {
  readonly signature: { readonly secret: readonly string[]; readonly method: SignatureMethod } | undefined;
  readonly jwt: { readonly secret: readonly string[] } | undefined;
  readonly unsigned: 'reject' | 'block_only';
}

/**
 * Creates the check. It rejects with a WebhookError where a signature is wrong, or missing and needed.
 *
 * @param onBodyMismatch told where a token's hash does not fit a body that a parser has read before us.
 */
export function createAuthenticator(
  { signature, jwt, unsigned }: AuthenticatorOptions,
  onBodyMismatch: () => void,
): (request: WebhookRequest, parameters: Parameters) => Promise<Authenticity> {
  async function byToken(
    token: string,
    secret: readonly string[],
    request: WebhookRequest,
    { from }: Parameters,
  ): Promise<Authenticity> {
    // A token covers the body; what a query tells is not covered by it.
    const covered = from === 'query' ? undefined : bytesOf(request);
    const proof = await checkToken(token, secret, covered);
    if (proof.status === 'wrong') throw unauthorized('the signature is wrong');
    const tokenId = proof.id;
    if (proof.body === 'fits') return { trust: 'proven', tokenId };
    if (from === 'parsed') onBodyMismatch();
    // A token made for other bytes than those that came is a captured one.
    else if (proof.body === 'differs') throw unauthorized('the signature is wrong');
    return { trust: 'block', tokenId };
  }

  return async (request, parameters) => {
    const isOnce = !isAmbiguous(parameters);
    const isProvenBySig = signature !== undefined && isOnce && parameters.values.has('sig');
    if (isProvenBySig && !isSigned(parameters, signature.secret, signature.method)) {
      throw unauthorized('the signature is wrong');
    }
    const token = jwt && isOnce ? bearerToken(request.headers['authorization']) : undefined;
    if (jwt && token !== undefined) {
      const { trust, tokenId } = await byToken(token, jwt.secret, request, parameters);
      return { trust: isProvenBySig ? 'proven' : trust, tokenId };
    }
    if (isProvenBySig) return { trust: 'proven' };
    if (unsigned === 'block_only') return { trust: 'block' };
    throw unauthorized('the webhook is not signed');
  };
}

function bearerToken(header: string | readonly string[] | undefined): string | undefined {
  const [value] = [header].flat();
  return /^Bearer +(\S+)\s*$/i.exec(value ?? '')?.[1];
}

/** The body as it came, or as a parser's result is written again. */
function bytesOf({ body, parsedBody }: WebhookRequest): Uint8Array | undefined {
  if (body !== undefined && body.length > 0) return body;
  if (typeof parsedBody === 'string') return Buffer.from(parsedBody);
  try {
    return Buffer.from(JSON.stringify(parsedBody));
  } catch {
    // Nothing that could be written.
    return undefined;
  }
}

const unauthorized = (reason: string) => new WebhookError('webhook_unauthorized', 401, reason);
