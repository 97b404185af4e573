/** The provider's part of a list on its way to a store, from one, and from other processes. Types only. */

import type { NumberSet } from '../number-set/number-set.ts';
import type { PartDelta } from './unsaved-delta.ts';

/** What of the part has to be saved. The sets are live: read them before `done`. */
export interface PartSave {
  /** Number of the last complete sweep; 0 while none completed. */
  readonly number: number;
  /** Start of the last complete sweep, ms UTC; `null` while none completed. */
  readonly start: number | null;
  readonly size: number;
  readonly numbers: NumberSet;
  /** The numbers that the last complete sweep lacked and that a second one would remove. */
  readonly missingOnce: NumberSet;
  /** For how long removals have been held back, ms; `null` if they are not. */
  readonly heldMs: number | null;
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
  readonly number: number;
  readonly start: number | null;
  readonly numbers: NumberSet;
  readonly missingOnce: NumberSet;
  readonly heldMs: number | null;
}

/** The changes that another process's sweep made to a list. Large sweeps come in several parts. */
export interface SweepDelta {
  /** Number of the last complete sweep that this part belongs to. */
  readonly number: number;
  /** Start of that sweep, ms UTC; `null` while none completed. */
  readonly start: number | null;
  readonly added: Iterable<number>;
  readonly removed: Iterable<number>;
  /** Left out if it has not changed. */
  readonly missingOnce?: MissingPart | undefined;
  /** For how long removals have been held back, ms; `null` if they are not. Left out if it has not changed. */
  readonly heldMs?: number | null | undefined;
}

/** A sweep of another process, as this process follows it. */
export interface FollowedSweep extends SweepDelta {
  /** When that sweep began by this process's monotonic clock, ms; not later than it may have been. */
  readonly began: number;
}

/** The newest row of a provider's list for a number that also has first-hand evidence. */
export interface ListedRow {
  readonly msisdn: string;
  /** Number of the newest sweep that listed the number. */
  readonly sweep: number;
  /** Newest date that such a row carried, ms UTC by the provider's clock; `null` if none carried one. */
  readonly date: number | null;
}

/** Some of the numbers that a complete sweep lacked. They count, all together, with the last part. */
export interface MissingPart {
  readonly numbers: Iterable<number>;
  readonly isFirst: boolean;
  readonly isLast: boolean;
}
