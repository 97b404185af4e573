/**
 * What libphonenumber knows of numbering plans: country codes, lengths, patterns, and the prefixes of calls. Everything
 * is made when it is first asked for.
 */

import {
  Metadata,
  getCountries,
  getCountryCallingCode,
  type CountryCode,
  type NumberingPlan,
} from 'libphonenumber-js/min';
import { equivalentsOf } from './equivalents.ts';

/** A plan with the members that the library's types leave out. Another version of the library may lack them. */
export type Plan = NumberingPlan & {
  nationalPrefixForParsing?(): string | undefined;
  nationalPrefixTransformRule?(): string | undefined;
  nationalNumberPattern?(): string | undefined;
};

/** The plan of a country. */
export function planOf(country: CountryCode): Plan | undefined {
  const metadata = new Metadata();
  metadata.selectNumberingPlan(country);
  return metadata.numberingPlan;
}

/** What is known of the numbers with one calling code, which several countries may share. */
interface CodePlan {
  readonly countries: readonly CountryCode[];
  /** Lengths of numbers without the code. */
  readonly lengths: ReadonlySet<number>;
  readonly patterns: readonly RegExp[];
}

let plans: ReadonlyMap<string, CodePlan> | undefined;

function readPlans(): ReadonlyMap<string, CodePlan> {
  const countriesOf = new Map<string, CountryCode[]>();
  for (const country of getCountries()) {
    const code = getCountryCallingCode(country);
    countriesOf.set(code, [...(countriesOf.get(code) ?? []), country]);
  }
  const codePlan = (countries: readonly CountryCode[]): CodePlan => {
    const own = countries.flatMap((country) => planOf(country) ?? []);
    const patterns = own.flatMap((plan) => plan.nationalNumberPattern?.() ?? []);
    return {
      countries,
      lengths: new Set(own.flatMap((plan) => plan.possibleLengths())),
      patterns: [...new Set(patterns)].map((pattern) => new RegExp(`^(?:${pattern})$`)),
    };
  };
  return new Map([...countriesOf].map(([code, countries]) => [code, codePlan(countries)]));
}

const codePlanOf = (code: string): CodePlan | undefined => (plans ??= readPlans()).get(code);

/** The countries that share a calling code. */
export function countriesWith(code: string): readonly CountryCode[] {
  return codePlanOf(code)?.countries ?? [];
}

/** The calling code that digits begin with; `undefined` where no country has it. */
export function callingCodeOf(digits: string): string | undefined {
  // No code is the beginning of another one.
  return [1, 2, 3].map((length) => digits.slice(0, length)).find((code) => codePlanOf(code) !== undefined);
}

/** Lengths of numbers behind a calling code, as bits. */
export function lengthsBehind(code: string): number {
  return [...(codePlanOf(code)?.lengths ?? [])].reduce((bits, length) => bits | (1 << length), 0);
}

/** Whether a number of that length exists in some country with its calling code, today or before the plan was changed. */
export function isPossible(digits: string): boolean {
  const code = callingCodeOf(digits);
  if (code === undefined) return false;
  const isOfPlan = codePlanOf(code)?.lengths.has(digits.length - code.length) === true;
  return isOfPlan || equivalentsOf(digits).length > 0;
}

/** Whether a number, or another writing of it, fits the pattern of a country with its calling code. */
export function isAssignable(digits: string): boolean {
  return [digits, ...equivalentsOf(digits)].some((writing) => {
    const code = callingCodeOf(writing) ?? '';
    return codePlanOf(code)?.patterns.some((pattern) => pattern.test(writing.slice(code.length))) === true;
  });
}

/** Countries in which a carrier's code is dialled between national prefix and number. */
export const CODES_WITH_CARRIERS = new Set(['55', '57', '82', '591']);

/** How national prefix and carrier's code are taken off a national number. */
interface CarrierRule {
  readonly pattern: RegExp;
  readonly replacement: string;
}

const carrierRules = new Map<string, readonly CarrierRule[]>();

function carrierRulesOf(code: string): readonly CarrierRule[] {
  const known = carrierRules.get(code);
  if (known !== undefined) return known;
  const own = countriesWith(code).flatMap((country) => {
    const plan = planOf(country);
    const prefix = plan?.nationalPrefixForParsing?.();
    if (prefix === undefined) return [];
    const replacement = plan?.nationalPrefixTransformRule?.() || '';
    return [{ pattern: new RegExp(`^(?:${prefix})`), replacement }];
  });
  carrierRules.set(code, own);
  return own;
}

/** National digits without national prefix and carrier's code; empty where no carrier's code can be there. */
export function withoutCarrier(code: string, national: string): readonly string[] {
  if (!CODES_WITH_CARRIERS.has(code)) return [];
  return carrierRulesOf(code).flatMap(({ pattern, replacement }) => {
    const number = national.replace(pattern, replacement);
    return number !== national && national.endsWith(number) ? [number] : [];
  });
}

const abroadPatterns = new Map<CountryCode, RegExp>();
/** No prefix for calls abroad is longer: Australia's `14..0011` has eight digits. */
const LONGEST_PREFIX = 8;

/**
 * What digits dial abroad from a country: without each prefix for calls abroad that they begin with, longest first.
 * `00` counts as one everywhere.
 */
export function dialledAbroad(digits: string, country: CountryCode): readonly string[] {
  const known = abroadPatterns.get(country);
  const pattern = known ?? new RegExp(`^(?:${planOf(country)?.IDDPrefix() ?? '00'}|00)$`);
  abroadPatterns.set(country, pattern);
  const numbers: string[] = [];
  for (let length = LONGEST_PREFIX; length > 0; length--) {
    if (pattern.test(digits.slice(0, length))) numbers.push(digits.slice(length));
  }
  return numbers;
}
