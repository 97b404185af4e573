/**
 * Decides how far the sender of a webhook is trusted, by the account's signature secrets. The content of the webhook
 * and its age are not considered here.
 */

import { WebhookError } from '../errors.ts';
import { isAmbiguous } from './payload.ts';
import type { Parameters, Trust, WebhookRequest } from './request.ts';
import { checkToken, isSigned, signedText, type SignatureMethod } from './signature.ts';

/** How far a request is trusted. `tokenId` is the id of its token, if it has one. */
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
 * Creates a function that authenticates requests. It rejects with a WebhookError if a signature is wrong, or if it is
 * missing and `unsigned` is `reject`.
 *
 * @param onBodyMismatch called if a token's hash does not match a body that a body parser has read before.
 */
export function createAuthenticator(
  { signature, jwt, unsigned }: AuthenticatorOptions,
  onBodyMismatch: () => void,
): (request: WebhookRequest, parameters: Parameters) => Promise<Authenticity> {
  async function authenticateToken(
    token: string,
    secrets: readonly string[],
    request: WebhookRequest,
    { from }: Parameters,
  ): Promise<Authenticity> {
    // A token covers the body. It does not cover the parameters of a query.
    const coveredBytes = from === 'query' ? undefined : bytesOf(request);
    const proof = await checkToken(token, secrets, coveredBytes);
    if (proof.status === 'wrong') throw unauthorizedError('the signature is wrong');
    const tokenId = proof.id;
    if (proof.body === 'matches') return { trust: 'proven', tokenId };
    if (from === 'parsed') onBodyMismatch();
    // A token that was made for other bytes was captured and replayed.
    else if (proof.body === 'differs') throw unauthorizedError('the signature is wrong');
    return { trust: 'block_only', tokenId };
  }

  function authenticateSig(parameters: Parameters): Trust | 'ambiguous' | undefined {
    if (signature === undefined || !parameters.values.has('sig')) return undefined;
    if (!isSigned(parameters, signature.secret, signature.method)) {
      throw unauthorizedError('the signature is wrong');
    }
    return trustInNumbers(parameters);
  }

  return async (request, parameters) => {
    const isUnique = !isAmbiguous(parameters);
    const sigTrust = isUnique ? authenticateSig(parameters) : undefined;
    const token = isUnique ? bearerToken(request.headers['authorization']) : undefined;
    if (jwt && token !== undefined) {
      const { trust, tokenId } = await authenticateToken(token, jwt.secret, request, parameters);
      return { trust: sigTrust === 'proven' ? 'proven' : trust, tokenId };
    }
    if (sigTrust === 'proven' || sigTrust === 'block_only') return { trust: sigTrust };
    if (unsigned === 'block_only') return { trust: 'block_only' };
    if (!isUnique) throw unauthorizedError('the webhook counts as unsigned: it has a parameter twice');
    if (sigTrust === 'ambiguous') {
      throw unauthorizedError(
        'the webhook counts as unsigned: its numbers contain & or =, which sig takes for _',
      );
    }
    if (token !== undefined) {
      throw unauthorizedError(
        'the webhook is signed by a Bearer token (jwt), and only signature is configured',
      );
    }
    if (parameters.values.has('sig')) {
      throw unauthorizedError(
        'the webhook is signed by the parameter sig (signature), and only jwt is configured',
      );
    }
    throw unauthorizedError('the webhook is not signed');
  };
}

/**
 * Returns how far a correct `sig` proves the numbers of a request. `&`, `=` and `_` in a value give the same signature,
 * so that a captured request could be changed to name another number or another of our senders. A request with `&` or
 * `=` in its numbers counts as unsigned. A `_` may have been one of them, but some sender ids contain it: such a
 * request may block, and proves no opt-in.
 */
function trustInNumbers({ values }: Parameters): Trust | 'ambiguous' {
  const numbers = ['msisdn', 'to', 'from'].map((name) => signedText(values.get(name))).join();
  if (/[&=]/.test(numbers)) return 'ambiguous';
  return numbers.includes('_') ? 'block_only' : 'proven';
}

function bearerToken(header: string | readonly string[] | undefined): string | undefined {
  const [value] = [header].flat();
  return /^Bearer +(\S+)\s*$/i.exec(value ?? '')?.[1];
}

/** Returns the body as it arrived, or the parsed body serialised again. */
function bytesOf({ body, parsedBody }: WebhookRequest): Uint8Array | undefined {
  if (body !== undefined) return body;
  if (typeof parsedBody === 'string') return Buffer.from(parsedBody);
  try {
    return Buffer.from(JSON.stringify(parsedBody));
  } catch {
    // The parsed body cannot be serialised.
    return undefined;
  }
}

const unauthorizedError = (reason: string) => new WebhookError('webhook_unauthorized', 401, reason);
