/**
 * One subscriber under several numbers: which of the readings and writings of a number an act or a webhook concerns. It
 * asks what lists say, and changes nothing.
 */

import { GuardError } from '../errors.ts';
import { listingOf, type OptOutList } from '../lists/opt-out-lists.ts';
import { equivalentsOf, isSameSubscriber } from '../msisdn/equivalents.ts';
import { differInPrefixOnly } from '../msisdn/national-prefixes.ts';
import { numbersOf, readMsisdns, type Reading } from '../msisdn/msisdn.ts';
import type { OptOutChange } from '../ledger/evidence.ts';

/** Whether a list blocks a number. */
function isOn({ ledger, pending }: OptOutList, msisdn: string): boolean {
  return ledger.blocks(msisdn) || pending.has(msisdn);
}

/** Whether a list blocks a number under any of its writings for another reason than the provider's list. */
export function isOutFirstHand(list: OptOutList, msisdn: string): boolean {
  return [msisdn, ...equivalentsOf(msisdn)].some((one) => {
    const source = listingOf([list], one)?.source;
    return source !== undefined && source !== 'provider';
  });
}

/** The other numbers of a subscriber that a list blocks. */
export function otherWritingsOn(list: OptOutList, msisdn: string): readonly string[] {
  return equivalentsOf(msisdn).filter((one) => isOn(list, one));
}

/** An opt-out with copies of it for the other numbers that its own may stand for. An opt-in as it is. */
export function forEachReading(change: OptOutChange): readonly OptOutChange[] {
  if (change.evidence.direction !== 'out') return [change];
  // What is recorded is digits, which can always be read.
  const { others } = readMsisdns(change.msisdn) as Reading;
  return [change, ...others.map((msisdn) => ({ ...change, msisdn }))];
}

/**
 * The numbers that an opt-in on some lists concerns: the one that was written, and those of its readings and their other
 * writings that a list blocks.
 *
 * @throws GuardError `ambiguous_number` where lists block two readings that may be two people.
 */
export function numbersToRelease(reading: Reading, lists: readonly OptOutList[]): readonly string[] {
  const isListed = (msisdn: string) => lists.some((list) => isOn(list, msisdn));
  const listed = numbersOf(reading)
    .map((number) => ({ number, writings: [number, ...equivalentsOf(number)].filter(isListed) }))
    .filter(({ writings }) => writings.length > 0);
  const isOnePerson = listed.every(({ number: one }) =>
    listed.every(({ number: other }) => isSameSubscriber(one, other) || differInPrefixOnly(one, other)),
  );
  if (!isOnePerson) {
    const message =
      'the number can be read in several ways that are listed: give it with + and its country code';
    throw new GuardError('ambiguous_number', message);
  }
  return [...new Set([reading.primary, ...listed.flatMap(({ writings }) => writings)])];
}

/** Those of `msisdns` that an opt-in is recorded for on a list: the first, which is as it was written, and what it blocks. */
export function numbersOn(list: OptOutList, msisdns: readonly string[]): readonly string[] {
  return msisdns.filter((msisdn, index) => index === 0 || isOn(list, msisdn));
}

/** Those of `msisdns`, the first as it was written, about which a provider is asked: what it lists, or may list. */
export function numbersToLift(msisdns: readonly string[], lists: readonly OptOutList[]): readonly string[] {
  const isListed = (msisdn: string) => lists.some(({ ledger }) => ledger.isListedByProvider(msisdn));
  const isKnown = lists.every(({ ledger }) => ledger.lastStart !== null);
  const hasListed = msisdns.some(isListed);
  return msisdns.filter((msisdn, index) => isListed(msisdn) || (index === 0 && !(isKnown && hasListed)));
}
