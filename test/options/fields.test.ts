import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import type { OptionHints } from '../../src/options/call-hints.ts';
import { ConfigError } from '../../src/errors.ts';
import {
  MAX_TIMER_MS,
  callback,
  duration,
  flag,
  fraction,
  group,
  integer,
  isPromise,
  isRecord,
  kindOf,
  listOf,
  oneOf,
  optional,
  readFields,
  refuse,
  secrets,
  size,
  text,
  withDefault,
  withMethods,
} from '../../src/options/fields.ts';

function errorOf(run: () => unknown): ConfigError {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return error as ConfigError;
  }
  throw new Error('nothing was thrown');
}

const messageOf = (run: () => unknown): string => errorOf(run).message;

describe('duration', () => {
  it.each([
    [30_000, 30_000],
    ['500ms', 500],
    ['30s', 30_000],
    ['5m', 300_000],
    ['24h', 86_400_000],
    ['2d', 172_800_000],
    ['1.5s', 1_500],
    ['1.25s', 1_250],
    ['10.5ms', 11],
    ['5M', 300_000],
    [1, 1],
    ['3650d', 315_360_000_000],
  ])('reads %s', (given, ms) => {
    expect(duration()(given, 'key')).toBe(ms);
  });

  it.each([
    [0],
    [-1],
    [Number.NaN],
    [Infinity],
    ['60'],
    [''],
    ['5 m'],
    ['-5m'],
    ['1e3s'],
    ['5x'],
    ['5ms!'],
    ['5sec'],
    ['x5s'],
    ['0.4ms'],
    [['5s']],
    [null],
    [undefined],
    [{}],
    [[5]],
    [true],
    [5n],
    [2 ** 31],
    ['25d'],
    ['constructor'],
  ])('refuses %s', (given) => {
    expect(messageOf(() => duration({ max: 2 ** 31 - 1 })(given, 'refresh.every'))).toMatch(
      /^refresh\.every: expected a duration .* received /,
    );
  });

  it.each<[{ min?: number; max?: number } | undefined, unknown, boolean]>([
    [undefined, 0.5, false],
    [undefined, '3651d', false],
    [{ min: 100, max: 1_000 }, 99, false],
    [{ min: 100, max: 1_000 }, 100, true],
    [{ min: 100, max: 1_000 }, '1s', true],
    [{ min: 100, max: 1_000 }, 1_001, false],
    [{ min: 0 }, 0, true],
    [{ max: MAX_TIMER_MS }, 2_147_483_647, true],
    [{ max: MAX_TIMER_MS }, 2_147_483_648, false],
  ])('reads or refuses within %j: %j', (bounds, given, isValid) => {
    const read = () => duration(bounds)(given, 'key');
    if (isValid) expect(read).not.toThrow();
    else expect(read).toThrow(ConfigError);
  });

  it('names the expected form', () => {
    expect(messageOf(() => duration({ min: 5, max: 60_000 })('soon', 'every'))).toBe(
      "every: expected a duration such as 30000 or '30s' (units ms, s, m, h, d) of 5 ms to 60000 ms, received a string",
    );
  });
});

describe('size', () => {
  it.each([
    [10, 10],
    ['64kb', 65_536],
    ['1MB', 1_048_576],
    ['1gb', 1_073_741_824],
    ['5b', 5],
    [1, 1],
    [2_147_483_647, 2_147_483_647],
  ])('reads %s', (given, bytes) => {
    expect(size()(given, 'key')).toBe(bytes);
  });
  it.each([[0], ['64'], ['1tb'], [-1], [2_147_483_648], ['2gb']])('refuses %s', (given) => {
    expect(messageOf(() => size()(given, 'maxBody'))).toMatch(/^maxBody: expected a size/);
  });
  it('names the expected form', () => {
    expect(messageOf(() => size({ min: 5, max: 60 })(null, 'maxBody'))).toBe(
      "maxBody: expected a size such as 65536 or '64kb' (units b, kb, mb, gb) of 5 to 60 bytes, received null",
    );
  });
});

