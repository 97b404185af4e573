/**
 * Finds the other writings of a number: international numbers that reach the same subscriber. They exist in countries
 * that changed their numbers, or that write mobile numbers in two ways. Lists and evidence keep the digits as they were
 * received. A check looks up every writing, so that an opt-out under one of them blocks all. Needs no metadata.
 *
 * | country | one writing | the other | since |
 * |---|---|---|---|
 * | Mexico | 52 1 + 10 digits | 52 + 10 digits | the 1 of mobile numbers was dropped in 2019 |
 * | Argentina | 54 9 + 10 digits | 54 + 10 digits; either with 15 behind the area code | 9 and 15 mark mobile numbers |
 * | Brazil | 55 + area + 9 + 8 digits | 55 + area + 8 digits | ninth digit, 2012 to 2016; not landlines (from 2 to 5) |
 * | Ivory Coast | 225 + 10 digits | 225 + 8 digits | 2021, two digits by operator in front |
 * | Benin | 229 01 + 8 digits | 229 + 8 digits | 2024 |
 * | San Marino | 378 0549 + 6 digits | 378 + 6 digits | landlines are dialled either way |
 */

/** The country codes of numbers that can have more than one writing. */
export const CODES_WITH_EQUIVALENTS = ['52', '54', '55', '225', '229', '378'] as const;

/** The most other writings that a number has. */
export const MOST_EQUIVALENTS = 5;

const NONE: readonly string[] = Object.freeze([]);
const found = new Float64Array(MOST_EQUIVALENTS);

/**
 * Returns the other numbers that reach the subscriber of an msisdn, without `digits` itself. The relation is symmetric
 * and transitive: all writings of a subscriber return each other.
 *
 * @param digits country code first, digits only.
 */
export function equivalentsOf(digits: string): readonly string[] {
  const count = findEquivalents(Number(digits), found, 0);
  return count === 0 ? NONE : Array.from(found.subarray(0, count), String);
}

/** Whether two msisdns reach one subscriber. */
export function isSameSubscriber(one: string, other: string): boolean {
  return one === other || equivalentsOf(one).includes(other);
}

/**
 * Finds the same numbers as {@link equivalentsOf}, without an allocation.
 *
 * @param into gets the numbers from index `at` on: at most {@link MOST_EQUIVALENTS}.
 * @returns how many numbers it found.
 */
export function findEquivalents(msisdn: number, into: Float64Array, at: number): number {
  if (msisdn >= 54e10) {
    if (isBetween(msisdn, 55e10, 56e10) || isBetween(msisdn, 55e11, 56e11))
      return findBrazilian(msisdn, into, at);
    if (isBetween(msisdn, 521e10, 522e10)) return put(52e10 + (msisdn - 521e10), into, at);
    if (isBetween(msisdn, 225e10, 226e10)) return findIvorian(msisdn, into, at);
    if (isBetween(msisdn, 22901e8, 22902e8)) return put(229e8 + (msisdn - 22901e8), into, at);
    if (isBetween(msisdn, 3780549e6, 378055e7)) return findSanMarinese(msisdn, into, at);
    return findArgentine(msisdn, into, at);
  }
  if (isBetween(msisdn, 52e10, 53e10)) return put(521e10 + (msisdn - 52e10), into, at);
  if (isBetween(msisdn, 225e8, 226e8)) return findIvorian(msisdn, into, at);
  if (isBetween(msisdn, 229e8, 23e9)) return put(22901e8 + (msisdn - 229e8), into, at);
  return isBetween(msisdn, 378e6, 379e6) ? findSanMarinese(msisdn, into, at) : 0;
}

const isBetween = (msisdn: number, least: number, below: number): boolean =>
  msisdn >= least && msisdn < below;

function put(msisdn: number, into: Float64Array, at: number): number {
  into[at] = msisdn;
  return 1;
}

