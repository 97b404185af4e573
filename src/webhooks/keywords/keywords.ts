/**
 * Finds the meaning of a text: opt-out, opt-in, help, unclear or none. Pure. The caller decides whether an unclear text
 * blocks and whether an opt-in is trusted.
 *
 * The steps, each in a file of its own: fold the characters, remove what the person did not write, split into sentences
 * and words, look for opt-out words that stand alone, for misspelt and joined ones, then for phrases in each sentence.
 */

import { aloneFrom } from './alone.ts';
import { foldCharacters } from './characters.ts';
import { splitJoined } from './joined-words.ts';
import type { KeywordMatch } from './keyword-match.ts';
import { readSentences, STOP_EMOJI, type Sentence, type WordRepair } from './message.ts';
import { createSpelling, MIN_MISSPELT } from './misspelling.ts';
import { KEYWORD_PACKS, type KeywordLanguage } from './packs/packs.ts';
import type { KeywordPack } from './packs/keyword-pack.ts';
import type { Span } from './phrase.ts';
import { matchOf, judgeSentence } from './sentence.ts';
import { footerPattern, plainWords, withoutUnwritten } from './unwritten.ts';
import {
  coveredBy,
  createVocabulary,
  lengthAt,
  markSentence,
  MIN_GROUP_WORD,
  type Vocabulary,
  type WordTable,
  wordsIn,
} from './vocabulary.ts';

/** The keywords. */
export interface KeywordOptions {
  /** Languages that are included, or keyword packs of your own. Default `['en', 'fr', 'es']`. */
  readonly languages?: readonly (KeywordLanguage | KeywordPack)[] | undefined;
  /** Whole messages that opt out, in addition to those of the languages. */
  readonly optOut?: readonly string[] | undefined;
  /** Whole messages that opt in, in addition to START and UNSTOP. A word that is also an opt-out opts out. */
  readonly optIn?: readonly string[] | undefined;
  /** Phrases that make a message unclear, anywhere in it. */
  readonly unclear?: readonly string[] | undefined;
  /** The footers of your own messages. They are removed where a message quotes them. */
  readonly footers?: readonly string[] | undefined;
}

const NONE: KeywordMatch = { meaning: 'none', blocks: false, rule: 'no_rule' };
/** The fewest other words of a message that quotes an instruction without "reply" or "text". */
const MIN_WORDS_BESIDE_INSTRUCTION = 4;
/** The most parts of an opt-out word that is written apart. */
const MAX_APART = 3;

/**
 * Creates a function that finds the meaning of a text. The function never throws; a value that is no string has no
 * meaning. Its work grows with the length of the text, of which 4,096 characters are read.
 */
export function createKeywords({
  languages = ['en', 'fr', 'es'],
  optOut = [],
  optIn = [],
  unclear = [],
  footers = [],
}: KeywordOptions = {}): (text: unknown) => KeywordMatch {
  const packs: readonly KeywordPack[] = languages.map((language) =>
    typeof language === 'string' ? KEYWORD_PACKS[language] : language,
  );
  const vocabulary = createVocabulary({ packs, optOut, optIn, unclear });
  const spelling = createSpelling(vocabulary.optOutWords, vocabulary.known);
  const stopSpelling = createSpelling(vocabulary.singleStopWords, vocabulary.known);
  const longSpelling = createSpelling(vocabulary.longWords, vocabulary.known);
  const repair: WordRepair = { ...vocabulary.repair, correct: (word) => correctLong(word, longSpelling) };
  const unwritten = {
    isReaction: (words: readonly string[]) => isReaction(words, vocabulary),
    footers: footers
      .map((footer) => plainWords(foldCharacters(footer)))
      .filter((words) => words.length > 0)
      .map(footerPattern),
  };

  return (text) => {
    if (typeof text !== 'string') return NONE;
    const folded = foldCharacters(text);
    const written = readSentences(withoutUnwritten(folded, unwritten), repair);
    if (written.length === 0) return plainWords(folded).length > 0 ? { ...NONE, rule: 'unwritten' } : NONE;
    const sentences = withoutInstructions(written, vocabulary);
    return (
      wholeMessage(text, sentences, vocabulary) ??
      strongest(
        sentences.map((sentence) => judge(sentence, sentences, { vocabulary, spelling, stopSpelling })),
        hasReturn(sentences, vocabulary),
      )
    );
  };
}

/** Returns the long word that was meant, or the word itself. */
function correctLong(word: string, spelling: (word: string) => string | undefined): string {
  return word.length < MIN_GROUP_WORD - 1 ? word : (spelling(word) ?? word);
}

