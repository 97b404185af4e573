/**
 * The provider's part of one list: the numbers that its sweeps showed, and the proof that one needs to leave. Rows
 * block as soon as their page is in; a number leaves only when two complete sweeps in a row lack it, and not at all
 * while the list looks as if it had lost half of itself. Pure: time comes in as arguments.
 */

import type { OptOutChange } from './change.ts';
import { createNumberSet, type NumberSet } from './number-set.ts';

/** A row of the provider's list whose number could be read. `date` is ms UTC. */
export interface LedgerRow {
  readonly kind: 'out' | 'in';
  readonly msisdn: string;
  readonly date?: number | undefined;
}

/** What one page did. */
export interface PageEffect {
  /** Numbers that this sweep had not shown before. */
  readonly fresh: number;
  /** Numbers that the part lacked. They block from now on. */
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
      /** Numbers in the part now. */
      readonly size: number;
      /** Numbers that left. */
      readonly removed: number;
      /** Numbers that this sweep lacked and that are still there. */
      readonly missing: number;
      /** Whether removals are held back because the list would shrink by half. */
      readonly isHeld: boolean;
      /** Opt-ins that follow from removals under `trustProviderRemoval`; to be kept and merged by the caller. */
      readonly optIns: readonly OptOutChange[];
    };

/**
 * What a sweep's absences are good for: `apply` by the rules, `accept` where an operator accepts that the list
 * shrinks, `none` where some row could not be read, so that absence proves nothing.
 */
export type Removals = 'apply' | 'accept' | 'none';

/** A sweep that is being read. */
export interface SweepRun {
  /** Takes a page; its opt-outs block at once. `seenAt` is the local time of its arrival, ms UTC. */
  page(rows: readonly LedgerRow[], seenAt: number): PageEffect;
  /** How many different numbers the sweep has shown, opted out or in. */
  readonly distinct: number;
  /** Ends a complete sweep. A generator, so that a caller with a large list can let other work run between its steps. */
  commit(removals: Removals): Generator<undefined, CommitEffect>;
  /** Ends an incomplete sweep: what it added stays, nothing is removed. */
  abort(): void;
}

/** What of the part has to be saved. The sets are live: read them before `done`. */
export interface PartSave {
  /** Start of the last complete sweep, ms UTC; `null` while none completed. */
  readonly start: number | null;
  readonly size: number;
  readonly numbers: NumberSet;
  /** The numbers that the last complete sweep lacked and that a second one would remove. */
  readonly missingOnce: NumberSet;
  readonly heldSince: number | null;
  /** What changed since the last save that was kept; `undefined` where none was. */
  readonly delta: PartDelta | undefined;
  /**
   * To be called once. What was not kept comes again with the next save. `refused`: another process's sweep was
   * later, so that what left by ours stays until a sweep of both lacks it.
   */
  done(outcome: 'kept' | 'refused' | 'failed'): void;
}

/** Numbers that came and that left. */
export interface PartDelta {
  readonly added: NumberSet;
  readonly removed: NumberSet;
}

/** A part as it was saved. */
export interface PartImage {
  readonly start: number | null;
  readonly numbers: NumberSet;
  readonly missingOnce: NumberSet;
  readonly heldSince: number | null;
}

/** What another process's sweep changed. */
export interface PartNews {
  readonly start: number | null;
  readonly added: Iterable<number>;
  readonly removed: Iterable<number>;
  /** Left out where it is as before. */
  readonly missingOnce?: MissingPart | undefined;
  /** Left out where it is as before. */
  readonly heldSince?: number | null | undefined;
}

/** Some of the numbers that a complete sweep lacked. They count, all together, with the last part. */
export interface MissingPart {
  readonly numbers: Iterable<number>;
  readonly isFirst: boolean;
  readonly isLast: boolean;
}

/** What first-hand evidence has to say while the list is read. */
export interface RowJudge {
  /** An opted-out row. @returns whether the list now outweighs an opt-in that held until now. */
  outRow(start: number, row: LedgerRow): boolean;
  /** An opted-in row. @returns the opt-in that it proves, where that is news. */
  inRow(row: LedgerRow, seenAt: number): OptOutChange | undefined;
  /** A removal. @returns the opt-in that it stands for, where the list trusts removals. */
  removed(msisdn: string, start: number): OptOutChange | undefined;
}

