/**
 * The keywords of languages for which only published words are included. They are switched on by name; no figures are
 * claimed for them.
 *
 * Sources: STOP is the word of every carrier. German: ActiveCampaign's list of supported words
 * (help.activecampaign.com/hc/de/articles/360021662640). Portuguese: SAIR, the word that Anatel ordered the carriers of
 * Brazil to accept in 2012. For Italian and Dutch no published word beside STOP is known to us.
 */

import type { KeywordPack } from './keyword-pack.ts';

/** The German pack. */
export const GERMAN = {
  optOut: ['stop', 'stopp', 'abmelden', 'abbestellen', 'stornieren'],
  help: ['hilfe'],
  courtesy: ['bitte', 'danke', 'hallo'],
  stopWords: ['stop', 'stopp', 'abmelden', 'abbestellen'],
} as const satisfies KeywordPack;

/** The Portuguese pack. */
export const PORTUGUESE = {
  optOut: ['stop', 'sair'],
  help: ['ajuda'],
  courtesy: ['por favor', 'obrigado', 'obrigada', 'ola'],
  stopWords: ['stop'],
} as const satisfies KeywordPack;

/** The Italian pack. */
export const ITALIAN = {
  optOut: ['stop'],
  help: ['aiuto'],
  courtesy: ['per favore', 'grazie', 'ciao', 'buongiorno'],
  stopWords: ['stop'],
} as const satisfies KeywordPack;

/** The Dutch pack. */
export const DUTCH = {
  optOut: ['stop'],
  help: ['hulp'],
  courtesy: ['alstublieft', 'aub', 'bedankt', 'dank je', 'hallo'],
  stopWords: ['stop'],
} as const satisfies KeywordPack;
