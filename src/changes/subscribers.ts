/**
 * One subscriber under several numbers: which readings and writings of a number an act or a webhook concerns. It reads
 * the lists and changes nothing.
 */

import { GuardError } from '../errors.ts';
import { listingOf, type OptOutList } from '../lists/opt-out-lists.ts';
import { equivalentsOf, isSameSubscriber } from '../msisdn/equivalents.ts';
import { differInPrefixOnly } from '../msisdn/national-prefixes.ts';
import { numbersOf, readMsisdns, type Reading } from '../msisdn/msisdn.ts';
import type { OptOutChange } from '../ledger/evidence.ts';

function isBlockedOn({ ledger, pending }: OptOutList, msisdn: string): boolean {
  return ledger.blocks(msisdn) || pending.has(msisdn);
}

/** Whether a list blocks a number, under any of its writings, by first-hand evidence. */
export function isOptedOutFirstHand(list: OptOutList, msisdn: string): boolean {
  return [msisdn, ...equivalentsOf(msisdn)].some((writing) => {
    const source = listingOf([list], writing)?.source;
    return source !== undefined && source !== 'provider';
  });
}

/** The other writings of a number that a list blocks. */
export function otherBlockedWritings(list: OptOutList, msisdn: string): readonly string[] {
  return equivalentsOf(msisdn).filter((writing) => isBlockedOn(list, writing));
}

/** An opt-out, with copies of it for the other numbers that its number can be read as. An opt-in has no copies. */
export function withOtherReadings(change: OptOutChange): readonly OptOutChange[] {
  if (change.evidence.direction !== 'out') return [change];
  // The number of a change is digits, which can always be read.
  const { others } = readMsisdns(change.msisdn) as Reading;
  return [change, ...others.map((msisdn) => ({ ...change, msisdn }))];
}

/**
 * The numbers that an opt-in on some lists concerns: the number as it was written, and those of its readings and their
 * other writings that a list blocks.
 *
 * @throws GuardError `ambiguous_number` if lists block two readings that may be two people
 */
export function numbersToRelease(reading: Reading, lists: readonly OptOutList[]): readonly string[] {
  const isBlocked = (msisdn: string) => lists.some((list) => isBlockedOn(list, msisdn));
  const blocked = numbersOf(reading)
    .map((number) => ({ number, writings: [number, ...equivalentsOf(number)].filter(isBlocked) }))
    .filter(({ writings }) => writings.length > 0);
  const isOnePerson = blocked.every(({ number: one }) =>
    blocked.every(({ number: other }) => isSameSubscriber(one, other) || differInPrefixOnly(one, other)),
  );
  if (!isOnePerson) {
    const message =
      'the number can be read in several ways that are listed: give it with + and its country code';
    throw new GuardError('ambiguous_number', message);
  }
  return [...new Set([reading.primary, ...blocked.flatMap(({ writings }) => writings)])];
}

/**
 * Those of `msisdns` for which an opt-in is recorded on a list: the first, which is the number as it was written, and
 * those that the list blocks.
 */
export function numbersToOptIn(list: OptOutList, msisdns: readonly string[]): readonly string[] {
  return msisdns.filter((msisdn, index) => index === 0 || isBlockedOn(list, msisdn));
}

/**
 * Those of `msisdns` about which the provider of some lists is asked: those that it lists. If it lists none, or if its
 * list is not known yet, also the first, which is the number as it was written.
 */
export function numbersToAskAbout(
  msisdns: readonly string[],
  lists: readonly OptOutList[],
): readonly string[] {
  const isListed = (msisdn: string) => lists.some(({ ledger }) => ledger.isListedByProvider(msisdn));
  const isKnown = lists.every(({ ledger }) => ledger.lastStart !== null);
  const hasListed = msisdns.some(isListed);
  return msisdns.filter((msisdn, index) => isListed(msisdn) || (index === 0 && !(isKnown && hasListed)));
}
