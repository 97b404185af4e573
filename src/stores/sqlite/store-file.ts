/** Opens, checks and repairs one store file, and keeps its state. */

import type { StoreOpening, StoreTrouble } from '../store.ts';
import { OtherAccount, checkAccounts } from './accounts.ts';
import { leaveOldLog, putOldLogAside } from './checkpoints.ts';
import type { Driver } from './driver.ts';
import {
  carryOverLost,
  closeCurrent,
  currentOf,
  withCurrent,
  type Current,
  type EngineState,
  type LostFile,
  type RepairResult,
  type Writable,
} from './engine-state.ts';
import { realPathOf } from './file-kind.ts';
import { createFileOpener, type FileOpener, type Opened } from './file-opener.ts';
import type { Fault } from './file-watch.ts';
import type { FileUser, OpenFile } from './open-file.ts';
import { Damage, isDamage, isNewer } from './repair.ts';
import { configure } from './schema.ts';

/** A store file in one of the states of {@link EngineState}. */
export interface StoreFile {
  /** Opens the file, whatever state it is in. @throws Error if it cannot even be read, or none can be made */
  open(opening: StoreOpening): StoreTrouble | undefined;
  /** The file that is open at the path of the store. */
  readonly current: Current;
  /** The file that is open. @throws Error if none is, with the reason */
  readonly file: OpenFile;
  /** Notes an error of a request. If it means that the file is damaged, the next `open` puts the file aside. */
  noteDamage(error: unknown): void;
  /** Whether the next `open` puts the file aside. */
  readonly isDamaged: boolean;
  /** Whether a file that could only be read may be written to now, or has new content. */
  readonly isWorthReopening: boolean;
  /** Returns the change of the files under the open connection; `undefined` if there was none. */
  fault(): Fault | undefined;
  /**
   * Repairs what `fault` reported. Keeps what the open connection still holds.
   *
   * @throws Error if it cannot be done now
   */
  repair(opening: StoreOpening, fault: Fault): RepairResult;
  /** Which files stay open to other users of the machine, one sentence each. */
  readonly exposures: readonly string[];
  /** Notes whether the write-ahead log may still hold erased words. Does nothing unless the file is writable. */
  setErasedWords(hasErasedWords: boolean): void;
  close(): void;
}

