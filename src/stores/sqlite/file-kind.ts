/**
 * Makes sure that a store's path leads to a regular file or to nothing. A device, FIFO, socket or folder is never
 * opened and never renamed: opening a FIFO waits for its other end, and the name is not ours.
 */

import { lstatSync, readlinkSync, realpathSync, statSync, type Stats } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** The path leads to something that is not a regular file. The message says to what. */
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

/** Returns the kind of what a path leads to, if that exists and is not a regular file. */
function irregularKind(path: string): string | undefined {
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    return found === undefined || found.isFile() ? undefined : kindOf(found);
  } catch (error) {
    // Other faults of the path are reported when it is opened.
    return (error as NodeJS.ErrnoException).code === 'ELOOP' ? 'a link that leads back to itself' : undefined;
  }
}

function kindOf(found: Stats): string {
  if (found.isDirectory()) return 'a folder';
  if (found.isFIFO()) return 'a FIFO';
  if (found.isSocket()) return 'a socket';
  return 'a device';
}

/** Follows links: the log of a database is beside the file itself, not beside a link to it. */
export function realPathOf(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    const target = lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink() ? readlinkSync(file) : file;
    return resolve(dirname(file), target);
  }
}
