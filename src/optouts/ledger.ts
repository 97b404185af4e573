/**
 * One opt-out list: what the provider lists and what we know first-hand (the records), and the rules that merge
 * them. Pure: time comes in as arguments, nothing is read or written elsewhere. Nothing in here forgets an opt-out:
 * a number leaves the provider's part only with proof, and first-hand evidence only loses to an opt-in.
 */

import type { Evidence, EvidenceSource, OptOutChange } from './change.ts';
import { createFirstHand, type StandingOptOut } from './first-hand.ts';
import { createNumberSet } from './number-set.ts';
import { holdsAt } from './number-tree.ts';
import { createProviderPart } from './provider-part.ts';
import type { PartImage, PartNews, PartSave } from './part-forms.ts';
import type { SweepRun } from './sweep-run.ts';
import {
  EMPTY_RECORD,
  evidenceOf,
  isOverruled,
  lastOptOutMoment,
  mergeEvidence,
  mergeListed,
  type NumberRecord,
  type WeighingOptions,
} from './record.ts';

/** What a ledger is told once. Durations in ms. */
export interface LedgerOptions extends WeighingOptions {
  /** The list's name, for the changes it hands out. */
  readonly list: string;
  /** How long a list that would shrink by half is held back. */
  readonly shrinkHoldMs: number;
  /** Whether a number that the provider removes is released although it opted out first-hand. */
  readonly trustProviderRemoval: boolean;
}

/** Why a number is blocked. `since` is ms UTC, `null` where only the provider's list says so. */
export interface Listing {
  readonly list: string;
  readonly source: EvidenceSource;
  readonly since: number | null;
}

/** What a sweep said about a number with first-hand evidence: start and date of the newest row, ms UTC. */
export interface ListedNumber {
  readonly msisdn: string;
  readonly start: number;
  readonly date: number;
}

/** What has to be saved beside the changes. */
export interface LedgerSave extends PartSave {
  /** What sweeps said about numbers with first-hand evidence, where it is news since the last save that was kept. */
  readonly rows: readonly ListedNumber[];
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
  /** Takes first-hand evidence. @returns whether it changed the record. */
  merge(msisdn: string, evidence: Evidence): boolean;
  /** The evidence that decides about a number. */
  evidence(msisdn: string): readonly Evidence[];
  /** Whether the provider's part holds the number. */
  isListedByProvider(msisdn: string): boolean;
  /** Puts `evidence` in place of all that is known first-hand about a number. */
  replace(msisdn: string, evidence: readonly Evidence[]): void;
  /** Starts a sweep that began at `start` (ms UTC). A sweep that is still open is aborted. */
  begin(start: number): SweepRun;
  /** Begins a save. One at a time. */
  save(): LedgerSave;
  /** Takes over a saved sweep unless a later one is known. @returns whether it did. */
  restore(image: PartImage, rows: readonly ListedNumber[]): boolean;
  /** Takes over another process's sweep unless a later one is known. @returns whether it did. */
  follow(news: PartNews, rows: readonly ListedNumber[]): boolean;
  /** Drops opt-ins received before `olderThan` (ms UTC) that no opt-out and no row answers to. @returns how many. */
  prune(olderThan: number): number;
  /** Everything that is blocked. Live. */
  entries(): Iterable<{ readonly msisdn: string } & Listing>;
  /** Start of the last complete sweep, ms UTC. */
  readonly lastStart: number | null;
  /** Numbers in the provider's part. */
  readonly listedByProvider: number;
  /** Numbers with first-hand evidence. */
  readonly firstHand: number;
  /** Since when a shrinking list is held back, ms UTC. */
  readonly heldSince: number | null;
  /** Whether nothing is known of anybody. */
  readonly isEmpty: boolean;
  /** Whether there is anything that the last save did not bring. */
  readonly hasNews: boolean;
}

