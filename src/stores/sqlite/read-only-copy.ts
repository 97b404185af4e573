/**
 * Makes copies of store files that cannot be written to, because SQLite cannot read them in place. Each copy is in a
 * folder of its own that other users cannot open. It is removed when it is closed; a copy that a dead process left is
 * removed by the next process that makes one.
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

export interface ReadOnlyCopy {
  /** The copied database; a copy of its log, if it has one, is beside it. */
  readonly path: string;
  /** Returns whether the original can be written to now, or has changed. */
  isOutdated(): boolean;
  remove(): void;
}

const PREFIX = 'sms-send-guard-';

/** Time after which a file of a later version is read again if it has changed, ms. */
const READ_AGAIN_MS = 60_000;

/**
 * Copies a file and its log.
 *
 * @param options.isNewer whether the file is of a later version: then it does not help that it can be written to.
 * @throws Error of the file system
 */
export function copyForReading(
  file: string,
  { isNewer = false }: { readonly isNewer?: boolean } = {},
): ReadOnlyCopy {
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

/** Removes the copies of dead processes of this user: they hold phone numbers. */
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

/** Returns a text that changes whenever a file or its log does. */
function stampOf(file: string): string {
  return [file, `${file}-wal`]
    .map((path) => statSync(path, { throwIfNoEntry: false }))
    .map((stat) => `${stat?.ino} ${stat?.size} ${stat?.mtimeMs}`)
    .join(', ');
}
