/**
 * The provider's part of one list: the numbers that its sweeps showed, and the proof that one needs to leave. Rows
 * block as soon as their page is in; a number leaves only when two complete sweeps in a row lack it, and not at all
 * while the list looks as if it had lost half of itself. Pure: time comes in as arguments.
 */

import { findAbsences, noAbsences, type Absences } from './absences.ts';
import type { OptOutChange } from './change.ts';
import { createNumberSet, type NumberSet } from './number-set.ts';
import { pour, sift } from './number-slices.ts';
import { absorb, leave, noChanges, prepareLeaving, type PartDelta, type UnsavedDelta } from './part-delta.ts';
import { createShown, type RowColumns, type Shown } from './shown.ts';

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
  /**
   * Takes rows; their opt-outs block at once. `seenAt` is the local time of their arrival, ms UTC. `fresh` is how many
   * of their numbers are new, where somebody else keeps what the sweep has shown.
   */
  page(rows: RowColumns, seenAt: number, fresh?: number): PageEffect;
  /** How many different numbers the sweep has shown, opted out or in. */
  readonly distinct: number;
  /** Hands over what the sweep has shown so far, to somebody else who goes on with it. */
  lend(): Shown;
  /** Takes back the numbers of all rows that were opted out. Without them a sweep that lent them is dropped at its end. */
  takeBack(outs: NumberSet): void;
  /** Ends a complete sweep. A generator, so that other work can run between its steps, none of which takes long. */
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
  /** Whether anything is known first-hand about the number. */
  knows(number: number): boolean;
  /** An opted-out row of such a number. @returns whether the list now outweighs an opt-in that held until now. */
  outRow(msisdn: string, start: number, date: number | undefined): boolean;
  /** An opted-in row. @returns the opt-in that it proves, where that is news. */
  inRow(number: number, date: number, seenAt: number): OptOutChange | undefined;
  /** A removal. @returns the opt-in that it stands for, where the list trusts removals. */
  removed(number: number, start: number): OptOutChange | undefined;
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
/** A commit under way. What comes to the list meanwhile is nothing that its sweep lacked. */
interface Commitment extends Absences {
  readonly seen: NumberSet;
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
  // Whether the sweep that is being read has shown a number, or may have.
  let isShown: (number: number) => boolean = () => false;
  let commitment: Commitment | undefined;
  // Since the last save that was kept; `undefined` while none was.
  let unsaved: UnsavedDelta | undefined;
  let hasNews = false;

  /** Keeps numbers that come in while a sweep is committed. */
  function spare(given: Float64Array): void {
    commitment?.seen.addBatch(given);
    commitment?.leaving.deleteBatch(given);
  }

  /** Adds numbers of which the store is to hear. @returns how many were new. */
  function add(given: Float64Array): number {
    spare(given);
    const news = sift(given, numbers, false).toSorted();
    if (news.length === 0) return 0;
    const before = numbers.size;
    hasNews = true;
    numbers.addBatch(news);
    unsaved?.added.addBatch(news);
    unsaved?.removed.deleteBatch(news);
    return numbers.size - before;
  }

  /** Ends whatever sweep there is. */
  function end(): void {
    running = undefined;
    commitment = undefined;
    isShown = () => false;
  }

  function isOlder(start: number | null): boolean {
    return lastStart !== null && (start === null || start < lastStart);
  }

