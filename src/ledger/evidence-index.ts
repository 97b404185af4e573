/**
 * What is known first-hand on one list: a record for each number, with the verdict that its evidence alone gives. The
 * verdict is worked out when the record changes, so that a check only looks it up. Nothing is merged here, and the
 * provider's list is never asked.
 */

import { toNumber } from '../msisdn/digits.ts';
import { createNumberMap } from '../number-set/number-map.ts';
import { createNumberSet, type NumberSet } from '../number-set/number-set.ts';
import {
  NOTHING_OBSERVED,
  firstHandVerdict,
  lastOptInSeenAt,
  mergeEvidence,
  soleOptOutOf,
  standingOptOut,
  type Listed,
  type NumberRecord,
  type Observed,
  type StandingOptOut,
  type WeighingOptions,
} from './evidence-rules.ts';
import { createSoleOuts } from './compact-evidence.ts';

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
  /** What this process observed of the number's record. */
  observed(msisdn: string): Observed;
  /** What sweeps said about the number. */
  listed(msisdn: string): Listed | undefined;
  /** Puts a record in place of the number's last one. */
  put(msisdn: string, record: NumberRecord, observed?: Observed): void;
  /**
   * Notes that a sweep listed a number whose only evidence is an opt-out, without making a record of it.
   *
   * @returns whether its date changed; `undefined` if the number's record is another one, and nothing was noted.
   */
  listSole(msisdn: string, listed: Listed): boolean | undefined;
  drop(msisdn: string): void;
  /** Drops records that hold only opt-ins, received before a time, but for numbers that are needed. @returns how many. */
  dropOptIns(olderThan: number, isNeeded: (msisdn: string) => boolean): number;
  /** Numbers with their records. Live; a number may come twice. */
  records(): Iterable<readonly [string, NumberRecord]>;
  /** The same of numbers with more than one opt-out: all that hold an opt-in are among them. */
  otherRecords(): Iterable<readonly [string, NumberRecord]>;
}

interface Entry {
  readonly record: NumberRecord;
  readonly observed: Observed;
  readonly verdict: boolean | undefined;
}

/** Creates an empty collection. */
export function createFirstHand(options: WeighingOptions): FirstHand {
  // A number is in one of the two. It never goes back to the first, so that a reader of both in this order misses none.
  const soles = createSoleOuts();
  const entries = createNumberMap<Entry>();
  // The numbers of the second by verdict: to ask a set of numbers makes no string.
  const blocked = createNumberSet();
  const released = createNumberSet();
  const undecided = createNumberSet();
  const state = { isEmpty: true };

  /** Puts the number into one of the sets, or in none. What is no msisdn is never asked for as a number. */
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

  function standingIn(entry: Entry | undefined): StandingOptOut | undefined {
    return entry?.verdict === true ? standingOptOut(entry.record, options) : undefined;
  }

  function soleRecord(msisdn: string): NumberRecord | undefined {
    const optOut = soles.get(msisdn);
    return optOut && { ...mergeEvidence(undefined, optOut), listed: soles.listed(msisdn) };
  }

  function* otherRecords(): Generator<readonly [string, NumberRecord]> {
    for (const [msisdn, { record }] of entries) yield [msisdn, record];
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
      state.isEmpty ? undefined : (soles.standing(msisdn) ?? standingIn(entries.get(msisdn))),
    get(msisdn) {
      if (state.isEmpty) return undefined;
      return soleRecord(msisdn) ?? entries.get(msisdn)?.record;
    },
    observed: (msisdn) => entries.get(msisdn)?.observed ?? NOTHING_OBSERVED,
    listed: (msisdn) => soles.listed(msisdn) ?? entries.get(msisdn)?.record.listed,
    put(msisdn, record, observed = entries.get(msisdn)?.observed ?? NOTHING_OBSERVED) {
      state.isEmpty = false;
      const sole = soleOptOutOf(record);
      if (sole && entries.get(msisdn) === undefined && soles.set(msisdn, sole, record.listed)) return;
      const verdict = firstHandVerdict(record, options, observed);
      entries.set(msisdn, { record, observed, verdict });
      note(msisdn, verdict === undefined ? undecided : verdict ? blocked : released);
      soles.delete(msisdn);
    },
    listSole: (msisdn, listed) => (state.isEmpty ? undefined : soles.list(msisdn, listed)),
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
    *records() {
      for (const { msisdn } of soles) yield [msisdn, soleRecord(msisdn) as NumberRecord];
      yield* otherRecords();
    },
    otherRecords,
    *[Symbol.iterator]() {
      for (const { msisdn, ...standing } of soles) yield [msisdn, standing];
      for (const [msisdn, entry] of entries) yield [msisdn, standingIn(entry)];
    },
  };
}
