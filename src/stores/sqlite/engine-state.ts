/**
 * The states of an engine's file: what is open, and which connection still waits for its evidence to be carried over.
 */

import type { StoreTrouble } from '../store.ts';
import { copyEvidence } from './carry-over.ts';
import type { Fault, FileWatch } from './file-watch.ts';
import type { OpenFile } from './open-file.ts';
import type { ReadOnlyCopy } from './read-only-copy.ts';

/** Nothing is open. */
export interface Closed {
  readonly kind: 'closed';
  /** Why the file could not be opened; `undefined` if that was not tried. */
  readonly failure: Error | undefined;
}

/** The file is open for reading and writing. */
export interface Writable {
  readonly kind: 'writable';
  readonly file: OpenFile;
  readonly watch: FileWatch;
  /** Whether the write-ahead log may still hold words that were erased. */
  readonly hasErasedWords: boolean;
}

/** The file cannot be written to: a copy of it is open. */
export interface ReadOnly {
  readonly kind: 'readOnly';
  readonly file: OpenFile;
  readonly copy: ReadOnlyCopy;
}

/** The file that is open at the path of the store. */
export type Current = Closed | Writable | ReadOnly;

/** A connection whose files were taken away or damaged. It holds evidence that may not be in another file yet. */
export interface LostFile {
  readonly file: OpenFile;
  readonly watch: FileWatch;
  readonly fault: Fault;
  readonly inode: number | undefined;
}

/** A connection has lost its file, and its evidence is not yet in the file that replaces the lost one. */
export interface Lost {
  readonly kind: 'lost';
  readonly lost: LostFile;
  readonly current: Current;
}

export type EngineState = Current | Lost;

export const currentOf = (state: EngineState): Current => (state.kind === 'lost' ? state.current : state);

/** Returns the state with another file open; a lost connection stays lost. */
export function withCurrent(state: EngineState, current: Current): EngineState {
  return state.kind === 'lost' ? { ...state, current } : current;
}

/** Closes what is open at the path. Returns the state that follows. */
export function closeCurrent(current: Current): Closed {
  switch (current.kind) {
    case 'closed':
      return current;
    case 'writable':
      current.file.database.close();
      break;
    case 'readOnly':
      current.file.database.close();
      current.copy.remove();
      break;
  }
  return { kind: 'closed', failure: undefined };
}

/** The result of the repair of a fault. */
export interface RepairResult {
  readonly trouble: StoreTrouble;
  /** The file is the same and nothing is lost. Otherwise the file may lack evidence that only memory holds. */
  readonly isWhole: boolean;
}

/**
 * Copies the evidence of a lost connection into the file that is open now, and closes the connection.
 *
 * @param cause what happened, for people.
 * @throws Error if the evidence cannot be written
 */
export function carryOverLost({ file }: LostFile, target: OpenFile, cause: string): RepairResult {
  const copied = copyEvidence(file.database, target.database);
  file.database.close();
  const message = `${cause}; ${copied} pieces of evidence were carried over from what was open`;
  return { trouble: { kind: 'damaged', message }, isWhole: false };
}
