/** Whether an opt-out word stands alone: as a whole message, sentence or clause, repeated or with a number. Pure. */

import type { Span } from './phrase.ts';
import { lengthAt, type Words, type WordTable } from './vocabulary.ts';

/** Words between two opt-out words: `stop to cancel`, `stop and unsubscribe`. */
const CONNECTORS = new Set(['to', '2', 'and', 'or', 'then', 'et', 'y', 'e', 'u', 'n']);
/** Words before a number that names the sender: `stop au 36180`. */
const TARGETS = new Set(['au', 'to', 'al', 'a', 'at', 'from']);

/**
 * Returns the span from an index to an end that is nothing but opt-out words; `undefined` if there is another word.
 * Ignored words between them do not count.
 */
export function aloneFrom(
  words: Words,
  from: number,
  to: number,
  { table, isIgnored }: { readonly table: WordTable; readonly isIgnored: readonly boolean[] },
): Span | undefined {
  let index = from;
  let first: number | undefined;
  let last: number | undefined;
  while (index < to) {
    const length = lengthAt(table, words, index);
    if (length > 0) {
      first ??= index;
      last = index + length;
    } else if (first !== undefined && last !== undefined && isTarget(words, index, to)) {
      return { from: first, to: last };
    } else if (isIgnored[index] !== true && !(last !== undefined && CONNECTORS.has(words[index] as string))) {
      return undefined;
    }
    index += Math.max(1, length);
  }
  return first !== undefined && last !== undefined && !endsWithConnector(words, last, to, isIgnored)
    ? { from: first, to: last }
    : undefined;
}

/** Whether the rest is a number, such as the one from which the person wants no more messages. */
function isTarget(words: Words, index: number, to: number): boolean {
  const number = TARGETS.has(words[index] as string) ? index + 1 : index;
  return number < to && words.slice(number, to).every((word) => /^\p{Nd}+$/u.test(word));
}

/** Whether a word that connects is left at the end, as in `stop to`. */
function endsWithConnector(words: Words, last: number, to: number, isIgnored: readonly boolean[]): boolean {
  return words
    .slice(last, to)
    .some((word, offset) => CONNECTORS.has(word) && isIgnored[last + offset] !== true);
}
