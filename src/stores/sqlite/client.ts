/**
 * The SQLite store on the main thread: sends each call to the worker, which has the file open. What it has resolved is
 * on disk.
 */

import { resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { ConfigError } from '../../errors.ts';
import { text } from '../../options/fields.ts';
import type { OptOutChange } from '../../ledger/evidence.ts';
import { changesIn } from './change-columns.ts';
import { workerProgram, type Connection, type Spawn } from './connection.ts';
import { findDriver, resolverFrom } from './driver.ts';
import { NotAFile, realPathOf, requireRegularFiles } from './file-kind.ts';
import { saveSweep, sweepOf } from './list-transfer.ts';
import type { LoadedChanges } from './change-log.ts';
import { LOAD_START, type LoadPosition, type LogCursor } from './log-cursor.ts';
import type { Requests } from './messages.ts';
import { createStoreThread } from './store-thread.ts';
import type { Erasure, Lease, Store, StoreContents } from '../store.ts';

/** How long a lease is valid without being renewed, ms. */
const LEASE_MS = 15_000;
const RENEW_EVERY_MS = 5_000;
/** How long `erase` waits until no other connection reads the write-ahead log, ms, and how often it tries. */
const ERASE_MS = 2_000;
const ERASE_EVERY_MS = 100;
/**
 * Changes that are objects at the same time during a load: few enough that the young generation of the heap frees them.
 */
const CHANGES_AT_A_TIME = 500;

/**
 * Creates a store in a file.
 *
 * @param spawn starts the thread that opens the file.
 * @throws ConfigError if no SQLite is installed, if a bundle does not include the program of the thread, and if the
 *   path leads to something that is not a regular file
 */
export function createSqliteStore(file: string, spawn: Spawn): Store {
  const path = resolve(text(file, 'sqliteStore.file'));
  checkKind(path);
  findDriver(undefined, resolverFrom(workerProgram()));
  const thread = createStoreThread(path, spawn);

  return {
    kind: 'sqlite',
    isShared: true,
    open: (opening = { accounts: {} }) => thread.open(opening),
    async load() {
      return load(await thread.current());
    },
    async loaded() {
      await (await thread.current()).ask('endLoad', null);
    },
    async append(entries, { wantsBefore = false } = {}) {
      return (await thread.current()).ask('append', { entries, wantsBefore });
    },
    async saveSweep(list, sweep) {
      return saveSweep(await thread.current(), list, sweep);
    },
    tail: (since, handlers) => thread.tail(JSON.parse(since) as LogCursor, handlers),
    async lease(name, { isForced = false } = {}) {
      const connection = await thread.current();
      const isHeld = await connection.ask('lease', { name, ttlMs: LEASE_MS, isForced });
      return isHeld ? renewedLease(connection, name) : undefined;
    },
    async history(msisdn, { list, limit } = {}) {
      return (await thread.current()).ask('history', { msisdn, list, limit });
    },
    async listings(msisdn, { list } = {}) {
      return (await thread.current()).ask('listings', { msisdn, list });
    },
    async erase(msisdn, forget) {
      return erase(await thread.current(), msisdn, forget);
    },
    async prune(olderThan) {
      const connection = await thread.current();
      return (await pruneEntries(connection, olderThan)) + (await pruneSweeps(connection, olderThan));
    },
    close: () => thread.close(),
  };
}

/** @throws ConfigError */
function checkKind(path: string): void {
  try {
    requireRegularFiles(realPathOf(path));
  } catch (cause) {
    // Other faults of the path are reported when it is opened: they may be gone by then.
    if (!(cause instanceof NotAFile)) return;
    throw new ConfigError('invalid_option', 'store', `store: ${cause.message}`, { cause });
  }
}

async function load(from: Connection): Promise<StoreContents> {
  const { cursor, heads } = await from.ask('load', null);
  return {
    changes: changesOf(from),
    sweeps: new Map(heads.map((head) => [head.list, sweepOf(from, head)])),
    cursor: JSON.stringify(cursor),
    ...{ logId: cursor.log, position: cursor.changes },
  };
}

/** Yields all evidence, a few changes at a time. */
async function* changesOf(from: Connection): AsyncGenerator<OptOutChange[]> {
  let answer = from.ask('loadChanges', LOAD_START);
  for (let position: LoadPosition | undefined = LOAD_START; position !== undefined;) {
    const { columns, others, next }: LoadedChanges = await answer;
    position = next;
    // The next changes are read while these are processed.
    if (next) answer = from.ask('loadChanges', next);
    answer.catch(() => undefined);
    yield* changesIn(columns, CHANGES_AT_A_TIME);
    if (others.length > 0) yield [...others];
  }
}

async function erase(
  from: Connection,
  msisdn: string,
  forget: Erasure,
): Promise<{ readonly pending: boolean }> {
  let isGone = await from.ask('erase', { msisdn, forget });
  for (let waitedMs = 0; !isGone && waitedMs < ERASE_MS; waitedMs += ERASE_EVERY_MS) {
    await wait(ERASE_EVERY_MS);
    isGone = await from.ask('clearLog', null);
  }
  return { pending: !isGone };
}

/** Prunes step by step, so that other requests have their turn in between. @returns how many entries were removed */
async function pruneEntries(from: Connection, olderThan: number): Promise<number> {
  let removed = 0;
  for (let after: number | undefined = 0; after !== undefined;) {
    const step: Requests['prune']['gives'] = await from.ask('prune', { olderThan, after });
    removed += step.removed;
    ({ after } = step);
  }
  return removed;
}

/** As {@link pruneEntries}. @returns how many listings were removed */
async function pruneSweeps(from: Connection, olderThan: number): Promise<number> {
  let removed = 0;
  for (let isOver = false; !isOver;) {
    const step: Requests['pruneSweeps']['gives'] = await from.ask('pruneSweeps', { olderThan });
    removed += step.removed;
    ({ isOver } = step);
  }
  return removed;
}

/** Returns an acquired lease, which is renewed until it is released or lost. */
function renewedLease(from: Connection, name: string): Lease {
  let renewedAt = performance.now();
  let isLost = false;
  const timer = setInterval(() => {
    const askedAt = performance.now();
    from.ask('renew', { name, ttlMs: LEASE_MS }).then(
      (isRenewed) => {
        if (isRenewed) renewedAt = askedAt;
        else end();
      },
      // If no renewal succeeds in time, the lease expires.
      () => undefined,
    );
  }, RENEW_EVERY_MS);
  timer.unref();
  const end = () => {
    isLost = true;
    clearInterval(timer);
  };
  return {
    nextSweep: () => from.ask('nextSweep', null),
    isHeld: () => !isLost && performance.now() - renewedAt < LEASE_MS,
    async release() {
      if (isLost) return;
      end();
      await from.ask('release', { name });
    },
  };
}