/**
 * The powers of ten of the digits behind an area code, where 15 may be inserted. Area codes have 2 to 4 digits. Only
 * that of Buenos Aires, 11, has 2.
 */
const BEHIND_AREA_11 = [1e8];
const BEHIND_OTHER_AREAS = [1e7, 1e6];

function findArgentine(msisdn: number, into: Float64Array, at: number): number {
  const national = argentineNumber(msisdn);
  // A leading 9 is the mark of mobile numbers, and a leading 0 is a national prefix.
  if (national < 1e9 || national >= 9e9) return 0;
  let count = 0;
  const add = (number: number) => {
    if (number !== msisdn) into[at + count++] = number;
  };
  add(54e10 + national);
  add(549e10 + national);
  for (const scale of Math.floor(national / 1e8) === 11 ? BEHIND_AREA_11 : BEHIND_OTHER_AREAS) {
    const marked = (Math.floor(national / scale) * 100 + 15) * scale + (national % scale);
    add(54e12 + marked);
    add(549e12 + marked);
  }
  return count;
}

/** Returns area code and number, ten digits, without the marks of mobile numbers; 0 if it is no such number. */
function argentineNumber(msisdn: number): number {
  if (isBetween(msisdn, 54e10, 55e10)) return msisdn - 54e10;
  if (isBetween(msisdn, 549e10, 55e11)) return msisdn - 549e10;
  const isLong = isBetween(msisdn, 549e12, 55e13);
  if (!isLong && !isBetween(msisdn, 54e12, 55e12)) return 0;
  const written = msisdn - (isLong ? 549e12 : 54e12);
  for (const scale of Math.floor(written / 1e10) === 11 ? BEHIND_AREA_11 : BEHIND_OTHER_AREAS) {
    const [front, rest] = [Math.floor(written / scale), written % scale];
    if (front % 100 === 15) return Math.floor(front / 100) * scale + rest;
  }
  return 0;
}

function findBrazilian(msisdn: number, into: Float64Array, at: number): number {
  const isLong = msisdn >= 55e11;
  const national = msisdn - (isLong ? 55e11 : 55e10);
  const area = Math.floor(national / (isLong ? 1e9 : 1e8));
  const old = national % 1e8;
  if (isLong && Math.floor(national / 1e8) % 10 !== 9) return 0;
  // Landlines begin with 2 to 5. With a 9 in front they are numbers of other subscribers.
  if (isBetween(old, 2e7, 6e7)) return 0;
  return put(isLong ? 55e10 + area * 1e8 + old : 55e11 + area * 1e9 + 9e8 + old, into, at);
}

function findIvorian(msisdn: number, into: Float64Array, at: number): number {
  const isLong = msisdn >= 225e10;
  const old = msisdn % 1e8;
  const prefix = ivorianPrefix(old);
  if (!isLong) return put(225e10 + prefix * 1e8 + old, into, at);
  return Math.floor(msisdn / 1e8) - 22500 === prefix ? put(225e8 + old, into, at) : 0;
}

/**
 * Returns the two digits that were put in front of a number of eight digits on 31 January 2021. Mobile numbers of Moov,
 * MTN and Orange got 01, 05 and 07, by their second digit. Landlines, which begin with 2 or 3, got 21, 25 and 27, by
 * their third digit.
 */
function ivorianPrefix(old: number): number {
  const [first, second, third] = [
    Math.floor(old / 1e7),
    Math.floor(old / 1e6) % 10,
    Math.floor(old / 1e5) % 10,
  ];
  if (first !== 2 && first !== 3) return second < 4 ? 1 : second < 7 ? 5 : 7;
  if (third === 0) return 25;
  return third === 8 && first === 2 ? 21 : 27;
}

function findSanMarinese(msisdn: number, into: Float64Array, at: number): number {
  const old = msisdn % 1e6;
  if (old < 8e5) return 0;
  return put(msisdn < 1e9 ? 3780549e6 + old : 378e6 + old, into, at);
}
