/**
 * The fields that every options object of this package is checked with. A field reads one option: it returns the value
 * that the code uses, or throws a ConfigError that names the key, the kind of the received value and what is expected.
 * A received value itself is never in a message, since it may be a secret.
 */

import { hintsOfCall, type OptionHints } from './call-hints.ts';
import { ConfigError } from '../errors.ts';

/** A length of time: a number of ms, or a string with a unit: `'500ms'`, `'30s'`, `'5m'`, `'24h'`, `'7d'`. */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`;

/** A size: a number of bytes, or a string with a unit: `'512b'`, `'64kb'`, `'1mb'`, `'1gb'` (1 kb is 1024 bytes). */
export type Size = number | `${number}${'b' | 'kb' | 'mb' | 'gb'}`;

/** Reads one option. The value is `undefined` if the option was left out. */
export type Field<T> = (value: unknown, key: string) => T;

type Shape = Readonly<Record<string, Field<unknown>>>;
type Read<S extends Shape> = { readonly [K in keyof S]: S[K] extends Field<infer T> ? T : never };

/** The longest delay of a timer, ms. Node fires timers with a longer delay at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

const DURATION_UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
const SIZE_UNITS: Readonly<Record<string, number>> = { b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3 };

/** Describes the kind of a value, without its content. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty array' : 'an array';
  if (isPromise(value)) return 'a promise';
  if (value instanceof Date) return 'a Date';
  switch (typeof value) {
    case 'undefined':
      return 'nothing';
    case 'number':
      if (Number.isNaN(value)) return 'NaN';
      if (!Number.isFinite(value)) return 'an infinite number';
      if (value === 0) return 'zero';
      if (Number.isInteger(value)) return value < 0 ? 'a negative integer' : 'an integer';
      return value < 0 ? 'a negative fraction' : 'a fraction';
    case 'string':
      return value === '' ? 'an empty string' : 'a string';
    case 'object':
      return 'an object';
    default:
      return `a ${typeof value}`;
  }
}

/**
 * Throws the ConfigError for a bad value.
 *
 * @param suggestion the code that was probably meant.
 * @param received the kind of the value, as the message names it.
 */
export function refuse(
  key: string,
  value: unknown,
  expected: string,
  suggestion?: string,
  received = kindOf(value),
): never {
  const hint = suggestion === undefined ? '' : `; did you mean ${suggestion}?`;
  throw new ConfigError('invalid_option', key, `${key}: expected ${expected}, received ${received}${hint}`);
}

/** Returns whether a value is a promise: an `await` is probably missing. */
export function isPromise(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

/** Returns whether a value is an object and no array. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Returns whether an object is an instance of a class without any of the options: a `Map`, a promise, a `Date`. */
function isForeign(value: object, known: readonly string[]): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  // Checks the structure: a plain object of another realm has another Object.prototype.
  const isPlain = prototype === null || Object.getPrototypeOf(prototype) === null;
  return !isPlain && Object.keys(value).length === 0 && !known.some((name) => name in value);
}

function namesOf(known: readonly string[]): string {
  const names = known.length > 4 ? [...known.slice(0, 4), '…'] : known;
  return `{ ${names.join(', ')} }`;
}

/**
 * Reads an options object. Every key must be known. Each option is read once. The result is frozen.
 *
 * @param hints suggestions for common mistakes. Default those of the call that `key` names.
 * @throws ConfigError `unknown_option`, which suggests the most similar known key; or the error of a field.
 */
export function readFields<S extends Shape>(
  value: unknown,
  key: string,
  shape: S,
  hints: OptionHints = hintsOfCall(key) ?? {},
): Read<S> {
  const known = Object.keys(shape);
  const suggestion = hints.whole?.(value);
  if (suggestion !== undefined || !isRecord(value) || isForeign(value, known)) {
    if (!hints.isCall) return refuse(key, value, 'an object', suggestion);
    // The message does not need the kind of number.
    return refuse(key, value, namesOf(known), suggestion, Number.isFinite(value) ? 'a number' : undefined);
  }
  const at = (name: string) => (key === 'options' ? name : `${key}.${name}`);
  for (const name of Object.keys(value)) {
    if (known.includes(name)) continue;
    const near = nearest(name, known);
    const instead = hints.unknown?.(name) ?? (near === undefined ? undefined : at(near));
    throw new ConfigError(
      'unknown_option',
      at(name),
      `${at(name)}: unknown option${instead ? `, did you mean ${instead}?` : `; known are ${known.map(at).join(', ')}`}`,
    );
  }
  const read = Object.fromEntries(known.map((name) => [name, shape[name]?.(value[name], at(name))]));
  return Object.freeze(read) as Read<S>;
}

/** Reads a nested options object. If it is left out, it is read as `{}`. */
export function group<S extends Shape>(shape: S, hints: OptionHints = {}): Field<Read<S>> {
  return (value, key) => readFields(value === undefined ? {} : value, key, shape, hints);
}

/** Makes a field optional. If it is left out, it is `undefined`. */
export function optional<T>(field: Field<T>): Field<T | undefined> {
  return (value, key) => (value === undefined ? undefined : field(value, key));
}

/** Gives a field a default. If it is left out, `fallback` is read. */
export function withDefault<T>(fallback: unknown, field: Field<T>): Field<T> {
  return (value, key) => field(value === undefined ? fallback : value, key);
}

/** Reads a {@link Duration} as ms, from `min` to `max` (ms, both included). Default 1 ms to 3650 days. */
export function duration({
  min = 1,
  max = 10 * 365 * 86_400_000,
}: { min?: number; max?: number } = {}): Field<number> {
  const expected = `a duration such as 30000 or '30s' (units ms, s, m, h, d) of ${min} ms to ${max} ms`;
  return unit(DURATION_UNITS, min, max, expected);
}

/** Reads a {@link Size} as bytes, from `min` to `max` (bytes, both included). Default 1 byte to 2 GiB less one byte. */
export function size({ min = 1, max = 2 ** 31 - 1 }: { min?: number; max?: number } = {}): Field<number> {
  return unit(
    SIZE_UNITS,
    min,
    max,
    `a size such as 65536 or '64kb' (units b, kb, mb, gb) of ${min} to ${max} bytes`,
  );
}

function unit(
  units: Readonly<Record<string, number>>,
  min: number,
  max: number,
  expected: string,
): Field<number> {
  return (value, key) => {
    let read = Number.NaN;
    if (typeof value === 'number') read = value;
    else if (typeof value === 'string') {
      const [, amount, name] = /^(\d+(?:\.\d+)?)([a-z]{1,2})$/i.exec(value) ?? [];
      const factor = units[name?.toLowerCase() ?? ''];
      if (factor !== undefined) read = Math.round(Number(amount) * factor);
    }
    return Number.isFinite(read) && read >= min && read <= max ? read : refuse(key, value, expected);
  };
}

/** Reads an integer from `min` to `max`, both included. */
export function integer({ min, max }: { min: number; max: number }): Field<number> {
  return (value, key) =>
    typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max
      ? value
      : refuse(key, value, `an integer from ${min} to ${max}`);
}

/** Reads a number from `min` to `max`, both included. */
export function fraction({ min, max }: { min: number; max: number }): Field<number> {
  return (value, key) =>
    typeof value === 'number' && value >= min && value <= max
      ? value
      : refuse(key, value, `a number from ${min} to ${max}`);
}

/** Reads a string that is not empty. */
export const text: Field<string> = (value, key) =>
  typeof value === 'string' && value !== '' ? value : refuse(key, value, 'a string that is not empty');

/** Reads `true` or `false`. */
export const flag: Field<boolean> = (value, key) =>
  typeof value === 'boolean' ? value : refuse(key, value, 'true or false');

/** Reads one of some words. */
export function oneOf<const W extends string>(words: readonly W[]): Field<W> {
  return (value, key) => {
    const found = words.find((word) => word === value);
    if (found !== undefined) return found;
    const near = typeof value === 'string' ? nearest(value, words) : undefined;
    return refuse(
      key,
      value,
      `one of ${words.map((word) => `'${word}'`).join(', ')}${near ? ` (did you mean '${near}'?)` : ''}`,
    );
  };
}

/** Reads a function. Its parameters and result are not checked. */
export function callback<F extends (...args: never[]) => unknown>(): Field<F> {
  return (value, key) => (typeof value === 'function' ? (value as F) : refuse(key, value, 'a function'));
}

/** Reads an array, and each of its items with a field. */
export function listOf<T>(field: Field<T>): Field<readonly T[]> {
  return (value, key) =>
    Array.isArray(value)
      ? value.map((item, index) => field(item, `${key}[${index}]`))
      : refuse(key, value, 'an array');
}

/** Reads a secret, or several during a rotation: strings that are not empty. */
export const secrets: Field<readonly string[]> = (value, key) => {
  const given: unknown[] = Array.isArray(value) ? value : [value];
  const read = given.filter((secret): secret is string => typeof secret === 'string' && secret !== '');
  if (read.length === 0 || read.length !== given.length) {
    return refuse(key, value, 'a secret, or an array of secrets, none of them empty');
  }
  return read;
};

/** Reads an object that has these methods. */
export function withMethods<T extends object>(...methods: string[]): Field<T> {
  return (value, key) => {
    const hasMethods =
      typeof value === 'object' &&
      value !== null &&
      methods.every((method) => typeof (value as Record<string, unknown>)[method] === 'function');
    return hasMethods ? (value as T) : refuse(key, value, `an object with ${methods.join('(), ')}()`);
  };
}

/** Returns the candidate that is most similar to `word`; `undefined` if none is similar enough for a typing error. */
function nearest(word: string, candidates: readonly string[]): string | undefined {
  const wanted = word.toLowerCase().replaceAll(/[-_]/g, '');
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(wanted.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(wanted, candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
