/** The parts that read and write an open store file. */

import { createSnapshotTable, type SnapshotTable } from './list-snapshots.ts';
import type { Database } from './driver.ts';
import { createChangeLog, type ChangeLog } from './change-log.ts';
import type { LogCursor } from './log-cursor.ts';
import { lastPosition, readLogId } from './log-id.ts';
import type { Migration } from './migration.ts';
import { createSweepHistory, type SweepHistory } from './sweep-history.ts';
import { createSweepTable, type SweepTable } from './sweep-log.ts';

/** An open file. */
export interface OpenFile {
  readonly database: Database;
  readonly log: ChangeLog;
  readonly sweeps: SweepTable;
  readonly sweepHistory: SweepHistory;
  readonly snapshots: SnapshotTable;
  /** Whether nothing may be written: it is a copy of a file that cannot be written to. */
  readonly isReadOnly: boolean;
  /** Whether it holds what can be read of a file of a later version. */
  readonly isNewer: boolean;
  /** The result of the migration; `undefined` if the file was of this version already. */
  readonly migration: Migration | undefined;
}

/** The process that has a file open. */
export interface FileUser {
  /** Marks the rows of this process. */
  readonly writer: string;
  /** Wall clock, ms UTC. */
  readonly now: () => number;
}

/** Prepares the parts of an open database. */
export function prepareFile(
  database: Database,
  { writer, now }: FileUser,
  state: Partial<Pick<OpenFile, 'isReadOnly' | 'isNewer' | 'migration'>> = {},
): OpenFile {
  const log = createChangeLog(database, writer, now);
  const sweeps = createSweepTable(database, writer, now);
  const sweepHistory = createSweepHistory(database, now);
  const snapshots = createSnapshotTable(database, now);
  const defaults = { isReadOnly: false, isNewer: false, migration: undefined };
  return { database, log, sweeps, sweepHistory, snapshots, ...defaults, ...state };
}

/** Goes on with erasures, and deletes the rows of those that every process has read of. */
export function tidyFile({ log, sweepHistory }: OpenFile): void {
  sweepHistory.forgetErased();
  log.forgetErasures();
}

/** Returns the end of every log of a file. */
export function endOfLogs({ database }: OpenFile): LogCursor {
  const last = (table: string) =>
    Number(database.prepare(`SELECT coalesce(max(seq), 0) AS seq FROM ${table}`).get()?.['seq']);
  return {
    log: readLogId(database).id,
    changes: lastPosition(database),
    erasures: last('erasures'),
    sweeps: last('sweeps'),
  };
}