/** Whether words before a quotation make the message a reaction. */
function isReaction(words: readonly string[], { phrases }: Vocabulary): boolean {
  const sentence = { words, clauseEnds: words.map(() => false), isQuestion: false, starts: [], ends: [] };
  return phrases.reactions.findAll(sentence).some(({ from, to }) => from === 0 && to === words.length);
}

/**
 * Returns sentences without the sender's own instructions, such as `reply stop to end`. An instruction that is the whole
 * message stays: the person wrote it. So does one without "reply" beside a few words.
 */
function withoutInstructions(sentences: readonly Sentence[], vocabulary: Vocabulary): readonly Sentence[] {
  const { phrases, courtesy, optOutWords } = vocabulary;
  const spans = sentences.map((sentence) => phrases.instructions.findAll(markSentence(sentence, courtesy)));
  if (spans.every((list) => list.length === 0)) return sentences;
  const cut = sentences.map((sentence, index) => without(sentence, spans[index] as readonly Span[]));
  const left = cut.reduce((sum, { words }) => sum + words.length, 0);
  const isBare = spans.some(
    (list, index) =>
      list.length > 0 &&
      list.every(({ from }) => optOutWords.includes((sentences[index] as Sentence).words[from] as string)),
  );
  return left >= (isBare ? MIN_WORDS_BESIDE_INSTRUCTION : 1)
    ? cut.filter(({ words }) => words.length > 0)
    : sentences;
}

/** Returns a sentence without spans. A clause ends where a span was. */
function without({ words, clauseEnds, isQuestion }: Sentence, spans: readonly Span[]): Sentence {
  const isCut = coveredBy(words.length, spans);
  const kept = [...words.keys()].filter((index) => !isCut[index]);
  return {
    words: kept.map((index) => words[index] as string),
    clauseEnds: kept.map((index) => clauseEnds[index] === true || isCut[index + 1] === true),
    isQuestion,
  };
}

/** Returns the meaning of a message that is nothing but a keyword. */
function wholeMessage(
  text: string,
  sentences: readonly Sentence[],
  vocabulary: Vocabulary,
): KeywordMatch | undefined {
  const words = sentences.flatMap((sentence) => sentence.words);
  const [first] = sentences;
  const only = sentences.length === 1 ? first : undefined;
  const optOut = only && aloneIn(only, vocabulary, vocabulary.optOut);
  if (optOut) return matchOf('opt_out', 'whole_message', words, optOut);
  // An opt-in must be the whole message as it was written, without words of courtesy, repetitions and look-alikes.
  const message = words.join(' ');
  if (vocabulary.optIn.has(message) && plainOf(text) === message) {
    return { meaning: 'opt_in', blocks: false, rule: 'opt_in_word', matched: message };
  }
  const help = only && aloneIn(only, vocabulary, vocabulary.help);
  if (help) return { ...matchOf('help', 'help_word', words, help), blocks: false };
  const answer = only && (aloneIn(only, vocabulary, vocabulary.answers) ?? letterIn(only));
  if (answer) return { ...matchOf('unclear', 'answer', words, answer), blocks: false };
  return undefined;
}

