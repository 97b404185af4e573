/** Compiles keyword packs into what the rules look up: word lists by first word, and sets of phrases. Pure. */

import { foldCharacters } from './characters.ts';
import { readSentences, STOP_EMOJI, type Sentence, type WordRepair } from './message.ts';
import type { KeywordPack } from './packs/keyword-pack.ts';
import { createPhraseSet, type MarkedSentence, type PhraseSet, type PhraseSource } from './phrase.ts';

/** Words in a row, such as `stop all`. */
export type Words = readonly string[];

/** Whole words and phrases, by their first word, longest first. */
export type WordTable = ReadonlyMap<string, readonly Words[]>;

/** The packs that are on and the user's own words. */
export interface KeywordSources {
  readonly packs: readonly KeywordPack[];
  readonly optOut: readonly string[];
  readonly optIn: readonly string[];
  readonly unclear: readonly string[];
}

/** The word lists and phrases of all packs, in the form in which the rules search them. */
export interface Vocabulary {
  readonly repair: WordRepair;
  readonly optOut: WordTable;
  readonly stopWords: WordTable;
  readonly optIn: ReadonlySet<string>;
  readonly help: WordTable;
  readonly answers: WordTable;
  readonly unclear: WordTable;
  readonly negations: readonly Words[];
  /** Single words that opt out, for misspellings and joined words. */
  readonly optOutWords: readonly string[];
  /** Single stop words, for misspelt ones before an object. */
  readonly singleStopWords: readonly string[];
  /** Long stop words and words of groups, which are recognised in a sentence, too, if they are misspelt. */
  readonly longWords: readonly string[];
  /** Words that are never taken for misspelt ones. */
  readonly known: ReadonlySet<string>;
  readonly joinable: ReadonlySet<string>;
  readonly subjects: ReadonlySet<string>;
  readonly courtesy: PhraseSet;
  /** Words of courtesy, and those around a stop word. */
  readonly frames: PhraseSet;
  readonly phrases: Readonly<Record<PhraseList, PhraseSet>>;
}

type PhraseList =
  'requests' | 'complaints' | 'doubts' | 'returns' | 'refusals' | 'harmless' | 'reactions' | 'instructions';

type WordList =
  | 'optOut'
  | 'help'
  | 'unclear'
  | 'answers'
  | 'courtesy'
  | 'negations'
  | 'stopWords'
  | 'frames'
  | 'joinable'
  | 'subjects';

/** The opt-in words; there are no others in a pack. */
const OPT_IN = ['start', 'unstop'];
/** The shortest stop word, and the shortest word of a group, that are recognised in a sentence if they are misspelt. */
const MIN_LONG_WORD = 8;
export const MIN_GROUP_WORD = 6;

/** Compiles packs and the user's words. */
export function createVocabulary({ packs, optOut, optIn, unclear }: KeywordSources): Vocabulary {
  const pairs = pairsOf(packs);
  const plain: WordRepair = { pairs, correct: (word) => word };
  const wordsOf = (sources: readonly string[]): readonly Words[] =>
    sources
      .map((source) => readSentences(foldCharacters(source), plain).flatMap(({ words }) => words))
      .filter((words) => words.length > 0);
  const listed = (name: WordList) => wordsOf(packs.flatMap((pack) => pack[name] ?? []));
  const phraseSet = (name: PhraseList) => createPhraseSet(packs.flatMap((pack) => sourcesOf(pack, name)));
  const outs = [[STOP_EMOJI], ...listed('optOut'), ...wordsOf(optOut)];
  const stopWords = listed('stopWords');
  const ins = wordsOf([...OPT_IN, ...optIn]);
  const courtesy = [[STOP_EMOJI], ...listed('courtesy')];
  const singles = (lists: readonly Words[]) => lists.flatMap((words) => (words.length === 1 ? words : []));
  const optOutWords = singles(outs).filter((word) => word !== STOP_EMOJI);
  const longWords = singles(stopWords).filter((word) => word.length >= MIN_LONG_WORD && word !== STOP_EMOJI);
  const others = [...ins, ...courtesy, ...listed('help'), ...listed('answers'), ...listed('frames')];
  return {
    repair: plain,
    optOut: tableOf(outs),
    stopWords: tableOf(stopWords),
    optIn: new Set(ins.map((words) => words.join(' '))),
    help: tableOf(listed('help')),
    answers: tableOf(listed('answers')),
    unclear: tableOf([...listed('unclear'), ...wordsOf(unclear)]),
    negations: listed('negations'),
    optOutWords,
    singleStopWords: singles(stopWords),
    longWords,
    known: new Set([...optOutWords, ...longWords, ...others.flat(), ...groupWords(packs)]),
    joinable: new Set([...optOutWords, ...singles(listed('joinable'))]),
    subjects: new Set(listed('subjects').flat()),
    courtesy: plainPhraseSet(courtesy),
    frames: plainPhraseSet([...courtesy, ...listed('frames')]),
    phrases: {
      requests: phraseSet('requests'),
      complaints: phraseSet('complaints'),
      doubts: phraseSet('doubts'),
      returns: phraseSet('returns'),
      refusals: phraseSet('refusals'),
      harmless: phraseSet('harmless'),
      reactions: phraseSet('reactions'),
      instructions: phraseSet('instructions'),
    },
  };
}