/** Creates an empty ledger: nothing is known of the provider's list yet. */
export function createLedger(options: LedgerOptions): Ledger {
  const { list } = options;
  const firstHand = createFirstHand(options);
  const provider = createProviderPart(options);
  const { state: ofFirstHand } = firstHand;
  const { view } = provider;
  // Whose row is news to the store.
  let unsavedRows = new Set<string>();

  const listedByProvider: Listing = Object.freeze({ list, source: 'provider', since: null });

  const blocks = (msisdn: string): boolean => firstHand.verdict(msisdn) ?? provider.has(msisdn);

  const reasonBy = (standing: StandingOptOut | undefined): Listing =>
    standing ? { list, source: standing.source, since: standing.at } : listedByProvider;

  function reasonOf(msisdn: string, standing: StandingOptOut | undefined): Listing | undefined {
    return standing || blocks(msisdn) ? reasonBy(standing) : undefined;
  }

  const listing = (msisdn: string): Listing | undefined => reasonOf(msisdn, firstHand.standing(msisdn));

  function outRow(msisdn: string, start: number, date = start): boolean {
    const isSoleDateNew = firstHand.listSole(msisdn, start, date);
    if (isSoleDateNew !== undefined) {
      if (isSoleDateNew || options.trustProviderRemoval) unsavedRows.add(msisdn);
      return false;
    }
    const before = firstHand.get(msisdn) as NumberRecord;
    const record = mergeListed(before, { start, date });
    const wasOverruled = isOverruled(before, options);
    firstHand.put(msisdn, record);
    // Without an opt-in only the date can matter later: the start of any sweep so far is before whatever comes.
    const isNews = record.ins.length > 0 || options.trustProviderRemoval;
    if (isNews || record.listed?.date !== before.listed?.date) unsavedRows.add(msisdn);
    return record.ins.length > 0 && !wasOverruled && isOverruled(record, options);
  }

  function inRow(number: number, at: number, seenAt: number): OptOutChange | undefined {
    // An opt-in of somebody who never opted out decides nothing, and such rows may be millions. Should an
    // opt-out come late, the next sweep brings the row again. One without a date proves nothing.
    if (Number.isNaN(at) || (!firstHand.knows(number) && !view.numbers.hasNumber(number))) return undefined;
    const msisdn = String(number);
    const record = firstHand.get(msisdn);
    const known = { direction: 'in', clock: 'provider', source: 'provider' } as const;
    const evidence: Evidence = { ...known, at, seenAt, id: `row:${at}` };
    return mergeEvidence(record, evidence) === record ? undefined : { list, msisdn, evidence };
  }

  function removed(number: number, at: number): OptOutChange | undefined {
    if (!options.trustProviderRemoval || firstHand.verdictOfNumber(number) !== true) return undefined;
    const msisdn = String(number);
    const record = firstHand.get(msisdn);
    if (record?.listed === undefined || record.listed.start <= lastOptOutMoment(record)) return undefined;
    const known = { direction: 'in', clock: 'local', source: 'provider' } as const;
    return { list, msisdn, evidence: { ...known, at, seenAt: at, id: `removed:${at}` } };
  }

  /**
   * What a number that only the provider lists starts from: the date of its row was not kept. Where a sweep began
   * between an opt-in and its arrival, that row may be the newer of the two, and is taken to be until the next
   * sweep shows it.
   */
  function assumed(msisdn: string, { direction, at, seenAt, source }: Evidence): NumberRecord | undefined {
    const start = provider.lastBegun;
    if (direction === 'out' || start === null || at >= start || seenAt < start) return undefined;
    // An opt-in of the list's own is its newest word.
    if (source === 'provider' || !provider.has(msisdn)) return undefined;
    unsavedRows.add(msisdn);
    return { ...EMPTY_RECORD, listed: { start, date: start, isAssumed: true } };
  }

  function takeRows(rows: readonly ListedNumber[]): void {
    for (const { msisdn, start, date } of rows) {
      if (firstHand.listSole(msisdn, start, date) !== undefined) continue;
      firstHand.put(msisdn, mergeListed(firstHand.get(msisdn) ?? EMPTY_RECORD, { start, date }));
    }
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
    merge(msisdn, evidence) {
      const before = firstHand.get(msisdn);
      const after = mergeEvidence(before ?? assumed(msisdn, evidence), evidence);
      if (after === before) return false;
      firstHand.put(msisdn, after);
      return true;
    },
    evidence: (msisdn) => {
      const record = firstHand.get(msisdn);
      return record ? evidenceOf(record) : [];
    },
    isListedByProvider: (msisdn) => provider.has(msisdn),
    replace(msisdn, evidence) {
      const listed = firstHand.listed(msisdn);
      const record = evidence.reduce<NumberRecord | undefined>(mergeEvidence, undefined);
      // What the list said stays, for evidence that comes again.
      if (record ?? listed) firstHand.put(msisdn, { ...(record ?? EMPTY_RECORD), listed });
      else firstHand.drop(msisdn);
    },
    begin: (start) => provider.begin(start, { knows: firstHand.knows, outRow, inRow, removed }),
    save() {
      const part = provider.save();
      const saving = unsavedRows;
      unsavedRows = new Set();
      const rows = [...saving].flatMap((msisdn) => {
        const listed = firstHand.listed(msisdn);
        return listed ? [{ msisdn, start: listed.start, date: listed.date }] : [];
      });
      const done = (outcome: 'kept' | 'refused' | 'failed') => {
        part.done(outcome);
        if (outcome !== 'kept') for (const msisdn of saving) unsavedRows.add(msisdn);
      };
      return { ...part, rows, done };
    },
    restore(image, rows) {
      const isTaken = provider.restore(image);
      if (isTaken) takeRows(rows);
      return isTaken;
    },
    follow(news, rows) {
      // What rows say is weighed by their times alone, whatever else of the news is too old.
      takeRows(rows);
      return provider.follow(news);
    },
    prune: (olderThan) => firstHand.dropOptIns(olderThan, provider.has),
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
    get heldSince() {
      return provider.heldSince;
    },
    get isEmpty() {
      return ofFirstHand.isEmpty && view.numbers.size === 0;
    },
    get hasNews() {
      return provider.hasNews || unsavedRows.size > 0;
    },
  };
}
