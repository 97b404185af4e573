/**
 * Makes sure that a store's path leads to a regular file or to nothing. A device, FIFO, socket or folder is never opened
 * and never renamed: to open a FIFO waits for its other end, and the name belongs to somebody else.
 */

import { lstatSync, readlinkSync, realpathSync, statSync, type Stats } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** The path leads to something that is no regular file. Its message says to what. */
export class NotAFile extends Error {
  override name = 'NotAFile';
}

/** Files that lie beside a store and are opened with it. */
const BESIDE = ['-wal', '-shm', '-journal', '.lock'];

/** Checks a store's path, and those of the files beside it. @throws NotAFile */
export function requireRegularFiles(path: string): void {
  for (const one of [path, ...BESIDE.map((ending) => path + ending)]) {
    const kind = irregularKind(one);
    if (kind !== undefined) throw new NotAFile(`${one} is ${kind}, not a regular file`);
  }
}

/** What kind of thing a path leads to, if it is there and no regular file. */
function irregularKind(path: string): string | undefined {
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    return found === undefined || found.isFile() ? undefined : kindOf(found);
  } catch (error) {
    // What else is wrong with the path, opening it will tell.
    return (error as NodeJS.ErrnoException).code === 'ELOOP' ? 'a link that leads back to itself' : undefined;
  }
}

function kindOf(found: Stats): string {
  if (found.isDirectory()) return 'a folder';
  if (found.isFIFO()) return 'a FIFO';
  if (found.isSocket()) return 'a socket';
  return 'a device';
}

/** Where a path leads: the log of a database lies beside the file itself, not beside a link to it. */
export function realPathOf(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    const target = lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink() ? readlinkSync(file) : file;
    return resolve(dirname(file), target);
  }
}