const groupWords = (packs: readonly KeywordPack[]) =>
  packs.flatMap(({ groups = {} }) => Object.values(groups).flat());

function sourcesOf(pack: KeywordPack, name: PhraseList): readonly PhraseSource[] {
  const names = { groups: pack.groups ?? {}, fillers: new Set(pack.fillers) };
  return (pack[name] ?? []).map((phrase) => ({ phrase, names }));
}

const plainPhraseSet = (lists: readonly Words[]) =>
  createPhraseSet(
    lists.map((words) => ({ phrase: words.join(' '), names: { groups: {}, fillers: new Set<string>() } })),
  );

function pairsOf(packs: readonly KeywordPack[]): WordRepair['pairs'] {
  const pairs = new Map<string, Map<string, string>>();
  for (const pair of packs.flatMap((pack) => pack.pairs ?? [])) {
    const [first = '', second = ''] = pair.split(' ');
    pairs.set(first, (pairs.get(first) ?? new Map<string, string>()).set(second, first + second));
  }
  return pairs;
}

function tableOf(lists: readonly Words[]): WordTable {
  const table = new Map<string, Words[]>();
  for (const words of lists.toSorted((left, right) => right.length - left.length)) {
    const first = words[0] as string;
    table.set(first, [...(table.get(first) ?? []), words]);
  }
  return table;
}

/** Returns how many words of a table's longest entry stand at an index; 0 if none does. */
export function lengthAt(table: WordTable, words: Words, index: number): number {
  const candidates = table.get(words[index] as string) ?? [];
  const found = candidates.find((entry) => entry.every((word, offset) => words[index + offset] === word));
  return found?.length ?? 0;
}

/** Marks where the clauses of a sentence begin and end, words of courtesy or frames not counted. */
export function markSentence(sentence: Sentence, ignored: PhraseSet): MarkedSentence {
  const { words, clauseEnds } = sentence;
  const isIgnored = wordsIn(sentence, ignored);
  const starts = [true];
  for (let index = 1; index <= words.length; index++) {
    starts[index] =
      clauseEnds[index - 1] === true || (starts[index - 1] === true && isIgnored[index - 1] === true);
  }
  const ends: boolean[] = [];
  ends[words.length] = true;
  for (let index = words.length - 1; index >= 0; index--) {
    ends[index] = clauseEnds[index - 1] === true || (isIgnored[index] === true && ends[index + 1] === true);
  }
  return { ...sentence, starts, ends };
}

/** Returns which words of a sentence are in a phrase that may stand anywhere. */
export function wordsIn(sentence: Sentence, phrases: PhraseSet): readonly boolean[] {
  return coveredBy(sentence.words.length, phrases.findAll({ ...sentence, starts: [], ends: [] }));
}

/** Returns which words are in one of the spans. */
export function coveredBy(
  length: number,
  spans: readonly { readonly from: number; readonly to: number }[],
): readonly boolean[] {
  const covered = Array.from({ length }, () => false);
  for (const { from, to } of spans) covered.fill(true, from, to);
  return covered;
}
