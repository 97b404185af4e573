/**
 * Follows the file: many times a second it is looked whether other processes wrote, at the price of one counter where
 * they did not, and whether the file is still in its place. A process that could not look says so by its silence.
 */

import type { StoreOpening, StoreTrouble } from '../store.ts';
import type { Engine } from './engine.ts';
import type { Fault } from './file-watch.ts';
import { START, type LogCursor } from './log-cursor.ts';
import { lastPosition } from './log-id.ts';
import type { WorkerMessage } from './messages.ts';
import { endOf, readNews } from './tail-messages.ts';

export interface Follower {
  /** Opens the file, at first. */
  open(opening: StoreOpening): StoreTrouble | undefined;
  /** Begins to follow from a place on. */
  begin(from: LogCursor): void;
  /** Ends it. */
  end(): void;
  /** Told that the last message of news was taken in. */
  heard(): void;
  /**
   * Sees to it that what is written goes where the next process looks: if the files were taken away, cut off or
   * overwritten under the open connection, puts that right.
   *
   * @returns `sound`: nothing had happened; `mended`: the file is the same; `replaced`: another file is open, perhaps one
   *   that can only be read; `lost`: it could not be put right yet.
   */
  keepInPlace(): 'sound' | 'mended' | 'replaced' | 'lost';
  /** Told that something was written. */
  wrote(): void;
  /** Up to where news was told; `undefined` before `begin`. */
  readonly told: LogCursor | undefined;
}

const POLL_MS = 50;
/** How long the other thread may take to take in a message of news, ms. */
const LONGEST_HEARING_MS = 1_000;
/** How often it is said that there was nothing new, ms. */
const CAUGHT_UP_EVERY_MS = 1_000;
/** How often it is tried again to put right what happened to the files, ms. */
const HEAL_EVERY_MS = 500;
/** How often a file that could not be written to is tried again, ms. */
const REOPEN_EVERY_MS = 5_000;
/** How often erasures are gone on with, ms. */
const TIDY_EVERY_MS = 60_000;
/** How long after the last change the log is written into the database, ms; and how often if there is no pause. */
const CHECKPOINT_AFTER_MS = 1_000;
const CHECKPOINT_EVERY_MS = 10_000;

