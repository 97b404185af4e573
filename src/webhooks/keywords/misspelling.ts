/** Finds the opt-out word that a misspelt word is one edit away from. Pure. */

import { REAL_WORDS } from './real-words.ts';

/** The shortest word that is looked for: one edit of a shorter word is too often another word. */
export const MIN_MISSPELT = 4;

/** The longest word that is looked up; a longer one is no opt-out word. */
const MAX_LENGTH = 24;

const realWords: ReadonlySet<string> = new Set(REAL_WORDS);

/**
 * Creates a function that returns the word that was meant: one of `words` from which a word is one edit away.
 * `undefined` for a word of a dictionary and for one of `known`.
 */
export function createSpelling(
  words: readonly string[],
  known: ReadonlySet<string>,
): (word: string) => string | undefined {
  /** The words from which a text is left by at most one omission, so that few words are compared. */
  const candidates = new Map<string, string[]>();
  for (const target of words.filter((word) => word.length >= MIN_MISSPELT)) {
    for (let omitted = -1; omitted < target.length; omitted++) {
      const left = withoutLetter(target, omitted);
      const targets = candidates.get(left) ?? [];
      if (targets.at(-1) !== target) candidates.set(left, [...targets, target]);
    }
  }
  return (word) => {
    if (word.length > MAX_LENGTH || known.has(word) || realWords.has(word)) return undefined;
    for (let omitted = -1; omitted < word.length; omitted++) {
      const left = withoutLetter(word, omitted);
      const target = candidates.get(left)?.find((candidate) => isOneEdit(word, candidate));
      if (target !== undefined) return target;
    }
    return undefined;
  };
}

/** Returns a word without the letter at an index; the word itself for -1. */
function withoutLetter(word: string, index: number): string {
  return index < 0 ? word : word.slice(0, index) + word.slice(index + 1);
}

/** Returns whether one insertion, omission, replacement or swap of neighbours makes a word of another one. */
export function isOneEdit(left: string, right: string): boolean {
  const [short, long] = left.length <= right.length ? [left, right] : [right, left];
  if (long.length - short.length > 1 || short === long) return false;
  let same = 0;
  while (same < short.length && short[same] === long[same]) same++;
  const rest = long.slice(same + 1);
  if (long.length > short.length) return short.slice(same) === rest;
  if (short.slice(same + 1) === rest) return true;
  const isSwap = short[same] === long[same + 1] && short[same + 1] === long[same];
  return isSwap && short.slice(same + 2) === long.slice(same + 2);
}