describe('readFields', () => {
  const shapeOf = () => ({
    apiKey: text,
    refresh: group({ every: withDefault('5m', duration()) }),
    on: optional(flag),
  });

  it('reads, fills in defaults and freezes', () => {
    const read = readFields({ apiKey: 'k' }, 'options', shapeOf());
    expect(read).toEqual({ apiKey: 'k', refresh: { every: 300_000 }, on: undefined });
    expect(Object.isFrozen(read)).toBe(true);
    expect(Object.isFrozen(read.refresh)).toBe(true);
  });

  it('reads a given value instead of a default', () => {
    const given = { apiKey: 'k', refresh: { every: '1s' }, on: false };
    expect(readFields(given, 'options', shapeOf())).toEqual({
      apiKey: 'k',
      refresh: { every: 1_000 },
      on: false,
    });
  });

  it.each([
    [{ apiKey: 'k', apikey: 'x' }, 'apikey: unknown option, did you mean apiKey?'],
    [{ apiKey: 'k', refresh: { evry: 1 } }, 'refresh.evry: unknown option, did you mean refresh.every?'],
    [{ apiKey: 'k', zebra: 1 }, 'zebra: unknown option; known are apiKey, refresh, on'],
    [{ apiKey: 5 }, 'apiKey: expected a string that is not empty, received an integer'],
    [{ apiKey: 'k', refresh: null }, 'refresh: expected an object, received null'],
    [[], 'options: expected an object, received an empty array'],
    [JSON.parse('{"apiKey":"k","__proto__":1}'), '__proto__: unknown option; known are apiKey, refresh, on'],
  ])('refuses %j', (given, message) => {
    expect(messageOf(() => readFields(given, 'options', shapeOf()))).toBe(message);
  });

  it.each<[unknown, string, string]>([
    [{ apiKey: 'k', refresh: { evry: 1 } }, 'unknown_option', 'refresh.evry'],
    [{ apiKey: 'k', refresh: { every: 'soon' } }, 'invalid_option', 'refresh.every'],
    [{ apiKey: 'k', on: 'yes' }, 'invalid_option', 'on'],
    ['k', 'invalid_option', 'options'],
  ])('refuses %j with its code and key', (given, code, key) => {
    expect(errorOf(() => readFields(given, 'options', shapeOf()))).toMatchObject({ code, key });
  });

  class Closed {
    readonly #on = true;
    reveal(): boolean {
      return this.#on;
    }
  }
  class Getter {
    get on(): boolean {
      return true;
    }
  }
  class Own {
    on = true;
  }
  it.each<[string, () => unknown]>([
    ['an object without a prototype', () => Object.assign(Object.create(null), { on: true })],
    ['an object of another realm', () => runInNewContext('({ on: true })')],
    ['a class with an option of its own', () => new Own()],
    ['a class with a getter', () => new Getter()],
    ['an object that inherits an option', () => Object.create({ on: true })],
  ])('reads %s', (_name, given) => {
    expect(readFields(given(), 'options', { on: optional(flag), off: optional(flag) })).toStrictEqual({
      on: true,
      off: undefined,
    });
  });

  it.each<[string, () => unknown, string]>([
    ['a Map', () => new Map([['on', true]]), 'options: expected an object, received an object'],
    ['a class without options', () => new Closed(), 'options: expected an object, received an object'],
    ['a Date', () => new Date(0), 'options: expected an object, received a Date'],
    ['a promise', () => Promise.resolve({}), 'options: expected an object, received a promise'],
    ['a text', () => 'on', 'options: expected an object, received a string'],
    ['a function', () => () => true, 'options: expected an object, received a function'],
    ['nothing', () => undefined, 'options: expected an object, received nothing'],
    [
      'a class with other members',
      () => Object.assign(new Closed(), { zebra: 1 }),
      'zebra: unknown option; known are on',
    ],
  ])('refuses %s', (_name, given, message) => {
    expect(messageOf(() => readFields(given(), 'options', { on: optional(flag) }))).toBe(message);
  });

  it('reads an empty object, with a prototype or without', () => {
    const read = { on: undefined };
    expect(readFields({}, 'options', { on: optional(flag) })).toStrictEqual(read);
    expect(readFields(Object.create(null), 'options', { on: optional(flag) })).toStrictEqual(read);
  });

  it('never repeats a received value', () => {
    const fields = { secret: integer({ min: 0, max: 1 }), mode: oneOf(['block', 'allow']) };
    expect(messageOf(() => readFields({ secret: 'hunter2-hunter2' }, 'options', fields))).not.toContain(
      'hunter2',
    );
    expect(
      messageOf(() => readFields({ secret: 1, mode: 'hunter2-hunter2' }, 'options', fields)),
    ).not.toContain('hunter2');
  });
});