/** @param given the path of the store as it was given, perhaps a link. */
export function createStoreFile(driver: Driver, given: string, user: FileUser): StoreFile {
  const opener = createFileOpener(driver, given, user);
  let state: EngineState = { kind: 'closed', failure: undefined };

  /** Opens a file. If that fails with nothing open, keeps the reason. */
  function tracked(open: () => Opened): Opened {
    try {
      return open();
    } catch (error) {
      const failure = error instanceof Error ? error : new Error('unknown fault');
      if (currentOf(state).kind === 'closed') state = withCurrent(state, { kind: 'closed', failure });
      throw error;
    }
  }

  function close(): void {
    const closed = closeCurrent(currentOf(state));
    if (state.kind === 'lost') state.lost.file.database.close();
    state = closed;
  }

  function reopen(opening: StoreOpening): StoreTrouble | undefined {
    close();
    const { current, trouble } = tracked(() => opener.open(opening));
    state = current;
    return trouble;
  }

  /** Opens the file that is at the path now, or a new one, and moves the evidence of the lost connection into it. */
  function replaceLost(lost: LostFile, opening: StoreOpening, fault: Fault): RepairResult {
    const message = `the store ${fault.message}`;
    state = { kind: 'lost', lost, current: closeCurrent(currentOf(state)) };
    const { current, trouble } = tracked(() => {
      opener.expect(lost.inode);
      // If the path leads elsewhere, `open` finds out what is wrong with it.
      if (fault.kind !== 'moved' && !opener.hasFileChanged()) opener.noteDamage(new Damage(message));
      else putOldLogAside(driver, realPathOf(given), lost.watch);
      return opener.open(opening, lost.file.database);
    });
    state = { kind: 'lost', lost, current };
    if (trouble && current.kind === 'readOnly') return { trouble, isWhole: false };
    const isReported = trouble === undefined || trouble.message.includes(message);
    const cause = isReported ? (trouble?.message ?? message) : `${message}; ${trouble.message}`;
    return endLost(lost, current, cause);
  }

  function endLost(lost: LostFile, current: Opened['current'], cause: string): RepairResult {
    const result = carryOverLost(lost, current.file, cause);
    state = current;
    return result;
  }

  function repairWritable(writable: Writable, opening: StoreOpening, fault: Fault): RepairResult {
    const begun = fault.kind === 'log_lost' ? withNewLog(opener, writable) : undefined;
    if (begun) {
      state = begun;
      const message = `the store ${fault.message}; nothing is lost`;
      return { trouble: { kind: 'damaged', message }, isWhole: true };
    }
    const { file, watch } = writable;
    const lost = { file, watch, fault, inode: opener.inode };
    state = { kind: 'lost', lost, current: { kind: 'closed', failure: undefined } };
    return replaceLost(lost, opening, fault);
  }

  function repair(opening: StoreOpening, fault: Fault): RepairResult {
    const message = `the store ${fault.message}`;
    const now = state;
    // The file was replaced already, and only the evidence of the lost connection is missing in it.
    if (now.kind === 'lost' && now.current.kind === 'writable')
      return endLost(now.lost, now.current, message);
    if (now.kind === 'lost') return replaceLost(now.lost, opening, fault);
    if (now.kind === 'writable' && fault.kind !== 'newer') return repairWritable(now, opening, fault);
    return { trouble: reopen(opening) ?? { kind: 'newer', message }, isWhole: false };
  }

  return {
    open(opening) {
      if (state.kind === 'lost') return repair(opening, state.lost.fault).trouble;
      const { damage } = opener;
      if (damage === undefined || state.kind !== 'writable') return reopen(opening);
      return repair(opening, { kind: 'damaged', message: `cannot be used: ${damage.message}` }).trouble;
    },
    get current() {
      return currentOf(state);
    },
    get file() {
      return fileOf(currentOf(state));
    },
    noteDamage(error) {
      if (isDamage(error) || (error instanceof Error && error.name === 'SnapshotError')) {
        opener.noteDamage(new Damage(error instanceof Error ? error.message : 'it cannot be read'));
      }
    },
    get isDamaged() {
      return opener.damage !== undefined;
    },
    get isWorthReopening() {
      return isOutdatedCopy(currentOf(state));
    },
    fault: () => faultOf(state, opener),
    repair,
    get exposures() {
      return opener.exposures;
    },
    setErasedWords(hasErasedWords) {
      const current = currentOf(state);
      if (current.kind === 'writable') state = withCurrent(state, { ...current, hasErasedWords });
    },
    close,
  };
}

const MIGRATED_BY_LATER_VERSION: Fault = {
  kind: 'newer',
  message: 'was brought up to date by a later version',
};

function faultOf(state: EngineState, opener: FileOpener): Fault | undefined {
  switch (state.kind) {
    case 'closed':
    case 'readOnly':
      return undefined;
    case 'writable':
      return state.watch.fault() ?? (isNewer(state.file.database) ? MIGRATED_BY_LATER_VERSION : undefined);
    case 'lost': {
      const { current, lost } = state;
      // A file that can only be read takes no evidence: wait until it is gone or can be opened better.
      const canReplace = current.kind !== 'readOnly' || opener.hasFileChanged() || isOutdatedCopy(current);
      return canReplace ? lost.fault : undefined;
    }
  }
}

const isOutdatedCopy = (current: Current): boolean =>
  current.kind === 'readOnly' && current.copy.isOutdated();

/** @throws OtherAccount, or Error with the reason why nothing is open */
function fileOf(current: Current): OpenFile {
  if (current.kind !== 'closed') return current.file;
  const { failure } = current;
  if (failure instanceof OtherAccount) throw failure;
  throw new Error(`the store is not open${failure === undefined ? '' : `: ${failure.message}`}`);
}

/** Begins a new write-ahead log in place of one that lost its name; `undefined` if that could lose something. */
function withNewLog(opener: FileOpener, writable: Writable): Writable | undefined {
  const { database } = writable.file;
  if (!leaveOldLog(database, writable.watch)) return undefined;
  configure(database);
  // The first write makes the log file, which is then watched.
  checkAccounts(database, {});
  return { ...writable, watch: opener.watch(database) };
}
