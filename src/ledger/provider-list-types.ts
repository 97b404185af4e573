/** A provider list as it is saved, restored, and followed from other processes. Types only. */

import type { NumberSet } from '../number-set/number-set.ts';
import type { NumberDelta } from './unsaved-delta.ts';

/** A save of a provider list. The sets are live: read them before `done` is called. */
export interface ProviderListSave {
  /** Number of the last complete sweep; 0 before the first. */
  readonly number: number;
  /** Start of the last complete sweep, ms UTC; `null` before the first. */
  readonly start: number | null;
  /** How many numbers the list has. */
  readonly size: number;
  readonly numbers: NumberSet;
  /** The numbers that the last complete sweep lacked. A second sweep that lacks them removes them. */
  readonly missingOnce: NumberSet;
  /** For how long removals have been held back, ms; `null` if they are not. */
  readonly heldMs: number | null;
  /** The changes since the last save that was kept; `undefined` if none was kept. */
  readonly delta: NumberDelta | undefined;
  /**
   * Ends the save; to be called once. The next save repeats what was not kept. `refused`: the store has a later sweep
   * of another process. Then the numbers that our sweep removed come back, as numbers that one complete sweep lacked.
   */
  done(outcome: 'kept' | 'refused' | 'failed'): void;
}

/** A saved provider list. The fields are those of {@link ProviderListSave}. */
export interface ProviderListSnapshot {
  readonly number: number;
  readonly start: number | null;
  readonly numbers: NumberSet;
  readonly missingOnce: NumberSet;
  readonly heldMs: number | null;
}

/** The changes that another process's sweep made to a list. A large sweep comes in several parts. */
export interface SweepDelta {
  /** Number of the last complete sweep that this part belongs to. */
  readonly number: number;
  /** Start of that sweep, ms UTC; `null` before the first complete sweep. */
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
  /** When the sweep began by this process's monotonic clock, ms: an estimate that is never too late. */
  readonly began: number;
}

/** The newest row of the provider's list for a number that also has first-hand evidence. */
export interface ListedRow {
  readonly msisdn: string;
  /** Number of the newest sweep that listed the number. */
  readonly sweep: number;
  /** Newest date of such a row, ms UTC by the provider's clock; `null` if no row had one. */
  readonly date: number | null;
}

/** Some of the numbers that a complete sweep lacked. All parts take effect together, with the last one. */
export interface MissingPart {
  readonly numbers: Iterable<number>;
  readonly isFirst: boolean;
  readonly isLast: boolean;
}
