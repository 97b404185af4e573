/**
 * One opt-out list: the numbers that the provider lists, the first-hand evidence, and the answer that follows from
 * both. Pure: time comes in as arguments, and nothing outside is read or written. No opt-out is ever forgotten: a
 * number leaves the provider list only with proof, and first-hand evidence only loses to an opt-in.
 */

import type { Evidence, EvidenceSource, OptOutChange } from './evidence.ts';
import { createEvidenceIndex } from './evidence-index.ts';
import {
  EMPTY_RECORD,
  evidenceOf,
  isListedAfter,
  mergeEvidence,
  observedAfter,
  standingOptOuts,
  type NumberRecord,
  type StandingOptOut,
  type WeighingOptions,
} from './evidence-rules.ts';
import type { ShrinkHoldOptions } from './list-sweep.ts';
import { createListedRows } from './listed-rows.ts';
import { createNumberSet } from '../number-set/number-set.ts';
import { holdsAt } from '../number-set/tree.ts';
import type {
  FollowedSweep,
  ListedRow,
  ProviderListSave,
  ProviderListSnapshot,
} from './provider-list-types.ts';
import { createProviderList } from './provider-list.ts';
import type { FirstHandPort, SweepRun, SweepStart } from './sweep-types.ts';
import { createTrustedRemovals, removalOptIn } from './trusted-removals.ts';

/** The options of a ledger. Durations in ms. */
export interface LedgerOptions extends WeighingOptions, ShrinkHoldOptions {
  /** The list's name, for the changes that the ledger gives out. */
  readonly list: string;
  /** Whether a number that the provider removes is released although it opted out first-hand. */
  readonly trustProviderRemoval: boolean;
}

/** Why a number is blocked. `since` is ms UTC, `null` if only the provider's list says so. */
export interface Listing {
  readonly list: string;
  readonly source: EvidenceSource;
  readonly since: number | null;
}

/** The data that has to be saved beside the changes. */
export interface LedgerSave extends ProviderListSave {
  /** The rows of numbers with first-hand evidence that were noted since the last save that was kept. */
  readonly rows: readonly ListedRow[];
}

export interface Ledger {
  /** Returns whether a number is opted out. The hot path: no allocation. `msisdn` is digits. */
  blocks(msisdn: string): boolean;
  /** As `blocks`, for the number at an index of an array. The fastest way to ask about one number. */
  blocksAt(numbers: Float64Array, index: number): boolean;
  /** As `blocksAt` for the first `count` numbers at once: `found` gets 1 for a number that is opted out, else 0. */
  blocksEach(numbers: Float64Array, found: Uint8Array, count: number): void;
  /** Returns why a number is blocked. Only for a number that is known to be blocked. */
  reason(msisdn: string): Listing;
  /** Returns why a number is blocked; `undefined` if it is not. */
  listing(msisdn: string): Listing | undefined;
  /**
   * Merges first-hand evidence.
   *
   * @param appliedAt now, by this process's monotonic clock, ms; left out for evidence that is loaded from the store.
   * @returns whether it is new and changed the record. A new position of known evidence is not new.
   */
  merge(msisdn: string, evidence: Evidence, appliedAt?: number): boolean;
  /** Returns the evidence that decides about a number. */
  evidence(msisdn: string): readonly Evidence[];
  /** Iterates over all first-hand records. Live; a number may come twice. */
  records(): Iterable<readonly [string, NumberRecord]>;
  /** Iterates over the records that are more than one compact opt-out. Every record with an opt-in is among them. */
  otherRecords(): Iterable<readonly [string, NumberRecord]>;
  /**
   * Returns whether a START alone beats every first-hand opt-out of the number, and the provider's list has not listed
   * the number after it.
   */
  isAnsweredBy(msisdn: string, optIn: Evidence): boolean;
  /** Returns whether the provider list has the number. */
  isListedByProvider(msisdn: string): boolean;
  /** Replaces all first-hand evidence about a number. */
  replace(msisdn: string, evidence: readonly Evidence[]): void;
  /** Begins a sweep. A sweep that is still open is ended. */
  begin(sweep: SweepStart): SweepRun;
  /** Begins a save. One at a time. */
  save(): LedgerSave;
  /** Takes over a saved sweep unless a later one is known. @returns whether it was taken over. */
  restore(snapshot: ProviderListSnapshot, rows: readonly ListedRow[]): boolean;
  /**
   * Takes over another process's sweep unless a later one is known. Its rows, and the numbers that it added, count in
   * any case.
   *
   * @returns whether it was taken over.
   */
  follow(sweep: FollowedSweep, rows: readonly ListedRow[]): boolean;
  /** Number of the newest sweep of the list that has begun in any process, as far as is known; 0 before. */
  readonly lastBegun: number;
  /**
   * Drops the records that hold only opt-ins, all of them received before `olderThan` (ms UTC), of numbers that the
   * provider does not list.
   *
   * @returns how many it dropped.
   */
  prune(olderThan: number): number;
  /** Iterates over all first-hand evidence that is kept. Live. */
  changes(): Iterable<OptOutChange>;
  /** Iterates over all numbers that are blocked. Live. */
  entries(): Iterable<{ readonly msisdn: string } & Listing>;
  /** Start of the last complete sweep, ms UTC; `null` before the first. */
  readonly lastStart: number | null;
  /** Number of the last complete sweep; 0 before the first. */
  readonly lastNumber: number;
  /** How many numbers the provider list has. */
  readonly listedByProvider: number;
  /** How many numbers have first-hand evidence. */
  readonly firstHand: number;
  /** For how long removals of a shrinking list have been held back, ms; `null` if they are not. */
  readonly heldMs: number | null;
  /** Whether there never was any evidence and the provider list is empty. */
  readonly isEmpty: boolean;
  /** Whether anything changed since the last save began. */
  readonly hasUnsavedChanges: boolean;
}