/** Returns a text in lower case with its accents and signs removed, and nothing else repaired. */
function plainOf(text: string): string {
  const words = text
    .normalize('NFKD')
    .replaceAll(/[\p{M}\p{Cf}'’]/gu, '')
    .toLowerCase();
  return plainWords(words).join(' ');
}

/** Returns the span of a sentence if it has nothing but words of a table, beside words of courtesy. */
function aloneIn(sentence: Sentence, { courtesy }: Vocabulary, table: WordTable): Span | undefined {
  const { words } = sentence;
  return aloneFrom(words, 0, words.length, { table, isIgnored: wordsIn(sentence, courtesy) });
}

/** Returns the span of a sentence that is a single letter. */
function letterIn({ words: [first = '', ...others] }: Sentence): Span | undefined {
  return others.length === 0 && /^\p{L}$/u.test(first) ? { from: 0, to: 1 } : undefined;
}

interface JudgeContext {
  readonly vocabulary: Vocabulary;
  readonly spelling: (word: string) => string | undefined;
  readonly stopSpelling: (word: string) => string | undefined;
}

/** Decides what a sentence of a message means. */
function judge(sentence: Sentence, all: readonly Sentence[], context: JudgeContext): KeywordMatch {
  const { vocabulary } = context;
  const { words, isQuestion } = sentence;
  const alone = aloneIn(sentence, vocabulary, vocabulary.optOut);
  const isAsked = isQuestion && all.length > 1;
  // "Stop? No, go on": another sentence answers.
  if (alone && isAsked) return matchOf('unclear', 'stop_word', words, alone);
  if (alone && !isEmojiBesideWords(words.slice(alone.from, alone.to), all)) {
    const match = matchOf('opt_out', 'sentence', words, alone);
    return isOtherSubject(sentence, all, vocabulary)
      ? { ...match, meaning: 'unclear', rule: 'doubt', blocks: false }
      : match;
  }
  const match = judgeRepaired(sentence, context) ?? judgeSentence(sentence, vocabulary);
  return match.meaning === 'none' ? (misspeltRequest(sentence, context) ?? match) : match;
}

/** Returns the match of a sentence that asks for no more messages if a misspelt stop word is corrected. */
function misspeltRequest(
  sentence: Sentence,
  { vocabulary, stopSpelling }: JudgeContext,
): KeywordMatch | undefined {
  const words = sentence.words.map((word) => stopSpelling(word) ?? word);
  if (words.every((word, index) => word === sentence.words[index])) return undefined;
  const match = judgeSentence({ ...sentence, words }, vocabulary);
  return match.rule === 'request' ? { ...match, rule: 'misspelt' } : undefined;
}

/** Whether opt-out words are emoji, and other sentences have words: "Count me in! ✋". */
function isEmojiBesideWords(words: readonly string[], all: readonly Sentence[]): boolean {
  const isEmoji = (word: string) => word === STOP_EMOJI;
  return words.every(isEmoji) && !all.every((sentence) => sentence.words.every(isEmoji));
}

/** Whether `cancel` or `end` alone is about an appointment or order that another sentence names. */
function isOtherSubject(
  { words }: Sentence,
  all: readonly Sentence[],
  { stopWords, subjects }: Vocabulary,
): boolean {
  if (words.some((_, index) => lengthAt(stopWords, words, index) > 0)) return false;
  return all.some((sentence) => sentence.words.some((word) => subjects.has(word)));
}

/** Decides what a sentence means that is one misspelt word, or words that were written together. */
function judgeRepaired(sentence: Sentence, { vocabulary, spelling }: JudgeContext): KeywordMatch | undefined {
  const { words, isQuestion } = sentence;
  const isIgnored = wordsIn(sentence, vocabulary.courtesy);
  const own = [...words.keys()].filter((at) => isIgnored[at] !== true);
  const word = own.map((at) => words[at]).join('');
  if (own.length > 1) return own.length > MAX_APART ? undefined : judgeApart(word, vocabulary);
  const [index = 0] = own;
  if (spelling(word) !== undefined)
    return matchOf('opt_out', 'misspelt', words, { from: index, to: index + 1 });
  const parts = splitJoined(word, vocabulary.joinable);
  if (parts === undefined) return undefined;
  const split = { words: parts, clauseEnds: parts.map(() => false), isQuestion };
  const isAlone = aloneIn(split, vocabulary, vocabulary.optOut) !== undefined;
  const match = isAlone
    ? matchOf('opt_out', 'joined', parts, { from: 0, to: parts.length })
    : judgeSentence(split, vocabulary);
  return match.blocks ? { ...match, rule: 'joined', matched: word } : undefined;
}

/** Returns the match of an opt-out word that is written apart: `st op`. */
function judgeApart(word: string, { optOutWords }: Vocabulary): KeywordMatch | undefined {
  const isWord = word.length >= MIN_MISSPELT && optOutWords.includes(word);
  return isWord ? { meaning: 'opt_out', blocks: true, rule: 'joined', matched: word } : undefined;
}

/** Whether a person wants messages again. */
function hasReturn(sentences: readonly Sentence[], { phrases, courtesy }: Vocabulary): boolean {
  return sentences.some((sentence) => phrases.returns.findAll(markSentence(sentence, courtesy)).length > 0);
}

/** Returns the match that counts for the message: what blocks before what is for a person to see. */
function strongest(matches: readonly KeywordMatch[], wantsMessages: boolean): KeywordMatch {
  const isDoubtful = wantsMessages || matches.some(({ rule }) => rule === 'doubt');
  const weighed = matches.map((match): KeywordMatch =>
    match.rule === 'stop_word' && isDoubtful ? { ...match, rule: 'doubt', blocks: false } : match,
  );
  const order = [
    ({ meaning }: KeywordMatch) => meaning === 'opt_out',
    ({ meaning, blocks }: KeywordMatch) => meaning === 'unclear' && blocks,
    ({ meaning }: KeywordMatch) => meaning === 'unclear',
    ({ rule }: KeywordMatch) => rule !== 'no_rule',
  ];
  for (const counts of order) {
    const match = weighed.find(counts);
    if (match) return match;
  }
  return NONE;
}