describe('hints', () => {
  const hints: OptionHints = {
    whole: (value) => (value === 5 || (isRecord(value) && 'slip' in value) ? 'the right thing' : undefined),
    unknown: (name) => (name === 'forr' ? 'what is right' : undefined),
  };
  const shapeOf = (...names: string[]) => Object.fromEntries(names.map((name) => [name, optional(flag)]));

  it.each<[string, unknown, OptionHints, string]>([
    ['a whole value', 5, hints, 'o: expected an object, received an integer; did you mean the right thing?'],
    [
      'an object with a suggestion',
      { slip: 1 },
      hints,
      'o: expected an object, received an object; did you mean the right thing?',
    ],
    ['a whole value that is unknown', 6, hints, 'o: expected an object, received an integer'],
    ['a name', { forr: 1 }, hints, 'o.forr: unknown option, did you mean what is right?'],
    ['a name nearby', { four: 1 }, hints, 'o.four: unknown option, did you mean o.for?'],
    ['a name far off', { elephant: 1 }, hints, 'o.elephant: unknown option; known are o.for'],
    ['no value of a call', 5, { isCall: true }, 'o: expected { for }, received a number'],
    ['a text of a call', 'x', { isCall: true }, 'o: expected { for }, received a string'],
    ['NaN of a call', Number.NaN, { isCall: true }, 'o: expected { for }, received NaN'],
    [
      'a call',
      5,
      { ...hints, isCall: true },
      'o: expected { for }, received a number; did you mean the right thing?',
    ],
  ])('suggest after %s', (_name, given, callHints, message) => {
    expect(messageOf(() => readFields(given, 'o', shapeOf('for'), callHints))).toBe(message);
    expect(messageOf(() => group(shapeOf('for'), callHints)(given, 'o'))).toBe(message);
  });

  it.each([
    [['a', 'b'], '{ a, b }'],
    [['a', 'b', 'c', 'd'], '{ a, b, c, d }'],
    [['a', 'b', 'c', 'd', 'e'], '{ a, b, c, d, … }'],
    [['a', 'b', 'c', 'd', 'e', 'f'], '{ a, b, c, d, … }'],
  ])('name the options %j of a call', (names, expected) => {
    expect(messageOf(() => readFields(null, 'o', shapeOf(...names), { isCall: true }))).toBe(
      `o: expected ${expected}, received null`,
    );
  });

  it('are those of the call that the key names', () => {
    expect(messageOf(() => readFields(5_000, 'ready', shapeOf('timeout')))).toBe(
      'ready: expected { timeout }, received a number; did you mean ready({ timeout: 5000 })?',
    );
    expect(messageOf(() => group(shapeOf('timeout'))(5_000, 'ready'))).toBe(
      'ready: expected an object, received an integer',
    );
  });
});

