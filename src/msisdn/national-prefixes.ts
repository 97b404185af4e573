/**
 * National prefixes behind a country code: `+44 (0)7400 …`, `+44 07400 …`, `4407400…`, `+7 8 916 …`, `+36 06 …`. Within
 * the country the prefix is dialled before a number; from abroad it is left out. It is not always clear whether the
 * digits are a prefix that was left in by mistake or a part of the number, so both are read. The table needs no
 * metadata; a test compares it with that of libphonenumber.
 */

import { HEAD_DIGITS } from './digits.ts';
import { CODES_WITH_EQUIVALENTS, MOST_EQUIVALENTS, findEquivalents } from './equivalents.ts';
import {
  CODES_WITH_CARRIERS,
  callingCodeOf,
  isAssignable,
  isPossible,
  lengthsBehind,
  withoutCarrier,
} from './numbering-plans.ts';

/** The codes of countries with the national prefix 0, as libphonenumber has them. */
const CODES_WITH_ZERO = (
  '20 27 31 32 33 40 41 43 44 46 49 51 53 54 55 57 58 60 61 62 63 64 66 81 82 84 86 90 91 92 93 94 95 98 211 212 ' +
  '213 218 231 232 233 234 243 249 250 251 252 254 255 256 260 261 262 263 264 265 291 353 355 358 359 370 373 374 ' +
  '377 380 381 382 383 385 386 387 389 421 423 508 590 591 593 594 595 596 598 686 850 855 856 880 886 961 962 963 ' +
  '964 966 967 970 971 972 976 977 994 995 996'
).split(' ');

/** The country codes by national prefix. */
const CODES_BY_PREFIX: Readonly<Record<string, readonly string[]>> = {
  '0': CODES_WITH_ZERO,
  '1': ['1', '692'],
  '8': ['7', '375', '993'],
  '06': ['36'],
};

/** Prefixes that libphonenumber lacks, or only removes: those of former numbering plans, and second prefixes. */
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

/** The national prefixes by country code. */
export const NATIONAL_PREFIXES = prefixTable();

/** Each country code with each of its prefixes: the rules of {@link findOthers}, numbered from 1. */
const PAIRS = [...NATIONAL_PREFIXES].flatMap(([code, prefixes]) =>
  prefixes.map((prefix) => ({ code, start: code + prefix })),
);

/** How many first digits of a number hold its country code and the start of a prefix. */
const LEAD_DIGITS = 4;

/** The bits of {@link LEADS} that hold the first rule for a number; 0 if it can have no national prefix. */
const RULE = 0xff;
/** Set in {@link LEADS} if the subscriber may have other writings. */
const HAS_EQUIVALENTS = 0x100;
/** Set in {@link LEADS} if a carrier's code may stand behind the prefix. */
const HAS_CARRIER = 0x200;

/** By rule: the next rule for the same numbers; 0 if there is none. */
const NEXT_RULES = new Uint8Array(PAIRS.length + 1);

/** By the first four digits of a number: not 0 if the number may have another reading or writing. */
const LEADS: Uint16Array = leadTable();

function leadTable(): Uint16Array {
  const table = new Uint16Array(10 ** LEAD_DIGITS);
  const forEachLead = (start: string, mark: (lead: number) => void) => {
    const size = 10 ** Math.max(0, LEAD_DIGITS - start.length);
    const from = Number(start.slice(0, LEAD_DIGITS)) * size;
    for (let lead = from; lead < from + size; lead++) mark(lead);
  };
  const valueOf = (lead: number) => table[lead] as number;
  for (const code of CODES_WITH_EQUIVALENTS) {
    forEachLead(code, (lead) => (table[lead] = valueOf(lead) | HAS_EQUIVALENTS));
  }
  for (const [index, { code, start }] of PAIRS.entries()) {
    const rule = index + 1;
    const carrier = CODES_WITH_CARRIERS.has(code) ? HAS_CARRIER : 0;
    forEachLead(start, (lead) => {
      // If one prefix of a code starts with another, it comes later and has the same leads or fewer.
      NEXT_RULES[rule] = valueOf(lead) & RULE;
      table[lead] = (valueOf(lead) & ~RULE) | rule | carrier;
    });
  }
  return table;
}

/** The powers of ten from 1 to 10^15. */
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

