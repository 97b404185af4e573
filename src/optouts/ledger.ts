/**
 * One opt-out list: what the provider lists (P) and what we know first-hand (the records), and the rules that merge
 * them. Pure: time comes in as arguments, nothing is read or written elsewhere. Nothing in here forgets an opt-out:
 * a number leaves P only when two complete sweeps in a row lack it, and first-hand evidence only loses to an opt-in.
 */

import type { Evidence, EvidenceSource, OptOutChange } from './change.ts';
import { createNumberSet, type NumberSet } from './number-set.ts';
import {
  evidenceOf,
  isOverruled,
  isReleased,
  lastOptInSeenAt,
  lastOptOutMoment,
  mergeEvidence,
  mergeListed,
  standingOptOut,
  type NumberRecord,
  type WeighingOptions,
} from './record.ts';

/** What a ledger is told once. Durations in ms. */
export interface LedgerOptions extends WeighingOptions {
  /** The list's name, for the changes it hands out. */
  readonly list: string;
  /** How long a list that would shrink by half is held back. */
  readonly shrinkHoldMs: number;
  /** How long an opt-in without a matching opt-out is remembered, for opt-outs that come late. */
  readonly replayWindowMs: number;
  /** Whether a number that the provider removes is released although it opted out first-hand. */
  readonly trustProviderRemoval: boolean;
}

/** Why a number is blocked. `since` is ms UTC, `null` where only the provider's list says so. */
export interface Listing {
  readonly list: string;
  readonly source: EvidenceSource;
  readonly since: number | null;
}

/** A row of the provider's list whose number could be read. `date` is ms UTC. */
export type LedgerRow =
  | { readonly kind: 'out'; readonly msisdn: string; readonly date?: number | undefined }
  | { readonly kind: 'in'; readonly msisdn: string; readonly date?: number | undefined };

/** What one page did. */
export interface PageEffect {
  /** Numbers that this sweep had not shown before. */
  readonly fresh: number;
  /** Numbers that P lacked. They block from now on. */
  readonly added: number;
  /** Opt-ins that rows prove. They count once they were kept and merged by the caller. */
  readonly optIns: readonly OptOutChange[];
  /** Numbers whose opt-in the provider's list now outweighs. */
  readonly overruled: readonly string[];
}

/** What a complete sweep did. */
export type CommitEffect =
  | { readonly status: 'dropped' }
  | {
      readonly status: 'committed';
      /** Numbers in P now. */
      readonly size: number;
      /** Numbers that left P. */
      readonly removed: number;
      /** Numbers of P that this sweep lacked and that are still there. */
      readonly missing: number;
      /** Whether removals are held back because the list would shrink by half. */
      readonly isHeld: boolean;
      /** Opt-ins that follow from removals under `trustProviderRemoval`; to be kept and merged by the caller. */
      readonly optIns: readonly OptOutChange[];
    };

/** A sweep that is being read. */
export interface SweepRun {
  /** Takes a page; its opt-outs block at once. `seenAt` is the local time of its arrival, ms UTC. */
  page(rows: readonly LedgerRow[], seenAt: number): PageEffect;
  /** How many different numbers the sweep has shown, opted out or in. */
  readonly distinct: number;
  /**
   * Ends a complete sweep. A generator, so that a caller with a large list can let other work run between its steps.
   * `removals`: `apply` by the rules, `accept` where an operator accepts that the list shrinks, `none` where some
   * row could not be read, so that absence from this sweep proves nothing.
   */
  commit(removals: 'apply' | 'accept' | 'none'): Generator<undefined, CommitEffect>;
  /** Ends an incomplete sweep: what it added stays, nothing is removed. */
  abort(): void;
}

/** What must survive a restart beside the changes. Iterables are live: read them before the ledger changes. */
export interface LedgerSweep {
  readonly start: number | null;
  readonly size: number;
  readonly numbers: Iterable<string>;
  readonly missingOnce: Iterable<string>;
  readonly heldSince: number | null;
  readonly rows: readonly { readonly msisdn: string; readonly start: number; readonly date: number }[];
}

export interface Ledger {
  /** Whether the number is opted out. The hot path: no allocation. `msisdn` is digits. */
  blocks(msisdn: string): boolean;
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
  /** What must be saved. */
  sweep(): LedgerSweep;
  /** Takes over a saved sweep unless a later one is known. @returns whether it did. */
  restore(sweep: LedgerSweep): boolean;
  /** Drops opt-ins that nothing needs any more. @returns how many. */
  prune(now: number): number;
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
}

