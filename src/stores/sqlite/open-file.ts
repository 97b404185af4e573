/** A store file that is open, as the parts that read and write it. */

import { createBaseTable, type BaseTable } from './list-snapshots.ts';
import type { Database } from './driver.ts';
import { createChangeLog, type ChangeLog } from './change-log.ts';
import type { LogCursor } from './log-cursor.ts';
import { lastPosition, readLogId } from './log-id.ts';
import type { Migration } from './migration.ts';
import { createSweepHistory, type SweepHistory } from './sweep-history.ts';
import { createSweepTable, type SweepTable } from './sweep-log.ts';

/** A file that is open. */
export interface OpenFile {
  readonly database: Database;
  readonly log: ChangeLog;
  readonly sweeps: SweepTable;
  readonly sweepHistory: SweepHistory;
  readonly bases: BaseTable;
  /** Nothing can be written: it is a copy, or the file system refuses. */
  readonly isReadOnly: boolean;
  /** It is what can be read of a file of a later version. */
  readonly isNewer: boolean;
  /** What it took to bring the file up to date; `undefined` if it was. */
  readonly migration: Migration | undefined;
}

/** Who has a file open. */
export interface FileUser {
  /** Tells the rows of this process. */
  readonly writer: string;
  readonly now: () => number;
}

/** Prepares the parts of a file. */
export function useFile(
  database: Database,
  { writer, now }: FileUser,
  state: Partial<Pick<OpenFile, 'isReadOnly' | 'isNewer' | 'migration'>> = {},
): OpenFile {
  const log = createChangeLog(database, writer, now);
  const sweeps = createSweepTable(database, writer, now);
  const sweepHistory = createSweepHistory(database, now);
  const bases = createBaseTable(database, now);
  const asItShouldBe = { isReadOnly: false, isNewer: false, migration: undefined };
  return { database, log, sweeps, sweepHistory, bases, ...asItShouldBe, ...state };
}

/** Forgets who was erased, as soon as nobody has to be told any more. */
export function tidyFile({ log, sweepHistory }: OpenFile): void {
  sweepHistory.forgetErased();
  log.forgetErasures();
}

/** The end of every log of a file. */
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