/** The smallest head with all of its digits, and the scale of the digits in it that are no lead. */
const FULL_HEAD = 10 ** (HEAD_DIGITS - 1);
const REST_OF_HEAD = 10 ** (HEAD_DIGITS - LEAD_DIGITS);

/**
 * Whether a number may have another reading or writing. Most numbers have none and need one look-up only.
 *
 * @param head the first digits of the number, as `readNumber` returns them. 0 has no other reading.
 */
export function mayHaveOthers(head: number): boolean {
  return (head < FULL_HEAD ? leadOf(head) : LEADS[(head / REST_OF_HEAD) | 0]) !== 0;
}

/** Returns the first digits of an msisdn, as {@link mayHaveOthers} needs them. */
export function headOf(msisdn: number): number {
  return Math.floor(msisdn / (POWERS[Math.max(0, lengthOf(msisdn) - HEAD_DIGITS)] as number));
}

/** Whether an msisdn may have a national prefix behind its country code. */
export const mayHavePrefix = (msisdn: number): boolean => (leadOf(msisdn) & RULE) !== 0;

/** Returns the possible numbers that are left if a national prefix behind the country code is removed from `digits`. */
export function withoutNationalPrefix(digits: string): readonly string[] {
  const code = callingCodeOf(digits);
  const prefixes = code === undefined ? undefined : NATIONAL_PREFIXES.get(code);
  if (code === undefined || prefixes === undefined) return [];
  const rest = digits.slice(code.length);
  const stripped = prefixes
    .filter((prefix) => rest.startsWith(prefix))
    .map((prefix) => rest.slice(prefix.length));
  // In some countries a carrier's code is dialled behind the prefix.
  if (stripped.length > 0) stripped.push(...withoutCarrier(code, rest));
  return [...new Set(stripped)].map((national) => code + national).filter(isPossible);
}

/** A column of {@link createRuleTable}: country code and prefix as one number. */
const START = 0;
/** A column: how many digits `START` has. */
const START_DIGITS = 1;
/** A column: the country code. */
const CODE = 2;
/** A column: the possible lengths of a number without the country code, as bits. */
const LENGTHS = 3;
/** The number of columns. */
const ROW = 4;

let ruleTable: Float64Array | undefined;

/** Creates a table with a row for each rule, in one array, so that a look-up reads little memory. Row 0 is empty. */
const createRuleTable = (): Float64Array =>
  Float64Array.from([
    ...Array.from({ length: ROW }, () => 0),
    ...PAIRS.flatMap(({ code, start }) => [Number(start), start.length, Number(code), lengthsBehind(code)]),
  ]);

const scratch = new Float64Array(MOST_EQUIVALENTS);
/** The most rules that apply to one number. */
const MOST_PREFIXES = 3;
/** The most other readings and writings that a number has. */
export const MOST_OTHERS = (1 + MOST_PREFIXES) * (1 + MOST_EQUIVALENTS) - 1;

/**
 * Finds the other numbers that have to be looked up with the msisdn `numbers[at]`: its readings without a national
 * prefix, and all other writings of their subscribers. Allocates no string and no object.
 *
 * @param into gets the numbers from index 0 on: at most {@link MOST_OTHERS}. A number may come twice.
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

/**
 * Writes the numbers without a national prefix to `into` from index `at` on.
 *
 * @returns the index behind the last one.
 */
function findWithoutPrefix(msisdn: number, firstRule: number, into: Float64Array, at: number): number {
  const table = (ruleTable ??= createRuleTable());
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
    if (isPossibleNow || findEquivalents(number, scratch, 0) > 0) into[count++] = number;
  }
  return count;
}

/** Whether a zero in brackets behind this country code is a national prefix, and no part of the number. */
export function isZeroDropped(code: string): boolean {
  return CODES_WITH_ZERO.includes(code);
}

/**
 * Whether two readings are certainly one number with and without its national prefix: only one of the two can be
 * assigned to a subscriber.
 */
export function differInPrefixOnly(one: string, other: string): boolean {
  const [long, short] = one.length > other.length ? [one, other] : [other, one];
  const code = callingCodeOf(long);
  if (code === undefined || code !== callingCodeOf(short)) return false;
  const isSuffix = long.slice(code.length).endsWith(short.slice(code.length));
  return isSuffix && isAssignable(long) !== isAssignable(short);
}
