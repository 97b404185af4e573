/**
 * Suggests what users probably meant if an option of `createGuard` is refused. It does not decide whether a value is
 * refused. A received value is never repeated, since it may be a secret.
 */

import type { OptionHints } from './call-hints.ts';
import { isPromise, isRecord } from './fields.ts';

const VONAGE = 'vonage({ apiKey, apiSecret })';
const PROVIDER = `provider: ${VONAGE}`;
const SQLITE = "store: 'sqlite:./optouts.db'";
const LIST = "lists: { alerts: { senders: ['73737'] } }";

function hasMethods(value: unknown, ...names: string[]): boolean {
  return isRecord(value) && names.every((name) => typeof value[name] === 'function');
}

const isProvider = (value: unknown) => hasMethods(value, 'page');
const isStore = (value: unknown) => hasMethods(value, 'append', 'saveSweep');

/**
 * Returns whether a value holds credentials, or is a client of the provider's SDK. Such a client has methods that send,
 * and none that reads the opt-out list.
 */
function isForVonage(value: unknown): boolean {
  if (!isRecord(value)) return false;
  const names = ['apiKey', 'apiSecret', 'api_key', 'api_secret', 'apikey', 'key', 'secret', 'credentials'];
  return names.some((name) => name in value) || ('sms' in value && 'messages' in value);
}

/** Options that are written in the wrong object, by the code that is right; `*` stands for the option. */
const RIGHT_OPTIONS: readonly (readonly [string, readonly string[]])[] = [
  [
    PROVIDER,
    [
      ...['apiKey', 'apiSecret', 'api_key', 'api_secret', 'apikey', 'apisecret', 'key', 'secret'],
      ...['credentials', 'signature', 'baseUrl', 'dispatcher', 'retries', 'vonage', 'nexmo', 'client'],
    ],
  ],
  ['refresh.every', ['interval', 'refreshInterval', 'refreshEvery', 'pollInterval', 'poll']],
  [
    'refresh.*',
    [
      ...['every', 'jitter', 'timeout', 'pageSize', 'concurrency', 'maxPages'],
      ...['lagGrace', 'shrinkHold', 'clockSlack'],
    ],
  ],
  ['policy.*', ['whenNotReady', 'whenStale', 'whenExpired']],
  [LIST, ['senders', 'sender', 'optInByReply', 'trustProviderRemoval', 'resolve']],
  [SQLITE, ['file', 'path', 'sqlite', 'database', 'db']],
  ['guard.webhooks({ * })', ['jwt', 'unsigned', 'keywords', 'unclear', 'replayWindow', 'parse', 'maxBody']],
  ['guard.webhooks({ … })', ['webhooks', 'webhook']],
  ['guard.middleware({ * })', ['onBlocked', 'setTo', 'maxRecipients', 'to', 'from']],
  ['guard.middleware()', ['middleware']],
  ['defaultCountry', ['country', 'region']],
];

/** Returns the right code for an option that is unknown here. */
function rightOption(name: string): string | undefined {
  return RIGHT_OPTIONS.find(([, names]) => names.includes(name))?.[0].replace('*', name);
}

/** Hints for the options of `createGuard`. */
export const guardHints: OptionHints = {
  whole(value) {
    if (isPromise(value)) return 'createGuard(await …)';
    if (isStore(value)) return 'createGuard({ store: … })';
    if (isProvider(value)) return 'createGuard({ provider: … })';
    if (typeof value === 'string' && /^(?:sqlite|memory):/.test(value)) return `createGuard({ ${SQLITE} })`;
    const isClient = isForVonage(value) && isRecord(value) && 'sms' in value;
    return isClient || typeof value === 'string' || typeof value === 'function'
      ? `createGuard({ ${PROVIDER} })`
      : undefined;
  },
  unknown: rightOption,
};

/** Returns a suggestion for a `provider` that cannot be used. */
export function suggestProvider(value: unknown, key: string): string | undefined {
  if (isPromise(value)) return `${key}: await …`;
  if (isStore(value)) return 'store: …';
  if (Array.isArray(value)) return 'lists: { alerts: { provider: … }, marketing: { provider: … } }';
  const isVonage = typeof value === 'function' || typeof value === 'string' || isForVonage(value);
  return isVonage ? `${key}: ${VONAGE}` : undefined;
}

