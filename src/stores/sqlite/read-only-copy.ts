/**
 * Copies of store files that cannot be written to, and with which SQLite can therefore do nothing where they are. Each
 * lies in a folder of its own that nobody else may open, and goes with the process that made it.
 */

import {
  accessSync,
  constants,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export interface ReadingCopy {
  /** The copied database; its log, where there was one, is beside it. */
  readonly path: string;
  /** Whether the original may be opened better now: it can be written to, or holds something new. */
  isOutdated(): boolean;
  remove(): void;
}

const PREFIX = 'sms-send-guard-';

/** How often a file that cannot be used at all is read again if it has changed, ms. */
const READ_AGAIN_MS = 60_000;

/**
 * Copies a file and its log.
 *
 * @param options.isNewer the file is of a later version: it is not opened better because it can be written to.
 * @throws Error of the file system
 */
export function copyForReading(
  file: string,
  { isNewer = false }: { readonly isNewer?: boolean } = {},
): ReadingCopy {
  const copiedAt = performance.now();
  removeAbandoned();
  const stamp = stampOf(file);
  const folder = mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-`));
  const path = join(folder, 'copy.db');
  copyFileSync(file, path);
  if (existsSync(`${file}-wal`)) copyFileSync(`${file}-wal`, `${path}-wal`);
  return {
    path,
    isOutdated: () =>
      isNewer
        ? performance.now() - copiedAt >= READ_AGAIN_MS && stampOf(file) !== stamp
        : isWritable(file) || stampOf(file) !== stamp,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Removes what processes of this user left behind that are no more: there are numbers in it. */
function removeAbandoned(): void {
  for (const name of readdirSync(tmpdir())) {
    const pid = /^sms-send-guard-(\d+)-/.exec(name)?.[1];
    if (pid === undefined || isAlive(Number(pid))) continue;
    const folder = join(tmpdir(), name);
    if (lstatSync(folder, { throwIfNoEntry: false })?.uid === process.getuid?.()) {
      rmSync(folder, { recursive: true, force: true });
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

function isWritable(file: string): boolean {
  try {
    accessSync(file, constants.W_OK);
    accessSync(dirname(file), constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** What changes whenever a file or its log does. */
function stampOf(file: string): string {
  return [file, `${file}-wal`]
    .map((path) => statSync(path, { throwIfNoEntry: false }))
    .map((stat) => `${stat?.ino} ${stat?.size} ${stat?.mtimeMs}`)
    .join(', ');
}