/** A record with its verdict, worked out when it changes and not when it is asked. */
interface Entry {
  readonly record: NumberRecord;
  readonly isDirect: boolean;
  /** Holds against P: released and not overruled. */
  readonly isLifted: boolean;
}

/** From this size on a list that loses half of its numbers is suspected. */
const SHRINK_FLOOR = 100;
/** Numbers handled between two steps of a commit. */
const COMMIT_STEP = 20_000;

/** Creates an empty ledger: nothing is known of the provider's list yet. */
export function createLedger(options: LedgerOptions): Ledger {
  const { list } = options;
  const entries = new Map<string, Entry>();
  let provider: NumberSet = createNumberSet();
  let missingOnce: NumberSet = createNumberSet();
  let lastStart: number | null = null;
  let heldSince: number | null = null;
  let running: object | undefined;

  function weigh(msisdn: string, record: NumberRecord): Entry {
    const isDirect = standingOptOut(record, options) !== undefined;
    const isLifted = !isDirect && isReleased(record, options) && !isOverruled(record, options);
    const entry = { record, isDirect, isLifted };
    entries.set(msisdn, entry);
    return entry;
  }

  function isBlocked(entry: Entry | undefined, msisdn: string): boolean {
    if (entry === undefined) return provider.has(msisdn);
    return entry.isDirect || (!entry.isLifted && provider.has(msisdn));
  }

  function describe({ record }: Entry): Listing | undefined {
    const evidence = standingOptOut(record, options);
    return evidence && { list, source: evidence.source, since: evidence.at };
  }

  function listing(msisdn: string): Listing | undefined {
    const entry = entries.get(msisdn);
    if (!isBlocked(entry, msisdn)) return undefined;
    return (entry && describe(entry)) ?? { list, source: 'provider', since: null };
  }

  function outRow(start: number, msisdn: string, date: number | undefined): boolean {
    const entry = entries.get(msisdn);
    if (entry === undefined) return false;
    const record = mergeListed(entry.record, { start, date: date ?? start });
    const wasOverruled = isOverruled(entry.record, options);
    weigh(msisdn, record);
    return record.ins.length > 0 && !wasOverruled && isOverruled(record, options);
  }

  function inRow(msisdn: string, date: number, seenAt: number): OptOutChange | undefined {
    const record = entries.get(msisdn)?.record;
    // An opt-in of somebody who never opted out decides nothing, and such rows may be millions. Should an
    // opt-out come late, the next sweep brings the row again.
    if (record === undefined && !provider.has(msisdn)) return undefined;
    const evidence: Evidence = {
      direction: 'in',
      at: date,
      clock: 'provider',
      seenAt,
      source: 'provider',
      id: `row:${date}`,
    };
    return mergeEvidence(record, evidence) === record ? undefined : { list, msisdn, evidence };
  }

  /** The opt-in that a removal by the provider stands for, where the list trusts removals. */
  function removalProof(msisdn: string, start: number): OptOutChange | undefined {
    const entry = entries.get(msisdn);
    if (!options.trustProviderRemoval || entry === undefined || !entry.isDirect) return undefined;
    if ((entry.record.listed?.start ?? -Infinity) <= lastOptOutMoment(entry.record)) return undefined;
    const evidence: Evidence = {
      direction: 'in',
      at: start,
      clock: 'local',
      seenAt: start,
      source: 'provider',
      id: `removed:${start}`,
    };
    return { list, msisdn, evidence };
  }

  function begin(start: number): SweepRun {
    const token = {};
    running = token;
    const seen = createNumberSet();
    const seenIn = createNumberSet();
    let distinct = 0;

    function page(rows: readonly LedgerRow[], seenAt: number): PageEffect {
      const optIns: OptOutChange[] = [];
      const overruled: string[] = [];
      let fresh = 0;
      let added = 0;
      if (running !== token) return { fresh, added, optIns, overruled };
      for (const { kind, msisdn, date } of rows) {
        if (kind === 'out') {
          if (seen.add(msisdn) && !seenIn.has(msisdn)) fresh++;
          if (provider.add(msisdn)) added++;
          missingOnce.delete(msisdn);
          if (outRow(start, msisdn, date)) overruled.push(msisdn);
        } else {
          if (seenIn.add(msisdn) && !seen.has(msisdn)) fresh++;
          const change = date === undefined ? undefined : inRow(msisdn, date, seenAt);
          if (change) optIns.push(change);
        }
      }
      distinct += fresh;
      return { fresh, added, optIns, overruled };
    }

    function* commit(removals: 'apply' | 'accept' | 'none'): Generator<undefined, CommitEffect> {
      if (running !== token || (lastStart !== null && start < lastStart)) return { status: 'dropped' };
      if (removals === 'none') {
        running = undefined;
        lastStart = start;
        const missing = provider.size - seen.size;
        return {
          status: 'committed',
          size: provider.size,
          removed: 0,
          missing,
          isHeld: heldSince !== null,
          optIns: [],
        };
      }
      // Every number seen was added to P, so that the two sizes tell how many are missing.
      const missingCount = provider.size - seen.size;
      const isShrinking = provider.size >= SHRINK_FLOOR && missingCount >= provider.size / 2;
      const since = heldSince ?? start;
      const isHeld = isShrinking && removals !== 'accept' && start - since < options.shrinkHoldMs;

      const missing = createNumberSet();
      const optIns: OptOutChange[] = [];
      let removed = 0;
      if (missingCount > 0) {
        let step = 0;
        for (const msisdn of provider) {
          if (++step % COMMIT_STEP === 0) {
            yield;
            if (running !== token) return { status: 'dropped' };
          }
          if (seen.has(msisdn)) continue;
          if (isHeld || !missingOnce.has(msisdn)) {
            missing.add(msisdn);
            continue;
          }
          const proof = removalProof(msisdn, start);
          if (proof) optIns.push(proof);
          provider.delete(msisdn);
          removed++;
        }
      }
      running = undefined;
      missingOnce = missing;
      heldSince = isHeld ? since : null;
      lastStart = start;
      return {
        status: 'committed',
        size: provider.size,
        removed,
        missing: missing.size,
        isHeld,
        optIns,
      };
    }

    return {
      page,
      commit,
      get distinct() {
        return distinct;
      },
      abort() {
        if (running === token) running = undefined;
      },
    };
  }

  function restore(sweep: LedgerSweep): boolean {
    if (lastStart !== null && (sweep.start === null || sweep.start < lastStart)) return false;
    running = undefined;
    provider = createNumberSet(sweep.numbers);
    missingOnce = createNumberSet(sweep.missingOnce);
    lastStart = sweep.start;
    heldSince = sweep.heldSince;
    for (const { msisdn, start, date } of sweep.rows) {
      const record = entries.get(msisdn)?.record ?? { outs: [], ins: [], listed: undefined };
      weigh(msisdn, mergeListed(record, { start, date }));
    }
    return true;
  }

  return {
    blocks: (msisdn) => (entries.size === 0 ? provider.has(msisdn) : isBlocked(entries.get(msisdn), msisdn)),
    listing,
    merge(msisdn, evidence) {
      const before = entries.get(msisdn)?.record;
      const after = mergeEvidence(before, evidence);
      if (after === before) return false;
      weigh(msisdn, after);
      return true;
    },
    evidence: (msisdn) => {
      const entry = entries.get(msisdn);
      return entry ? evidenceOf(entry.record) : [];
    },
    isListedByProvider: (msisdn) => provider.has(msisdn),
    replace(msisdn, evidence) {
      const listed = entries.get(msisdn)?.record.listed;
      entries.delete(msisdn);
      const record = evidence.reduce<NumberRecord | undefined>(mergeEvidence, undefined);
      if (record) weigh(msisdn, { ...record, listed });
    },
    begin,
    sweep: () => ({
      start: lastStart,
      size: provider.size,
      numbers: provider,
      missingOnce,
      heldSince,
      rows: [...entries].flatMap(([msisdn, { record }]) =>
        record.listed ? [{ msisdn, ...record.listed }] : [],
      ),
    }),
    restore,
    prune(now) {
      let dropped = 0;
      for (const [msisdn, { record }] of entries) {
        if (record.outs.length > 0 || provider.has(msisdn)) continue;
        if (lastOptInSeenAt(record) + options.replayWindowMs >= now) continue;
        entries.delete(msisdn);
        dropped++;
      }
      return dropped;
    },
    *entries() {
      for (const [msisdn, entry] of entries) {
        if (!isBlocked(entry, msisdn)) continue;
        yield { msisdn, ...(describe(entry) ?? { list, source: 'provider', since: null }) };
      }
      for (const msisdn of provider) {
        if (!entries.has(msisdn)) yield { msisdn, list, source: 'provider', since: null };
      }
    },
    get lastStart() {
      return lastStart;
    },
    get listedByProvider() {
      return provider.size;
    },
    get firstHand() {
      return entries.size;
    },
    get heldSince() {
      return heldSince;
    },
  };
}
