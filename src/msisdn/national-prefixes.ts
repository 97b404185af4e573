/**
 * National prefixes behind a country code: `+44 (0)7400 …`, `+44 07400 …`, `4407400…`, `+7 8 916 …`, `+36 06 …`. Within
 * the country the prefix is dialled before a number, from abroad it is left out. Whether it was left in by mistake or
 * belongs to the number cannot always be told, so that both are read. The table needs no metadata; a test compares it
 * with libphonenumber's.
 */

import { LEAD_DIGITS } from './digits.ts';
import { CODES_WITH_EQUIVALENTS, MOST_EQUIVALENTS, findEquivalents } from './equivalents.ts';
import {
  CODES_WITH_CARRIERS,
  callingCodeOf,
  isAssignable,
  isPossible,
  lengthsBehind,
  withoutCarrier,
} from './numbering-plans.ts';

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

/** Each country code with each of its prefixes. They are the rules of {@link findOthers}, numbered from 1. */
const PAIRS = [...NATIONAL_PREFIXES].flatMap(([code, prefixes]) =>
  prefixes.map((prefix) => ({ code, start: code + prefix })),
);

/** The bits of {@link LEADS} that hold the first rule for a number; 0 if it can have no national prefix. */
const RULE = 0xff;
/** Set in {@link LEADS} if the subscriber may have other writings. */
const HAS_EQUIVALENTS = 0x100;
/** Set in {@link LEADS} if a carrier's code may stand behind the prefix. */
const HAS_CARRIER = 0x200;

/** By rule: the next rule for the same numbers; 0 if there is none. */
const NEXT_RULES = new Uint8Array(PAIRS.length + 1);

/**
 * By the first four digits of a number, which hold the country code and what follows it: not 0 if the number may have
 * another reading or writing. Most numbers have none, and are looked up once.
 */
export const LEADS: Uint16Array = leadTable();

function leadTable(): Uint16Array {
  const table = new Uint16Array(10 ** LEAD_DIGITS);
  const eachLead = (start: string, mark: (lead: number) => void) => {
    const size = 10 ** Math.max(0, LEAD_DIGITS - start.length);
    const from = Number(start.slice(0, LEAD_DIGITS)) * size;
    for (let lead = from; lead < from + size; lead++) mark(lead);
  };
  const valueOf = (lead: number) => table[lead] as number;
  for (const code of CODES_WITH_EQUIVALENTS) {
    eachLead(code, (lead) => (table[lead] = valueOf(lead) | HAS_EQUIVALENTS));
  }
  for (const [index, { code, start }] of PAIRS.entries()) {
    const rule = index + 1;
    const carrier = CODES_WITH_CARRIERS.has(code) ? HAS_CARRIER : 0;
    eachLead(start, (lead) => {
      // If two prefixes of a code begin alike, the longer one comes later and is for the same leads or for fewer.
      NEXT_RULES[rule] = valueOf(lead) & RULE;
      table[lead] = (valueOf(lead) & ~RULE) | rule | carrier;
    });
  }
  return table;
}

/** From 1 to 10^15. */
const POWERS = Float64Array.from({ length: 16 }, (_, digits) => 10 ** digits);

function lengthOf(msisdn: number): number {
  // Most numbers have 11 or 12 digits.
  let length = 11;
  while (length < 15 && msisdn >= (POWERS[length] as number)) length++;
  while (length > LEAD_DIGITS + 1 && msisdn < (POWERS[length - 1] as number)) length--;
  return length;
}

const leadOf = (msisdn: number): number =>
  LEADS[Math.floor(msisdn / (POWERS[lengthOf(msisdn) - LEAD_DIGITS] as number))] as number;

/** Whether an msisdn may have another reading or writing. */
export const mayHaveOthers = (msisdn: number): boolean => leadOf(msisdn) !== 0;

/** Whether an msisdn may have a national prefix behind its country code. */
export const mayHavePrefix = (msisdn: number): boolean => (leadOf(msisdn) & RULE) !== 0;

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

/** The columns of {@link readRules}. Country code and prefix as one number. */
const START = 0;
/** How many digits `START` has. */
const START_DIGITS = 1;
/** The country code. */
const CODE = 2;
/** The possible lengths of a number without the country code, as bits. */
const LENGTHS = 3;
/** How many columns a row has. */
const ROW = 4;

let rules: Float64Array | undefined;

/** A row of numbers for each rule, side by side, so that a look-up reads little memory. */
const readRules = (): Float64Array =>
  Float64Array.from([
    ...Array.from({ length: ROW }, () => 0),
    ...PAIRS.flatMap(({ code, start }) => [Number(start), start.length, Number(code), lengthsBehind(code)]),
  ]);

const spare = new Float64Array(MOST_EQUIVALENTS);
/** No number can be read without more than these prefixes. */
const MOST_PREFIXES = 3;
/** No number has more other readings and writings. */
export const MOST_OTHERS = (1 + MOST_PREFIXES) * (1 + MOST_EQUIVALENTS) - 1;

/**
 * Finds the other numbers that have to be looked up with an msisdn: its readings without a national prefix, and every
 * other writing of their subscribers. Makes no string and no object.
 *
 * @param into gets the numbers from index 0 on. It has room for {@link MOST_OTHERS}. A number may come twice.
 * @returns how many numbers it found; `undefined` if the msisdn may hold a carrier's code too, which needs its text.
 */
export function findOthers(numbers: Float64Array, at: number, into: Float64Array): number | undefined {
  const msisdn = numbers[at] as number;
  const lead = leadOf(msisdn);
  if ((lead & HAS_CARRIER) !== 0) return undefined;
  const hasEquivalents = (lead & HAS_EQUIVALENTS) !== 0;
  let count = hasEquivalents ? findEquivalents(msisdn, into, 0) : 0;
  if ((lead & RULE) === 0) return count;
  const first = count;
  count = findWithoutPrefix(msisdn, lead & RULE, into, first);
  if (!hasEquivalents) return count;
  // A number without its prefix has the same country code.
  const last = count;
  for (let index = first; index < last; index++) {
    count += findEquivalents(into[index] as number, into, count);
  }
  return count;
}

/** @returns the index behind the last number that it put into `into`. */
function findWithoutPrefix(msisdn: number, firstRule: number, into: Float64Array, at: number): number {
  const table = (rules ??= readRules());
  const length = lengthOf(msisdn);
  let count = at;
  for (let rule = firstRule; rule !== 0; rule = NEXT_RULES[rule] as number) {
    const row = rule * ROW;
    const rest = length - (table[row + START_DIGITS] as number);
    const scale = POWERS[Math.max(0, rest)] as number;
    const front = Math.floor(msisdn / scale);
    if (front !== table[row + START]) continue;
    const number = (table[row + CODE] as number) * scale + (msisdn - front * scale);
    const isPossibleNow = ((table[row + LENGTHS] as number) & (1 << rest)) !== 0;
    if (isPossibleNow || findEquivalents(number, spare, 0) > 0) into[count++] = number;
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
