/**
 * Finds the meaning of a text: opt-out, opt-in, help, unclear or none. Pure. The caller decides whether an unclear text
 * blocks and whether an opt-in is trusted.
 *
 * A text opts out if the whole message is a keyword. A keyword in a sentence does not opt out ("We have got to STOP
 * this terrible bill").
 */

import { KEYWORD_PACKS, type KeywordLanguage, type KeywordPack } from './packs/packs.ts';

/** The meaning of a text. */
export interface KeywordMatch {
  readonly meaning: 'opt_out' | 'opt_in' | 'help' | 'unclear' | 'none';
  /**
   * Whether the text may block: `true` for opt-outs and unclear phrases; `false` for every other text, such as the answer
   * `no` or a single letter.
   */
  readonly blocks: boolean;
  /** The word or phrase that was recognised, in lower case and without accents. */
  readonly matched?: string;
}

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
}

const OPT_IN = ['start', 'unstop'];
/** How many characters of a text are read; an SMS of many parts is shorter. */
const MAX_TEXT_LENGTH = 4_096;
/** A message that begins with STOP and has at most this many words is unclear; a longer one has another subject. */
const MAX_STOP_SENTENCE_WORDS = 5;
/** Matches a message that ends with STOP as a request: "just stop", "yes stop", unlike "bus stop". */
const ASKS_TO_STOP = /(?:^| )(?:just|please|pls|plz|you|yes|no|now|ok|okay|and|to|must|should|i said) stop$/;
const NONE: KeywordMatch = { meaning: 'none', blocks: false };

/**
 * Creates a function that finds the meaning of a text. The function never throws; a value that is no string has no
 * meaning.
 */
export function createKeywords({
  languages = ['en', 'fr', 'es'],
  optOut = [],
  optIn = [],
  unclear = [],
}: KeywordOptions = {}): (text: unknown) => KeywordMatch {
  const packs: readonly KeywordPack[] = languages.map((language) =>
    typeof language === 'string' ? KEYWORD_PACKS[language] : language,
  );
  const wordsOf = (name: keyof KeywordPack) => normaliseAll(packs.flatMap((pack) => pack[name] ?? []));
  const optOutWords = new Set([...wordsOf('optOut'), ...normaliseAll(optOut)]);
  const optInWords = new Set([...OPT_IN, ...normaliseAll(optIn)]);
  const helpWords = new Set(wordsOf('help'));
  const answers = new Set(wordsOf('answers'));
  const unclearPhrases = [...wordsOf('unclear'), ...normaliseAll(unclear)];
  const courtesies = wordsOf('courtesy');
  const negations = wordsOf('negations');

  function isNegated(text: string, phrase: string): boolean {
    return negations.some((negation) => ` ${text} `.includes(` ${negation} ${phrase} `));
  }

  return (text) => {
    if (typeof text !== 'string') return NONE;
    const message = joinSpelledWord(normalise(text));
    const core = withoutCourtesy(message, courtesies);
    const forms = [message, core, withoutRepeats(core), withoutTarget(core)];
    const optOutWord = forms.find((form) => optOutWords.has(form));
    if (optOutWord !== undefined) return { meaning: 'opt_out', blocks: true, matched: optOutWord };
    // An opt-in must be the whole message, without words of courtesy or repetitions.
    if (optInWords.has(message)) return { meaning: 'opt_in', blocks: false, matched: message };
    if (helpWords.has(core)) return { meaning: 'help', blocks: false, matched: core };
    if (answers.has(core) || /^\p{L}$/u.test(core)) {
      return { meaning: 'unclear', blocks: false, matched: core };
    }
    const phrase = unclearPhrases.find(
      (candidate) => ` ${message} `.includes(` ${candidate} `) && !isNegated(message, candidate),
    );
    if (phrase !== undefined) return { meaning: 'unclear', blocks: true, matched: phrase };
    const isShort = core.split(' ').length <= MAX_STOP_SENTENCE_WORDS;
    const asksToStop = /^stop (?!by\b)/.test(core) || ASKS_TO_STOP.test(message);
    if (isShort && asksToStop && !isNegated(message, 'stop')) {
      return { meaning: 'unclear', blocks: true, matched: 'stop' };
    }
    return NONE;
  };
}

/**
 * Returns a text in lower case, without accents, apostrophes, punctuation and symbols, with one space between words. It
 * is cut before and after the decomposition, which makes 18 characters of some single ones, such as U+FDFA.
 */
function normalise(text: string): string {
  return text
    .slice(0, MAX_TEXT_LENGTH)
    .normalize('NFKD')
    .slice(0, MAX_TEXT_LENGTH)
    .replaceAll(/[\p{M}\p{Cf}'’‘`´]/gu, '')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{Nd}]+/gu, ' ')
    .trim();
}

/**
 * Returns normalised words. Words without letters and digits are left out: they would match every text without letters
 * and digits.
 */
const normaliseAll = (words: readonly string[]): readonly string[] => words.map(normalise).filter(Boolean);

/** Joins a spelled word: `s t o p` becomes `stop`. */
function joinSpelledWord(message: string): string {
  return /^\p{L}(?: \p{L}){2,}$/u.test(message) ? message.replaceAll(' ', '') : message;
}

/** Returns the message without words of courtesy at its ends. */
function withoutCourtesy(message: string, courtesies: readonly string[]): string {
  let core = message;
  for (let before = ''; before !== core;) {
    before = core;
    for (const word of courtesies) {
      if (core.startsWith(`${word} `)) core = core.slice(word.length + 1);
      if (core.endsWith(` ${word}`)) core = core.slice(0, -word.length - 1);
    }
  }
  return core;
}

/** Returns the message without repeated words: `stop stop stop` becomes `stop`. */
function withoutRepeats(message: string): string {
  return [...new Set(message.split(' '))].join(' ');
}

/**
 * Returns the message without a number at its end: `stop 36180` and `stop au 36180` become `stop`. Some people name the
 * number from which they want no more messages.
 */
function withoutTarget(message: string): string {
  return message.replace(/ (?:(?:au|to|al) )?\p{Nd}+$/u, '');
}
