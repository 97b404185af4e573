import { describe, expect, it } from 'vitest';
import { ConfigError } from '../src/errors.ts';
import {
  callback,
  duration,
  flag,
  fraction,
  group,
  integer,
  kindOf,
  listOf,
  oneOf,
  optional,
  readFields,
  secrets,
  size,
  text,
  withDefault,
  withMethods,
} from '../src/option-fields.ts';

function messageOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).message;
  }
  throw new Error('nothing was thrown');
}

describe('duration', () => {
  it.each([
    [30_000, 30_000],
    ['500ms', 500],
    ['30s', 30_000],
    ['5m', 300_000],
    ['24h', 86_400_000],
    ['2d', 172_800_000],
    ['1.5s', 1_500],
    ['5M', 300_000],
  ])('%s', (given, ms) => {
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
});

describe('size', () => {
  it.each([
    [10, 10],
    ['64kb', 65_536],
    ['1MB', 1_048_576],
    ['5b', 5],
  ])('%s', (given, bytes) => {
    expect(size()(given, 'key')).toBe(bytes);
  });
  it.each([[0], ['64'], ['1tb'], [-1]])('refuses %s', (given) => {
    expect(messageOf(() => size()(given, 'maxBody'))).toMatch(/^maxBody: expected a size/);
  });
});

describe('readFields', () => {
  const shape = {
    apiKey: text,
    refresh: group({ every: withDefault('5m', duration()) }),
    on: optional(flag),
  };

  it('reads, fills in defaults and freezes', () => {
    const read = readFields({ apiKey: 'k' }, 'options', shape);
    expect(read).toEqual({ apiKey: 'k', refresh: { every: 300_000 }, on: undefined });
    expect(Object.isFrozen(read)).toBe(true);
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
    expect(messageOf(() => readFields(given, 'options', shape))).toBe(message);
  });

  it('never prints what was received', () => {
    const fields = { secret: integer({ min: 0, max: 1 }), mode: oneOf(['block', 'allow']) };
    expect(messageOf(() => readFields({ secret: 'hunter2-hunter2' }, 'options', fields))).not.toContain(
      'hunter2',
    );
    expect(
      messageOf(() => readFields({ secret: 1, mode: 'hunter2-hunter2' }, 'options', fields)),
    ).not.toContain('hunter2');
  });
});

describe('fields', () => {
  it.each<[string, () => unknown, unknown]>([
    ['integer', () => integer({ min: 1, max: 3 })(2, 'k'), 2],
    ['fraction', () => fraction({ min: 0, max: 1 })(0.5, 'k'), 0.5],
    ['oneOf', () => oneOf(['a', 'b'])('b', 'k'), 'b'],
    ['listOf', () => listOf(text)(['a', 'b'], 'k'), ['a', 'b']],
    ['secrets, one', () => secrets('a', 'k'), ['a']],
    ['secrets, several', () => secrets(['a', 'b'], 'k'), ['a', 'b']],
  ])('%s', (_name, read, expected) => {
    expect(read()).toEqual(expected);
  });

  it.each<[string, () => unknown, RegExp]>([
    ['integer', () => integer({ min: 1, max: 3 })(4, 'k'), /an integer from 1 to 3, received an integer/],
    ['integer of a fraction', () => integer({ min: 1, max: 3 })(1.5, 'k'), /received a fraction/],
    ['fraction', () => fraction({ min: 0, max: 1 })(Number.NaN, 'k'), /received NaN/],
    ['oneOf, near', () => oneOf(['reject', 'block_only'])('blockonly', 'k'), /did you mean 'block_only'/],
    ['oneOf, far', () => oneOf(['reject', 'strip'])(7, 'k'), /one of 'reject', 'strip', received an integer/],
    ['listOf', () => listOf(text)('a', 'k'), /an array, received a string/],
    ['listOf, item', () => listOf(text)(['a', ''], 'k'), /^k\[1\]: .* received an empty string/],
    ['secrets, empty', () => secrets('', 'k'), /a secret/],
    ['secrets, none', () => secrets([], 'k'), /received an empty array/],
    ['secrets, one of them empty', () => secrets(['a', ''], 'k'), /a secret/],
    ['callback', () => callback()(1, 'k'), /a function/],
    ['withMethods', () => withMethods('page')({ page: 1 }, 'k'), /an object with page\(\)/],
    ['withMethods of null', () => withMethods('page')(null, 'k'), /received null/],
    ['flag', () => flag('true', 'k'), /true or false, received a string/],
  ])('%s refuses', (_name, read, message) => {
    expect(messageOf(read)).toMatch(message);
  });

  it.each([
    [0, 'zero'],
    [-5, 'a negative integer'],
    [Infinity, 'an infinite number'],
    [[], 'an empty array'],
    [[1], 'an array'],
    [undefined, 'nothing'],
    [Symbol('x'), 'a symbol'],
    [5n, 'a bigint'],
    [true, 'a boolean'],
    [() => 1, 'a function'],
    [{}, 'an object'],
  ])('names the kind of %s', (value, kind) => {
    expect(kindOf(value)).toBe(kind);
  });
});
