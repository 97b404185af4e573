/** Errors that mean that the machine does not let this process write, while the file itself may be sound. */

import { sqliteCode } from './driver.ts';

/** SQLite's codes for: no permission, read-only, an I/O error (such as no room for its log), full, cannot open. */
const REFUSALS: readonly unknown[] = [3, 8, 10, 13, 14, 'EACCES', 'EPERM', 'EROFS'];
const READ_ONLY = 8;
/** The extended code for a read after the end of a file: the log of a file that other processes have open is gone. */
const SHORT_READ = 522;

export function isRefusal(error: unknown): boolean {
  // The other processes will repair that. A copy made now would lack what the log held.
  if (error instanceof Error && 'errcode' in error && error.errcode === SHORT_READ) return false;
  return REFUSALS.includes(sqliteCode(error) ?? (error as NodeJS.ErrnoException).code);
}

/** Returns why nothing can be written, for people. */
export function reasonOf(error: unknown): string {
  if (sqliteCode(error) === READ_ONLY) return 'it is read-only';
  return error instanceof Error ? error.message : 'unknown';
}
