/**
 * Opens whatever file the path of a store leads to: to write to it, as a copy to read, or replaced if it is damaged.
 */

import { existsSync, statSync } from 'node:fs';
import type { StoreOpening, StoreTrouble } from '../store.ts';
import { createTakeover } from './accounts.ts';
import { writeLog } from './checkpoints.ts';
import { isTrue, type Database, type Driver } from './driver.ts';
import type { ReadOnly, Writable } from './engine-state.ts';
import { realPathOf, requireRegularFiles } from './file-kind.ts';
import { watchFile, type FileWatch } from './file-watch.ts';
import { lastPosition } from './log-id.ts';
import { migrationTrouble } from './migration.ts';
import type { FileUser } from './open-file.ts';
import { openChecked, openForReading } from './opening.ts';
import { restrictAccess } from './permissions.ts';
import { isRefusal } from './refusals.ts';
import { isDamage, NewerFile, reopenAndCheck, type Damage } from './repair.ts';
import { replaceFile } from './replacement.ts';
import { makeFile } from './schema.ts';

/** A file that was opened, and what was wrong with it. */
export interface Opened {
  readonly current: Writable | ReadOnly;
  readonly trouble: StoreTrouble | undefined;
}

export interface FileOpener {
  /**
   * Opens the file; makes it if there is none.
   *
   * @param lost a connection to the file that was there before. Its evidence is carried over if the file is replaced.
   * @throws Error if the file cannot even be read, or none can be made
   */
  open(opening: StoreOpening, lost?: Database): Opened;
  /** Watches the files of an open database. */
  watch(database: Database): FileWatch;
  /** Marks the file as damaged: the next `open` puts it aside, unless another file is there by then. */
  noteDamage(damage: Damage): void;
  /** Makes an earlier file the one that `hasFileChanged` and the next `open` compare with. */
  expect(inode: number | undefined): void;
  /** Returns whether the path leads to another file than the one that was opened, or to none. */
  hasFileChanged(): boolean;
  readonly damage: Damage | undefined;
  /** The inode of the file that was opened last. */
  readonly inode: number | undefined;
  /** Which files stay open to other users of the machine, one sentence each. */
  readonly exposures: readonly string[];
}

/** The file that the path leads to. */
interface Target {
  readonly path: string;
  readonly inode: number | undefined;
  /** The damage that was found while it was open. */
  readonly damage: Damage | undefined;
}

/** @param given the path of the store as it was given, perhaps a link. */
export function createFileOpener(driver: Driver, given: string, user: FileUser): FileOpener {
  const takeover = createTakeover(driver, user.now);
  let target: Target = { path: given, inode: undefined, damage: undefined };
  let exposures: readonly string[] = [];

  function watch(database: Database): FileWatch {
    const { path } = target;
    return watchFile(path, {
      isLogWritten: () => writeLog(database),
      lastPosition: () => lastPosition(database),
      reopen: (position) => reopenAndCheck(driver, path, position),
    });
  }

  /** @throws Damage, or an error of SQLite or the file system */
  function openWritable(opening: StoreOpening): Writable {
    const file = openChecked({ driver, path: target.path, takeover }, opening, user);
    try {
      exposures = restrictAccess(target.path);
      const hasErasedWords = isTrue(file.database, 'EXISTS (SELECT 1 FROM erasures)');
      return { kind: 'writable', file, hasErasedWords, watch: watch(file.database) };
    } catch (error) {
      file.database.close();
      throw error;
    }
  }

  function openReadOnly(reason: unknown): Opened {
    const { trouble, ...opened } = openForReading(driver, target.path, reason, user);
    return { current: { kind: 'readOnly', ...opened }, trouble };
  }

  /** Puts the damaged file aside, and opens a new one with the evidence that it and a connection to it still give. */
  function openReplaced(damage: Error, opening: StoreOpening, lost?: Database): Opened {
    const { path, inode } = target;
    const message = replaceFile({ driver, path, inode, now: user.now }, damage, opening.accounts, lost);
    target = { path, inode: statSync(path).ino, damage: undefined };
    return { current: openWritable(opening), trouble: { kind: 'damaged', message } };
  }

  function openUndamaged(opening: StoreOpening, lost?: Database): Opened {
    let current: Writable;
    try {
      current = openWritable(opening);
    } catch (error) {
      if (isDamage(error)) return openReplaced(error as Error, opening, lost);
      if (isRefusal(error)) return openReadOnly(error);
      throw error;
    }
    return { current, trouble: migrationTrouble(current.file.migration) };
  }

  return {
    open(opening, lost) {
      const path = realPathOf(given);
      target = { ...target, path };
      requireRegularFiles(path);
      // An existing file is opened whatever the mode of its folder is.
      if (!existsSync(path)) makeFile(driver, path);
      const inode = statSync(path).ino;
      // The damage was found in the file that `target` names: another one may be sound.
      const damage = inode === target.inode ? target.damage : undefined;
      target = { path, inode, damage };
      try {
        return damage ? openReplaced(damage, opening, lost) : openUndamaged(opening, lost);
      } catch (error) {
        if (!(error instanceof NewerFile)) throw error;
        target = { ...target, damage: undefined };
        return openReadOnly(error);
      }
    },
    watch,
    noteDamage(damage) {
      target = { ...target, damage };
    },
    expect(inode) {
      target = { ...target, inode };
    },
    hasFileChanged: () => statSync(target.path, { throwIfNoEntry: false })?.ino !== target.inode,
    get damage() {
      return target.damage;
    },
    get inode() {
      return target.inode;
    },
    get exposures() {
      return exposures;
    },
  };
}