describe('a similar word', () => {
  const meantBy = (word: string, words: readonly string[]) =>
    /did you mean '(.*)'\?/.exec(messageOf(() => oneOf(words)(word, 'k')))?.[1];

  it.each<[string, readonly string[], string | undefined]>([
    ['bolck', ['block', 'allow'], 'block'],
    ['blo', ['block', 'allow'], 'block'],
    ['bl', ['block', 'allow'], undefined],
    ['BLOCK', ['block', 'allow'], 'block'],
    ['block', ['Block', 'allow'], 'Block'],
    ['blockd', ['block', 'blocked'], 'block'],
    ['blockd', ['blocked', 'block'], 'blocked'],
    ['blcked', ['block', 'blocked'], 'blocked'],
    ['block-only', ['blockonly'], 'blockonly'],
    ['b_l_o_c_k', ['block'], 'block'],
    ['fetch', ['retch', 'fetch1'], 'retch'],
    ['x', ['abc', 'xyz'], 'xyz'],
    ['acceptchanges', ['acceptshrink'], undefined],
    ['acceptrinking', ['acceptshrinking'], 'acceptshrinking'],
    ['abcdefghi123', ['abcdefghi456'], 'abcdefghi456'],
    ['abcdefgh1234', ['abcdefgh5678'], 'abcdefgh5678'],
    ['abcdefg12345', ['abcdefg67890'], undefined],
  ])('is found for %s in %j: %s', (word, words, meant) => {
    expect(meantBy(word, words)).toBe(meant);
  });
});

const PATTERN = /a/;
// oxlint-disable-next-line unicorn/no-thenable
const withThen = (then: unknown): object => ({ then });

