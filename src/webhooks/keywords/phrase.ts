/**
 * The small language in which the keyword packs write phrases, and the search for them in a sentence. Pure.
 *
 * A phrase is a list of elements with spaces between:
 *
 * - `stop`: this word; `stop|quit`: one of these; `@messages`: one of the words of the pack's group of that name
 * - `[the|my]`: one of these words, or none
 * - `*`: any word; `*ing`: any word that ends in these letters
 * - `…`: up to three words; `~`: up to five of the pack's fillers (`me`, `sending`, `these`)
 * - `#`: a number; `^`, `$`: the start and the end of a sentence or clause, words of courtesy not counted
 *
 * Every phrase is tried once at each word, and each element takes at most six steps for each position that the elements
 * before it have reached. So the work grows with the length of the sentence and no faster.
 */

import type { Sentence } from './message.ts';

/** A sentence, and where its clauses begin and end if words of courtesy are not counted. */
export interface MarkedSentence extends Sentence {
  /** Whether a clause begins at the word of that index. One longer than `words`. */
  readonly starts: readonly boolean[];
  /** Whether a clause ends before the word of that index. One longer than `words`. */
  readonly ends: readonly boolean[];
}

/** The names that phrases may use. */
export interface PhraseNames {
  readonly groups: Readonly<Record<string, readonly string[]>>;
  readonly fillers: ReadonlySet<string>;
}

/** A phrase as it is written, and the names that it may use. */
export interface PhraseSource {
  readonly phrase: string;
  readonly names: PhraseNames;
}

/** A phrase in a sentence: the indices of its first word and behind its last one. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

type Element =
  | { readonly kind: 'start' | 'end' }
  | {
      readonly kind: 'words';
      readonly least: 0 | 1;
      readonly most: number;
      readonly accepts: (word: string) => boolean;
    };

interface Phrase {
  readonly elements: readonly Element[];
  /** The words with which it begins; `undefined` if it may begin with any. */
  readonly first: ReadonlySet<string> | undefined;
}

/** Phrases that can be searched for. */
export interface PhraseSet {
  /** Every place of a phrase, the longest one of each first word and phrase. */
  readonly findAll: (sentence: MarkedSentence) => readonly Span[];
}

const NO_PHRASES: readonly Phrase[] = [];
const MAX_GAP = 3;
const MAX_FILLERS = 5;

/** Creates a set of phrases. */
export function createPhraseSet(sources: readonly PhraseSource[]): PhraseSet {
  const byFirst = new Map<string, Phrase[]>();
  const others: Phrase[] = [];
  for (const phrase of sources.map(parsePhrase)) {
    if (phrase.first === undefined) others.push(phrase);
    for (const word of phrase.first ?? []) {
      const known = byFirst.get(word);
      if (known === undefined) byFirst.set(word, [phrase]);
      else known.push(phrase);
    }
  }
  return {
    findAll(sentence) {
      const spans: Span[] = [];
      for (const [from, word] of sentence.words.entries()) {
        for (const phrases of [byFirst.get(word) ?? NO_PHRASES, others]) {
          for (const phrase of phrases) {
            const to = endOf(phrase, sentence, from);
            if (to !== undefined) spans.push({ from, to });
          }
        }
      }
      return spans;
    },
  };
}

function parsePhrase({ phrase, names }: PhraseSource): Phrase {
  const parsed = phrase.split(' ').map((part) => parseElement(part, names));
  const [first] = parsed.filter(({ element }) => element.kind === 'words');
  return {
    elements: parsed.map(({ element }) => element),
    first: first?.isNeeded === true && first.words !== undefined ? first.words : undefined,
  };
}

interface ParsedElement {
  readonly element: Element;
  /** The words that it accepts, if they can be listed. */
  readonly words?: ReadonlySet<string>;
  readonly isNeeded: boolean;
}

function parseElement(part: string, { groups, fillers }: PhraseNames): ParsedElement {
  const words = (least: 0 | 1, most: number, accepts: (word: string) => boolean): Element => ({
    ...{ kind: 'words', least, most, accepts },
  });
  if (part === '^') return { element: { kind: 'start' }, isNeeded: true };
  if (part === '$') return { element: { kind: 'end' }, isNeeded: true };
  if (part === '…') return { element: words(0, MAX_GAP, () => true), isNeeded: false };
  if (part === '~') return { element: words(0, MAX_FILLERS, (word) => fillers.has(word)), isNeeded: false };
  if (part === '#') return { element: words(1, 1, (word) => /^\p{Nd}+$/u.test(word)), isNeeded: true };
  if (part.startsWith('*')) {
    const ending = part.slice(1);
    return { element: words(1, 1, (word) => word.endsWith(ending)), isNeeded: true };
  }
  const isOptional = part.startsWith('[');
  const choices = new Set(
    (isOptional ? part.slice(1, -1) : part)
      .split('|')
      .flatMap((word) => (word.startsWith('@') ? (groups[word.slice(1)] ?? []) : [word])),
  );
  const element = words(isOptional ? 0 : 1, 1, (word) => choices.has(word));
  return { element, words: choices, isNeeded: !isOptional };
}

/** Returns the index behind a phrase that begins at a word; `undefined` if it does not. The longest reading counts. */
function endOf({ elements }: Phrase, sentence: MarkedSentence, from: number): number | undefined {
  let reached: readonly number[] = [from];
  for (const element of elements) {
    reached = step(element, sentence, reached);
    if (reached.length === 0) return undefined;
  }
  return Math.max(...reached);
}

/** Returns the indices that are reached from others by one element, each once. */
function step(element: Element, sentence: MarkedSentence, from: readonly number[]): readonly number[] {
  if (element.kind !== 'words') {
    const marks = element.kind === 'start' ? sentence.starts : sentence.ends;
    return from.filter((index) => marks[index]);
  }
  const { least, most, accepts } = element;
  const reached: number[] = [];
  const reach = (index: number) => {
    if (!reached.includes(index)) reached.push(index);
  };
  for (const index of from) {
    if (least === 0) reach(index);
    for (let length = 1; length <= most; length++) {
      const word = sentence.words[index + length - 1];
      if (word === undefined || !accepts(word)) break;
      reach(index + length);
    }
  }
  return reached;
}
