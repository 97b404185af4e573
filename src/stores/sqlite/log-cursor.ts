/** Where a process stands in the logs of a store file. */

import type { EntryTable } from './rows.ts';

/** The end of what was read of the logs of entries, erasures and sweeps. */
export interface LogCursor {
  /** The log that `changes` is a position of; `''` before anything was read. */
  readonly log: string;
  readonly changes: number;
  readonly erasures: number;
  readonly sweeps: number;
}

/** Nothing was read. */
export const START: LogCursor = { log: '', changes: 0, erasures: 0, sweeps: 0 };

/** Where a load goes on. */
export interface LoadPlace {
  readonly table: EntryTable;
  readonly seq: number;
}

/** Where a load begins. */
export const FIRST_PLACE: LoadPlace = { table: 'changes', seq: 0 };
