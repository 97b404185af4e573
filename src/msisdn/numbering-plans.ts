/**
 * The numbering plans of libphonenumber: country codes, lengths, patterns, and the prefixes of calls. Tables are
 * created when they are first needed.
 */

import {
  Metadata,
  getCountries,
  getCountryCallingCode,
  type CountryCode,
  type NumberingPlan,
} from 'libphonenumber-js/min';
import { equivalentsOf } from './equivalents.ts';

/** A plan with the members that the library's types lack. Another version of the library may lack the members too. */
export type Plan = NumberingPlan & {
  nationalPrefixForParsing?(): string | undefined;
  nationalPrefixTransformRule?(): string | undefined;
  nationalNumberPattern?(): string | undefined;
};

/** Returns the plan of a country. */
export function planOf(country: CountryCode): Plan | undefined {
  const metadata = new Metadata();
  metadata.selectNumberingPlan(country);
  return metadata.numberingPlan;
}

/** The plan of the numbers with one calling code, which several countries may share. */
interface CodePlan {
  readonly countries: readonly CountryCode[];
  /** The possible lengths of a number without the code. */
  readonly lengths: ReadonlySet<number>;
  readonly patterns: readonly RegExp[];
}

let codePlans: ReadonlyMap<string, CodePlan> | undefined;

function createCodePlans(): ReadonlyMap<string, CodePlan> {
  const countriesOf = new Map<string, CountryCode[]>();
  for (const country of getCountries()) {
    const code = getCountryCallingCode(country);
    countriesOf.set(code, [...(countriesOf.get(code) ?? []), country]);
  }
  const createCodePlan = (countries: readonly CountryCode[]): CodePlan => {
    const plans = countries.flatMap((country) => planOf(country) ?? []);
    const patterns = plans.flatMap((plan) => plan.nationalNumberPattern?.() ?? []);
    return {
      countries,
      lengths: new Set(plans.flatMap((plan) => plan.possibleLengths())),
      patterns: [...new Set(patterns)].map((pattern) => new RegExp(`^(?:${pattern})$`)),
    };
  };
  return new Map([...countriesOf].map(([code, countries]) => [code, createCodePlan(countries)]));
}

const codePlanOf = (code: string): CodePlan | undefined => (codePlans ??= createCodePlans()).get(code);

/** Returns the countries that share a calling code. */
export function countriesWith(code: string): readonly CountryCode[] {
  return codePlanOf(code)?.countries ?? [];
}

/** Returns the calling code that digits start with; `undefined` if no country has one of these. */
export function callingCodeOf(digits: string): string | undefined {
  // No code starts with another one.
  return [1, 2, 3].map((length) => digits.slice(0, length)).find((code) => codePlanOf(code) !== undefined);
}

/** Returns the possible lengths of a number without its calling code, as bits. */
export function lengthsBehind(code: string): number {
  return [...(codePlanOf(code)?.lengths ?? [])].reduce((bits, length) => bits | (1 << length), 0);
}

/** Whether a country with the number's calling code has numbers of its length, or had them before its plan changed. */
export function isPossible(digits: string): boolean {
  const code = callingCodeOf(digits);
  if (code === undefined) return false;
  const isPlanned = codePlanOf(code)?.lengths.has(digits.length - code.length) === true;
  return isPlanned || equivalentsOf(digits).length > 0;
}

/** Whether a number or another writing of it matches the pattern of a country with its calling code. */
export function isAssignable(digits: string): boolean {
  return [digits, ...equivalentsOf(digits)].some((writing) => {
    const code = callingCodeOf(writing) ?? '';
    return codePlanOf(code)?.patterns.some((pattern) => pattern.test(writing.slice(code.length))) === true;
  });
}

/** The codes of countries where a carrier's code can be dialled between national prefix and number. */
export const CODES_WITH_CARRIERS = new Set(['55', '57', '82', '591']);

/** Removes national prefix and carrier's code from a national number. */
interface CarrierRule {
  readonly pattern: RegExp;
  readonly replacement: string;
}

const carrierRules = new Map<string, readonly CarrierRule[]>();

function carrierRulesOf(code: string): readonly CarrierRule[] {
  const cached = carrierRules.get(code);
  if (cached !== undefined) return cached;
  const rules = countriesWith(code).flatMap((country) => {
    const plan = planOf(country);
    const prefix = plan?.nationalPrefixForParsing?.();
    if (prefix === undefined) return [];
    const replacement = plan?.nationalPrefixTransformRule?.() || '';
    return [{ pattern: new RegExp(`^(?:${prefix})`), replacement }];
  });
  carrierRules.set(code, rules);
  return rules;
}

/** Returns national digits without national prefix and carrier's code; nothing if they can have no carrier's code. */
export function withoutCarrier(code: string, national: string): readonly string[] {
  if (!CODES_WITH_CARRIERS.has(code)) return [];
  return carrierRulesOf(code).flatMap(({ pattern, replacement }) => {
    const number = national.replace(pattern, replacement);
    return number !== national && national.endsWith(number) ? [number] : [];
  });
}

const abroadPatterns = new Map<CountryCode, RegExp>();
/** The digits of the longest prefix for calls abroad: `14..0011` in Australia. */
const LONGEST_PREFIX = 8;

/**
 * Returns the international numbers that digits dial from a country: the digits without each prefix for calls abroad
 * that they start with, the longest prefix first. `00` is accepted as such a prefix in every country.
 */
export function dialledAbroad(digits: string, country: CountryCode): readonly string[] {
  const cached = abroadPatterns.get(country);
  const pattern = cached ?? new RegExp(`^(?:${planOf(country)?.IDDPrefix() ?? '00'}|00)$`);
  abroadPatterns.set(country, pattern);
  const numbers: string[] = [];
  for (let length = LONGEST_PREFIX; length > 0; length--) {
    if (pattern.test(digits.slice(0, length))) numbers.push(digits.slice(length));
  }
  return numbers;
}
