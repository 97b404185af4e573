/**
 * One opt-out list: what the provider lists and what we know first-hand (the records), and the rules that merge
 * them. Pure: time comes in as arguments, nothing is read or written elsewhere. Nothing in here forgets an opt-out:
 * a number leaves the provider's part only with proof, and first-hand evidence only loses to an opt-in.
 */

import type { Evidence, EvidenceSource, LogPosition, OptOutChange } from './evidence.ts';
import { createFirstHand } from './evidence-index.ts';
import { createNumberSet } from '../number-set/number-set.ts';
import { holdsAt } from '../number-set/tree.ts';
import type { ShrinkHoldOptions } from './list-sweep.ts';
import type {
  FollowedSweep,
  ListedRow,
  ProviderListSave,
  ProviderListSnapshot,
} from './provider-list-types.ts';
import { createProviderList } from './provider-list.ts';
import {
  EMPTY_RECORD,
  evidenceOf,
  isListedAfter,
  mergeEvidence,
  mergeListed,
  standingOptOuts,
  type Listed,
  type NumberRecord,
  type Observed,
  type StandingOptOut,
  type WeighingOptions,
} from './evidence-rules.ts';
import type { SweepRun, SweepStart } from './sweep-types.ts';
import { createTrustedRemovals } from './trusted-removals.ts';

/** What a ledger is told once. Durations in ms. */
export interface LedgerOptions extends WeighingOptions, ShrinkHoldOptions {
  /** The list's name, for the changes it hands out. */
  readonly list: string;
  /** Whether a number that the provider removes is released although it opted out first-hand. */
  readonly trustProviderRemoval: boolean;
}

/** Why a number is blocked. `since` is ms UTC, `null` where only the provider's list says so. */
export interface Listing {
  readonly list: string;
  readonly source: EvidenceSource;
  readonly since: number | null;
}

/** What has to be saved beside the changes. */
export interface LedgerSave extends ProviderListSave {
  /** What sweeps said about numbers with first-hand evidence, where it is news since the last save that was kept. */
  readonly rows: readonly ListedRow[];
}

export interface Ledger {
  /** Whether the number is opted out. The hot path: no allocation. `msisdn` is digits. */
  blocks(msisdn: string): boolean;
  /** As `blocks`, for the msisdn at a place of an array of numbers. */
  blocksAt(numbers: Float64Array, at: number): boolean;
  /** As `blocksAt` for the first `count` numbers at once: `found` gets 1 for those that are opted out, else 0. */
  blocksEach(numbers: Float64Array, found: Uint8Array, count: number): void;
  /** Why a number is blocked that is. */
  reason(msisdn: string): Listing;
  /** Why the number is blocked; `undefined` where it is not. */
  listing(msisdn: string): Listing | undefined;
  /**
   * Takes first-hand evidence.
   *
   * @param appliedAt the time by this process's monotonic clock, ms; left out for what is loaded from the store.
   * @returns whether it is new and changed the record. A new position of evidence that is known is not new.
   */
  merge(msisdn: string, evidence: Evidence, appliedAt?: number): boolean;
  /** The evidence that decides about a number. */
  evidence(msisdn: string): readonly Evidence[];
  /** Everything that is known first-hand. Live; a number may come twice. */
  records(): Iterable<readonly [string, NumberRecord]>;
  /** Of `records`, those of numbers with more than one opt-out: all that hold an opt-in are among them. */
  otherRecords(): Iterable<readonly [string, NumberRecord]>;
  /**
   * Whether a START answers, by itself, every opt-out of the person that is known first-hand, and the provider's list
   * has not listed the number after it.
   */
  isAnsweredBy(msisdn: string, optIn: Evidence): boolean;
  /** Whether the provider's part holds the number. */
  isListedByProvider(msisdn: string): boolean;
  /** Puts `evidence` in place of all that is known first-hand about a number. */
  replace(msisdn: string, evidence: readonly Evidence[]): void;
  /** Starts a sweep. A sweep that is still open is aborted. */
  begin(sweep: SweepStart): SweepRun;
  /** Begins a save. One at a time. */
  save(): LedgerSave;
  /** Takes over a saved sweep unless a later one is known. @returns whether it did. */
  restore(image: ProviderListSnapshot, rows: readonly ListedRow[]): boolean;
  /** Takes over another process's sweep unless a later one is known. @returns whether it did. */
  follow(sweep: FollowedSweep, rows: readonly ListedRow[]): boolean;
  /** Number of the newest sweep of the list that has begun, in any process, as far as is known; 0 before. */
  readonly lastBegun: number;
  /** Drops opt-ins received before `olderThan` (ms UTC) that no opt-out and no row answers to. @returns how many. */
  prune(olderThan: number): number;
  /** All first-hand evidence that decides about anybody. Live. */
  changes(): Iterable<OptOutChange>;
  /** Everything that is blocked. Live. */
  entries(): Iterable<{ readonly msisdn: string } & Listing>;
  /** Start of the last complete sweep, ms UTC. */
  readonly lastStart: number | null;
  /** Number of the last complete sweep; 0 before. */
  readonly lastNumber: number;
  /** Numbers in the provider's part. */
  readonly listedByProvider: number;
  /** Numbers with first-hand evidence. */
  readonly firstHand: number;
  /** For how long removals of a shrinking list have been held back, ms; `null` if they are not. */
  readonly heldMs: number | null;
  /** Whether nothing is known of anybody. */
  readonly isEmpty: boolean;
  /** Whether there is anything that the last save did not bring. */
  readonly hasNews: boolean;
}

