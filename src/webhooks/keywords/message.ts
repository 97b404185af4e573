/**
 * Splits a text into sentences and words, and repairs how words are written: spelled letters, digits for letters,
 * drawn-out letters and words that belong together. Pure.
 */

/** A sentence or line of a text. */
export interface Sentence {
  /** Its words, folded and in lower case. */
  readonly words: readonly string[];
  /** Whether a clause ends behind the word of the same index: a comma, a bracket or a dash follows. */
  readonly clauseEnds: readonly boolean[];
  /** Whether it ends with a question mark. */
  readonly isQuestion: boolean;
}

/** The word that stands for an emoji with the meaning of STOP. */
export const STOP_EMOJI = 'stopemoji';

/** An emoji that means STOP. */
const EMOJI = /[🛑✋🚫⛔]/gu;
/** Letters with a separator between each two: `s t o p`, `s.t.o.p`. */
const SPELLED = /(?<![\p{L}\p{Nd}'])\p{L}(?:[ .\-_*,/]{1,2}\p{L}){2,}(?![\p{L}\p{Nd}])/gu;
/** A word, with the end of an English contraction; or a sign that ends a sentence or a clause. */
const PARTS =
  /[\p{L}\p{Nd}]+(?:'(?:t|s|m|d|ll|re|ve)(?![\p{L}\p{Nd}]))?|[.!?¿¡;…\n\r]|[,:()[\]{}"“”„«»–—]| [-~] /gu;
/** A number sign that stands for the word: `lose this #`, unlike `#4431`. */
const NUMBER_SIGN = /#(?![\p{L}\p{Nd}])/gu;
const DIGIT_LETTERS = new Map([
  ['0', 'o'],
  ['1', 'i'],
  ['3', 'e'],
  ['5', 's'],
]);
/** The shortest word that is drawn out: `stooop`, unlike `www`. */
const MIN_DRAWN_OUT = 4;

/** How the words of a sentence are repaired. */
export interface WordRepair {
  /** Pairs of words that are one, such as `opt out`: the joined word by the first and the second word. */
  readonly pairs: ReadonlyMap<string, ReadonlyMap<string, string>>;
  /** Returns the word that was meant. */
  readonly correct: (word: string) => string;
}

/** Splits a folded text into sentences that have words. */
export function readSentences(text: string, repair: WordRepair): readonly Sentence[] {
  const sentences: Sentence[] = [];
  let words: string[] = [];
  let clauseEnds: boolean[] = [];
  const finish = (isQuestion: boolean) => {
    if (words.length > 0) sentences.push({ words, clauseEnds, isQuestion });
    words = [];
    clauseEnds = [];
  };
  for (const [part] of prepare(text).matchAll(PARTS)) {
    if (/^[\p{L}\p{Nd}]/u.test(part)) addWord(words, clauseEnds, repairWord(part, repair), repair);
    else if (/^[.!?¿¡;…\n\r]/.test(part)) finish(part === '?');
    else if (words.length > 0) clauseEnds[words.length - 1] = true;
  }
  finish(false);
  return sentences;
}

/** Returns a text with words for the emoji that mean STOP, and with spelled words joined. */
function prepare(text: string): string {
  return text
    .replaceAll(EMOJI, ` ${STOP_EMOJI} `)
    .replaceAll(NUMBER_SIGN, ' number ')
    .replaceAll(SPELLED, (letters) => letters.replaceAll(/[^\p{L}]/gu, ''));
}

/** Returns a word without apostrophe, with letters for digits between letters, not drawn out, and corrected. */
function repairWord(part: string, { correct }: WordRepair): string {
  let word = part.replace("'", '');
  if (/\p{L}/u.test(word) && /[0135]/.test(word)) {
    word = word.replaceAll(/[0135]/g, (digit) => DIGIT_LETTERS.get(digit) as string);
  }
  if (word.length >= MIN_DRAWN_OUT) word = word.replaceAll(/(\p{L})\1{2,}/gu, '$1');
  return correct(word);
}

/** Adds a word; one that belongs to the word before it is joined to that. */
function addWord(words: string[], clauseEnds: boolean[], word: string, { pairs }: WordRepair): void {
  const last = words.length - 1;
  const joined = clauseEnds[last] === true ? undefined : pairs.get(words[last] as string)?.get(word);
  if (joined === undefined) {
    words.push(word);
    clauseEnds.push(false);
  } else {
    words[last] = joined;
  }
}
