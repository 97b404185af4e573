/** Checks the options of `webhooks`. */

import { ConfigError } from '../errors.ts';
import {
  callback,
  duration,
  group,
  listOf,
  oneOf,
  optional,
  readFields,
  refuse,
  secrets,
  size,
  text,
  withDefault,
  type Duration,
  type Size,
} from '../options/fields.ts';
import type { KeywordPack } from './keywords/packs/keyword-pack.ts';
import { KEYWORD_PACKS, type KeywordLanguage } from './keywords/packs/packs.ts';
import { plainWords } from './keywords/unwritten.ts';
import type { WebhookEvent, WebhookParseRequest } from './custom-parser.ts';
import { SIGNATURE_METHODS, type SignatureMethod } from './signature.ts';

/**
 * The options of `guard.webhooks()`. At least one of `signature`, `jwt` and `unsigned: 'block_only'` is required.
 */
export interface WebhooksOptions {
  /**
   * For the SMS API, which signs webhooks with the parameter `sig`: the account's signature secret, or several during a
   * rotation, and the account's signature method.
   */
  readonly signature?:
    { readonly secret: string | readonly string[]; readonly method: SignatureMethod } | undefined;
  /** For the Messages API, which signs webhooks with a token: the account's signature secret, or several. */
  readonly jwt?: { readonly secret: string | readonly string[] } | undefined;
  /**
   * Whether unsigned requests are refused with 401 (`reject`, the default), or opt-outs in them are accepted and
   * opt-ins are not (`block_only`). A wrong signature is refused with 401 in both cases.
   */
  readonly unsigned?: 'reject' | 'block_only' | undefined;
  /** The largest body; a larger one is refused with 413. 1 byte to 64 MiB. Default `'64kb'`. */
  readonly maxBody?: Size | undefined;
  /**
   * How old a signed opt-in may be: an older one, or one without a time, does not unblock. Opt-outs have no age limit.
   * Default `'72h'`, as long as the provider repeats webhooks.
   */
  readonly replayWindow?: Duration | undefined;
  /**
   * Whether unclear texts such as "leave me alone" opt out (`block`, the default), or only emit the event `unclear`
   * (`report`).
   */
  readonly unclear?: 'block' | 'report' | undefined;
  /** The keywords. YES is refused as an opt-in word. */
  readonly keywords?:
    | {
        /**
         * Languages that are included (`en`, `fr`, `es`; with the carriers' published words only: `de`, `pt`, `it`, `nl`),
         * or keyword packs of your own. Default `['en', 'fr', 'es']`.
         */
        readonly languages?: readonly (KeywordLanguage | KeywordPack)[] | undefined;
        /** Whole messages that opt out, in addition to those of the languages. */
        readonly optOut?: readonly string[] | undefined;
        /** Whole messages that opt in, in addition to START and UNSTOP. */
        readonly optIn?: readonly string[] | undefined;
        /** Phrases that make a message unclear, anywhere in it. */
        readonly unclear?: readonly string[] | undefined;
        /**
         * The footers of your own messages, such as `Reply STOP to unsubscribe`. They are removed where a message quotes
         * them beside other words. Each has at least three words.
         */
        readonly footers?: readonly string[] | undefined;
      }
    | undefined;
  /**
   * Reads webhooks of other formats. It is called first, for every request. `undefined`: read the request as a webhook
   * of the provider. If it throws, the request is answered with 500.
   */
  readonly parse?: ((request: WebhookParseRequest) => WebhookEvent | undefined) | undefined;
}

/** The configuration of a receiver. Durations are ms, sizes are bytes. */
export type WebhooksConfig = ReturnType<typeof readWebhooksOptions>;

/**
 * Checks the options of `webhooks`.
 *
 * @throws ConfigError for options that cannot be used, and if neither a secret nor `unsigned: 'block_only'` is given.
 */
export function readWebhooksOptions(options: WebhooksOptions) {
  const config = readFields(options, 'webhooks', {
    signature: optional(group({ secret: secrets, method: oneOf(SIGNATURE_METHODS) })),
    jwt: optional(group({ secret: secrets })),
    unsigned: withDefault('reject', oneOf(['reject', 'block_only'])),
    maxBody: withDefault('64kb', size({ max: 64 * 1024 * 1024 })),
    replayWindow: withDefault('72h', duration()),
    unclear: withDefault('block', oneOf(['block', 'report'])),
    keywords: group({
      languages: optional(listOf(languageField)),
      optOut: optional(listOf(text)),
      optIn: optional(listOf(optInWordField)),
      unclear: optional(listOf(text)),
      footers: optional(listOf(footerField)),
    }),
    parse: optional(callback<(request: WebhookParseRequest) => unknown>()),
  });
  if (!config.signature && !config.jwt && config.unsigned !== 'block_only') {
    throw new ConfigError(
      'invalid_option',
      'webhooks.signature',
      "webhooks.signature: expected signature, jwt, or unsigned: 'block_only'; received none of them",
    );
  }
  return config;
}

/** The fewest words of a footer. */
const MIN_FOOTER_WORDS = 3;

/** Reads an opt-in word. It must not be an answer to a question. */
function optInWordField(value: unknown, key: string): string {
  const word = text(value, key);
  if (/^\W*yes\W*$/i.test(word))
    return refuse(key, value, 'a word other than YES, which answers any question');
  return word;
}

/** Reads a footer. A shorter one could be a person's own words. */
function footerField(value: unknown, key: string): string {
  const footer = text(value, key);
  return plainWords(footer).length >= MIN_FOOTER_WORDS
    ? footer
    : refuse(key, value, 'a text of at least three words');
}

function languageField(value: unknown, key: string): KeywordLanguage | KeywordPack {
  if (typeof value !== 'object') return oneOf(Object.keys(KEYWORD_PACKS) as KeywordLanguage[])(value, key);
  const words = optional(listOf(text));
  return readFields(value, key, {
    ...{ optOut: words, help: words, unclear: words, answers: words, courtesy: words, negations: words },
    ...{ stopWords: words, frames: words, pairs: words, joinable: words, fillers: words, subjects: words },
    ...{
      requests: words,
      refusals: words,
      complaints: words,
      doubts: words,
      returns: words,
      harmless: words,
    },
    ...{ reactions: words, instructions: words, groups: optional(groupsField) },
  }) as KeywordPack;
}

/** Reads the groups of a pack: lists of words by name. */
function groupsField(value: unknown, key: string): NonNullable<KeywordPack['groups']> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return refuse(key, value, 'an object of lists of words');
  }
  const groups = Object.entries(value).map(([name, words]) => [name, listOf(text)(words, `${key}.${name}`)]);
  return Object.fromEntries(groups) as NonNullable<KeywordPack['groups']>;
}