/** Creates an empty ledger: nothing is known of the provider's list yet. */
export function createLedger(options: LedgerOptions): Ledger {
  const { list } = options;
  const firstHand = createFirstHand(options);
  const provider = createProviderList(options);
  const trusted = options.trustProviderRemoval ? createTrustedRemovals(options.lagGraceMs) : undefined;
  const { state: ofFirstHand } = firstHand;
  const { view } = provider;
  // Whose row is news to the store.
  let unsavedRows = new Set<string>();

  const listedByProvider: Listing = Object.freeze({ list, source: 'provider', since: null });

  const blocks = (msisdn: string): boolean => firstHand.verdict(msisdn) ?? provider.has(msisdn);

  const reasonBy = (standing: StandingOptOut | undefined): Listing =>
    standing ? { list, source: standing.source, since: standing.since } : listedByProvider;

  function reasonOf(msisdn: string, standing: StandingOptOut | undefined): Listing | undefined {
    return standing || blocks(msisdn) ? reasonBy(standing) : undefined;
  }

  const listing = (msisdn: string): Listing | undefined => reasonOf(msisdn, firstHand.standing(msisdn));

  function outRow(msisdn: string, listed: Listed, began: number): boolean {
    trusted?.noteRow(Number(msisdn), began);
    const isSoleDateNew = firstHand.listSole(msisdn, listed);
    if (isSoleDateNew !== undefined) {
      if (isSoleDateNew) unsavedRows.add(msisdn);
      return false;
    }
    const before = firstHand.get(msisdn) as NumberRecord;
    const observed = firstHand.observed(msisdn);
    const record = mergeListed(before, listed);
    const isNewest = record.listed?.sweep === listed.sweep;
    const wasReleased = firstHand.verdict(msisdn) === false;
    firstHand.put(msisdn, record, isNewest ? { ...observed, listedBegan: began } : observed);
    // Without an opt-in only the date can matter later: the number of any sweep so far is below whatever comes.
    if (record.ins.length > 0 || record.listed?.date !== before.listed?.date) unsavedRows.add(msisdn);
    return wasReleased && firstHand.verdict(msisdn) !== false;
  }

  function removed(
    number: number,
    { number: sweep, start }: Pick<SweepStart, 'number' | 'start'>,
    basis: LogPosition | undefined,
  ): OptOutChange | 'wait' | undefined {
    if (trusted === undefined || firstHand.verdictOfNumber(number) !== true) return undefined;
    if (!trusted.isListedSince(number)) return undefined;
    if (basis === undefined) return 'wait';
    const known = { direction: 'in', kind: 'act', source: 'provider', at: start, seenAt: start } as const;
    const id = `removed:${basis.log}:${basis.position}`;
    // It is the provider's own word, which releases the number until a later sweep lists it again.
    const proof = { optInDate: null, sweep };
    return { list, msisdn: String(number), evidence: { ...known, id, basis, proof } };
  }

  /**
   * The record that a proven opt-in is merged into. If no row was noted for a number that the provider lists, and a
   * sweep has begun after the last one that the opt-in knew of, that sweep may have read the row after the opt-in. It is
   * taken to have done so until the next row, unless the last complete sweep lacked the number.
   */
  function assuming(msisdn: string, record: NumberRecord, { proof }: Evidence): NumberRecord {
    if (proof === undefined || record.listed !== undefined) return record;
    if (provider.lastBegun <= proof.sweep || !provider.hasNotMissing(msisdn)) return record;
    unsavedRows.add(msisdn);
    return { ...record, listed: { sweep: provider.lastBegun, date: null, isAssumed: true } };
  }

  function takeRows(rows: readonly ListedRow[], began: number): void {
    for (const { msisdn, sweep, date } of rows) {
      const listed = { sweep, date };
      provider.noteBegun(sweep);
      if (firstHand.listSole(msisdn, listed) !== undefined) continue;
      const record = mergeListed(firstHand.get(msisdn) ?? EMPTY_RECORD, listed);
      const observed = firstHand.observed(msisdn);
      const isNewest = record.listed?.sweep === sweep;
      firstHand.put(msisdn, record, isNewest ? { ...observed, listedBegan: began } : observed);
    }
  }

  /**
   * Notes for every number with a proven opt-in that the last complete sweep, of number `sweep`, listed it. Not every row
   * was saved: that the number is on the list tells it.
   */
  function takeListed(sweep: number): void {
    for (const [msisdn, record] of [...firstHand.otherRecords()]) {
      const isProven = record.ins.some(({ proof }) => proof !== undefined);
      if (!isProven || record.listed?.isAssumed || !provider.hasNotMissing(msisdn)) continue;
      firstHand.put(msisdn, mergeListed(record, { sweep, date: null }));
    }
  }

  /** What this process observed of a record after evidence was merged. */
  function observedWith(
    msisdn: string,
    { id, proof, sweep }: Evidence,
    appliedAt: number | undefined,
    { ins }: NumberRecord,
  ): Observed {
    const observed = firstHand.observed(msisdn);
    if ((proof === undefined && sweep === undefined) || appliedAt === undefined) return observed;
    const kept = [...observed.appliedAt].filter(([known]) => ins.some((one) => one.id === known));
    return { ...observed, appliedAt: new Map([...kept, [id, appliedAt]]) };
  }

  return {
    blocks,
    blocksAt(numbers, at) {
      if (!ofFirstHand.isEmpty) {
        const verdict = firstHand.verdictOfNumber(numbers[at] as number);
        if (verdict !== undefined) return verdict;
      }
      return holdsAt(view.numbers.tree, numbers, at);
    },
    blocksEach(numbers, found, count) {
      view.numbers.hasEach(numbers, found, count);
      if (ofFirstHand.isEmpty) return;
      for (let index = 0; index < count; index++) {
        const verdict = firstHand.verdictOfNumber(numbers[index] as number);
        if (verdict !== undefined) found[index] = verdict ? 1 : 0;
      }
    },
    reason: (msisdn) => reasonBy(firstHand.standing(msisdn)),
    listing,
    merge(msisdn, evidence, appliedAt) {
      // Sweeps that this opt-in knew of have begun, whatever became of them.
      provider.noteBegun(evidence.proof?.sweep ?? 0);
      const before = firstHand.get(msisdn) ?? EMPTY_RECORD;
      const merged = mergeEvidence(before, evidence);
      if (merged === before) return false;
      const known = evidence.direction === 'out' ? before.outs : before.ins;
      if (known.some(({ id }) => id === evidence.id)) {
        // It was applied before: only its positions are new.
        firstHand.put(msisdn, merged);
        return false;
      }
      if (evidence.direction === 'out') trusted?.noteOut(Number(msisdn), appliedAt);
      const after = assuming(msisdn, merged, evidence);
      firstHand.put(msisdn, after, observedWith(msisdn, evidence, appliedAt, after));
      return true;
    },
    evidence: (msisdn) => {
      const record = firstHand.get(msisdn);
      return record ? evidenceOf(record) : [];
    },
    records: firstHand.records,
    otherRecords: firstHand.otherRecords,
    isAnsweredBy(msisdn, optIn) {
      const record = firstHand.get(msisdn) ?? EMPTY_RECORD;
      if (isListedAfter(optIn, record.listed, firstHand.observed(msisdn), options)) return false;
      return standingOptOuts({ ...record, ins: [optIn] }, options).length === 0;
    },
    isListedByProvider: (msisdn) => provider.has(msisdn),
    replace(msisdn, evidence) {
      const listed = firstHand.listed(msisdn);
      const record = evidence.reduce<NumberRecord | undefined>(mergeEvidence, undefined);
      // What the list said stays while it lists the number, for evidence that comes again.
      if (record ?? (listed && provider.has(msisdn)))
        firstHand.put(msisdn, { ...(record ?? EMPTY_RECORD), listed });
      else firstHand.drop(msisdn);
    },
    begin: (sweep) =>
      provider.begin(sweep, { hasNumber: firstHand.knows, noteListed: outRow, optInOfRemoval: removed }),
    save() {
      const part = provider.save();
      const saving = unsavedRows;
      unsavedRows = new Set();
      const rows = [...saving].flatMap((msisdn) => {
        const listed = firstHand.listed(msisdn);
        return listed ? [{ msisdn, sweep: listed.sweep, date: listed.date }] : [];
      });
      const done = (outcome: 'kept' | 'refused' | 'failed') => {
        part.done(outcome);
        if (outcome !== 'kept') for (const msisdn of saving) unsavedRows.add(msisdn);
      };
      return { ...part, rows, done };
    },
    restore(image, rows) {
      const isTaken = provider.restore(image);
      if (isTaken) {
        takeRows(rows, -Infinity);
        takeListed(image.number);
      }
      return isTaken;
    },
    follow(news, rows) {
      // What rows say is weighed by the numbers of their sweeps, however old the rest of the news is.
      takeRows(rows, news.began);
      return provider.follow(news);
    },
    prune: (olderThan) => firstHand.dropOptIns(olderThan, provider.has),
    *changes() {
      for (const [msisdn] of firstHand) {
        const record = firstHand.get(msisdn) as NumberRecord;
        for (const evidence of evidenceOf(record)) yield { list, msisdn, evidence };
      }
    },
    *entries() {
      const handed = createNumberSet();
      for (const [msisdn, standing] of firstHand) {
        const reason = handed.has(msisdn) ? undefined : reasonOf(msisdn, standing);
        if (reason === undefined) continue;
        handed.add(msisdn);
        yield { msisdn, ...reason };
      }
      for (const msisdn of view.numbers) {
        const reason = handed.has(msisdn) ? undefined : listing(msisdn);
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
      return firstHand.size;
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
      return ofFirstHand.isEmpty && view.numbers.size === 0;
    },
    get hasNews() {
      return provider.hasUnsavedChanges || unsavedRows.size > 0;
    },
  };
}