describe('fields', () => {
  it.each<[string, () => unknown, unknown]>([
    ['integer', () => integer({ min: 1, max: 3 })(2, 'k'), 2],
    ['integer, the least', () => integer({ min: 1, max: 3 })(1, 'k'), 1],
    ['integer, the greatest', () => integer({ min: 1, max: 3 })(3, 'k'), 3],
    ['fraction', () => fraction({ min: 0, max: 1 })(0.5, 'k'), 0.5],
    ['fraction, the least', () => fraction({ min: 0, max: 1 })(0, 'k'), 0],
    ['fraction, the greatest', () => fraction({ min: 0, max: 1 })(1, 'k'), 1],
    ['flag, true', () => flag(true, 'k'), true],
    ['flag, false', () => flag(false, 'k'), false],
    ['optional, given', () => optional(text)('a', 'k'), 'a'],
    ['optional, left out', () => optional(text)(undefined, 'k'), undefined],
    ['withDefault, given', () => withDefault('a', text)('b', 'k'), 'b'],
    ['withDefault, left out', () => withDefault('a', text)(undefined, 'k'), 'a'],
    ['callback', () => callback()(messageOf, 'k'), messageOf],
    ['withMethods', () => withMethods('exec')(PATTERN, 'k'), PATTERN],
    ['withMethods, several', () => withMethods('exec', 'test')(PATTERN, 'k'), PATTERN],
    ['oneOf', () => oneOf(['a', 'b'])('b', 'k'), 'b'],
    ['listOf', () => listOf(text)(['a', 'b'], 'k'), ['a', 'b']],
    ['secrets, one', () => secrets('a', 'k'), ['a']],
    ['secrets, several', () => secrets(['a', 'b'], 'k'), ['a', 'b']],
  ])('read %s', (_name, read, expected) => {
    expect(read()).toEqual(expected);
  });

  it.each<[string, () => unknown, RegExp]>([
    ['integer', () => integer({ min: 1, max: 3 })(4, 'k'), /an integer from 1 to 3, received an integer/],
    ['integer below', () => integer({ min: 1, max: 3 })(0, 'k'), /an integer from 1 to 3, received zero/],
    ['integer of a text', () => integer({ min: 1, max: 3 })('2', 'k'), /received a string/],
    ['integer of a fraction', () => integer({ min: 1, max: 3 })(1.5, 'k'), /received a fraction/],
    ['fraction', () => fraction({ min: 0, max: 1 })(Number.NaN, 'k'), /received NaN/],
    [
      'fraction above',
      () => fraction({ min: 0, max: 1 })(1.5, 'k'),
      /^k: expected a number from 0 to 1, received a fraction$/,
    ],
    ['fraction below', () => fraction({ min: 0, max: 1 })(-0.5, 'k'), /received a negative fraction/],
    ['fraction of a text', () => fraction({ min: 0, max: 1 })('0.5', 'k'), /received a string/],
    ['optional', () => optional(text)(5, 'k'), /a string that is not empty, received an integer/],
    ['oneOf, near', () => oneOf(['reject', 'block_only'])('blockonly', 'k'), /did you mean 'block_only'/],
    ['oneOf, far', () => oneOf(['reject', 'strip'])(7, 'k'), /one of 'reject', 'strip', received an integer/],
    ['listOf', () => listOf(text)('a', 'k'), /an array, received a string/],
    ['listOf, item', () => listOf(text)(['a', ''], 'k'), /^k\[1\]: .* received an empty string/],
    ['secrets, empty', () => secrets('', 'k'), /a secret/],
    ['secrets, none', () => secrets([], 'k'), /received an empty array/],
    ['secrets, one of them empty', () => secrets(['a', ''], 'k'), /a secret/],
    ['secrets, one of them a number', () => secrets(['a', 5], 'k'), /a secret/],
    ['callback', () => callback()(1, 'k'), /a function/],
    ['withMethods', () => withMethods('page')({ page: 1 }, 'k'), /an object with page\(\)/],
    [
      'withMethods, one missing',
      () => withMethods('exec', 'page')(PATTERN, 'k'),
      /exec\(\), page\(\), received/,
    ],
    ['withMethods of a function', () => withMethods('call')(messageOf, 'k'), /received a function/],
    ['withMethods of null', () => withMethods('page')(null, 'k'), /received null/],
    ['flag', () => flag('true', 'k'), /true or false, received a string/],
  ])('refuse a wrong value: %s', (_name, read, message) => {
    expect(messageOf(read)).toMatch(message);
  });

  it.each([
    [0, 'zero'],
    [5, 'an integer'],
    [-5, 'a negative integer'],
    [0.5, 'a fraction'],
    [-0.5, 'a negative fraction'],
    [Number.NaN, 'NaN'],
    [null, 'null'],
    ['', 'an empty string'],
    ['a', 'a string'],
    [new Date(0), 'a Date'],
    [Promise.resolve(), 'a promise'],
    [withThen(() => undefined), 'a promise'],
    [withThen(5), 'an object'],
    [Infinity, 'an infinite number'],
    [[], 'an empty array'],
    [[1], 'an array'],
    [undefined, 'nothing'],
    [Symbol('x'), 'a symbol'],
    [5n, 'a bigint'],
    [true, 'a boolean'],
    [() => 1, 'a function'],
    [{}, 'an object'],
  ])('name the kind of %s', (value, kind) => {
    expect(kindOf(value)).toBe(kind);
  });

  it.each<[unknown, boolean]>([
    [Promise.resolve(), true],
    [withThen(() => undefined), true],
    [withThen(5), false],
    [{}, false],
    [null, false],
    ['then', false],
  ])('recognise a promise: %j', (value, isOne) => {
    expect(isPromise(value)).toBe(isOne);
  });

  it.each<[unknown, boolean]>([
    [{}, true],
    [Object.create(null), true],
    [[], false],
    [null, false],
    ['a', false],
    [() => undefined, false],
  ])('recognise a record: %j', (value, isOne) => {
    expect(isRecord(value)).toBe(isOne);
  });

  it.each<[string, () => never, string]>([
    ['a value', () => refuse('k', 5, 'a text'), 'k: expected a text, received an integer'],
    [
      'a suggestion',
      () => refuse('k', 5, 'a text', "'5'"),
      "k: expected a text, received an integer; did you mean '5'?",
    ],
    [
      'another kind',
      () => refuse('k', 5, 'a text', undefined, 'a number'),
      'k: expected a text, received a number',
    ],
  ])('refuse with %s', (_name, run, message) => {
    expect(errorOf(run)).toMatchObject({ code: 'invalid_option', key: 'k', message });
  });
});
