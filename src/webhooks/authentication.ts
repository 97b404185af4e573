/**
 * Who sent a webhook: how far it is believed, by the account's signature secrets. It says nothing about the content of
 * the webhook, and nothing about its age.
 */

import { WebhookError } from '../errors.ts';
import { isAmbiguous } from './payload.ts';
import type { Parameters, Trust, WebhookRequest } from './request.ts';
import { checkToken, isSigned, signedText, type SignatureMethod } from './signature.ts';

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

  function bySig(parameters: Parameters): Trust | 'ambiguous' | undefined {
    if (signature === undefined || !parameters.values.has('sig')) return undefined;
    if (!isSigned(parameters, signature.secret, signature.method)) {
      throw unauthorized('the signature is wrong');
    }
    return trustInNumbers(parameters);
  }

  return async (request, parameters) => {
    const isOnce = !isAmbiguous(parameters);
    const sigTrust = isOnce ? bySig(parameters) : undefined;
    const token = isOnce ? bearerToken(request.headers['authorization']) : undefined;
    if (jwt && token !== undefined) {
      const { trust, tokenId } = await byToken(token, jwt.secret, request, parameters);
      return { trust: sigTrust === 'proven' ? 'proven' : trust, tokenId };
    }
    if (sigTrust === 'proven' || sigTrust === 'block') return { trust: sigTrust };
    if (unsigned === 'block_only') return { trust: 'block' };
    if (!isOnce) throw unauthorized('the webhook counts as unsigned: it has a parameter twice');
    if (sigTrust === 'ambiguous') {
      throw unauthorized('the webhook counts as unsigned: its numbers contain & or =, which sig takes for _');
    }
    if (token !== undefined) {
      throw unauthorized('the webhook is signed by a Bearer token (jwt), and only signature is configured');
    }
    if (parameters.values.has('sig')) {
      throw unauthorized(
        'the webhook is signed by the parameter sig (signature), and only jwt is configured',
      );
    }
    throw unauthorized('the webhook is not signed');
  };
}

/**
 * How far a right `sig` proves who is meant. `&`, `=` and `_` in a value give the same signature, so that a captured
 * request could name another number or another of our senders: with `&` or `=` it counts as unsigned. `_` may have
 * been one of them, and is in the names of some senders: such a request may block, and proves no opt-in.
 */
function trustInNumbers({ values }: Parameters): Trust | 'ambiguous' {
  const numbers = ['msisdn', 'to', 'from'].map((name) => signedText(values.get(name))).join();
  if (/[&=]/.test(numbers)) return 'ambiguous';
  return numbers.includes('_') ? 'block' : 'proven';
}

function bearerToken(header: string | readonly string[] | undefined): string | undefined {
  const [value] = [header].flat();
  return /^Bearer +(\S+)\s*$/i.exec(value ?? '')?.[1];
}

/** The body as it came, or as a parser's result is written again. */
function bytesOf({ body, parsedBody }: WebhookRequest): Uint8Array | undefined {
  if (body !== undefined) return body;
  if (typeof parsedBody === 'string') return Buffer.from(parsedBody);
  try {
    return Buffer.from(JSON.stringify(parsedBody));
  } catch {
    // Nothing that could be written.
    return undefined;
  }
}

const unauthorized = (reason: string) => new WebhookError('webhook_unauthorized', 401, reason);