  function begin(start: number, judge: RowJudge): SweepRun {
    const token = {};
    end();
    running = token;
    lastBegun = Math.max(start, lastBegun ?? start);
    const shown = createShown();
    let seen: NumberSet | undefined = shown.outs;
    // Who does not know takes it that it has.
    isShown = (number) => seen?.hasNumber(number) ?? true;
    let distinct = 0;

    function takeOuts({ outs, outDates }: RowColumns, overruled: string[]): number {
      const added = add(outs);
      const back = sift(outs, missingOnce, true);
      missingOnce.deleteBatch(back);
      if (back.length > 0) hasNews = true;
      for (const [index, number] of outs.entries()) {
        if (!judge.knows(number)) continue;
        const date = outDates[index] as number;
        const msisdn = String(number);
        if (judge.outRow(msisdn, start, Number.isNaN(date) ? undefined : date)) overruled.push(msisdn);
      }
      return added;
    }

    function page(rows: RowColumns, seenAt: number, counted?: number): PageEffect {
      const optIns: OptOutChange[] = [];
      const overruled: string[] = [];
      if (running !== token) return { fresh: 0, added: 0, optIns, overruled };
      const fresh = counted ?? shown.take(rows);
      distinct += fresh;
      const added = takeOuts(rows, overruled);
      for (const [index, number] of rows.ins.entries()) {
        const change = judge.inRow(number, rows.inDates[index] as number, seenAt);
        if (change) optIns.push(change);
      }
      return { fresh, added, optIns, overruled };
    }

    /** Ends the sweep; from now on age counts from its start. */
    function committed(removed: number, missing: number, optIns: readonly OptOutChange[]): CommitEffect {
      end();
      lastStart = start;
      hasNews = true;
      const isHeld = heldSince !== null;
      return { status: 'committed', size: numbers.size, removed, missing, isHeld, optIns };
    }

    function* commit(removals: Removals): Generator<undefined, CommitEffect> {
      if (running !== token || isOlder(start) || seen === undefined) return { status: 'dropped' };
      // Every number seen was added, so that the two sizes tell how many are missing.
      const missingCount = numbers.size - seen.size;
      if (removals === 'none') return committed(0, missingCount, []);
      const isShrinking = numbers.size >= SHRINK_FLOOR && missingCount >= numbers.size / 2;
      const since = heldSince ?? start;
      const isHeld = isShrinking && removals !== 'accept' && start - since < shrinkHoldMs;

      const before = numbers;
      const absences = { ...noAbsences(), seen };
      const settling =
        missingCount > 0 ? settle(absences, isHeld ? createNumberSet() : missingOnce) : undefined;
      commitment = absences;
      let came: readonly Float64Array[] | undefined;
      while (settling && came === undefined) {
        const step = settling.next();
        if (step.done) came = step.value;
        else yield;
        // Where another list was taken over meanwhile, its own sweep decides.
        if (running !== token || isOlder(start) || numbers !== before) return { status: 'dropped' };
      }
      // Nothing comes in between any more: all of it leaves, or nothing.
      const { missing, leaving, optIns } = absences;
      if (came && leaving.size > 0) {
        numbers = seen;
        if (unsaved) leave(unsaved, leaving, came);
      }
      missingOnce = missing;
      heldSince = isHeld ? since : null;
      return committed(before.size - numbers.size, missing.size, optIns);
    }

    /** Finds what is missing, and where some of it leaves, makes what was shown the list of what stays. */
    function* settle(
      absences: Commitment,
      provenOnce: NumberSet,
    ): Generator<undefined, readonly Float64Array[], undefined> {
      const removed = (number: number) => judge.removed(number, start);
      const { seen: kept, missing, leaving } = absences;
      yield* findAbsences(numbers, { seen: kept, missingOnce: provenOnce, removed }, absences);
      if (leaving.size === 0) return [];
      yield* pour(missing, kept);
      return yield* prepareLeaving(() => unsaved, leaving);
    }

    return {
      page,
      commit,
      get distinct() {
        return distinct;
      },
      lend() {
        seen = undefined;
        return shown;
      },
      takeBack(outs) {
        seen = outs;
      },
      abort() {
        if (running === token) end();
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
      const since = noChanges();
      unsaved = since;
      const done = (outcome: 'kept' | 'refused' | 'failed') => {
        if (outcome === 'kept') return;
        hasNews = true;
        unsaved = delta;
        if (delta !== undefined) absorb(delta, since);
        if (outcome === 'failed') return;
        for (const batch of delta?.removed.batches() ?? []) {
          add(batch);
          missingOnce.addBatch(batch);
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
      unsaved = noChanges();
      for (const batch of before.batches()) {
        const lost = sift(sift(batch, numbers, false), missedBefore, false);
        add(lost);
        missingOnce.addBatch(lost);
      }
      return true;
    },
    follow(news) {
      // Anything may block, however old; only what is newer than all that is known here may unblock.
      const added = Float64Array.from(news.added);
      numbers.addBatch(added);
      spare(added);
      const isNewer = !isOlder(news.start);
      for (const number of news.removed) {
        if (isNewer && !isShown(number)) {
          numbers.deleteBatch([number]);
          commitment?.missing.deleteBatch([number]);
        } else if (numbers.hasNumber(number)) {
          // It is listed by a newer sweep of ours, or may be: the store gets it again.
          unsaved?.added.addBatch([number]);
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
