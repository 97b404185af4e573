/**
 * What is known first-hand on one list: a record of each number, with the verdict that its evidence alone gives,
 * worked out when the record changes and not when it is asked. It never merges anything, and never asks what the
 * provider lists.
 */

import { toNumber } from '../msisdn-digits.ts';
import type { Evidence } from './change.ts';
import { createNumberMap } from './number-map.ts';
import { createNumberSet, type NumberSet } from './number-set.ts';
import {
  isOverruled,
  isReleased,
  lastOptInSeenAt,
  mergeEvidence,
  soleOutOf,
  standingOptOut,
  type Listed,
  type NumberRecord,
  type WeighingOptions,
} from './record.ts';
import { createSoleOuts } from './sole-outs.ts';

/** What is told of the opt-out that holds. */
export type StandingOptOut = Pick<Evidence, 'source' | 'at'>;

/** Records by msisdn. Iteration gives each number with the opt-out that holds; a number may come twice. Live. */
export interface FirstHand extends Iterable<readonly [string, StandingOptOut | undefined]> {
  /** Numbers with a record. */
  readonly size: number;
  /** Whether the number has a record. No allocation. */
  knows(number: number): boolean;
  /**
   * Whether the number is opted out: `false` holds against the provider's list, `undefined` leaves it to that list.
   * The hot path: no allocation.
   */
  verdictOfNumber(number: number): boolean | undefined;
  /** Whether nothing was ever known: then there is no verdict to ask for. A member and no call, as all checks read it. */
  readonly state: { readonly isEmpty: boolean };
  /** As `verdictOfNumber`, for the digits. */
  verdict(msisdn: string): boolean | undefined;
  /** The opt-out that holds. */
  standing(msisdn: string): StandingOptOut | undefined;
  get(msisdn: string): NumberRecord | undefined;
  /** What sweeps said about the number. */
  listed(msisdn: string): Listed | undefined;
  /** Puts a record down, in place of the number's last one. */
  put(msisdn: string, record: NumberRecord): void;
  /**
   * Notes that a sweep listed a number whose only evidence is an opt-out, without making a record of it.
   *
   * @returns whether its date changed; `undefined` where the number's record is another one, and nothing was noted.
   */
  listSole(msisdn: string, start: number, date: number): boolean | undefined;
  drop(msisdn: string): void;
  /** Drops what has no opt-out and no opt-in received since, but for numbers that are needed. @returns how many. */
  dropOptIns(olderThan: number, isNeeded: (msisdn: string) => boolean): number;
}

interface Entry {
  readonly record: NumberRecord;
  readonly verdict: boolean | undefined;
}

/** Creates an empty room. */
export function createFirstHand(options: WeighingOptions): FirstHand {
  // A number is in one of the two. It never goes back to the first, so that who reads both in this order misses none.
  const soles = createSoleOuts();
  const entries = createNumberMap<Entry>();
  // Of the second, by verdict: to ask a set of numbers makes no string.
  const blocked = createNumberSet();
  const released = createNumberSet();
  const undecided = createNumberSet();
  const state = { isEmpty: true };

  /** Notes a verdict in one of the sets, or that there is none. What is no msisdn is never asked for as a number. */
  function note(msisdn: string, own: NumberSet | undefined): void {
    if (toNumber(msisdn) === 0) return;
    for (const set of [blocked, released, undecided]) if (set !== own) set.delete(msisdn);
    own?.add(msisdn);
  }

  function dropEntry(msisdn: string): void {
    entries.delete(msisdn);
    note(msisdn, undefined);
  }

  function verdictOfNumber(number: number): boolean | undefined {
    if (state.isEmpty) return undefined;
    if (soles.hasNumber(number) || blocked.hasNumber(number)) return true;
    return released.hasNumber(number) ? false : undefined;
  }

  function weigh(record: NumberRecord): boolean | undefined {
    if (standingOptOut(record, options)) return true;
    return isReleased(record, options) && !isOverruled(record, options) ? false : undefined;
  }

  function standingIn(entry: Entry | undefined): StandingOptOut | undefined {
    return entry && standingOptOut(entry.record, options);
  }

  return {
    get size() {
      return soles.size + entries.size;
    },
    knows: (number) =>
      !state.isEmpty &&
      (soles.hasNumber(number) ||
        blocked.hasNumber(number) ||
        released.hasNumber(number) ||
        undecided.hasNumber(number)),
    verdictOfNumber,
    state,
    verdict(msisdn) {
      const number = toNumber(msisdn);
      return number === 0 ? entries.get(msisdn)?.verdict : verdictOfNumber(number);
    },
    standing: (msisdn) =>
      state.isEmpty ? undefined : (soles.sourceAndTime(msisdn) ?? standingIn(entries.get(msisdn))),
    get(msisdn) {
      if (state.isEmpty) return undefined;
      const optOut = soles.get(msisdn);
      if (optOut === undefined) return entries.get(msisdn)?.record;
      return { ...mergeEvidence(undefined, optOut), listed: soles.listed(msisdn) };
    },
    listed: (msisdn) => soles.listed(msisdn) ?? entries.get(msisdn)?.record.listed,
    put(msisdn, record) {
      state.isEmpty = false;
      const sole = soleOutOf(record);
      if (sole && entries.get(msisdn) === undefined && soles.set(msisdn, sole, record.listed)) return;
      const verdict = weigh(record);
      entries.set(msisdn, { record, verdict });
      note(msisdn, verdict === undefined ? undecided : verdict ? blocked : released);
      soles.delete(msisdn);
    },
    listSole: (msisdn, start, date) => (state.isEmpty ? undefined : soles.list(msisdn, start, date)),
    drop(msisdn) {
      dropEntry(msisdn);
      soles.delete(msisdn);
    },
    dropOptIns(olderThan, isNeeded) {
      let dropped = 0;
      for (const [msisdn, { record }] of entries) {
        if (record.outs.length > 0 || isNeeded(msisdn)) continue;
        if (lastOptInSeenAt(record) >= olderThan) continue;
        dropEntry(msisdn);
        dropped++;
      }
      return dropped;
    },
    *[Symbol.iterator]() {
      for (const sole of soles) yield [sole.msisdn, sole];
      for (const [msisdn, entry] of entries) yield [msisdn, standingIn(entry)];
    },
  };
}
