/**
 * Reads and masks numbers. A reader turns an input of any type into the digits that the provider uses, or into nothing.
 * It never throws.
 *
 * The rules for callers:
 *
 * - A message may be sent only if no plausible reading of its number is listed, and no other writing of the same
 *   subscriber (equivalents.ts).
 * - An opt-out is recorded for every plausible reading.
 * - An opt-in is recorded for the number as it was received, and for its other readings and writings if they are
 *   listed. If two listed readings may belong to two people, `resubscribe` rejects with `ambiguous_number`.
 * - An input that cannot be read is refused and reported, never repaired into another number.
 */

import { isSupportedCountry, type CountryCode } from 'libphonenumber-js/min';
import { LRUCache } from 'lru-cache';
import { isMsisdn, readDigits } from './digits.ts';
import { equivalentsOf } from './equivalents.ts';
import { homeOf, readingsOf } from './readings.ts';
import { headOf, mayHavePrefix, withoutNationalPrefix } from './national-prefixes.ts';
import { parseNotation } from './notation.ts';

/** The numbers that an input can mean: 5 to 15 digits each, country code first, not starting with 0. */
export interface Reading {
  /** The number as it was written: the international reading if there is one, otherwise the national one. */
  readonly primary: string;
  /**
   * Other numbers that may be meant: the national reading under `defaultCountry`, a call abroad with another prefix,
   * the number with or without a national prefix behind the country code. They may belong to other people. None is
   * `primary`.
   */
  readonly others: readonly string[];
}

export interface MsisdnReader {
  /** Returns the reading of an input of any type; `undefined` if it is no number. Never throws. */
  read(input: unknown): Reading | undefined;
  /**
   * Reads an input that is digits, `+` and digits, or an integer, and writes its number as it was written to
   * `numbers[at]`. The hot path: it allocates no string and no object, not even a boxed number.
   *
   * @returns the first nine digits of the number, or all of them if it has fewer: `mayHaveOthers` tells from these
   * whether there are other numbers to look up. {@link NOT_READ} if the input is no plain number, or may be dialled
   * within `defaultCountry` too: `numbers[at]` is 0 then, and `read` may still read the input.
   */
  readNumber(input: unknown, numbers: Float64Array, at: number): number;
}

/** The result of `readNumber` for an input that it cannot read. */
export const NOT_READ = 0;

export interface MsisdnReaderOptions {
  /** ISO 3166-1 alpha-2, in upper case. If set, digits without `+` are also read as a national number. */
  readonly defaultCountry?: string | undefined;
  /** How many results of the slow path are cached. Default 10 000. */
  readonly memoSize?: number;
}

const PLUS = 43;
const NONE: readonly string[] = Object.freeze([]);

function isMsisdnNumber(input: number): boolean {
  return Number.isSafeInteger(input) && input >= LEAST && input <= GREATEST;
}

/** Whether `code` is a country whose national formats can be read. */
export function isCountry(code: unknown): code is CountryCode {
  return typeof code === 'string' && isSupportedCountry(code);
}

/** Creates a reader. Digits, with or without `+`, take a short path. Results for all other inputs are cached. */
export function createMsisdnReader({
  defaultCountry,
  memoSize = 10_000,
}: MsisdnReaderOptions = {}): MsisdnReader {
  const home = isCountry(defaultCountry) ? homeOf(defaultCountry) : undefined;
  const memo = new LRUCache<string, { reading: Reading | undefined }>({ max: memoSize });

  function readSlowly(input: string): Reading | undefined {
    const cached = memo.get(input);
    if (cached !== undefined) return cached.reading;
    const notation = parseNotation(input);
    const [primary, ...others] = notation ? readingsOf(notation, home) : [];
    const reading = primary === undefined ? undefined : { primary, others };
    // A longer input is no number, and would waste memory.
    if (input.length <= LONGEST_CACHED) memo.set(input, { reading });
    return reading;
  }

  function readInteger(input: unknown, numbers: Float64Array, at: number): number {
    const isRead = typeof input === 'number' && home === undefined && isMsisdnNumber(input);
    numbers[at] = isRead ? input : 0;
    return isRead ? headOf(input) : NOT_READ;
  }

  function readPlain(primary: string): Reading {
    return { primary, others: mayHavePrefix(Number(primary)) ? withoutNationalPrefix(primary) : NONE };
  }

  return {
    read(input) {
      const text = typeof input === 'string' ? input : digitsOf(input);
      if (text === undefined) return undefined;
      if (text.charCodeAt(0) === PLUS) {
        if (isMsisdn(text, 1)) return readPlain(text.slice(1));
      } else if (isMsisdn(text, 0) && (home === undefined || home.isOnlyInternational(text))) {
        return readPlain(text);
      }
      return readSlowly(text);
    },
    readNumber(input, numbers, at) {
      if (typeof input !== 'string') return readInteger(input, numbers, at);
      const from = input.charCodeAt(0) === PLUS ? 1 : 0;
      const head = readDigits(input, from, numbers, at);
      if (from === 1 || home === undefined || (head !== 0 && home.isOnlyInternational(input))) return head;
      numbers[at] = 0;
      return NOT_READ;
    },
  };
}

const LONGEST_CACHED = 256;
/** The smallest and the largest number of 5 to 15 digits. */
const LEAST = 10_000;
const GREATEST = 999_999_999_999_999;

const internationalReader = createMsisdnReader();

/** Reads a number without a default country. @returns its digits as they were written; `undefined` if it is none. */
export function readMsisdn(input: unknown): string | undefined {
  return internationalReader.read(input)?.primary;
}

/** As {@link readMsisdn}, with the other numbers that may be meant. */
export function readMsisdns(input: unknown): Reading | undefined {
  return internationalReader.read(input);
}

/** Returns the numbers of a reading, first the one as it was written. */
export function numbersOf({ primary, others }: Reading): readonly string[] {
  return [primary, ...others];
}

/** Returns the numbers of a reading and the other writings of their subscribers, without duplicates. */
export function writingsOf(reading: Reading): readonly string[] {
  return [...new Set(numbersOf(reading).flatMap((number) => [number, ...equivalentsOf(number)]))];
}

/**
 * Masks a number for logs and messages: asterisks and its last four digits, or its last two if it has fewer than eight.
 * An input that cannot be read becomes `***`, so that nothing of it is shown.
 */
export function maskMsisdn(input: unknown): string {
  const digits = readMsisdn(input);
  if (digits === undefined) return '***';
  const visible = digits.length < 8 ? 2 : 4;
  return '*'.repeat(digits.length - visible) + digits.slice(-visible);
}

/** Returns the digits of a positive integer; `undefined` for other inputs. Numbers above 2^53 are already rounded. */
function digitsOf(input: unknown): string | undefined {
  if (typeof input === 'number') return Number.isSafeInteger(input) && input > 0 ? String(input) : undefined;
  // Printing a huge bigint takes long, and it has too many digits anyway.
  if (typeof input === 'bigint') return input > 0n && input < 10n ** 15n ? String(input) : undefined;
  return undefined;
}
