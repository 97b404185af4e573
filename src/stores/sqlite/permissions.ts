/**
 * Keeps other users of the machine from reading or changing a store: it holds phone numbers and people's words. Files
 * of this user get mode 0600; a folder gets 0700 only if it holds nothing but the store. Files and folders that must
 * not be changed here are reported.
 */

import {
  chmodSync,
  closeSync,
  lstatSync,
  openSync,
  readSync,
  readdirSync,
  statSync,
  type Stats,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { APPLICATION_ID } from './schema.ts';

const GROUP_AND_OTHERS = 0o077;
const WRITABLE_BY_OTHERS = 0o022;
const STICKY = 0o1000;
/**
 * If the group may write and others may do nothing, the mode was set on purpose: processes of several users share it.
 */
const SHARED_BY_GROUP = 0o020;
const OTHERS = 0o007;

/**
 * Restricts the modes of a store file, of the files beside it and of those that were put aside.
 *
 * @returns one sentence about each that stays open to others.
 */
export function restrictAccess(path: string): string[] {
  const self = process.geteuid?.();
  if (self === undefined) return [];
  const beside = ['', '-wal', '-shm', '.lock'].map((ending) => path + ending);
  return [
    ...[...beside, ...ownAsides(path)].flatMap((file) => restrictFile(file, self)),
    ...restrictFolder(path, self),
  ];
}

function restrictFile(file: string, self: number): string[] {
  const found = lstatSync(file, { throwIfNoEntry: false });
  if (found === undefined || !found.isFile() || (found.mode & GROUP_AND_OTHERS) === 0) return [];
  if (found.uid !== self) return [`${file} is open to others (${modeOf(found)}) and belongs to another user`];
  if (isSharedByGroup(found)) return [`${file} is open to its group (${modeOf(found)})`];
  return changeMode(file, 0o600, found);
}

function restrictFolder(path: string, self: number): string[] {
  const folder = dirname(path);
  const found = statSync(folder);
  if ((found.mode & WRITABLE_BY_OTHERS) === 0) return [];
  const isOursAlone = readdirSync(folder).every((name) => name.startsWith(basename(path)));
  if (found.uid === self && isOursAlone && (found.mode & STICKY) === 0 && !isSharedByGroup(found)) {
    return changeMode(folder, 0o700, found);
  }
  return [
    `other users may write to the folder ${folder} (${modeOf(found)}): keep the store in a folder of its own with mode 0700`,
  ];
}

function changeMode(path: string, mode: number, found: Stats): string[] {
  try {
    chmodSync(path, mode);
    return [];
  } catch {
    return [`${path} is open to others (${modeOf(found)}), and its mode cannot be changed`];
  }
}

/**
 * Returns the files that were put aside and hold a store, with their logs. Those of other programs keep their modes.
 */
function ownAsides(path: string): string[] {
  const folder = dirname(path);
  const asides = readdirSync(folder).filter((name) => name.startsWith(`${basename(path)}.damaged-`));
  const own = asides.filter((name) => isOwnStore(join(folder, name)));
  return asides
    .filter((name) => own.includes(name.replace(/-(?:wal|shm)$/, '')))
    .map((name) => join(folder, name));
}

/** Offset in an SQLite header of the id of the program that the file belongs to. */
const APPLICATION_ID_AT = 68;

function isOwnStore(file: string): boolean {
  if (!lstatSync(file, { throwIfNoEntry: false })?.isFile()) return false;
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, 'r');
    const id = Buffer.alloc(4);
    readSync(descriptor, id, 0, id.length, APPLICATION_ID_AT);
    return id.readUInt32BE() === APPLICATION_ID;
  } catch {
    return false;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

const isSharedByGroup = ({ mode }: Stats): boolean => (mode & SHARED_BY_GROUP) !== 0 && (mode & OTHERS) === 0;

const modeOf = ({ mode }: Stats): string => `mode ${(mode & 0o7777).toString(8).padStart(4, '0')}`;
