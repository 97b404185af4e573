/** Errors for common mistakes suggest what the user probably meant. No error repeats a received value. */

import { Vonage } from '@vonage/server-sdk';
import { Auth } from '@vonage/auth';
import { afterAll, describe, expect, it } from 'vitest';
import { ConfigError, createGuard, memoryStore, vonage, type GuardOptions } from '../../src/index.ts';
import { sqliteStore } from '../../src/stores/sqlite/sqlite-store.ts';
import { createTestGuard } from '../../src/testing/index.ts';

const SECRET = 'hunter2-hunter2';
const provider = vonage({ apiKey: 'key', apiSecret: SECRET });
const credentials = { apiKey: 'key', apiSecret: SECRET };
const silent = { debug() {}, info() {}, warn() {}, error() {} };
class Settings {
  readonly #secret = SECRET;
  reveal(): string {
    return this.#secret;
  }
}

function errorOf(run: () => unknown): ConfigError {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return error as ConfigError;
  }
  throw new Error('nothing was thrown');
}

const VONAGE = 'provider: vonage({ apiKey, apiSecret })?';
const LISTS = "lists: { alerts: { senders: ['73737'] } }?";

describe('createGuard', () => {
  it.each<[string, unknown, string, string]>([
    ['credentials as options', credentials, 'apiKey', VONAGE],
    ['credentials under other names', { api_key: 'key', api_secret: SECRET }, 'api_key', VONAGE],
    ['a base URL beside the provider', { provider, baseUrl: 'https://x.example' }, 'baseUrl', VONAGE],
    ['the name of the provider', { vonage: credentials }, 'vonage', VONAGE],
    ['credentials as the provider', { provider: credentials }, 'provider', VONAGE],
    ['half of them', { provider: { apiKey: 'key' } }, 'provider', VONAGE],
    ['credentials of the SDK', { provider: new Auth(credentials) }, 'provider', VONAGE],
    ['the client of the SDK', { provider: new Vonage(credentials) }, 'provider', VONAGE],
    ['parts of a client', { provider: { sms: {}, messages: {} } }, 'provider', VONAGE],
    ['the class of the SDK', { provider: Vonage }, 'provider', VONAGE],
    ['vonage, not called', { provider: vonage }, 'provider', VONAGE],
    ['a name', { provider: 'vonage' }, 'provider', VONAGE],
    ['a promise of a provider', { provider: Promise.resolve(provider) }, 'provider', 'provider: await …?'],
    ['several providers', { provider: [provider] }, 'provider', 'lists: { alerts: { provider: … }'],
    ['a store as the provider', { provider: memoryStore() }, 'provider', 'store: …?'],
    ['a store without its scheme', { store: 'optouts.db' }, 'store', "store: 'sqlite:./optouts.db'"],
    ['an absolute path', { store: '/var/lib/optouts' }, 'store', "store: 'sqlite:./optouts.db'"],
    ['a path of Windows', { store: String.raw`C:\data\o.db` }, 'store', "store: 'sqlite:./optouts.db'"],
    ['a file URL', { store: 'file:///var/optouts.db' }, 'store', "store: 'sqlite:./optouts.db'"],
    ['a scheme in capitals', { store: 'SQLite:./optouts.db' }, 'store', "store: 'sqlite:./optouts.db'"],
    ['a scheme without a path', { store: 'sqlite' }, 'store', "store: 'sqlite:./optouts.db'"],
    ['memory without its colon', { store: 'memory' }, 'store', "store: 'memory:'?"],
    ['a file as an object', { store: { file: './optouts.db' } }, 'store', "store: 'sqlite:./optouts.db'"],
    ['sqliteStore, not called', { store: sqliteStore }, 'store', "store: sqliteStore('./optouts.db')"],
    ['a promise of a store', { store: Promise.resolve(memoryStore()) }, 'store', 'store: await …?'],
    ['a path beside the store', { file: './optouts.db' }, 'file', "store: 'sqlite:./optouts.db'?"],
    ['an interval', { refresh: '5m' }, 'refresh', "refresh: { every: '5m' }?"],
    ['an interval in ms', { refresh: 300_000 }, 'refresh', "refresh: { every: '5m' }?"],
    ['no refresh', { refresh: false }, 'refresh', 'no provider'],
    ['another name of the interval', { refresh: { interval: '5m' } }, 'refresh.interval', 'refresh.every?'],
    ['an interval in seconds', { refresh: { seconds: 300 } }, 'refresh.seconds', 'refresh.every?'],
    ['the interval beside refresh', { every: '5m' }, 'every', 'refresh.every?'],
    ['another interval beside refresh', { pollInterval: '5m' }, 'pollInterval', 'refresh.every?'],
    ['a timeout beside refresh', { timeout: '5s' }, 'timeout', 'refresh.timeout?'],
    ['a policy beside policy', { whenStale: 'block' }, 'whenStale', 'policy.whenStale?'],
    ['one word as policy', { policy: 'block' }, 'policy', "policy: { whenStale: 'block' }?"],
    ['a promise of lists', { lists: Promise.resolve({}) }, 'lists', 'lists: await …?'],
    ['no lists', { lists: [] }, 'lists', LISTS],
    ['names of lists', { lists: ['alerts', 'marketing'] }, 'lists', LISTS],
    ['lists as an array', { lists: [{ name: 'alerts', senders: ['73737'] }] }, 'lists', LISTS],
    ['one name', { lists: 'alerts' }, 'lists', LISTS],
    ['a Map of lists', { lists: new Map([['alerts', {}]]) }, 'lists', 'lists: Object.fromEntries(…)?'],
    ['a resolver', { lists: () => 'alerts' }, 'lists', 'lists: { resolve: (from) => name }?'],
    ['a provider as lists', { lists: provider }, 'lists', 'provider: …?'],
    ['a list without its name', { lists: { senders: ['73737'] } }, 'lists.senders', 'lists: { alerts: {'],
    ['a provider without a list', { lists: { provider } }, 'lists.provider', 'lists: { alerts: {'],
    ['a provider as list', { lists: { a: provider } }, 'lists.a', 'lists.a: { provider: … }?'],
    ['a promise as list', { lists: { a: Promise.resolve({}) } }, 'lists.a', 'lists.a: await …?'],
    ['vonage as list', { lists: { a: vonage } }, 'lists.a', `lists.a: { provider: vonage`],
    ['senders as list', { lists: { a: ['73737'] } }, 'lists.a', "lists.a: { senders: ['73737'] }?"],
    ['a sender as list', { lists: { a: '73737' } }, 'lists.a', "lists.a: { senders: ['73737'] }?"],
    ['credentials in a list', { lists: { a: credentials } }, 'lists.a.apiKey', 'lists.a: { provider: vonage'],
    ['a sender in a list', { lists: { a: { from: '73737' } } }, 'lists.a.from', 'lists.a.senders?'],
    ['an interval in a list', { lists: { a: { every: '5m' } } }, 'lists.a.every', 'refresh.every, for all'],
    ['one sender', { lists: { a: { senders: '73737' } } }, 'lists.a.senders', "lists.a.senders: ['73737']?"],
    ['a number', { lists: { a: { senders: [73737] } } }, 'lists.a.senders[0]', "'73737' in quotes?"],
    ['senders beside lists', { senders: ['73737'] }, 'senders', LISTS],
    ['options of webhooks', { jwt: { secret: SECRET } }, 'jwt', 'guard.webhooks({ jwt })?'],
    ['options of middleware', { onBlocked: 'strip' }, 'onBlocked', 'guard.middleware({ onBlocked })?'],
    ['a country', { country: 'US' }, 'country', 'defaultCountry?'],
    ['a country in small letters', { defaultCountry: 'us' }, 'defaultCountry', "defaultCountry: 'US'?"],
    ['another code', { defaultCountry: 'UK' }, 'defaultCountry', "defaultCountry: 'GB'?"],
    ['the level of a logger', { logger: 'debug' }, 'logger', 'logger: console?'],
    ['a function as logger', { logger: Math.max }, 'logger', 'logger: console?'],
    ['a URL', 'sqlite:./optouts.db', 'options', "createGuard({ store: 'sqlite:./optouts.db' })?"],
    ['a key', SECRET, 'options', `createGuard({ ${VONAGE.slice(0, -1)} })?`],
    ['a function', vonage, 'options', `createGuard({ ${VONAGE.slice(0, -1)} })?`],
    ['a provider', provider, 'options', 'createGuard({ provider: … })?'],
    ['a client', new Vonage(credentials), 'options', `createGuard({ ${VONAGE.slice(0, -1)} })?`],
    ['a store', memoryStore(), 'options', 'createGuard({ store: … })?'],
    ['a promise of options', Promise.resolve({ provider }), 'options', 'createGuard(await …)?'],
  ])('suggests the right option: %s', (_name, given, key, meant) => {
    const error = errorOf(() => createGuard(given as GuardOptions));
    expect(error.key).toBe(key);
    expect(error.message).toContain(`did you mean ${meant}`);
    expect(error.message).not.toContain(SECRET);
  });

  it.each<[string, unknown, string]>([
    ['nothing', null, 'options: expected an object, received null'],
    ['an array', [], 'options: expected an object, received an empty array'],
    ['a Map', new Map([['provider', provider]]), 'options: expected an object, received an object'],
    ['a Date', new Date(), 'options: expected an object, received a Date'],
    ['an instance that holds nothing', new Settings(), 'options: expected an object, received an object'],
    ['an engine that there is not', { store: 'redis://x' }, 'of your own, received a string'],
    ['a client of Redis', { store: { get() {}, set() {} } }, 'expected an object with open(), load()'],
    ['a country that there is not', { defaultCountry: 'XX' }, "such as 'US', received a string"],
    ['a number of a country', { defaultCountry: 1 }, "such as 'US', received an integer"],
    ['a list option that there is not', { lists: { a: { zebra: 1 } } }, 'known are lists.a.senders'],
    ['a provider without page', { provider: { optIn() {} } }, 'provider: expected an object with page()'],
    ['an option of refresh that there is not', { refresh: { zebra: 1 } }, 'known are refresh.every'],
    ['part of a store', { store: { open() {}, file: 'x' } }, 'expected an object with open(), load()'],
    ['another refresh', { refresh: null }, 'refresh: expected an object, received null'],
    ['another policy', { policy: 5 }, 'policy: expected an object, received an integer'],
    ['another list', { lists: { a: true } }, 'lists.a: expected an object, received a boolean'],
    ['other lists', { lists: 5 }, 'lists: expected an object of lists by name, received an integer'],
    ['another store', { store: 5 }, 'store: expected an object with open()'],
  ])('suggests nothing for %s', (_name, given, message) => {
    const error = errorOf(() => createGuard(given as GuardOptions));
    expect(error.message).toContain(message);
    expect(error.message).not.toContain('did you mean');
  });

  it('accepts options from another realm, without a prototype, and with getters of a class', async () => {
    class Configured {
      get defaultCountry(): string {
        return 'US';
      }
    }
    const bare = Object.assign(Object.create(null) as object, { defaultCountry: 'US' });
    for (const options of [bare, new Configured(), Object.create(null) as object]) {
      await createGuard(options).close();
    }
    expect(() => createGuard(Object.create({ defaultCountry: 'usa' }) as object)).toThrow(/defaultCountry/);
  });
});