export interface ProviderPart {
  has(msisdn: string): boolean;
  readonly numbers: NumberSet;
  /** Starts a sweep that began at `start` (ms UTC). A sweep that is still open is ended. */
  begin(start: number, judge: RowJudge): SweepRun;
  /** Begins a save. One at a time. */
  save(): PartSave;
  /**
   * Takes over an image unless a later sweep is known. A number that it lacks stays for one more sweep, unless this
   * part too had missed it once.
   *
   * @returns whether it did.
   */
  restore(image: PartImage): boolean;
  /** Takes over another process's sweep unless a later one is known. @returns whether it did. */
  follow(news: PartNews): boolean;
  readonly lastStart: number | null;
  /** Start of the newest sweep that began or was taken over, ms UTC. */
  readonly lastBegun: number | null;
  readonly heldSince: number | null;
  /** Whether anything changed since the last save began. */
  readonly hasNews: boolean;
}

/** From this size on a list that loses half of its numbers is suspected. */
const SHRINK_FLOOR = 100;
/** Numbers handled between two steps of a commit. */
const COMMIT_STEP = 8_000;

/** Adds later changes to earlier ones. */
function absorb({ added, removed }: PartDelta, later: PartDelta): void {
  for (const batch of later.added.batches()) {
    added.addBatch(batch);
    removed.deleteBatch(batch);
  }
  for (const batch of later.removed.batches()) {
    removed.addBatch(batch);
    added.deleteBatch(batch);
  }
}

/**
 * Creates an empty part: nothing is known of the provider's list yet.
 *
 * @param options.shrinkHoldMs how long a list that would shrink by half is held back.
 */
