/**
 * What a text means: opt-out, opt-in, help, unclear, none. Pure. It says what the words say; whether an unclear text
 * blocks, and whether an opt-in is believed, is decided elsewhere.
 *
 * Whole messages opt out; a keyword somewhere in a sentence does not ("We have got to STOP this terrible bill").
 */

import { KEYWORD_PACKS, type KeywordLanguage, type KeywordPack } from './keyword-packs.ts';

/** What a text was found to mean. */
export interface KeywordMatch {
  readonly meaning: 'opt_out' | 'opt_in' | 'help' | 'unclear' | 'none';
  /** Whether a text of this meaning may block: false for answers such as `no` and for single letters. */
  readonly blocks: boolean;
  /** The word or phrase that decided, in lower case and without accents. */
  readonly matched?: string;
}

/** Which words are known. */
export interface KeywordOptions {
  /** Languages that come with the guard, or packs of your own. Default English, French and Spanish. */
  readonly languages?: readonly (KeywordLanguage | KeywordPack)[] | undefined;
  /** Whole messages that opt out, besides those of the languages. */
  readonly optOut?: readonly string[] | undefined;
  /** Whole messages that opt in, besides START and UNSTOP. A word that also opts out, opts out. */
  readonly optIn?: readonly string[] | undefined;
  /** Phrases that are unclear, anywhere in a message. */
  readonly unclear?: readonly string[] | undefined;
}

const OPT_IN = ['start', 'unstop'];
/** Characters that are read of a text; an SMS of many parts is shorter. */
const LONGEST_TEXT = 4_096;
/** A message that begins with STOP and has at most this many words is unclear, a longer one is about something. */
const STOP_SENTENCE_WORDS = 5;
/** A message that ends with STOP after a word that asks for it: "just stop", "yes stop", unlike "bus stop". */
const ASKS_TO_STOP = /(?:^| )(?:just|please|pls|plz|you|yes|no|now|ok|okay|and|to|must|should|i said) stop$/;
const NONE: KeywordMatch = { meaning: 'none', blocks: false };

/** Creates the reader of texts. What it returns never throws. */
export function createKeywords({
  languages = ['en', 'fr', 'es'],
  optOut = [],
  optIn = [],
  unclear = [],
}: KeywordOptions = {}): (text: unknown) => KeywordMatch {
  const packs: readonly KeywordPack[] = languages.map((language) =>
    typeof language === 'string' ? KEYWORD_PACKS[language] : language,
  );
  const words = (name: keyof KeywordPack) => normalised(packs.flatMap((pack) => pack[name] ?? []));
  const outs = new Set([...words('optOut'), ...normalised(optOut)]);
  const ins = new Set([...OPT_IN, ...normalised(optIn)]);
  const helps = new Set(words('help'));
  const answers = new Set(words('answers'));
  const unclears = [...words('unclear'), ...normalised(unclear)];
  const courtesies = words('courtesy');
  const negations = words('negations');

  function isNegated(text: string, phrase: string): boolean {
    return negations.some((negation) => ` ${text} `.includes(` ${negation} ${phrase} `));
  }

  return (text) => {
    if (typeof text !== 'string') return NONE;
    const message = joinSpelled(normalise(text));
    const core = withoutCourtesy(message, courtesies);
    const out = [message, core, withoutRepeats(core), withoutTarget(core)].find((form) => outs.has(form));
    if (out !== undefined) return { meaning: 'opt_out', blocks: true, matched: out };
    // An opt-in has to be the whole message, as it was written.
    if (ins.has(message)) return { meaning: 'opt_in', blocks: false, matched: message };
    if (helps.has(core)) return { meaning: 'help', blocks: false, matched: core };
    if (answers.has(core) || /^\p{L}$/u.test(core)) {
      return { meaning: 'unclear', blocks: false, matched: core };
    }
    const phrase = unclears.find(
      (candidate) => ` ${message} `.includes(` ${candidate} `) && !isNegated(message, candidate),
    );
    if (phrase !== undefined) return { meaning: 'unclear', blocks: true, matched: phrase };
    const isShort = core.split(' ').length <= STOP_SENTENCE_WORDS;
    const isAboutStop = /^stop (?!by\b)/.test(core) || ASKS_TO_STOP.test(message);
    if (isShort && isAboutStop && !isNegated(message, 'stop')) {
      return { meaning: 'unclear', blocks: true, matched: 'stop' };
    }
    return NONE;
  };
}

/**
 * Lower case, without accents, apostrophes, punctuation and symbols; one space between words. Cut before and after the
 * decomposition, which makes 18 characters of some single ones, such as U+FDFA.
 */
function normalise(text: string): string {
  return text
    .slice(0, LONGEST_TEXT)
    .normalize('NFKD')
    .slice(0, LONGEST_TEXT)
    .replaceAll(/[\p{M}\p{Cf}'’‘`´]/gu, '')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{Nd}]+/gu, ' ')
    .trim();
}

/** Words without those that have neither letters nor digits: such a word would match a text of nothing else. */
const normalised = (words: readonly string[]): readonly string[] => words.map(normalise).filter(Boolean);

/** `s t o p` as `stop`. */
function joinSpelled(message: string): string {
  return /^\p{L}(?: \p{L}){2,}$/u.test(message) ? message.replaceAll(' ', '') : message;
}

/** The message without words of courtesy at its ends. */
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

/** `stop stop stop` as `stop`. */
function withoutRepeats(message: string): string {
  return [...new Set(message.split(' '))].join(' ');
}

/** `stop 36180` and `stop au 36180` as `stop`: some people name the number they want no more messages from. */
function withoutTarget(message: string): string {
  return message.replace(/ (?:(?:au|to|al) )?\p{Nd}+$/u, '');
}
