/** How far a process has read the logs of a store file. */

import type { EntryTable } from './rows.ts';

/** The end of what was read of the logs of entries, erasures and sweeps. */
export interface LogCursor {
  /** The log that `changes` is a position of; `''` before anything was read. */
  readonly log: string;
  readonly changes: number;
  readonly erasures: number;
  readonly sweeps: number;
}

/** The cursor before anything was read. */
export const START: LogCursor = { log: '', changes: 0, erasures: 0, sweeps: 0 };

/** The last row that a load has read. */
export interface LoadPosition {
  readonly table: EntryTable;
  readonly seq: number;
}

/** The position before the first row of a load. */
export const LOAD_START: LoadPosition = { table: 'changes', seq: 0 };