/** Creates an empty ledger: nothing is known of the provider's list yet. */
export function createLedger(options: LedgerOptions): Ledger {
  const { list } = options;
  const index = createEvidenceIndex(options);
  const provider = createProviderList(options);
  const listedRows = createListedRows(index, provider);
  const trusted = options.trustProviderRemoval ? createTrustedRemovals(options.lagGraceMs) : undefined;
  const { state: indexState } = index;
  const { view } = provider;

  const listedByProvider: Listing = Object.freeze({ list, source: 'provider', since: null });

  const blocks = (msisdn: string): boolean => index.isBlocked(msisdn) ?? provider.has(msisdn);

  const reasonBy = (standing: StandingOptOut | undefined): Listing =>
    standing ? { list, source: standing.source, since: standing.since } : listedByProvider;

  function listingBy(msisdn: string, standing: StandingOptOut | undefined): Listing | undefined {
    return standing || blocks(msisdn) ? reasonBy(standing) : undefined;
  }

  const listing = (msisdn: string): Listing | undefined => listingBy(msisdn, index.standingOptOut(msisdn));

  const firstHand: FirstHandPort = {
    hasNumber: index.hasNumber,
    noteListed(msisdn, listed, began) {
      trusted?.noteRow(Number(msisdn), began);
      return listedRows.note(msisdn, listed, began);
    },
    optInOfRemoval(number, sweep, basis) {
      if (trusted === undefined || index.isNumberBlocked(number) !== true) return undefined;
      if (!trusted.isListedSince(number)) return undefined;
      return basis === undefined ? 'wait' : removalOptIn(list, number, sweep, basis);
    },
  };

  return {
    blocks,
    blocksAt(numbers, at) {
      if (!indexState.isEmpty) {
        const isBlocked = index.isNumberBlocked(numbers[at] as number);
        if (isBlocked !== undefined) return isBlocked;
      }
      const { tree } = view.numbers;
      return tree.size > 0 && holdsAt(tree, numbers, at);
    },
    blocksEach(numbers, found, count) {
      view.numbers.hasEach(numbers, found, count);
      if (indexState.isEmpty) return;
      for (let at = 0; at < count; at++) {
        const isBlocked = index.isNumberBlocked(numbers[at] as number);
        if (isBlocked !== undefined) found[at] = isBlocked ? 1 : 0;
      }
    },
    reason: (msisdn) => reasonBy(index.standingOptOut(msisdn)),
    listing,
    merge(msisdn, evidence, appliedAt) {
      // The sweeps that this opt-in knew of have begun, even if they were never completed.
      provider.noteBegun(evidence.proof?.sweep ?? 0);
      const before = index.get(msisdn) ?? EMPTY_RECORD;
      const merged = mergeEvidence(before, evidence);
      if (merged === before) return false;
      const known = evidence.direction === 'out' ? before.outs : before.ins;
      if (known.some(({ id }) => id === evidence.id)) {
        // It was applied before: only its positions are new.
        index.set(msisdn, merged);
        return false;
      }
      if (evidence.direction === 'out') trusted?.noteOut(Number(msisdn), appliedAt);
      const after = listedRows.withAssumed(msisdn, merged, evidence);
      index.set(msisdn, after, observedAfter(index.observed(msisdn), after, evidence, appliedAt));
      return true;
    },
    evidence: (msisdn) => {
      const record = index.get(msisdn);
      return record ? evidenceOf(record) : [];
    },
    records: index.records,
    otherRecords: index.otherRecords,
    isAnsweredBy(msisdn, optIn) {
      const record = index.get(msisdn) ?? EMPTY_RECORD;
      if (isListedAfter(optIn, record.listed, index.observed(msisdn), options)) return false;
      return standingOptOuts({ ...record, ins: [optIn] }, options).length === 0;
    },
    isListedByProvider: (msisdn) => provider.has(msisdn),
    replace(msisdn, evidence) {
      const listed = index.listed(msisdn);
      const record = evidence.reduce<NumberRecord | undefined>(mergeEvidence, undefined);
      // While the list has the number, its rows are kept for evidence that comes later.
      if (record ?? (listed && provider.has(msisdn)))
        index.set(msisdn, { ...(record ?? EMPTY_RECORD), listed });
      else index.delete(msisdn);
    },
    begin: (sweep) => provider.begin(sweep, firstHand),
    save() {
      const listSave = provider.save();
      const rowSave = listedRows.save();
      return {
        ...listSave,
        rows: rowSave.rows,
        done(outcome) {
          listSave.done(outcome);
          rowSave.done(outcome === 'kept');
        },
      };
    },
    restore(snapshot, rows) {
      const isTaken = provider.restore(snapshot);
      if (isTaken) {
        listedRows.restore(rows, -Infinity);
        listedRows.noteRestoredSweep(snapshot.number);
      }
      return isTaken;
    },
    follow(sweep, rows) {
      // Rows are weighed by the numbers of their own sweeps, however old this sweep is.
      listedRows.restore(rows, sweep.began);
      return provider.follow(sweep);
    },
    prune: (olderThan) => index.deleteOptIns(olderThan, provider.has),
    *changes() {
      for (const [msisdn] of index) {
        const record = index.get(msisdn) as NumberRecord;
        for (const evidence of evidenceOf(record)) yield { list, msisdn, evidence };
      }
    },
    *entries() {
      const given = createNumberSet();
      for (const [msisdn, standing] of index) {
        const reason = given.has(msisdn) ? undefined : listingBy(msisdn, standing);
        if (reason === undefined) continue;
        given.add(msisdn);
        yield { msisdn, ...reason };
      }
      for (const msisdn of view.numbers) {
        const reason = given.has(msisdn) ? undefined : listing(msisdn);
        if (reason) yield { msisdn, ...reason };
      }
    },
    get lastStart() {
      return provider.lastStart;
    },
    get listedByProvider() {
      return view.numbers.size;
    },
    get firstHand() {
      return index.size;
    },
    get lastNumber() {
      return provider.lastNumber;
    },
    get lastBegun() {
      return provider.lastBegun;
    },
    get heldMs() {
      return provider.heldMs;
    },
    get isEmpty() {
      return indexState.isEmpty && view.numbers.size === 0;
    },
    get hasUnsavedChanges() {
      return provider.hasUnsavedChanges || listedRows.hasUnsaved;
    },
  };
}