describe('a call', () => {
  const guard = createGuard({ logger: silent, store: memoryStore() });
  afterAll(() => guard.close());
  const NUMBER = '15551230001';
  type Loose = Record<string, (...args: unknown[]) => unknown>;
  const call = (name: string, ...args: unknown[]) => (guard as unknown as Loose)[name]?.(...args);

  it.each<[string, unknown[], string]>([
    [
      'ready',
      [5000],
      'ready: expected { timeout }, received a number; did you mean ready({ timeout: 5000 })?',
    ],
    [
      'ready',
      ['5s'],
      "ready: expected { timeout }, received a string; did you mean ready({ timeout: '5s' })?",
    ],
    ['ready', [null], 'ready: expected { timeout }, received null'],
    ['ready', [() => undefined], 'ready: expected { timeout }, received a function'],
    ['ready', [Promise.resolve()], 'ready: expected { timeout }, received a promise'],
    ['ready', [new Date()], 'ready: expected { timeout }, received a Date'],
    ['ready', [{ timout: 5 }], 'ready.timout: unknown option, did you mean ready.timeout?'],
    ['ready', [{ timeout: '5 s' }], 'ready.timeout: expected a duration such as 30000'],
    ['close', [500], 'close: expected { timeout }, received a number; did you mean close({ timeout: 500 })?'],
    [
      'refresh',
      [true],
      'refresh: expected { acceptShrink }, received a boolean; did you mean refresh({ acceptShrink: true })?',
    ],
    ['refresh', ['alerts'], 'refresh: expected { acceptShrink }, received a string'],
    ['refresh', [{ acceptShrink: 'yes' }], 'refresh.acceptShrink: expected true or false, received a string'],
    [
      'prune',
      [],
      "prune: expected { olderThan }, received nothing; did you mean prune({ olderThan: '365d' })?",
    ],
    [
      'prune',
      ['365d'],
      "prune: expected { olderThan }, received a string; did you mean prune({ olderThan: '365d' })?",
    ],
    [
      'prune',
      [new Date()],
      'prune: expected { olderThan }, received a Date; did you mean prune({ olderThan: new Date(…) })?',
    ],
    ['prune', [{}], 'prune.olderThan: expected a duration'],
    [
      'optOut',
      [NUMBER, `from ${NUMBER}`],
      "optOut: expected { list, reason }, received a string; did you mean optOut(msisdn, { reason: '…' })?",
    ],
    ['optOut', [NUMBER, { note: 'x' }], 'optOut.note: unknown option; known are optOut.list, optOut.reason'],
    [
      'resubscribe',
      [NUMBER, 'alerts'],
      "resubscribe: expected { list, localOnly }, received a string; did you mean resubscribe(msisdn, { list: '…' })?",
    ],
    [
      'resubscribe',
      [NUMBER, true],
      'resubscribe: expected { list, localOnly }, received a boolean; did you mean resubscribe(msisdn, { localOnly: true })?',
    ],
    [
      'import',
      [[NUMBER], 'alerts'],
      "import: expected { list, source, conflicts }, received a string; did you mean import(rows, { list: '…' })?",
    ],
    [
      'history',
      [NUMBER, 5],
      'history: expected { list, limit }, received a number; did you mean history(msisdn, { limit: 5 })?',
    ],
    [
      'history',
      [NUMBER, 15551239999],
      'history: expected { list, limit }, received a number; did you mean history(msisdn, { limit: … })?',
    ],
    [
      'history',
      [NUMBER, 'alerts'],
      "history: expected { list, limit }, received a string; did you mean history(msisdn, { list: '…' })?",
    ],
    [
      'assertCanSend',
      [NUMBER, '73737'],
      "assertCanSend: expected { from, purpose }, received a string; did you mean assertCanSend(msisdn, { from: '73737' })?",
    ],
    ['assertCanSend', [NUMBER, null], 'assertCanSend: expected { from, purpose }, received null'],
    [
      'assertCanSend',
      [NUMBER, { form: '73737' }],
      'assertCanSend.form: unknown option, did you mean assertCanSend.from?',
    ],
    [
      'assertCanSend',
      [NUMBER, { purpose: 'news' }],
      "assertCanSend.purpose: expected one of 'opt_out_confirmation'",
    ],
    [
      'send',
      [NUMBER, () => 1, '73737'],
      "send: expected { from, purpose, onBlocked }, received a string; did you mean send(msisdn, send, { from: '73737' })?",
    ],
    [
      'filter',
      [[NUMBER], '73737'],
      "filter: expected { from, to, onBlocked }, received a string; did you mean filter(recipients, { from: '73737' })?",
    ],
    [
      'filter',
      [[{}], () => NUMBER],
      'filter: expected { from, to, onBlocked }, received a function; did you mean filter(recipients, { to: (row) => … })?',
    ],
    [
      'filterStream',
      ['phone'],
      "filterStream: expected { from, to, csv, duplicates, … }, received a string; did you mean filterStream({ csv: { column: '…' } })?",
    ],
    ['middleware', ['strip'], "did you mean middleware({ onBlocked: '…' })?"],
    ['middleware', [() => NUMBER], 'did you mean middleware({ to: (row) => … })?'],
    ['webhooks', [SECRET], "did you mean webhooks({ signature: { secret: '…', method: 'sha256' } })?"],
    [
      'webhooks',
      [],
      "received nothing; did you mean webhooks({ signature: { secret: '…', method: 'sha256' } })?",
    ],
  ])('suggests the right options: %s(%j)', async (name, args, message) => {
    const error = await (async () => call(name, ...args))().then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).message).toContain(message);
    expect((error as ConfigError).message).not.toMatch(new RegExp(`${NUMBER}|15551239999|${SECRET}`));
    expect((error as ConfigError).key.split('.')[0]).toBe(name);
  });

  it('rejects when the result of optOuts is iterated', async () => {
    const entries = call('optOuts', 'alerts') as AsyncIterable<unknown>;
    const first = entries[Symbol.asyncIterator]().next();
    await expect(first).rejects.toThrow(
      "optOuts: expected { list }, received a string; did you mean optOuts({ list: '…' })?",
    );
  });

  it('never throws for check and canSend, and asks every list', async () => {
    await guard.ready();
    await guard.optOut(NUMBER);
    for (const odd of [
      '73737',
      5,
      null,
      true,
      () => 1,
      [],
      Promise.resolve(),
      new Date(),
      { form: '73737' },
    ]) {
      expect([call('canSend', NUMBER, odd), call('canSend', '15551239999', odd)]).toEqual([false, true]);
      expect(call('check', NUMBER, odd)).toMatchObject({ reason: 'opted_out' });
    }
  });

  it('accepts every sender for assertCanSend', async () => {
    await guard.ready();
    for (const from of ['', 5, null, {}, undefined]) call('assertCanSend', '15551239999', { from });
    call('assertCanSend', '15551239999', { purpose: 'opt_out_confirmation' });
    expect(guard.status().counters.allowed).toBeGreaterThanOrEqual(6);
  });

  it('names the required options of vonage', () => {
    expect(errorOf(() => vonage(SECRET as never)).message).toBe(
      "vonage: expected { apiKey, apiSecret, signature, baseUrl, … }, received a string; did you mean vonage({ apiKey: '…', apiSecret: '…' })?",
    );
    expect(errorOf(() => vonage(undefined as never)).message).toContain(
      'received nothing; did you mean vonage(',
    );
  });

  it.each(['sqlite:./optouts.db', 'SQLITE:optouts.db', 'file:///optouts.db', 'memory:'])(
    'refuses sqliteStore(%j), since a path has no scheme',
    (file) => {
      expect(errorOf(() => sqliteStore(file)).message).toBe(
        "sqliteStore.file: expected the path of a file without a scheme, received a string; did you mean sqliteStore('./optouts.db'), or store: 'sqlite:./optouts.db' in createGuard?",
      );
    },
  );

  it('names the options of createTestGuard', async () => {
    for (const given of [NUMBER, [NUMBER], null]) {
      await expect(createTestGuard(given as never)).rejects.toThrow(
        /^createTestGuard: expected \{ optedOut, … \}, received .*did you mean createTestGuard\(\{ optedOut/,
      );
    }
  });
});
