/**
 * National prefixes behind a country code: `+44 (0)7400 …`, `+44 07400 …`, `4407400…`, `+7 8 916 …`, `+36 06 …`. Within
 * the country the prefix is dialled before a number, from abroad it is left out. Whether it was left in by mistake or
 * belongs to the number cannot always be told, so that both are read. The table needs no metadata; a test compares it
 * with libphonenumber's.
 */

import { LEAD_DIGITS } from './msisdn-digits.ts';
import { CODES_WITH_EQUIVALENTS, MOST_EQUIVALENTS, findEquivalents } from './msisdn-equivalents.ts';
import {
  CODES_WITH_CARRIERS,
  callingCodeOf,
  isAssignable,
  isPossible,
  lengthsBehind,
  withoutCarrier,
} from './msisdn-plans.ts';

/** Country codes of countries with the national prefix 0, as libphonenumber has them. */
const CODES_WITH_ZERO = (
  '20 27 31 32 33 40 41 43 44 46 49 51 53 54 55 57 58 60 61 62 63 64 66 81 82 84 86 90 91 92 93 94 95 98 211 212 ' +
  '213 218 231 232 233 234 243 249 250 251 252 254 255 256 260 261 262 263 264 265 291 353 355 358 359 370 373 374 ' +
  '377 380 381 382 383 385 386 387 389 421 423 508 590 591 593 594 595 596 598 686 850 855 856 880 886 961 962 963 ' +
  '964 966 967 970 971 972 976 977 994 995 996'
).split(' ');

/** Country codes by national prefix. */
const CODES_BY_PREFIX: Readonly<Record<string, readonly string[]>> = {
  '0': CODES_WITH_ZERO,
  '1': ['1', '692'],
  '8': ['7', '375', '993'],
  '06': ['36'],
};

/** Prefixes that libphonenumber leaves out, or only takes off: those of former plans, and second ones. */
const FURTHER_PREFIXES: readonly (readonly [code: string, prefix: string])[] = [
  ...(['0', '01', '044', '045'] as const).map((prefix) => ['52', prefix] as const),
  ...[['241', '0'] as const, ['370', '8'] as const, ['375', '0'] as const, ['375', '80'] as const],
  ...[['992', '8'] as const, ['998', '8'] as const, ['998', '0'] as const],
];

function prefixTable(): ReadonlyMap<string, readonly string[]> {
  const table = new Map<string, string[]>();
  const own = Object.entries(CODES_BY_PREFIX).flatMap(([prefix, codes]) =>
    codes.map((code) => [code, prefix] as const),
  );
  for (const [code, prefix] of [...own, ...FURTHER_PREFIXES]) {
    const prefixes = table.get(code) ?? [];
    table.set(code, [...prefixes, prefix]);
  }
  return table;
}

/** National prefixes by country code. */
export const NATIONAL_PREFIXES = prefixTable();

const HAS_EQUIVALENTS = 1;
const HAS_PREFIX = 2;
/** A carrier's code may stand behind the prefix. */
const HAS_CARRIER = 4;

/**
 * By the first four digits of a number, country code and what stands behind it: not 0 where it may have another reading
 * or writing. Most numbers have none, and are asked about once.
 */
export const SEVERAL_WRITINGS: Uint8Array = leadTable();

function leadTable(): Uint8Array {
  const table = new Uint8Array(10 ** LEAD_DIGITS);
  const mark = (start: string, kind: number) => {
    const size = 10 ** Math.max(0, LEAD_DIGITS - start.length);
    const from = Number(start.slice(0, LEAD_DIGITS)) * size;
    for (let lead = from; lead < from + size; lead++) table[lead] = (table[lead] as number) | kind;
  };
  for (const code of CODES_WITH_EQUIVALENTS) mark(code, HAS_EQUIVALENTS);
  for (const [code, prefixes] of NATIONAL_PREFIXES) {
    const kind = HAS_PREFIX | (CODES_WITH_CARRIERS.has(code) ? HAS_CARRIER : 0);
    for (const prefix of prefixes) mark(code + prefix, kind);
  }
  return table;
}

/** From 1 to 10^15. */
const POWERS = Float64Array.from({ length: 16 }, (_, digits) => 10 ** digits);

function lengthOf(msisdn: number): number {
  let length = LEAD_DIGITS + 1;
  while (length < 15 && msisdn >= (POWERS[length] as number)) length++;
  return length;
}

const leadOf = (msisdn: number): number =>
  Math.floor(msisdn / (POWERS[lengthOf(msisdn) - LEAD_DIGITS] as number));

const kindOf = (msisdn: number): number => SEVERAL_WRITINGS[leadOf(msisdn)] as number;

/** Whether an msisdn may have another reading or writing. */
export const mayHaveOthers = (msisdn: number): boolean => kindOf(msisdn) !== 0;