export function createProviderPart({ shrinkHoldMs }: { readonly shrinkHoldMs: number }): ProviderPart {
  let numbers: NumberSet = createNumberSet();
  let missingOnce: NumberSet = createNumberSet();
  // Of another process's sweep, as far as it was told.
  let missingTold: NumberSet = createNumberSet();
  let lastStart: number | null = null;
  let lastBegun: number | null = null;
  let heldSince: number | null = null;
  let running: object | undefined;
  // What the sweep that is being read has shown.
  let runningSeen: NumberSet | undefined;
  // Since the last save that was kept; `undefined` while none was.
  let unsaved: PartDelta | undefined;
  let hasNews = false;

  function add(msisdn: string): boolean {
    if (!numbers.add(msisdn)) return false;
    hasNews = true;
    unsaved?.added.add(msisdn);
    unsaved?.removed.delete(msisdn);
    return true;
  }

  function remove(msisdn: string): void {
    numbers.delete(msisdn);
    unsaved?.removed.add(msisdn);
    unsaved?.added.delete(msisdn);
  }

  function isOlder(start: number | null): boolean {
    return lastStart !== null && (start === null || start < lastStart);
  }

  function begin(start: number, judge: RowJudge): SweepRun {
    const token = {};
    running = token;
    lastBegun = Math.max(start, lastBegun ?? start);
    const seen = createNumberSet();
    runningSeen = seen;
    const seenIn = createNumberSet();
    let distinct = 0;

    function page(rows: readonly LedgerRow[], seenAt: number): PageEffect {
      const optIns: OptOutChange[] = [];
      const overruled: string[] = [];
      let fresh = 0;
      let added = 0;
      if (running !== token) return { fresh, added, optIns, overruled };
      for (const row of rows) {
        const { kind, msisdn } = row;
        const [own, other] = kind === 'out' ? [seen, seenIn] : [seenIn, seen];
        if (own.add(msisdn) && !other.has(msisdn)) fresh++;
        if (kind === 'out') {
          if (add(msisdn)) added++;
          if (missingOnce.delete(msisdn)) hasNews = true;
          if (judge.outRow(start, row)) overruled.push(msisdn);
        } else {
          const change = judge.inRow(row, seenAt);
          if (change) optIns.push(change);
        }
      }
      distinct += fresh;
      return { fresh, added, optIns, overruled };
    }

    /** Ends the sweep; from now on age counts from its start. */
    function committed(removed: number, missing: number, optIns: readonly OptOutChange[]): CommitEffect {
      running = undefined;
      runningSeen = undefined;
      lastStart = start;
      hasNews = true;
      const isHeld = heldSince !== null;
      return { status: 'committed', size: numbers.size, removed, missing, isHeld, optIns };
    }

    function* commit(removals: Removals): Generator<undefined, CommitEffect> {
      if (running !== token || isOlder(start)) return { status: 'dropped' };
      // Every number seen was added, so that the two sizes tell how many are missing.
      const missingCount = numbers.size - seen.size;
      if (removals === 'none') return committed(0, missingCount, []);
      const isShrinking = numbers.size >= SHRINK_FLOOR && missingCount >= numbers.size / 2;
      const since = heldSince ?? start;
      const isHeld = isShrinking && removals !== 'accept' && start - since < shrinkHoldMs;

      const missing = createNumberSet();
      const optIns: OptOutChange[] = [];
      const leaving = createNumberSet();
      let step = 0;
      for (const batch of missingCount > 0 ? numbers.batches() : []) {
        step += batch.length;
        if (step >= COMMIT_STEP) {
          step = 0;
          yield;
          if (running !== token || isOlder(start)) return { status: 'dropped' };
        }
        for (const number of batch) {
          if (seen.hasNumber(number)) continue;
          const msisdn = String(number);
          const isSecond = !isHeld && missingOnce.hasNumber(number);
          const proof = isSecond ? judge.removed(msisdn, start) : undefined;
          if (proof) optIns.push(proof);
          // What is proven leaves with a later sweep, once the opt-in counts: one that is not kept is proven again.
          (isSecond && !proof ? leaving : missing).add(msisdn);
        }
      }
      // Nothing comes in between any more: all of it leaves, or nothing.
      for (const msisdn of leaving) remove(msisdn);
      missingOnce = missing;
      heldSince = isHeld ? since : null;
      return committed(leaving.size, missing.size, optIns);
    }

    return {
      page,
      commit,
      get distinct() {
        return distinct;
      },
      abort() {
        if (running !== token) return;
        running = undefined;
        runningSeen = undefined;
      },
    };
  }

  return {
    has: (msisdn) => numbers.has(msisdn),
    get numbers() {
      return numbers;
    },
    begin,
    save() {
      const delta = unsaved;
      hasNews = false;
      const since: PartDelta = { added: createNumberSet(), removed: createNumberSet() };
      unsaved = since;
      const done = (outcome: 'kept' | 'refused' | 'failed') => {
        if (outcome === 'kept') return;
        hasNews = true;
        unsaved = delta;
        if (delta !== undefined) absorb(delta, since);
        if (outcome === 'failed') return;
        for (const msisdn of delta?.removed ?? []) {
          add(msisdn);
          missingOnce.add(msisdn);
        }
      };
      return { start: lastStart, size: numbers.size, numbers, missingOnce, heldSince, delta, done };
    },
    restore(image) {
      if (isOlder(image.start)) return false;
      const before = numbers;
      const missedBefore = missingOnce;
      ({ numbers, missingOnce, heldSince } = image);
      lastStart = image.start;
      unsaved = { added: createNumberSet(), removed: createNumberSet() };
      for (const msisdn of before) {
        if (numbers.has(msisdn) || missedBefore.has(msisdn)) continue;
        add(msisdn);
        missingOnce.add(msisdn);
      }
      return true;
    },
    follow(news) {
      // Anything may block, however old; only what is newer than all that is known here may unblock.
      numbers.addBatch(news.added);
      const isNewer = !isOlder(news.start);
      for (const number of news.removed) {
        const msisdn = String(number);
        if (isNewer && !runningSeen?.has(msisdn)) numbers.delete(msisdn);
        else if (numbers.has(msisdn)) {
          // It is listed by a newer sweep of ours: the store gets it again.
          unsaved?.added.add(msisdn);
          hasNews = true;
        }
      }
      if (news.missingOnce?.isFirst) missingTold = createNumberSet();
      missingTold.addBatch(news.missingOnce?.numbers ?? []);
      if (!isNewer) return false;
      if (news.missingOnce?.isLast) {
        missingOnce = missingTold;
        missingTold = createNumberSet();
      }
      lastStart = news.start;
      if (news.heldSince !== undefined) heldSince = news.heldSince;
      return true;
    },
    get lastStart() {
      return lastStart;
    },
    get lastBegun() {
      return lastBegun ?? lastStart;
    },
    get heldSince() {
      return heldSince;
    },
    get hasNews() {
      return hasNews;
    },
  };
}
