/** The keyword packs that are included, by language. */

import { DUTCH, GERMAN, ITALIAN, PORTUGUESE } from './carriers.ts';
import { ENGLISH } from './english.ts';
import { FRENCH } from './french.ts';
import type { KeywordPack } from './keyword-pack.ts';
import { SPANISH } from './spanish.ts';

/** The packs that are included. */
export const KEYWORD_PACKS = {
  en: ENGLISH,
  fr: FRENCH,
  es: SPANISH,
  de: GERMAN,
  pt: PORTUGUESE,
  it: ITALIAN,
  nl: DUTCH,
} as const satisfies Record<string, KeywordPack>;

/** A language whose keyword pack is included. */
export type KeywordLanguage = keyof typeof KEYWORD_PACKS;
