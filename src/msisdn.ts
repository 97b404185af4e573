/**
 * Reading and masking numbers. A reader turns whatever a caller has into the digits the provider uses, or into
 * nothing; it never throws. It knows no list and decides nothing.
 *
 * The principle, for everybody who uses what is read:
 *
 * - A send needs every plausible reading of its number to be clear, and every other writing of the same subscriber
 *   (msisdn-equivalents.ts).
 * - An opt-out is recorded for every plausible reading.
 * - An opt-in is recorded for the number as it was received, and for its other readings and writings where they are
 *   listed. Where two listed readings may be two people, `resubscribe` rejects with `ambiguous_number`.
 * - What cannot be read is refused and reported, never repaired into another number.
 */

import { isSupportedCountry, type CountryCode } from 'libphonenumber-js/min';
import { LRUCache } from 'lru-cache';
import { readDigits } from './msisdn-digits.ts';
import { equivalentsOf } from './msisdn-equivalents.ts';
import { callingCodeOf, dialledAbroad, isPossible } from './msisdn-plans.ts';
import { isZeroDropped, mayHaveOthers, mayNumberHaveOthers, withoutNationalPrefix } from './msisdn-trunk.ts';
import { readWriting, type Writing } from './msisdn-writing.ts';
import { nationalReaderOf, type NationalReader } from './national-reading.ts';

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
   * Reads an input that is digits, `+` and digits, or an integer, where it can be read in one way only and its subscriber
   * has no other writing, and puts its number into a place of `numbers`. The hot path: it makes no string and no object,
   * not even a boxed number.
   *
   * @returns whether it did. Where not, the place holds 0, and `read` tells more.
   */
  readNumber(input: unknown, numbers: Float64Array, at: number): boolean;
}

export interface MsisdnReaderOptions {
  /** ISO 3166-1 alpha-2, in upper case: digits without `+` are then read as a national number too. */
  readonly defaultCountry?: string | undefined;
  /** How many results of the slow path are remembered. Default 10 000. */
  readonly memoSize?: number;
}

const ZERO = 48;
const NINE = 57;
const PLUS = 43;
const NONE: readonly string[] = Object.freeze([]);

/** Whether `code` names a country whose national formats can be read. */
export function isCountry(code: unknown): code is CountryCode {
  return typeof code === 'string' && isSupportedCountry(code);
}

/** Creates a reader. Plain digits and `+` digits take a short path; everything else is remembered. */
export function createMsisdnReader({
  defaultCountry,
  memoSize = 10_000,
}: MsisdnReaderOptions = {}): MsisdnReader {
  const country = isCountry(defaultCountry) ? defaultCountry : undefined;
  const home = country && { country, national: nationalReaderOf(country) };
  const memo = new LRUCache<string, { reading: Reading | undefined }>({ max: memoSize });

  function readSlowly(input: string): Reading | undefined {
    const known = memo.get(input);
    if (known !== undefined) return known.reading;
    const writing = readWriting(input);
    const reading = writing && interpret(writing, home);
    // A longer one is no number, and would take room.
    if (input.length <= LONGEST_REMEMBERED) memo.set(input, { reading });
    return reading;
  }

  /** Reads what is an msisdn from `from` on, with nothing else in front of it than a plus. */
  function readPlain(given: string, from: number): Reading {
    const primary = from === 0 ? given : given.slice(from);
    return { primary, others: mayHaveOthers(given, from) ? withoutNationalPrefix(primary) : NONE };
  }

  return {
    read(input) {
      const given = typeof input === 'string' ? input : digitsOf(input);
      if (given === undefined) return undefined;
      if (given.charCodeAt(0) === PLUS) {
        if (isMsisdn(given, 1)) return readPlain(given, 1);
      } else if (isMsisdn(given, 0) && (home === undefined || home.national.tell(given) === null)) {
        return readPlain(given, 0);
      }
      return readSlowly(given);
    },
    readNumber(input, numbers, at) {
      if (typeof input === 'string') {
        const from = input.charCodeAt(0) === PLUS ? 1 : 0;
        if ((from === 1 || home === undefined) && readDigits(input, from, numbers, at)) {
          if (!mayHaveOthers(input, from)) return true;
        }
      } else if (typeof input === 'number' && home === undefined && Number.isSafeInteger(input)) {
        if (input >= LEAST && input <= GREATEST && !mayNumberHaveOthers(input)) {
          numbers[at] = input;
          return true;
        }
      }
      numbers[at] = 0;
      return false;
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

/** Whether `text` from `from` on is 5 to 15 ASCII digits that do not start with 0. */
function isMsisdn(text: string, from: number): boolean {
  const length = text.length - from;
  if (length < 5 || length > 15 || text.charCodeAt(from) === ZERO) return false;
  for (let index = from; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code < ZERO || code > NINE) return false;
  }
  return true;
}

/** Where digits without `+` may have been dialled. */
interface Home {
  readonly country: CountryCode;
  readonly national: NationalReader;
}

/** Every plausible reading of a writing, the first as it was written. */
function interpret(writing: Writing, home: Home | undefined): Reading | undefined {
  const international = internationalForms(writing, home).flatMap(({ digits, zero }) =>
    zeroForms(digits, zero),
  );
  const national = writing.isMarked ? undefined : home?.national.read(writing.digits);
  const read = [...international, ...(national === undefined ? [] : [national])].filter((digits) =>
    isMsisdn(digits, 0),
  );
  const [primary, ...others] = new Set([...read, ...read.flatMap(withoutNationalPrefix)]);
  return primary === undefined ? undefined : { primary, others };
}

/** Digits with the country code first, and where in them a zero is alone in brackets. */
interface InternationalForm {
  readonly digits: string;
  readonly zero: number | undefined;
}

function internationalForms(
  { digits, isMarked, bracketedZero }: Writing,
  home: Home | undefined,
): InternationalForm[] {
  const dialled = isMarked
    ? []
    : home
      ? dialledAbroad(digits, home.country)
      : digits.startsWith('00')
        ? [digits.slice(2)]
        : [];
  // Of several prefixes that may have been dialled, one that leaves a possible number is meant.
  const called = [...dialled.filter(isPossible), ...dialled.filter((number) => !isPossible(number))];
  return [digits, ...called].map((number) => ({
    digits: number,
    zero: bracketedZero === undefined ? undefined : bracketedZero - (digits.length - number.length),
  }));
}

/**
 * The numbers that are written with a `(0)` behind their country code. Where it is no national prefix there it belongs
 * to the number, unless somebody has put it there by habit.
 */
function zeroForms(digits: string, zero: number | undefined): readonly string[] {
  const code = zero === undefined ? undefined : callingCodeOf(digits);
  if (code === undefined || code.length !== zero) return [digits];
  const without = code + digits.slice(code.length + 1);
  const isDropped = isZeroDropped(code) || (isPossible(without) && !isPossible(digits));
  return isDropped ? [without, digits] : [digits, without];
}
