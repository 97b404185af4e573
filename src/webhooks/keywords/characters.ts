/**
 * Folds the characters of a text, so that the ways to write one word become the same letters. Pure.
 *
 * Compatibility forms, squared and circled letters, look-alike letters of other alphabets, accents and invisible
 * characters are folded; punctuation, line breaks and emoji are kept for the later steps.
 */

/** How many characters of a text are read; an SMS of many parts is shorter. */
export const MAX_TEXT_LENGTH = 4_096;

/** Letters of other alphabets, each before the Latin letters that it looks like. */
const LOOK_ALIKES = new Map(
  [
    // Cyrillic.
    ...[
      'аa',
      'вb',
      'еe',
      'кk',
      'мm',
      'нh',
      'оo',
      'рp',
      'сc',
      'тt',
      'уy',
      'хx',
      'ѕs',
      'іi',
      'јj',
      'ԁd',
      'ԛq',
      'ԝw',
    ],
    // Greek, after its capitals: `Ν` looks like N.
    ...['αa', 'βb', 'εe', 'ζz', 'ηh', 'ιi', 'κk', 'μm', 'νn', 'οo', 'ρp', 'τt', 'υu', 'χx'],
    // Small capitals, and Latin letters that do not decompose.
    ...[
      'ᴀa',
      'ʙb',
      'ᴄc',
      'ᴅd',
      'ᴇe',
      'ғf',
      'ɢg',
      'ʜh',
      'ɪi',
      'ᴊj',
      'ᴋk',
      'ʟl',
      'ᴍm',
      'ɴn',
      'ᴏo',
      'ᴘp',
      'ʀr',
      'ꜱs',
    ],
    ...['ᴛt', 'ᴜu', 'ᴠv', 'ᴡw', 'ʏy', 'ᴢz', 'ıi', 'øo', 'łl', 'đd', 'ɑa', 'œoe', 'æae', 'ßss'],
  ].map((pair) => [pair.slice(0, 1), pair.slice(1)]),
);
/** Squares and circles with white letters, and the letters of flags; each range begins with A. */
const ENCLOSED_RANGES = [0x1f1_50, 0x1f1_70, 0x1f1_e6];
const ALPHABET = 26;

/** Returns a text in lower case with its characters folded, cut to {@link MAX_TEXT_LENGTH} characters. */
export function foldCharacters(text: string): string {
  const cut = text.slice(0, MAX_TEXT_LENGTH);
  if (/^[ -~\s]*$/.test(cut)) return cut.replaceAll('`', "'").toLowerCase();
  return (
    cut
      .replaceAll(/[’‘`´ʼ′]/g, "'")
      .replaceAll(/[\u{1F150}-\u{1F169}\u{1F170}-\u{1F189}\u{1F1E6}-\u{1F1FF}]/gu, enclosedLetter)
      .normalize('NFKD')
      // Again: the decomposition makes 18 characters of some single ones, such as U+FDFA.
      .slice(0, MAX_TEXT_LENGTH)
      .replaceAll(/[\p{M}\p{Cf}\u115F\u1160\u2800]/gu, '')
      .toLowerCase()
      .replaceAll(/[\p{L}]/gu, (letter) => LOOK_ALIKES.get(letter) ?? letter)
  );
}

/** Returns the letter in a square or circle. */
function enclosedLetter(symbol: string): string {
  const code = symbol.codePointAt(0) as number;
  const start = ENCLOSED_RANGES.find((first) => code >= first && code < first + ALPHABET) as number;
  return String.fromCodePoint(0x61 + code - start);
}
