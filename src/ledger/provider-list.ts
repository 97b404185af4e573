/**
 * The provider's part of one list: the numbers that its sweeps showed, and the proof that one needs to leave. Rows
 * block as soon as their page is in; a number leaves only when two complete sweeps in a row lack it, and not at all
 * while the list looks as if it had lost half of itself. Pure: time comes in as arguments.
 */

import { findAbsences, noAbsences, type Absences } from './removals.ts';
import type { LogPosition, OptOutChange } from './evidence.ts';
import { createContradictions } from './contradictions.ts';
import { createNumberSet, type NumberSet } from '../number-set/number-set.ts';
import { pour, sift } from '../number-set/chunked.ts';
import { absorb, leave, noChanges, prepareLeaving, type UnsavedDelta } from './unsaved-delta.ts';
import type { FollowedSweep, PartImage, PartSave } from './provider-list-types.ts';
import { createSeenNumbers, type RowColumns } from './seen-numbers.ts';
import type { CommitEffect, PageEffect, Removals, RowJudge, SweepRun, SweepStart } from './sweep-types.ts';

export interface ProviderPart {
  has(msisdn: string): boolean;
  /** Whether it holds the number, and the last complete sweep did not lack it. */
  hasLately(msisdn: string): boolean;
  /** Notes that a sweep has begun, in any process. */
  noteBegun(number: number): void;
  /** Its numbers at any time: a member of one object that stays, as all checks read it. */
  readonly view: { readonly numbers: NumberSet };
  /** Starts a sweep. A sweep that is still open is ended. */
  begin(sweep: SweepStart, judge: RowJudge): SweepRun;
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
  follow(news: FollowedSweep): boolean;
  /** Start of the last complete sweep, ms UTC. */
  readonly lastStart: number | null;
  /** Number of the last complete sweep; 0 before. */
  readonly lastNumber: number;
  /** Number of the newest sweep that has begun, as far as is known; 0 before. */
  readonly lastBegun: number;
  readonly heldMs: number | null;
  /** Whether anything changed since the last save began. */
  readonly hasNews: boolean;
}

/** From this size on a list that loses half of its numbers is suspected. */
const SHRINK_FLOOR = 100;

/** A commit under way. What comes to the list meanwhile is nothing that its sweep lacked. */
interface Commitment extends Absences {
  readonly seen: NumberSet;
}

/** How removals are held back. Durations in ms. */
export interface HoldOptions {
  /** How long a list that would shrink by half is held back. */
  readonly shrinkHoldMs: number;
  /** The most that one complete sweep adds to that time: a machine that slept has not watched the list. */
  readonly longestStepMs: number;
}

