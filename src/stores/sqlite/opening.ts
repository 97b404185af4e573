/** Opens a store file: to write to it, or a copy of it to read. */

import { accessSync, constants } from 'node:fs';
import type { StoreOpening, StoreTrouble } from '../store.ts';
import { checkAccounts, type Takeover } from './accounts.ts';
import { Damage, NewerFile, checkContent, checkIdentity, checkSize } from './repair.ts';
import type { Driver } from './driver.ts';
import { migrate } from './migration.ts';
import { readNewer } from './newer-file.ts';
import { prepareFile, tidyFile, type FileUser, type OpenFile } from './open-file.ts';
import { copyForReading, type ReadOnlyCopy } from './read-only-copy.ts';
import { reasonOf } from './refusals.ts';
import { configure } from './schema.ts';

/** Staged numbers that are older than this belong to no save that is running, ms. */
const STAGED_KEPT_MS = 3_600_000;

/** A file to open for writing. */
export interface FileToOpen {
  readonly driver: Driver;
  readonly path: string;
  readonly takeover: Takeover;
}

/** Opens, checks and migrates a file. @throws Damage, NewerFile, or an error of SQLite or the file system */
export function openChecked(
  { driver, path, takeover }: FileToOpen,
  { accounts }: StoreOpening,
  user: FileUser,
): OpenFile {
  checkSize(path);
  accessSync(path, constants.R_OK | constants.W_OK);
  const foreign = takeover.check(path, accounts);
  if (foreign) throw new Damage(foreign.message, { cause: foreign });
  const database = new driver.DatabaseSync(path);
  try {
    checkIdentity(database);
    configure(database);
    checkContent(database);
    const migration = migrate(database);
    checkAccounts(database, accounts);
    const file = prepareFile(database, user, { migration });
    file.sweeps.numberEarlierSweeps();
    file.sweeps.discardStaged(user.now() - STAGED_KEPT_MS);
    tidyFile(file);
    return file;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** An open copy. */
export interface OpenCopy {
  readonly file: OpenFile;
  readonly copy: ReadOnlyCopy;
  readonly trouble: StoreTrouble;
}

/**
 * Opens a copy of a file that cannot be written to. Of a file of a later version, it opens what can be read.
 *
 * @param reason why it cannot be written to: a `NewerFile`, or an error of SQLite or the file system.
 * @throws Error if it cannot be read either
 */
export function openForReading(driver: Driver, path: string, reason: unknown, user: FileUser): OpenCopy {
  if (reason instanceof NewerFile) return openNewer(driver, path, reason, user);
  const copy = copyForReading(path);
  try {
    const database = new driver.DatabaseSync(copy.path);
    try {
      checkIdentity(database);
      checkContent(database);
      migrate(database);
    } catch (error) {
      database.close();
      throw error;
    }
    const message = `the store can be read but not written (${reasonOf(reason)}): what it holds counts, nothing new is kept`;
    return {
      ...{ file: prepareFile(database, user, { isReadOnly: true }), copy },
      trouble: { kind: 'read_only', message },
    };
  } catch (error) {
    copy.remove();
    if (error instanceof NewerFile) return openNewer(driver, path, error, user);
    throw error;
  }
}

/** Opens what can be read of a file of a later version: its opt-outs block, and nothing is written. */
function openNewer(driver: Driver, path: string, reason: NewerFile, user: FileUser): OpenCopy {
  const copy = copyForReading(path, { isNewer: true });
  const file = prepareFile(readNewer(driver, copy.path), user, { isReadOnly: true, isNewer: true });
  const message = `the store can be neither used nor written: ${reason.message}`;
  return { file, copy, trouble: { kind: 'newer', message } };
}
