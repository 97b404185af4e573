/**
 * Reading and masking numbers. A reader turns whatever a caller has into the digits the provider uses, or into
 * nothing; it never throws. It knows no list and decides nothing.
 *
 * The principle, for everybody who uses what is read:
 *
 * - A send needs every plausible reading of its number to be clear, and every other writing of the same subscriber
 *   (equivalents.ts).
 * - An opt-out is recorded for every plausible reading.
 * - An opt-in is recorded for the number as it was received, and for its other readings and writings where they are
 *   listed. Where two listed readings may be two people, `resubscribe` rejects with `ambiguous_number`.
 * - What cannot be read is refused and reported, never repaired into another number.
 */

import { isSupportedCountry, type CountryCode } from 'libphonenumber-js/min';
import { LRUCache } from 'lru-cache';
import { isMsisdn, readDigits } from './digits.ts';
import { equivalentsOf } from './equivalents.ts';
import { homeOf, readingsIn } from './readings.ts';
import { LEADS, mayHaveOthers, mayHavePrefix, withoutNationalPrefix } from './national-prefixes.ts';
import { readWriting } from './writing.ts';

/** What an input can be read as: digits, country code first, 5 to 15 of them, not starting with 0. */
export interface Reading {
  /** The number as it was written: the international reading where there is one, else the national one. */
  readonly primary: string;
  /**
   * Other numbers that may be meant: the national reading under `defaultCountry`, a call abroad by another prefix, the
   * number with or without a national prefix behind the country code. They may be other people's. None is `primary`.
   */
  readonly others: readonly string[];
}

export interface MsisdnReader {
  /** Never throws, for any input of any type. */
  read(input: unknown): Reading | undefined;
  /**
   * Reads an input that is digits, `+` and digits, or an integer, and puts its number as it was written into a place of
   * `numbers`. The hot path: it makes no string and no object, not even a boxed number.
   *
   * @returns whether it did, and whether there are other numbers to ask about. Where it did not, the place holds 0 and
   * `read` tells more.
   */
  readNumber(input: unknown, numbers: Float64Array, at: number): NumberRead;
}

/** Not a plain number, or one that may be dialled in two ways: `read` tells. */
export const NOT_READ = 0;
/** The number has one reading, and its subscriber has no other writing. */
export const ONLY_ONE = 1;
/** There may be others, which `findOthers` tells. */
export const ONE_OF_SEVERAL = 2;
export type NumberRead = typeof NOT_READ | typeof ONLY_ONE | typeof ONE_OF_SEVERAL;

export interface MsisdnReaderOptions {
  /** ISO 3166-1 alpha-2, in upper case: digits without `+` are then read as a national number too. */
  readonly defaultCountry?: string | undefined;
  /** How many results of the slow path are remembered. Default 10 000. */
  readonly memoSize?: number;
}

const PLUS = 43;
const NONE: readonly string[] = Object.freeze([]);

function isMsisdnNumber(input: number): boolean {
  return Number.isSafeInteger(input) && input >= LEAST && input <= GREATEST;
}

/** Whether `code` names a country whose national formats can be read. */
export function isCountry(code: unknown): code is CountryCode {
  return typeof code === 'string' && isSupportedCountry(code);
}

/** Creates a reader. Plain digits and `+` digits take a short path; everything else is remembered. */
export function createMsisdnReader({
  defaultCountry,
  memoSize = 10_000,
}: MsisdnReaderOptions = {}): MsisdnReader {
  const home = isCountry(defaultCountry) ? homeOf(defaultCountry) : undefined;
  const memo = new LRUCache<string, { reading: Reading | undefined }>({ max: memoSize });

  function readSlowly(input: string): Reading | undefined {
    const known = memo.get(input);
    if (known !== undefined) return known.reading;
    const writing = readWriting(input);
    const [primary, ...others] = writing ? readingsIn(writing, home) : [];
    const reading = primary === undefined ? undefined : { primary, others };
    // A longer one is no number, and would take room.
    if (input.length <= LONGEST_REMEMBERED) memo.set(input, { reading });
    return reading;
  }

  function readPlain(primary: string): Reading {
    return { primary, others: mayHavePrefix(Number(primary)) ? withoutNationalPrefix(primary) : NONE };
  }

  return {
    read(input) {
      const given = typeof input === 'string' ? input : digitsOf(input);
      if (given === undefined) return undefined;
      if (given.charCodeAt(0) === PLUS) {
        if (isMsisdn(given, 1)) return readPlain(given.slice(1));
      } else if (isMsisdn(given, 0) && (home === undefined || home.isPlain(given))) {
        return readPlain(given);
      }
      return readSlowly(given);
    },
    readNumber(input, numbers, at) {
      if (typeof input === 'string') {
        // One call, which the engine takes into this function.
        const from = input.charCodeAt(0) === PLUS ? 1 : 0;
        const lead = readDigits(input, from, numbers, at);
        if (lead !== 0 && (from === 1 || home === undefined || home.isPlain(input))) {
          return LEADS[lead] === 0 ? ONLY_ONE : ONE_OF_SEVERAL;
        }
      } else if (typeof input === 'number' && home === undefined && isMsisdnNumber(input)) {
        numbers[at] = input;
        return mayHaveOthers(input) ? ONE_OF_SEVERAL : ONLY_ONE;
      }
      numbers[at] = 0;
      return NOT_READ;
    },
  };
}

const LONGEST_REMEMBERED = 256;
/** The smallest and the largest number of 5 to 15 digits. */
const LEAST = 10_000;
const GREATEST = 999_999_999_999_999;

const internationalReader = createMsisdnReader();

/** Reads a number without a default country. @returns its digits as they were written, or `undefined`. */
export function readMsisdn(input: unknown): string | undefined {
  return internationalReader.read(input)?.primary;
}

/** As {@link readMsisdn}, with every other number that may be meant. */
export function readMsisdns(input: unknown): Reading | undefined {
  return internationalReader.read(input);
}

/** The numbers of a reading, the first as it was written. */
export function numbersOf({ primary, others }: Reading): readonly string[] {
  return [primary, ...others];
}

/** The numbers of a reading with every other writing of their subscribers, without repetition. */
export function writingsOf(reading: Reading): readonly string[] {
  return [...new Set(numbersOf(reading).flatMap((number) => [number, ...equivalentsOf(number)]))];
}

/**
 * A number as it may be shown: asterisks and its last four digits, the last two where it has fewer than eight.
 * What cannot be read is `***`, so that nothing about it shows.
 */
export function maskMsisdn(input: unknown): string {
  const digits = readMsisdn(input);
  if (digits === undefined) return '***';
  const shown = digits.length < 8 ? 2 : 4;
  return '*'.repeat(digits.length - shown) + digits.slice(-shown);
}

/** An integer that holds every digit it was given, as a string. Above 2^53 digits have been rounded already. */
function digitsOf(input: unknown): string | undefined {
  if (typeof input === 'number') return Number.isSafeInteger(input) && input > 0 ? String(input) : undefined;
  // A huge bigint takes long to print, and has too many digits anyway.
  if (typeof input === 'bigint') return input > 0n && input < 10n ** 15n ? String(input) : undefined;
  return undefined;
}