/** Whether an msisdn may have a national prefix behind its country code. */
export const mayHavePrefix = (msisdn: number): boolean => (kindOf(msisdn) & HAS_PREFIX) !== 0;

/** The numbers that digits are without a national prefix behind their country code, as far as such a number is possible. */
export function withoutNationalPrefix(digits: string): readonly string[] {
  const code = callingCodeOf(digits);
  const prefixes = code === undefined ? undefined : NATIONAL_PREFIXES.get(code);
  if (code === undefined || prefixes === undefined) return [];
  const rest = digits.slice(code.length);
  const stripped = prefixes
    .filter((prefix) => rest.startsWith(prefix))
    .map((prefix) => rest.slice(prefix.length));
  // Some countries dial a carrier's code behind the prefix.
  if (stripped.length > 0) stripped.push(...withoutCarrier(code, rest));
  return [...new Set(stripped)].map((national) => code + national).filter(isPossible);
}

/** National prefixes behind country codes, as numbers side by side, so that a look-up reads little memory. */
interface PrefixRules {
  /** By the first four digits of a number: the first rule for it. */
  readonly first: Uint8Array;
  /** By rule: the next one for the same numbers, 0 where there is none. */
  readonly next: Uint8Array;
  readonly code: Float64Array;
  /** Country code and prefix, and how many digits they have. */
  readonly start: Float64Array;
  readonly digits: Uint8Array;
  /** Lengths of the numbers behind the country code, as bits. */
  readonly lengths: Int32Array;
}

let prefixRules: PrefixRules | undefined;

function readRules(): PrefixRules {
  const pairs = [...NATIONAL_PREFIXES].flatMap(([code, prefixes]) =>
    prefixes.map((prefix) => [code, code + prefix] as const),
  );
  const first = new Uint8Array(10 ** LEAD_DIGITS);
  const next = new Uint8Array(pairs.length + 1);
  for (const [index, [, start]] of pairs.entries()) {
    const size = 10 ** Math.max(0, LEAD_DIGITS - start.length);
    const from = Number(start.slice(0, LEAD_DIGITS)) * size;
    // Of a code whose prefixes begin alike the leads are alike too, or those of the longer one fewer: these come later.
    next[index + 1] = first[from] as number;
    first.fill(index + 1, from, from + size);
  }
  return {
    first,
    next,
    code: Float64Array.from([0, ...pairs.map(([code]) => Number(code))]),
    start: Float64Array.from([0, ...pairs.map(([, start]) => Number(start))]),
    digits: Uint8Array.from([0, ...pairs.map(([, start]) => start.length)]),
    lengths: Int32Array.from([0, ...pairs.map(([code]) => lengthsBehind(code))]),
  };
}

const spare = new Float64Array(MOST_EQUIVALENTS);
/** No number can be read without more than these prefixes. */
export const MOST_PREFIXES = 3;

/**
 * As {@link withoutNationalPrefix} for numbers, without an allocation.
 *
 * @param into gets them from index `at` on: at most {@link MOST_PREFIXES}.
 * @returns how many there are, or `undefined` where a carrier's code may be there too, which only text tells.
 */
export function findWithoutPrefix(msisdn: number, into: Float64Array, at: number): number | undefined {
  const lead = leadOf(msisdn);
  const kind = SEVERAL_WRITINGS[lead] as number;
  if ((kind & HAS_CARRIER) !== 0) return undefined;
  if ((kind & HAS_PREFIX) === 0) return 0;
  const { first, next, code, start, digits, lengths } = (prefixRules ??= readRules());
  const length = lengthOf(msisdn);
  let count = 0;
  for (let rule = first[lead] as number; rule !== 0; rule = next[rule] as number) {
    const rest = length - (digits[rule] as number);
    const scale = POWERS[Math.max(0, rest)] as number;
    const front = Math.floor(msisdn / scale);
    if (front !== start[rule]) continue;
    const number = (code[rule] as number) * scale + (msisdn - front * scale);
    const isPossibleNow = ((lengths[rule] as number) & (1 << rest)) !== 0;
    if (isPossibleNow || findEquivalents(number, spare, 0) > 0) into[at + count++] = number;
  }
  return count;
}

/** Whether a zero in brackets behind that country code is a national prefix there, and no part of the number. */
export function isZeroDropped(code: string): boolean {
  return CODES_WITH_ZERO.includes(code);
}

/**
 * Whether two readings are one number with and without its national prefix, beyond doubt: only one of the two can be
 * assigned to anybody.
 */
export function differInPrefixOnly(one: string, other: string): boolean {
  const [long, short] = one.length > other.length ? [one, other] : [other, one];
  const code = callingCodeOf(long);
  if (code === undefined || code !== callingCodeOf(short)) return false;
  const isSuffix = long.slice(code.length).endsWith(short.slice(code.length));
  return isSuffix && isAssignable(long) !== isAssignable(short);
}
