/**
 * Providers of this package whose replies can be read elsewhere than where they arrive. A provider of somebody else,
 * and one whose `page` was replaced, is none of them: it is asked for its pages.
 */

import type { PageRequest, Provider } from './provider.ts';
import type { Reply } from './vonage/reply.ts';

/** A reply whose body nobody has read yet. */
export interface RawReply extends Omit<Reply, 'body'> {
  /** Over a buffer that can be transferred. Before TypeScript 5.7 `Uint8Array` has no parameter that says so. */
  readonly body: ReturnType<typeof Uint8Array.of>;
  /** The provider's time when the reply came, ms UTC, from its `Date`. */
  readonly serverTime?: number | undefined;
}

/** Asks for a page and has the reply read; what `read` rejects with is treated as if it had been read here. */
export type AskForPage = <T>(request: PageRequest, read: (reply: RawReply) => Promise<T>) => Promise<T>;

const known = new WeakMap<Provider['page'], AskForPage>();

/** Lets replies be read elsewhere by whoever has the `page` function. */
export function offerReplies(page: Provider['page'], ask: AskForPage): void {
  known.set(page, ask);
}

/** How to ask for the replies of a provider; `undefined` where it has pages only. */
export function repliesOf({ page }: Provider): AskForPage | undefined {
  return known.get(page);
}

/** The reply with its body as text. */
export function inText({ body, ...reply }: RawReply): Reply {
  return { ...reply, body: Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8') };
}
