/** Decides what one sentence means, by the phrases of the packs. Pure. */

import { aloneFrom } from './alone.ts';
import type { KeywordMatch } from './keyword-match.ts';
import type { Sentence } from './message.ts';
import type { MarkedSentence, Span } from './phrase.ts';
import { coveredBy, lengthAt, markSentence, type Vocabulary, type Words } from './vocabulary.ts';

/** Decides what a sentence means. */
export function judgeSentence(sentence: Sentence, vocabulary: Vocabulary): KeywordMatch {
  const { phrases, courtesy } = vocabulary;
  const marked = markSentence(sentence, courtesy);
  const { words } = sentence;
  const complaints = phrases.complaints.findAll(marked);
  const doubts = phrases.doubts
    .findAll(marked)
    // A negation before a comma is an answer: "No, stop".
    .filter(({ from, to }) => to - from === 1 || sentence.clauseEnds[from] !== true)
    .filter((doubt) => !complaints.some((complaint) => overlap(doubt, complaint)));
  const isDoubted = coveredBy(words.length, doubts);
  const isFree = ({ from, to }: Span) => isDoubted[from] === false && isDoubted[to - 1] === false;

  const alone = aloneInClause(sentence, vocabulary, isDoubted);
  if (alone) return matchOf('opt_out', 'sentence', words, alone);
  const request = phrases.requests.findAll(marked).find(isFree);
  if (request) return matchOf('opt_out', 'request', words, request);
  const [complaint] = complaints;
  if (complaint) return matchOf('unclear', 'complaint', words, complaint);

  const harmless = phrases.harmless.findAll(marked);
  const isHarmless = coveredBy(words.length, harmless);
  const refusal =
    ownPhrase(words, vocabulary) ??
    phrases.refusals
      .findAll(marked)
      .find((span) => isFree(span) && !harmless.some((other) => overlap(span, other)));
  if (refusal) return matchOf('unclear', 'refusal', words, refusal);
  const [doubt] = doubts;
  if (doubt) return { ...matchOf('unclear', 'doubt', words, doubt), blocks: false };
  const stop = stopWord(marked, vocabulary, isHarmless);
  if (stop) return matchOf('unclear', 'stop_word', words, stop);
  const [other] = harmless;
  if (other) return { ...matchOf('none', 'other_subject', words, other), blocks: false };
  return { meaning: 'none', blocks: false, rule: 'no_rule' };
}

/** Returns the match of a rule that blocks. */
export function matchOf(
  meaning: KeywordMatch['meaning'],
  rule: KeywordMatch['rule'],
  words: Words,
  { from, to }: Span,
): KeywordMatch {
  return { meaning, blocks: true, rule, matched: words.slice(from, to).join(' ') };
}

const overlap = (left: Span, right: Span) => left.from < right.to && right.from < left.to;

/** Returns a stop word that is alone in its clause, words around it such as `i said` not counted. */
function aloneInClause(
  sentence: Sentence,
  { frames, stopWords }: Vocabulary,
  isDoubted: readonly boolean[],
): Span | undefined {
  const { words } = sentence;
  const { starts, ends } = markSentence(sentence, frames);
  for (const from of words.keys()) {
    const length = lengthAt(stopWords, words, from);
    if (length === 0 || starts[from] !== true || isDoubted[from] === true) continue;
    const end = ends.findIndex((isEnd, index) => isEnd && index >= from + length);
    const alone = aloneFrom(words, from, end, { table: stopWords, isIgnored: [] });
    if (alone) return alone;
  }
  return undefined;
}

/** Returns an unclear phrase that is configured, unless a negation stands before it. */
function ownPhrase(words: Words, { unclear, negations }: Vocabulary): Span | undefined {
  for (const from of words.keys()) {
    const length = lengthAt(unclear, words, from);
    const isNegated = negations.some((negation) =>
      negation.every((word, offset) => words[from - negation.length + offset] === word),
    );
    if (length > 0 && !isNegated) return { from, to: from + length };
  }
  return undefined;
}

/** Returns a stop word that no phrase explains. */
function stopWord(
  { words }: MarkedSentence,
  { stopWords }: Vocabulary,
  isHarmless: readonly boolean[],
): Span | undefined {
  for (const from of words.keys()) {
    const length = lengthAt(stopWords, words, from);
    if (length > 0 && isHarmless[from] === false) return { from, to: from + length };
  }
  return undefined;
}
