/**
 * Checks whether an open store is still what the next process will find: the same database, log and index under the
 * same names, none of them shorter or overwritten. SQLite itself does not notice a change: it continues with the files
 * that it has open, and everything that it acknowledges is lost when the process ends.
 */

import { statSync, type BigIntStats } from 'node:fs';
import { isDamage } from './repair.ts';
import { readWal } from './wal-tail.ts';

/** A change of the files of an open store from outside. The message completes "the store …". */
export interface Fault {
  /**
   * `moved`: the path leads to another database or to none. `log_lost`: the names of the log or its index lead
   * elsewhere, while the open connection still has everything. `damaged`: bytes are gone. `newer`: a process of a later
   * version has brought it up to date.
   */
  readonly kind: 'moved' | 'log_lost' | 'damaged' | 'newer';
  readonly message: string;
}

export interface FileWatch {
  /** Returns the change of the files since this connection opened them; `undefined` if there was none. */
  fault(): Fault | undefined;
  /** Notes that this connection has just written to the database itself. */
  noteCheckpoint(): void;
  /** Returns whether no other process has written to the database itself since the last check. */
  isDatabaseKnown(): boolean;
  /** Returns whether the file with the name of the log is the known log with that many frames, or is empty or gone. */
  isLogAsLongAs(frames: number): boolean;
  /** Returns whether a file is the watched database, its log or its index. */
  isOwn(path: string): boolean;
}

/** The functions of the connection that the watch calls. */
export interface FileWatchPorts {
  /** Returns whether everything in the log is in the database too, as SQLite sees it. */
  isLogWritten(): boolean;
  /** Returns the last position of the log, as the connection sees it. @throws Error of SQLite */
  lastPosition(): number;
  /**
   * Reads the database as a new process would.
   *
   * @param position the last one that was given to an entry.
   * @throws Error of SQLite, Damage
   */
  reopen(position: number): void;
}

/** The database and its index as they were last seen. */
interface KnownFiles {
  readonly database: BigIntStats | undefined;
  readonly index: BigIntStats | undefined;
}

/** Watches the files of a database that was just opened and written to. @throws Error of the file system */
export function watchFile(path: string, ports: FileWatchPorts): FileWatch {
  let known = statFiles(path);
  let position = ports.lastPosition();
  const opened = readWal(`${path}-wal`);
  let wal = 'tail' in opened ? opened.tail : undefined;

  function faultOfLog(): Fault | undefined {
    const found = readWal(`${path}-wal`, wal);
    switch (found.kind) {
      case 'replaced':
        return {
          kind: 'log_lost',
          message: `lost its log: the -wal file ${found.message} while it was open`,
        };
      case 'cut':
        return { kind: 'damaged', message: `lost its log: the -wal file ${found.message} while it was open` };
      case 'emptied':
        if (!ports.isLogWritten()) {
          return { kind: 'damaged', message: 'lost its log: the -wal file was emptied while it was open' };
        }
        break;
      case 'renewed':
        if (!canReopen()) {
          return {
            kind: 'damaged',
            message: 'lost its log: the -wal file was overwritten while it was open',
          };
        }
        break;
      case 'sound':
        break;
    }
    wal = found.tail;
    return undefined;
  }

  function isUnchanged({ mtimeNs, size }: BigIntStats): boolean {
    return known.database?.mtimeNs === mtimeNs && known.database.size === size;
  }

  function canReopen(): boolean {
    try {
      ports.reopen(position);
      return true;
    } catch {
      return false;
    }
  }

  function faultOfDatabase(found: BigIntStats): Fault | undefined {
    if (isUnchanged(found)) {
      position = Math.max(position, ports.lastPosition());
      return undefined;
    }
    if (found.size < HEADER_BYTES) return { kind: 'damaged', message: 'was emptied while it was open' };
    try {
      ports.reopen(position);
      known = { ...known, database: found };
    } catch (error) {
      if (isDamage(error)) {
        return { kind: 'damaged', message: `was overwritten while it was open: ${(error as Error).message}` };
      }
      // It cannot be read just now: the next call tries again.
    }
    return undefined;
  }

  return {
    fault() {
      const found = statFiles(path);
      if (found.database === undefined || !isSame(found.database, known.database)) {
        return { kind: 'moved', message: 'was replaced or removed while it was open' };
      }
      if (found.index === undefined || !isSame(found.index, known.index)) {
        return { kind: 'log_lost', message: 'lost its -shm file while it was open' };
      }
      // The log is checked first: the database must not be read together with a log that is not its own.
      return faultOfLog() ?? faultOfDatabase(found.database);
    },
    noteCheckpoint() {
      known = { ...known, database: statFiles(path).database };
    },
    isDatabaseKnown() {
      const { database } = statFiles(path);
      return database !== undefined && isUnchanged(database);
    },
    isLogAsLongAs(frames) {
      const found = statSync(`${path}-wal`, { throwIfNoEntry: false });
      if (found === undefined || found.size === 0) return true;
      const log = readWal(`${path}-wal`, wal);
      return log.kind === 'sound' && log.tail.frames === frames;
    },
    isOwn(file) {
      const found = statSync(file, { bigint: true, throwIfNoEntry: false });
      const own = [known.database, known.index, wal];
      return found !== undefined && own.some((one) => one !== undefined && isSame(found, one));
    },
  };
}

/** Bytes of a database's header. */
const HEADER_BYTES = 100n;

function statFiles(path: string): KnownFiles {
  const statOf = (file: string) => statSync(file, { bigint: true, throwIfNoEntry: false });
  return { database: statOf(path), index: statOf(`${path}-shm`) };
}

function isSame(
  a: Pick<BigIntStats, 'dev' | 'ino'>,
  b: Pick<BigIntStats, 'dev' | 'ino'> | undefined,
): boolean {
  return b !== undefined && a.dev === b.dev && a.ino === b.ino;
}
