/** Parts of long messages, joined as well as can be: in memory, for ten minutes, a bounded number of them. */

import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock.ts';
import type { MessagePart } from './payload.ts';

const KEPT_MS = 600_000;
const MOST_MESSAGES = 1_000;
const MOST_PARTS = 16;
/** Characters kept of a part; an SMS has 160. */
const LONGEST_PART = 400;

export interface PartJoiner {
  /**
   * Adds a part. `scope` tells messages of different people apart.
   *
   * @returns each whole text that this part completes: counted from 1, counted from 0, or none.
   */
  add(scope: readonly unknown[], part: MessagePart): readonly string[];
}

/** Creates an empty joiner. */
export function createPartJoiner(clock: Clock): PartJoiner {
  const messages = new LRUCache<string, { since: number; texts: Map<number, string> }>({
    max: MOST_MESSAGES,
  });
  return {
    add(scope, { text, ref, total, index }) {
      if (total > MOST_PARTS) return [];
      // A key of one size: a stranger may choose how long its parts are.
      const key = createHash('sha256')
        .update(JSON.stringify([...scope, ref, total]))
        .digest('base64url');
      const now = clock.monotonic();
      const known = messages.get(key);
      const { since, texts } =
        known !== undefined && now - known.since <= KEPT_MS ? known : { since: now, texts: new Map() };
      // A copy: a slice would keep the whole request alive.
      texts.set(index, Buffer.from(text.slice(0, LONGEST_PART)).toString());
      messages.set(key, { since, texts });
      return [1, 0].flatMap((first) => joined(texts, first, total));
    },
  };
}

/** The text of `total` parts, where all of them are there. */
function joined(texts: ReadonlyMap<number, string>, first: number, total: number): readonly string[] {
  const parts = Array.from({ length: total }, (_, place) => texts.get(first + place));
  return parts.includes(undefined) ? [] : [parts.join('')];
}