/** Creates an empty part: nothing is known of the provider's list yet. */
export function createProviderPart({ shrinkHoldMs, longestStepMs }: HoldOptions): ProviderPart {
  const view = { numbers: createNumberSet() };
  let missingOnce: NumberSet = createNumberSet();
  // Of another process's sweep, as far as it was told.
  let missingTold: NumberSet = createNumberSet();
  let lastNumber = 0;
  let lastStart: number | null = null;
  // Of the last complete sweep: when it began, by the monotonic clock, and what had been applied of the log by then.
  let lastBegan: number | undefined;
  let lastBasis: LogPosition | undefined;
  let lastBegun = 0;
  let heldMs: number | null = null;
  const contradictions = createContradictions();
  let running: object | undefined;
  // Whether the sweep that is being read has shown a number, or may have.
  let isShown: (number: number) => boolean = () => false;
  let commitment: Commitment | undefined;
  // Since the last save that was kept; `undefined` while none was.
  let unsaved: UnsavedDelta | undefined;
  let hasNews = false;

  /** Marks numbers that are added during a commit as seen, so that the commit does not remove them. */
  function spare(given: Float64Array): void {
    commitment?.seen.addBatch(given);
    commitment?.leaving.deleteBatch(given);
  }

  /** Adds numbers, also to the delta of the next save. @returns how many were new. */
  function add(given: Float64Array): number {
    spare(given);
    const news = sift(given, view.numbers, false).toSorted();
    if (news.length === 0) return 0;
    const before = view.numbers.size;
    hasNews = true;
    view.numbers.addBatch(news);
    unsaved?.added.addBatch(news);
    unsaved?.removed.deleteBatch(news);
    return view.numbers.size - before;
  }

  /** Ends whatever sweep there is. */
  function end(): void {
    running = undefined;
    commitment = undefined;
    isShown = () => false;
  }

  const isOlder = (number: number): boolean => number < lastNumber;

  /** What a complete sweep that began then adds to the time for which removals are held back, ms. */
  function stepTo(began: number): number {
    if (lastBegan === undefined) return 0;
    return Math.min(Math.max(0, began - lastBegan), longestStepMs);
  }

  function begin({ number: sweep, start, began, basis }: SweepStart, judge: RowJudge): SweepRun {
    const token = {};
    end();
    running = token;
    lastBegun = Math.max(sweep, lastBegun);
    const rowsInDoubt = contradictions.begin();
    const shown = createSeenNumbers();
    let seen: NumberSet | undefined = shown.outs;
    // While another thread keeps `seen`, every number is taken as seen: nothing may be unblocked.
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
        if (judge.outRow(msisdn, { sweep, date: Number.isNaN(date) ? null : date }, began)) {
          overruled.push(msisdn);
        }
      }
      return added;
    }

    /** The rows without opted-out ones that an opted-in row of the same number answers. */
    function withoutAnswered(rows: RowColumns): RowColumns {
      // Every number that the sweep has shown is in the part.
      const wasOut = (number: number) => view.numbers.hasNumber(number);
      if (rows.ins.length > 0) rowsInDoubt.takeIns(rows.ins, rows.inDates, wasOut);
      if (rowsInDoubt.isEmpty) return rows;
      const kept = [...rows.outs.keys()].filter((index) =>
        rowsInDoubt.takeOut(rows.outs[index] as number, rows.outDates[index] as number),
      );
      if (kept.length === rows.outs.length) return rows;
      const pick = (column: Float64Array) => Float64Array.from(kept, (index) => column[index] as number);
      return { ...rows, outs: pick(rows.outs), outDates: pick(rows.outDates) };
    }

    function page(rows: RowColumns, counted?: number): PageEffect {
      const overruled: string[] = [];
      if (running !== token) return { fresh: 0, added: 0, overruled };
      const outRows = withoutAnswered(rows);
      const fresh = counted ?? shown.take(rows);
      distinct += fresh;
      return { fresh, added: takeOuts(outRows, overruled), overruled };
    }

    /** Ends the sweep; from now on age counts from its start. */
    function committed(removed: number, missing: number, optIns: readonly OptOutChange[]): CommitEffect {
      end();
      lastNumber = sweep;
      lastStart = start;
      lastBegan = began;
      lastBasis = basis;
      hasNews = true;
      const isHeld = heldMs !== null;
      return { status: 'committed', size: view.numbers.size, removed, missing, isHeld, optIns };
    }

    function* commit(removals: Removals): Generator<undefined, CommitEffect> {
      if (running !== token || isOlder(sweep) || seen === undefined) return { status: 'dropped' };
      const { unlisted, listed } = rowsInDoubt.settle();
      seen.deleteBatch(unlisted);
      seen.addBatch(listed);
      add(listed);
      // Every number seen was added, so that the two sizes tell how many are missing.
      const missingCount = view.numbers.size - seen.size;
      if (removals === 'none') return committed(0, missingCount, []);
      const isShrinking = view.numbers.size >= SHRINK_FLOOR && missingCount >= view.numbers.size / 2;
      const held = heldMs === null ? 0 : heldMs + stepTo(began);
      const isHeld = isShrinking && removals !== 'accept' && held < shrinkHoldMs;

      const before = view.numbers;
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
        if (running !== token || isOlder(sweep) || view.numbers !== before) return { status: 'dropped' };
      }
      // Nothing comes in between any more: all of it leaves, or nothing.
      const { missing, leaving, optIns } = absences;
      if (came && leaving.size > 0) {
        view.numbers = seen;
        if (unsaved) leave(unsaved, leaving, came);
      }
      missingOnce = missing;
      heldMs = isHeld ? held : null;
      return committed(before.size - view.numbers.size, missing.size, optIns);
    }

    /** Finds what is missing, and where some of it leaves, makes what was shown the list of what stays. */
    function* settle(
      absences: Commitment,
      provenOnce: NumberSet,
    ): Generator<undefined, readonly Float64Array[], undefined> {
      const firstBasis = lastBasis;
      const removed = (number: number) => judge.removed(number, { number: sweep, start }, firstBasis);
      const { seen: kept, missing, leaving } = absences;
      yield* findAbsences(view.numbers, { seen: kept, missingOnce: provenOnce, removed }, absences);
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
    has: (msisdn) => view.numbers.has(msisdn),
    hasLately: (msisdn) => view.numbers.has(msisdn) && !missingOnce.has(msisdn),
    noteBegun(number) {
      lastBegun = Math.max(number, lastBegun);
    },
    view,
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
      const head = { number: lastNumber, start: lastStart, heldMs };
      return { ...head, size: view.numbers.size, ...view, missingOnce, delta, done };
    },
    restore(image) {
      if (isOlder(image.number)) return false;
      const before = view.numbers;
      const missedBefore = missingOnce;
      ({ missingOnce, heldMs } = image);
      view.numbers = image.numbers;
      lastNumber = image.number;
      lastStart = image.start;
      lastBegan = undefined;
      lastBasis = undefined;
      unsaved = noChanges();
      for (const batch of before.batches()) {
        const lost = sift(sift(batch, view.numbers, false), missedBefore, false);
        add(lost);
        missingOnce.addBatch(lost);
      }
      return true;
    },
    follow(news) {
      // Anything may block, however old; only what is newer than all that is known here may unblock.
      const added = Float64Array.from(news.added);
      view.numbers.addBatch(added);
      spare(added);
      const isNewer = !isOlder(news.number);
      for (const number of news.removed) {
        if (isNewer && !isShown(number)) {
          view.numbers.deleteBatch([number]);
          commitment?.missing.deleteBatch([number]);
        } else if (view.numbers.hasNumber(number)) {
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
      if (news.number !== lastNumber) {
        lastBegan = news.began;
        lastBasis = undefined;
      }
      lastNumber = news.number;
      lastStart = news.start;
      if (news.heldMs !== undefined) heldMs = news.heldMs;
      return true;
    },
    get lastStart() {
      return lastStart;
    },
    get lastNumber() {
      return lastNumber;
    },
    get lastBegun() {
      return Math.max(lastBegun, lastNumber);
    },
    get heldMs() {
      return heldMs;
    },
    get hasNews() {
      return hasNews;
    },
  };
}
