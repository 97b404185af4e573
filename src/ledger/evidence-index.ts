/**
 * The first-hand evidence of one list: a record for each number, and whether its evidence alone blocks the number. That
 * answer is computed when the record changes, so that a check only looks it up. Nothing is merged here, and the
 * provider's list is never asked.
 */

import { toNumber } from '../msisdn/digits.ts';
import { createNumberMap } from '../number-set/number-map.ts';
import { createNumberSet, type NumberSet } from '../number-set/number-set.ts';
import {
  NOTHING_OBSERVED,
  isBlockedByEvidence,
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
import { createCompactEvidence } from './compact-evidence.ts';

/** Records by msisdn. Iterates over numbers and their standing opt-outs. Live; a number may come twice. */
export interface EvidenceIndex extends Iterable<readonly [string, StandingOptOut | undefined]> {
  /** How many numbers have a record. */
  readonly size: number;
  /** Whether there was never any record. A member of an object and no call, because every check reads it. */
  readonly state: { readonly isEmpty: boolean };
  /** Returns whether a number has a record. No allocation. */
  hasNumber(number: number): boolean;
  /**
   * Returns whether the evidence blocks a number: `false` releases it even while the provider lists it, `undefined`
   * leaves it to the provider's list. The hot path: no allocation.
   */
  isNumberBlocked(number: number): boolean | undefined;
  /** As `isNumberBlocked`, for digits. */
  isBlocked(msisdn: string): boolean | undefined;
  /** Returns the standing opt-out of a number; `undefined` if it has none. */
  standingOptOut(msisdn: string): StandingOptOut | undefined;
  get(msisdn: string): NumberRecord | undefined;
  /** Returns what this process observed of a number's record. */
  observed(msisdn: string): Observed;
  /** Returns what sweeps said about a number with a record. */
  listed(msisdn: string): Listed | undefined;
  /** Sets the record of a number. `observed` stays as it was if it is left out. */
  set(msisdn: string, record: NumberRecord, observed?: Observed): void;
  /**
   * Notes that a sweep listed a number whose only evidence is an opt-out, without creating its record.
   *
   * @returns whether its date changed; `undefined` if the number has another record or none, and nothing was noted.
   */
  noteSoleListed(msisdn: string, listed: Listed): boolean | undefined;
  delete(msisdn: string): void;
  /**
   * Deletes records that hold only opt-ins, all of them received before `olderThan` (ms UTC), unless the number is
   * needed.
   *
   * @returns how many it deleted.
   */
  deleteOptIns(olderThan: number, isNeeded: (msisdn: string) => boolean): number;
  /** Iterates over numbers and their records. Live; a number may come twice. */
  records(): Iterable<readonly [string, NumberRecord]>;
  /** Iterates over the records that are more than one compact opt-out. Every record with an opt-in is among them. */
  otherRecords(): Iterable<readonly [string, NumberRecord]>;
}

interface Entry {
  readonly record: NumberRecord;
  readonly observed: Observed;
  readonly isBlocked: boolean | undefined;
}

/** Creates an empty index. */
export function createEvidenceIndex(options: WeighingOptions): EvidenceIndex {
  // A number is in one of the two. It never moves back to `compact`, so that a loop over both in this order misses
  // none.
  const compact = createCompactEvidence();
  const entries = createNumberMap<Entry>();
  // The numbers of `entries`, by what their evidence says. A look-up in a set of numbers creates no string.
  const blocked = createNumberSet();
  const released = createNumberSet();
  const undecided = createNumberSet();
  const state = { isEmpty: true };

  /** Puts a number into one of the sets, or into none. A key that is no msisdn is never looked up as a number. */
  function assign(msisdn: string, own: NumberSet | undefined): void {
    if (toNumber(msisdn) === 0) return;
    for (const set of [blocked, released, undecided]) if (set !== own) set.delete(msisdn);
    own?.add(msisdn);
  }

  function deleteEntry(msisdn: string): void {
    entries.delete(msisdn);
    assign(msisdn, undefined);
  }

  function isNumberBlocked(number: number): boolean | undefined {
    if (state.isEmpty) return undefined;
    if (compact.hasNumber(number) || blocked.hasNumber(number)) return true;
    return released.hasNumber(number) ? false : undefined;
  }

  function standingIn(entry: Entry | undefined): StandingOptOut | undefined {
    return entry?.isBlocked === true ? standingOptOut(entry.record, options) : undefined;
  }

  function compactRecord(msisdn: string): NumberRecord | undefined {
    const optOut = compact.get(msisdn);
    return optOut && { ...mergeEvidence(undefined, optOut), listed: compact.listed(msisdn) };
  }

  function* otherRecords(): Generator<readonly [string, NumberRecord]> {
    for (const [msisdn, { record }] of entries) yield [msisdn, record];
  }

  return {
    get size() {
      return compact.size + entries.size;
    },
    state,
    hasNumber: (number) =>
      !state.isEmpty &&
      (compact.hasNumber(number) ||
        blocked.hasNumber(number) ||
        released.hasNumber(number) ||
        undecided.hasNumber(number)),
    isNumberBlocked,
    isBlocked(msisdn) {
      const number = toNumber(msisdn);
      return number === 0 ? entries.get(msisdn)?.isBlocked : isNumberBlocked(number);
    },
    standingOptOut: (msisdn) =>
      state.isEmpty ? undefined : (compact.standingOptOut(msisdn) ?? standingIn(entries.get(msisdn))),
    get(msisdn) {
      if (state.isEmpty) return undefined;
      return compactRecord(msisdn) ?? entries.get(msisdn)?.record;
    },
    observed: (msisdn) => entries.get(msisdn)?.observed ?? NOTHING_OBSERVED,
    listed: (msisdn) => compact.listed(msisdn) ?? entries.get(msisdn)?.record.listed,
    set(msisdn, record, observed = entries.get(msisdn)?.observed ?? NOTHING_OBSERVED) {
      state.isEmpty = false;
      const sole = soleOptOutOf(record);
      if (sole && entries.get(msisdn) === undefined && compact.set(msisdn, sole, record.listed)) return;
      const isBlocked = isBlockedByEvidence(record, options, observed);
      entries.set(msisdn, { record, observed, isBlocked });
      assign(msisdn, isBlocked === undefined ? undecided : isBlocked ? blocked : released);
      compact.delete(msisdn);
    },
    noteSoleListed: (msisdn, listed) => (state.isEmpty ? undefined : compact.noteListed(msisdn, listed)),
    delete(msisdn) {
      deleteEntry(msisdn);
      compact.delete(msisdn);
    },
    deleteOptIns(olderThan, isNeeded) {
      let deleted = 0;
      for (const [msisdn, { record }] of entries) {
        if (record.outs.length > 0 || isNeeded(msisdn)) continue;
        if (lastOptInSeenAt(record) >= olderThan) continue;
        deleteEntry(msisdn);
        deleted++;
      }
      return deleted;
    },
    *records() {
      for (const { msisdn } of compact) yield [msisdn, compactRecord(msisdn) as NumberRecord];
      yield* otherRecords();
    },
    otherRecords,
    *[Symbol.iterator]() {
      for (const { msisdn, ...standing } of compact) yield [msisdn, standing];
      for (const [msisdn, entry] of entries) yield [msisdn, standingIn(entry)];
    },
  };
}
