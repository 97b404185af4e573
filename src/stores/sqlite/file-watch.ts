/**
 * Tells whether an open store is still what the next process will find: the same database, log and index under the same
 * names, none of them shorter or overwritten. SQLite itself does not notice: it goes on with what it has open, and
 * everything that it acknowledges is gone with the process.
 */

import { statSync, type BigIntStats } from 'node:fs';
import { isDamage } from './repair.ts';
import { readWal } from './wal-tail.ts';

/** What happened to an open store. The message completes "the store …". */
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
  /** What happened to the files since this connection opened them; `undefined` if nothing did. */
  fault(): Fault | undefined;
  /** Told that this connection has just written to the database itself. */
  noteCheckpoint(): void;
  /** Whether nobody wrote to the database itself since the last look. */
  isDatabaseKnown(): boolean;
  /** Whether the file under the name of the log is the one that was known, with so many frames; or is empty, or gone. */
  isLogAsLongAs(frames: number): boolean;
  /** Whether a file is the one that is watched, or its log or index. */
  isOwn(path: string): boolean;
}

/** What the watch asks of the connection. */
export interface FileWatchPorts {
  /** Whether everything in the log is in the database too, as SQLite sees it. */
  isLogWritten(): boolean;
  /** The last position of its log, as the connection sees it. @throws Error of SQLite */
  lastPosition(): number;
  /**
   * Reads the database as a new process would.
   *
   * @param position the last one that was given.
   * @throws Error of SQLite, Damage
   */
  readAnew(position: number): void;
}

interface Names {
  readonly database: BigIntStats | undefined;
  readonly index: BigIntStats | undefined;
}

/** Watches the files of a database that was just opened and written to. @throws Error of the file system */
export function watchFile(path: string, ports: FileWatchPorts): FileWatch {
  let known = look();
  let position = ports.lastPosition();
  const opened = readWal(`${path}-wal`);
  let wal = 'tail' in opened ? opened.tail : undefined;

  function look(): Names {
    const statOf = (file: string) => statSync(file, { bigint: true, throwIfNoEntry: false });
    return { database: statOf(path), index: statOf(`${path}-shm`) };
  }

  function faultOfLog(): Fault | undefined {
    const found = readWal(`${path}-wal`, wal);
    switch (found.kind) {
      case 'exchanged':
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
        if (!canBeRead()) {
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

  function canBeRead(): boolean {
    try {
      ports.readAnew(position);
      return true;
    } catch {
      return false;
    }
  }

  function faultOfDatabase(now: BigIntStats): Fault | undefined {
    if (isUnchanged(now)) {
      position = Math.max(position, ports.lastPosition());
      return undefined;
    }
    if (now.size < LEAST_BYTES) return { kind: 'damaged', message: 'was emptied while it was open' };
    try {
      ports.readAnew(position);
      known = { ...known, database: now };
    } catch (error) {
      if (isDamage(error)) {
        return { kind: 'damaged', message: `was overwritten while it was open: ${(error as Error).message}` };
      }
      // It could not be read just now: the next call tries again.
    }
    return undefined;
  }

  return {
    fault() {
      const now = look();
      if (now.database === undefined || !isSame(now.database, known.database)) {
        return { kind: 'moved', message: 'was replaced or removed while it was open' };
      }
      if (now.index === undefined || !isSame(now.index, known.index)) {
        return { kind: 'log_lost', message: 'lost its -shm file while it was open' };
      }
      // First the log: a database is not read beside a log that is not its own.
      return faultOfLog() ?? faultOfDatabase(now.database);
    },
    noteCheckpoint() {
      known = { ...known, database: look().database };
    },
    isDatabaseKnown() {
      const { database } = look();
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
const LEAST_BYTES = 100n;

function isSame(
  a: Pick<BigIntStats, 'dev' | 'ino'>,
  b: Pick<BigIntStats, 'dev' | 'ino'> | undefined,
): boolean {
  return b !== undefined && a.dev === b.dev && a.ino === b.ino;
}