/** Creates the follower of an engine's file. */
export function createFollower(engine: Engine, say: (message: WorkerMessage) => void): Follower {
  let opening: StoreOpening = { accounts: {} };
  let cursor: LogCursor | undefined;
  let poll: NodeJS.Timeout | undefined;
  let dataVersion: unknown;
  let toldAt = -Infinity;
  let reopenedAt = -Infinity;
  let healsAt = -Infinity;
  let tidiedAt = -Infinity;
  let checkpointedAt = performance.now();
  let wroteAt = -Infinity;
  let isLooking = false;
  let heard: (() => void) | undefined;
  let trouble: StoreTrouble | undefined;
  const exposuresTold = new Set<string>();

  function keepInPlace(): ReturnType<Follower['keepInPlace']> {
    let fault: Fault | undefined;
    try {
      fault = engine.fault();
    } catch (error) {
      fault = { kind: 'moved', message: `cannot be looked at: ${messageOf(error)}` };
    }
    if (fault === undefined) return 'sound';
    if (performance.now() < healsAt) return 'lost';
    healsAt = performance.now() + HEAL_EVERY_MS;
    try {
      const { trouble: found, isWhole } = engine.heal(opening, fault);
      healsAt = engine.file.isReadOnly ? performance.now() + REOPEN_EVERY_MS : -Infinity;
      tell(found, isWhole);
      if (!isWhole) beginAnew();
      return isWhole ? 'mended' : 'replaced';
    } catch (error) {
      // Nothing is open: every request fails until it is.
      const message = `the store ${fault.message}, and this could not be put right: ${messageOf(error)}`;
      tell({ kind: 'unavailable', message }, true);
      return 'lost';
    }
  }

  /** Says what is wrong, if it was not said before. */
  function tell(found: StoreTrouble | undefined, isWhole: boolean): void {
    reopenedAt = performance.now();
    const isNews = found?.kind === 'damaged' || found?.message !== trouble?.message;
    if (found && isNews) say({ kind: 'trouble', trouble: found, isWhole });
    trouble = found;
    tellExposures();
  }

  function tellExposures(): void {
    for (const message of engine.exposures) {
      if (exposuresTold.has(message)) continue;
      exposuresTold.add(message);
      say({ kind: 'trouble', trouble: { kind: 'exposed', message }, isWhole: true });
    }
  }

  /** Another file is followed from its beginning. */
  function beginAnew(): void {
    if (cursor !== undefined) cursor = { ...START, log: cursor.log };
    dataVersion = undefined;
  }

  function reopen(): void {
    tell(engine.open(opening), false);
    beginAnew();
  }

  /** What other processes wrote since the last look. */
  async function look(): Promise<void> {
    if (isLooking) return;
    isLooking = true;
    try {
      // It ages: what is open may lack what was acknowledged.
      if (keepInPlace() === 'lost') return;
      if (engine.isWorthReopening && performance.now() - reopenedAt > REOPEN_EVERY_MS) {
        reopen();
      }
      const { database } = engine.file;
      // First the end: if nobody wrote since the last look, all up to it was read, or is this process's own.
      const end = lastPosition(database);
      const version = database.prepare('PRAGMA data_version').get()?.['data_version'];
      const isChanged = version !== dataVersion;
      dataVersion = version;
      if (isChanged) await tellNews();
      else if (cursor) cursor = { ...cursor, changes: Math.max(cursor.changes, end) };
      checkpointSoon();
      if (!isChanged && performance.now() - toldAt < CAUGHT_UP_EVERY_MS) return;
      toldAt = performance.now();
      if (cursor) say({ kind: 'caughtUp', end: endOf(cursor) });
      if (!engine.file.isReadOnly) engine.clearLog();
      if (!engine.file.isReadOnly && performance.now() - tidiedAt > TIDY_EVERY_MS) {
        tidiedAt = performance.now();
        engine.tidy();
      }
    } catch (error) {
      // It ages: nobody is told that it was followed.
      dataVersion = undefined;
      engine.suspect(error);
      if (engine.isSuspected) mend();
    } finally {
      isLooking = false;
    }
  }

  /** Soon after a write, what it wrote is in two places: the log and the database. */
  function checkpointSoon(): void {
    const now = performance.now();
    const isQuiet = now - wroteAt >= CHECKPOINT_AFTER_MS;
    if (wroteAt <= checkpointedAt || (!isQuiet && now - checkpointedAt < CHECKPOINT_EVERY_MS)) return;
    checkpointedAt = now;
    engine.checkpoint();
  }

  /** Waits until the last message was taken in, or for so long that nobody seems to. */
  function untilHeard(): Promise<void> {
    return new Promise((resolve) => {
      const late = setTimeout(resolve, LONGEST_HEARING_MS);
      heard = () => {
        clearTimeout(late);
        resolve();
      };
    });
  }

  /** One message at a time, so that whoever hears them has time for other things. */
  async function tellNews(): Promise<void> {
    const { file } = engine;
    const news = cursor && readNews(file, cursor);
    for (let next = news?.next(); next !== undefined; next = news?.next()) {
      if (next.done) {
        // A file that was opened meanwhile is followed from its beginning.
        if (engine.file === file) cursor = next.value;
        return;
      }
      if (next.value.erased.length > 0) engine.expectErasedWords();
      say({ kind: 'news', news: next.value });
      await untilHeard();
    }
  }

  /** What others wrote makes no sense: the file is put aside. */
  function mend(): void {
    try {
      reopen();
    } catch {
      // The next look tries again.
    }
  }

  return {
    open(given) {
      opening = given;
      trouble = engine.open(given);
      tellExposures();
      return trouble;
    },
    begin(from) {
      clearInterval(poll);
      cursor = from;
      dataVersion = undefined;
      poll = setInterval(() => void look(), POLL_MS);
    },
    end: () => clearInterval(poll),
    heard: () => heard?.(),
    wrote() {
      wroteAt = performance.now();
    },
    keepInPlace,
    get told() {
      return cursor;
    },
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'unknown fault';
}
