/** Parts of long messages, joined as well as can be: in memory, for ten minutes, a bounded number of them. */

import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock.ts';
import type { MessagePart } from './payload.ts';

const KEPT_MS = 600_000;
const MOST_MESSAGES = 1_000;
const MOST_PARTS = 16;
const LONGEST_PART = 1_000;

export interface PartJoiner {
  /** Adds a part. `scope` tells messages of different people apart. @returns the whole text once all parts are in. */
  add(scope: readonly unknown[], part: MessagePart): string | undefined;
}

export function createPartJoiner(clock: Clock): PartJoiner {
  const messages = new LRUCache<string, { since: number; texts: Map<number, string> }>({
    max: MOST_MESSAGES,
  });
  return {
    add(scope, { text, ref, total, index }) {
      if (total > MOST_PARTS) return undefined;
      const key = JSON.stringify([...scope, ref, total]);
      const now = clock.monotonic();
      const known = messages.get(key);
      const message =
        known !== undefined && now - known.since <= KEPT_MS ? known : { since: now, texts: new Map() };
      // A copy: a slice would keep the whole request alive.
      message.texts.set(index, Buffer.from(text.slice(0, LONGEST_PART)).toString());
      messages.set(key, message);
      if (message.texts.size < total) return undefined;
      return [...message.texts]
        .toSorted(([a], [b]) => a - b)
        .map(([, part]) => part)
        .join('');
    },
  };
}
