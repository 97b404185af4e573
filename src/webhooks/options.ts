/** The options of `webhooks` in, one checked configuration out. */

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
import { KEYWORD_PACKS, type KeywordLanguage, type KeywordPack } from './keyword-packs.ts';
import type { WebhookEvent, WebhookParseRequest } from './custom-parser.ts';
import { SIGNATURE_METHODS, type SignatureMethod } from './signature.ts';

/** The options of `webhooks`. Without a secret `unsigned: 'block_only'` must be said. */
export interface WebhooksOptions {
  /** The account's signature secret, or several while it is being rotated, and its method. */
  readonly signature?:
    { readonly secret: string | readonly string[]; readonly method: SignatureMethod } | undefined;
  /** The secret of the Messages API's signed tokens, or several. */
  readonly jwt?: { readonly secret: string | readonly string[] } | undefined;
  /** Unsigned requests: refused (`reject`, default), or believed where they block. */
  readonly unsigned?: 'reject' | 'block_only' | undefined;
  /** Largest body. Default `'64kb'`. */
  readonly maxBody?: Size | undefined;
  /** How old a signed opt-in may be. Default `'72h'`: as long as the provider tries again. */
  readonly replayWindow?: Duration | undefined;
  /** Whether texts such as "leave me alone" block (default) or are only reported. */
  readonly unclear?: 'block' | 'report' | undefined;
  /** The words. Packs of your own may stand among the languages. */
  readonly keywords?:
    | {
        readonly languages?: readonly (KeywordLanguage | KeywordPack)[] | undefined;
        readonly optOut?: readonly string[] | undefined;
        readonly optIn?: readonly string[] | undefined;
        readonly unclear?: readonly string[] | undefined;
      }
    | undefined;
  /** Reads other dialects; tried first. */
  readonly parse?: ((request: WebhookParseRequest) => WebhookEvent | undefined) | undefined;
}

/** The configuration of a receiver. Durations in ms, sizes in bytes. */
export type WebhooksConfig = ReturnType<typeof readWebhooksOptions>;

/** @throws ConfigError for options that cannot be used, and where nothing says how to tell the provider's webhooks from others. */
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
      optIn: optional(listOf(optInWord)),
      unclear: optional(listOf(text)),
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

/** An opt-in is a word that nobody answers a question with. */
function optInWord(value: unknown, key: string): string {
  const word = text(value, key);
  if (/^\W*yes\W*$/i.test(word))
    return refuse(key, value, 'a word other than YES, which answers any question');
  return word;
}

function languageField(value: unknown, key: string): KeywordLanguage | KeywordPack {
  if (typeof value !== 'object') return oneOf(Object.keys(KEYWORD_PACKS) as KeywordLanguage[])(value, key);
  const words = optional(listOf(text));
  const pack = { optOut: words, help: words, unclear: words, answers: words, courtesy: words };
  return readFields(value, key, { ...pack, negations: words }) as KeywordPack;
}
