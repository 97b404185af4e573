/** Joins the parts of long messages: in memory, for ten minutes, for a bounded number of messages. */

import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock.ts';
import type { MessagePart } from './payload.ts';

const KEPT_MS = 600_000;
const MAX_MESSAGES = 1_000;
const MAX_PARTS = 16;
/** How many characters of a part are kept; an SMS has 160. */
const MAX_PART_LENGTH = 400;

export interface PartJoiner {
  /**
   * Adds a part. `scope` distinguishes messages of different people.
   *
   * @returns the texts that are complete now, counted from 1 and counted from 0: none, one or both.
   * Messages of more than 16 parts are not joined.
   */
  add(scope: readonly unknown[], part: MessagePart): readonly string[];
}

/** Creates an empty joiner. */
export function createPartJoiner(clock: Clock): PartJoiner {
  const messages = new LRUCache<string, { since: number; texts: Map<number, string> }>({
    max: MAX_MESSAGES,
  });
  return {
    add(scope, { text, ref, total, index }) {
      if (total > MAX_PARTS) return [];
      // A key of fixed size: the sender of the webhook chooses how long its parts are.
      const key = createHash('sha256')
        .update(JSON.stringify([...scope, ref, total]))
        .digest('base64url');
      const now = clock.monotonic();
      const known = messages.get(key);
      const { since, texts } =
        known !== undefined && now - known.since <= KEPT_MS ? known : { since: now, texts: new Map() };
      // A copy: a slice would keep the whole request in memory.
      texts.set(index, Buffer.from(text.slice(0, MAX_PART_LENGTH)).toString());
      messages.set(key, { since, texts });
      return [1, 0].flatMap((first) => joinParts(texts, first, total));
    },
  };
}

/** Returns the text of the `total` parts from `first` on; nothing if one of them is missing. */
function joinParts(texts: ReadonlyMap<number, string>, first: number, total: number): readonly string[] {
  const parts = Array.from({ length: total }, (_, index) => texts.get(first + index));
  return parts.includes(undefined) ? [] : [parts.join('')];
}
