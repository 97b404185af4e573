/**
 * Reading and masking numbers. A reader turns whatever a caller has into the digits the provider uses, or into
 * nothing; it never throws and never guesses. It knows no list and decides nothing.
 */

import { getCountryCallingCode, isSupportedCountry, type CountryCode } from 'libphonenumber-js/min';
import { LRUCache } from 'lru-cache';
import { readDigits } from './msisdn-digits.ts';
import { nationalReaderOf, type NationalReader } from './national-reading.ts';

/** What an input can be read as: digits, country code first, 5 to 15 of them, not starting with 0. */
export interface Reading {
  /** The international reading where there is one, else the national one. */
  readonly primary: string;
  /** The national reading under `defaultCountry`, where it is another number. */
  readonly alternative?: string | undefined;
}

export interface MsisdnReader {
  /** Never throws, for any input of any type. */
  read(input: unknown): Reading | undefined;
  /**
   * Reads an input that is digits, `+` and digits, or an integer, where it can be read in one way only, and puts its
   * number into a place of `numbers`. The hot path: it makes no string and no object, not even a boxed number.
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

/** The longest string that is looked at. Real numbers with their separators are far shorter. */
const LONGEST_INPUT = 64;
const SEPARATOR = /^[\s./[\]\u2010-\u2015\u2212-]$/u;
const ZERO = 48;
const NINE = 57;
const PLUS = 43;

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
  const callingCode = country && getCountryCallingCode(country);
  const national = country && nationalReaderOf(country);
  const memo = new LRUCache<string, { reading: Reading | undefined }>({ max: memoSize });

  function readSlowly(input: string): Reading | undefined {
    const known = memo.get(input);
    if (known !== undefined) return known.reading;
    const reading = interpret(input, national, callingCode);
    memo.set(input, { reading });
    return reading;
  }

  return {
    read(input) {
      const given = typeof input === 'string' ? input : digitsOf(input);
      if (given === undefined || given.length > LONGEST_INPUT) return undefined;
      if (given.charCodeAt(0) === PLUS) {
        if (isMsisdn(given, 1)) return { primary: given.slice(1) };
      } else if (isMsisdn(given, 0)) {
        if (national === undefined) return { primary: given };
        const told = national.tell(given);
        if (told !== undefined) return readingOf(given, told ?? undefined);
      }
      return readSlowly(given);
    },
    readNumber(input, numbers, at) {
      if (typeof input === 'string') {
        if (input.charCodeAt(0) === PLUS) return readDigits(input, 1, numbers, at);
        if (country === undefined) return readDigits(input, 0, numbers, at);
      } else if (typeof input === 'number' && country === undefined && Number.isSafeInteger(input)) {
        const isMsisdnNumber = input >= LEAST && input <= GREATEST;
        numbers[at] = isMsisdnNumber ? input : 0;
        return isMsisdnNumber;
      }
      numbers[at] = 0;
      return false;
    },
  };
}

/** The smallest and the largest number of 5 to 15 digits. */
const LEAST = 10_000;
const GREATEST = 999_999_999_999_999;

const internationalReader = createMsisdnReader();

/** Reads a number without a default country. @returns its digits, or `undefined`. */
export function readMsisdn(input: unknown): string | undefined {
  return internationalReader.read(input)?.primary;
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

function interpret(
  input: string,
  national: NationalReader | undefined,
  callingCode: string | undefined,
): Reading | undefined {
  const written = simplify(input.replace(/^\s*tel:/i, ''));
  if (written === undefined) return undefined;
  const prefix = callingCode === '1' ? INTERNATIONAL_PREFIX_NANP : INTERNATIONAL_PREFIX;
  const [marked] = prefix.exec(written) ?? [];
  if (marked !== undefined) return readingOf(withoutTrunkZero(written.slice(marked.length)));
  const digits = onlyDigits(written);
  if (digits === undefined) return undefined;
  return readingOf(digits, national?.read(digits));
}

const INTERNATIONAL_PREFIX = /^[ (]*(?:\+|0[ ()]*0)/;
const INTERNATIONAL_PREFIX_NANP = /^[ (]*(?:\+|0[ ()]*0|0[ ()]*1[ ()]*1)/;

/** Digits as ASCII, separators as spaces, `+` and round brackets as they are; `undefined` for anything else. */
function simplify(input: string): string | undefined {
  let written = '';
  for (const char of input) {
    if (/^[\d+()]$/.test(char)) written += char;
    else if (SEPARATOR.test(char)) written += ' ';
    else if (/^\p{Nd}$/u.test(char)) written += digitValue(char);
    else return undefined;
  }
  return written;
}

/** The value of a decimal digit of any script: Unicode keeps them in runs of ten that begin with zero. */
function digitValue(digit: string): number {
  const code = Number(digit.codePointAt(0));
  let first = code;
  while (/^\p{Nd}$/u.test(String.fromCodePoint(first - 1))) first--;
  return (code - first) % 10;
}

/** Drops the `(0)` that some write between country code and number. */
function withoutTrunkZero(written: string): string | undefined {
  return onlyDigits(written.replace(/^((?:[ ()]*\d){1,3}[ )]*)\( *0 *\)/, '$1'));
}

function onlyDigits(written: string): string | undefined {
  return written.includes('+') ? undefined : written.replaceAll(/\D/g, '');
}

function readingOf(international: string | undefined, national?: string): Reading | undefined {
  const readings = [international, national].filter(
    (digits): digits is string => digits !== undefined && isMsisdn(digits, 0),
  );
  const [primary, alternative] = readings;
  if (primary === undefined) return undefined;
  return alternative === undefined || alternative === primary ? { primary } : { primary, alternative };
}
