/**
 * Raw replies of this package's own providers, so that the rows of a long reply can be taken while it is parsed. All
 * other providers only offer pages: those that users write, and those whose `page` function was replaced.
 */

import type { PageRequest, Provider } from './provider.ts';
import type { Reply, ReplyHead } from './vonage/reply.ts';

/** A reply whose body is not parsed yet. */
export interface RawReply extends ReplyHead {
  /** UTF-8 text. */
  readonly body: Uint8Array;
  /** The provider's time when the reply came, ms UTC, from its `Date`. */
  readonly serverTime?: number | undefined;
}

/**
 * Requests a page and parses the raw reply with `parse`. If `parse` rejects, the error counts as one of the provider's
 * own parser: the request is retried if the error may pass.
 */
export type RequestRawPage = <T>(request: PageRequest, parse: (reply: RawReply) => Promise<T>) => Promise<T>;

const rawRequests = new WeakMap<Provider['page'], RequestRawPage>();

/** Offers the raw replies of the provider that has this `page` function. */
export function offerRawReplies(page: Provider['page'], requestRaw: RequestRawPage): void {
  rawRequests.set(page, requestRaw);
}

/** Returns the function that requests raw replies of a provider; `undefined` if it only offers pages. */
export function rawRequestOf({ page }: Provider): RequestRawPage | undefined {
  return rawRequests.get(page);
}

/** Returns the reply with its body as text. */
export function withTextBody({ body, ...reply }: RawReply): Reply {
  return { ...reply, body: Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8') };
}