/** Returns a suggestion for a `store` that cannot be used. */
export function suggestStore(value: unknown): string | undefined {
  if (isPromise(value)) return 'store: await …';
  if (typeof value === 'function') return "store: sqliteStore('./optouts.db'), the function called";
  if (isRecord(value)) {
    const hasPath = !('open' in value) && ['file', 'filename', 'path', 'url'].some((name) => name in value);
    return hasPath ? SQLITE : undefined;
  }
  if (typeof value !== 'string') return undefined;
  const word = value.trim().toLowerCase();
  if (/^(?:sqlite:)?:?memory:?:?$/.test(word)) return "store: 'memory:'";
  // The scheme is missing, misspelt or that of a plain file. Other schemes are those of other databases.
  const isPath =
    /^(?:sqlite3?|file):/.test(word) || /^[a-z]:[\\/]/.test(word) || !/^[a-z][a-z0-9+.-]+:/.test(word);
  return isPath && word !== '' ? `${SQLITE}, with 'sqlite:' before the path` : undefined;
}

/** Hints for `refresh`. */
export const refreshHints: OptionHints = {
  whole(value) {
    if (typeof value === 'number' || typeof value === 'string') return "refresh: { every: '5m' }";
    if (value === false) return 'no provider, which leaves nothing to refresh';
    return undefined;
  },
  unknown: (name) => (/^(?:interval|period|ms|seconds|minutes)$/.test(name) ? 'refresh.every' : undefined),
};

/** Hints for `policy`. */
export const policyHints: OptionHints = {
  whole: (value) =>
    value === 'block' || value === 'allow' ? `policy: { whenStale: '${value}' }` : undefined,
};

/** Returns a suggestion for `lists` that cannot be used. */
export function suggestLists(value: unknown): string | undefined {
  if (isPromise(value)) return 'lists: await …';
  if (isProvider(value)) return 'provider: …';
  if (value instanceof Map) return 'lists: Object.fromEntries(…)';
  if (typeof value === 'function') return 'lists: { resolve: (from) => name }';
  return Array.isArray(value) || typeof value === 'string' ? LIST : undefined;
}

const LIST_OPTIONS = new Set(['senders', 'provider', 'optInByReply', 'trustProviderRemoval']);

/** Returns the hints for one list, with the key `lists.<name>`. */
export function listHints(name: string, key: string): OptionHints {
  return {
    whole(value) {
      if (isPromise(value)) return `${key}: await …`;
      // The name of the list was left out.
      if (LIST_OPTIONS.has(name) && (!isRecord(value) || isProvider(value)))
        return 'lists: { alerts: { senders, provider } }';
      if (isProvider(value)) return `${key}: { provider: … }`;
      if (typeof value === 'function') return `${key}: { ${PROVIDER} }`;
      const isSenders = Array.isArray(value) || typeof value === 'string' || typeof value === 'number';
      return isSenders ? `${key}: { senders: ['73737'] }` : undefined;
    },
    unknown(option) {
      if (/^(?:sender|from|numbers?|shortcodes?)$/i.test(option)) return `${key}.senders`;
      const right = rightOption(option);
      if (right === PROVIDER) return `${key}: { ${PROVIDER} }`;
      return right?.startsWith('refresh') || right?.startsWith('policy')
        ? `${right}, for all lists`
        : undefined;
    },
  };
}

/** Returns a suggestion for a `logger` that is no object: a level, or one function. */
export function suggestLogger(value: unknown): string | undefined {
  return isRecord(value) ? undefined : 'logger: console';
}

/** Returns a suggestion for a `defaultCountry` that cannot be used. */
export function suggestCountry(value: unknown, isCountry: (code: unknown) => boolean): string | undefined {
  if (typeof value !== 'string') return undefined;
  const code = value.trim().toUpperCase();
  const known = { USA: 'US', UK: 'GB', GBR: 'GB', CAN: 'CA' }[code] ?? code;
  return isCountry(known) ? `defaultCountry: '${known}'` : undefined;
}
