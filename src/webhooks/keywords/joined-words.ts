/** Splits a word that is several words written together, such as `stop2end` or `removeme`. Pure. */

/** The longest word that is split, letters; a longer one is drawn out or no word. */
const MAX_LENGTH = 40;

/**
 * Returns the words that a word consists of, fewest first; `undefined` if it is not two words or more of `parts`.
 * `parts` has no empty word.
 */
export function splitJoined(word: string, parts: ReadonlySet<string>): readonly string[] | undefined {
  if (word.length > MAX_LENGTH) return undefined;
  const longest = Math.max(0, ...[...parts].map((part) => part.length));
  /** The split of the first letters, by their number. */
  const splits: (readonly string[] | undefined)[] = [[]];
  for (let end = 1; end <= word.length; end++) {
    for (let start = Math.max(0, end - longest); start < end; start++) {
      const before = splits[start];
      const part = word.slice(start, end);
      if (before === undefined || !parts.has(part)) continue;
      const known = splits[end];
      if (known === undefined || before.length + 1 < known.length) splits[end] = [...before, part];
    }
  }
  const split = splits[word.length];
  return split !== undefined && split.length > 1 ? split : undefined;
}
