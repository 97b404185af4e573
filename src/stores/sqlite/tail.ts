/**
 * Follows the log of the file: polls it many times a second for entries of other processes. A poll that finds nothing
 * reads one counter and the states of the files. If polling fails, no `caughtUp` message is sent, so that the list's
 * age keeps growing.
 */

import type { Engine } from './engine.ts';
import { createFileKeeper, type FileKeeper } from './file-keeper.ts';
import { createHousekeeping, type Housekeeping } from './housekeeping.ts';
import { START, type LogCursor } from './log-cursor.ts';
import { lastPosition } from './log-id.ts';
import type { WorkerMessage } from './messages.ts';
import { endOf, readTail } from './tail-messages.ts';

export interface Tail extends Pick<FileKeeper, 'open' | 'checkAndRepair'>, Pick<Housekeeping, 'noteWrite'> {
  /** Begins to follow the log after a cursor. */
  begin(from: LogCursor): void;
  end(): void;
  /** Notes that the main thread has processed the last message. */
  acknowledge(): void;
}

/** `waiting`: for the main thread to process a message. */
type PollState =
  | { readonly kind: 'idle' }
  | { readonly kind: 'polling' }
  | { readonly kind: 'waiting'; readonly acknowledge: () => void };

const POLL_MS = 50;
/** How long to wait for the main thread to process a message, ms. */
const ACKNOWLEDGE_WITHIN_MS = 1_000;
/** Time between two `caughtUp` messages while the log has no new entries, ms. */
const CAUGHT_UP_EVERY_MS = 1_000;

/** Creates the tail of an engine's file. */
export function createTail(engine: Engine, post: (message: WorkerMessage) => void): Tail {
  let state: PollState = { kind: 'idle' };
  let cursor: LogCursor | undefined;
  let timer: NodeJS.Timeout | undefined;
  /** SQLite's counter of the commits of other connections; `undefined` if the log must be read. */
  let dataVersion: unknown;
  let caughtUpAt = -Infinity;
  const keeper = createFileKeeper(engine, post, restart);
  const housekeeping = createHousekeeping(engine);

  /** Follows another file from its beginning. */
  function restart(): void {
    if (cursor !== undefined) cursor = { ...START, log: cursor.log };
    dataVersion = undefined;
  }

  async function poll(): Promise<void> {
    if (state.kind !== 'idle') return;
    state = { kind: 'polling' };
    try {
      await readOnce();
    } catch (error) {
      dataVersion = undefined;
      engine.noteDamage(error);
      if (engine.isDamaged) replaceDamaged();
    } finally {
      state = { kind: 'idle' };
    }
  }

  async function readOnce(): Promise<void> {
    // The open file may lack acknowledged entries, so no `caughtUp` message is sent.
    if (keeper.checkAndRepair() === 'lost') return;
    keeper.reopenIfWorth();
    const { database } = engine.file;
    // The end is read before the counter. If the counter is the same as in the last poll, every entry up to the end was
    // read, or was written by this process.
    const end = lastPosition(database);
    const version = database.prepare('PRAGMA data_version').get()?.['data_version'];
    const isChanged = version !== dataVersion;
    dataVersion = version;
    if (isChanged) await postEntries();
    else if (cursor) cursor = { ...cursor, changes: Math.max(cursor.changes, end) };
    housekeeping.checkpointIfDue();
    if (!isChanged && performance.now() - caughtUpAt < CAUGHT_UP_EVERY_MS) return;
    caughtUpAt = performance.now();
    if (cursor) post({ kind: 'caughtUp', end: endOf(cursor) });
    housekeeping.finishErasures();
  }

  /** Posts entries one message at a time, so that the main thread can do other work in between. */
  async function postEntries(): Promise<void> {
    const { file } = engine;
    const messages = cursor && readTail(file, cursor);
    for (let next = messages?.next(); next !== undefined; next = messages?.next()) {
      if (next.done) {
        // If another file was opened in between, it is followed from its beginning.
        if (engine.file === file) cursor = next.value;
        return;
      }
      if (next.value.erased.length > 0) engine.expectErasedWords();
      post({ kind: 'tail', message: next.value });
      await acknowledgement();
    }
  }

  /** Resolves when the main thread has processed the last message, or has not done so for too long. */
  async function acknowledgement(): Promise<void> {
    await new Promise<void>((resolve) => {
      const late = setTimeout(resolve, ACKNOWLEDGE_WITHIN_MS);
      state = {
        kind: 'waiting',
        acknowledge() {
          clearTimeout(late);
          resolve();
        },
      };
    });
    state = { kind: 'polling' };
  }

  /** Puts the file aside, because what other processes wrote into it cannot be read. */
  function replaceDamaged(): void {
    try {
      keeper.reopen();
    } catch {
      // The next poll tries again.
    }
  }

  return {
    open: keeper.open,
    checkAndRepair: keeper.checkAndRepair,
    noteWrite: housekeeping.noteWrite,
    begin(from) {
      clearInterval(timer);
      cursor = from;
      dataVersion = undefined;
      timer = setInterval(() => void poll(), POLL_MS);
    },
    end: () => clearInterval(timer),
    acknowledge() {
      if (state.kind === 'waiting') state.acknowledge();
    },
  };
}
