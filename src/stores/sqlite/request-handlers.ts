/** Answers the requests of the main thread, but for appends, which share a transaction. */

import type { StoreErrorCode } from '../../errors.ts';
import { OtherAccount } from './accounts.ts';
import type { Engine } from './engine.ts';
import type { RequestName, Requests } from './messages.ts';
import { NewerFile } from './repair.ts';
import type { Tail } from './tail.ts';

export type Handlers = {
  [K in Exclude<RequestName, 'append'>]: (takes: Requests[K]['takes']) => Requests[K]['gives'];
};

/** Changes that one answer to `loadChanges` holds. */
const CHANGES_PER_BATCH = 5_000;

export function createHandlers(engine: Engine, tail: Tail): Handlers {
  return {
    ...loadHandlers(engine),
    ...sweepHandlers(engine),
    ...leaseHandlers(engine),
    ...evidenceHandlers(engine),
    open: (opening) => tail.open(opening),
    acknowledge() {
      tail.acknowledge();
      return null;
    },
    tail(takes) {
      if (takes === null) tail.end();
      else tail.begin(takes.cursor);
      return null;
    },
    checkFile() {
      tail.checkAndRepair();
      return null;
    },
    close() {
      tail.end();
      engine.close();
      return null;
    },
  };
}

function loadHandlers(engine: Engine) {
  const running = new Map<string, Generator<unknown, void>>();

  /** Returns the next value of the load with that name, which it begins if needed; `undefined` at the end. */
  function nextOf<T>(name: string, begin: () => Generator<T, void>): T | undefined {
    const load = (running.get(name) ?? begin()) as Generator<T, void>;
    running.set(name, load);
    const { done, value } = load.next();
    if (done) running.delete(name);
    return done ? undefined : value;
  }

  return {
    load() {
      running.clear();
      const { database, sweeps, snapshots, isReadOnly } = engine.file;
      if (!isReadOnly) sweeps.numberEarlierSweeps();
      database.exec('BEGIN');
      const heads = sweeps.heads().map((head) => ({ ...head, hasSnapshot: snapshots.has(head.list) }));
      return { cursor: engine.end(), heads };
    },
    loadChanges: (from) => engine.file.log.load(from, CHANGES_PER_BATCH),
    loadNumbers({ list, kind }) {
      const { sweeps } = engine.file;
      return nextOf(`${kind} of ${list}`, () =>
        kind === 'all' ? sweeps.numbers(list) : sweeps.missing(list),
      );
    },
    loadSnapshot: ({ list }) => nextOf(`snapshot of ${list}`, () => engine.file.snapshots.chunks(list)),
    loadSinceSnapshot: ({ list }) =>
      nextOf(`since the snapshot of ${list}`, () => engine.file.snapshots.since(list)),
    endLoad() {
      engine.file.database.exec('COMMIT');
      return null;
    },
  } satisfies Partial<Handlers>;
}

function sweepHandlers(engine: Engine) {
  return {
    wantedNumbers(head) {
      const { sweeps } = engine.file;
      if (sweeps.isOlder(head)) return 'nothing';
      return sweeps.hasSweep(head.list) ? 'delta' : 'everything';
    },
    stage({ token, kind, numbers }) {
      writableFile(engine).sweeps.stage(token, kind, numbers);
      return null;
    },
    saveSweep({ token, head, rows, isFull }) {
      requireWritable(engine);
      return engine.saveSweep(token, head, rows, isFull);
    },
    dropStaged({ token }) {
      engine.file.sweeps.dropStaged(token);
      return null;
    },
    wantedSnapshot: ({ list }) => engine.file.snapshots.dueAt(list),
    stageSnapshot({ token, ordinal, chunks }) {
      writableFile(engine).snapshots.stage(token, ordinal, chunks);
      return null;
    },
    saveSnapshot({ list, token, seq }) {
      writableFile(engine).snapshots.commit(list, token, seq);
      return null;
    },
  } satisfies Partial<Handlers>;
}

function leaseHandlers(engine: Engine) {
  return {
    lease({ name, ttlMs, isForced }) {
      requireWritable(engine);
      return engine.lease(name, ttlMs, isForced);
    },
    renew: ({ name, ttlMs }) => !engine.file.isReadOnly && engine.renew(name, ttlMs),
    nextSweep() {
      requireWritable(engine);
      return engine.nextSweep();
    },
    release({ name }) {
      if (!engine.file.isReadOnly) engine.release(name);
      return null;
    },
  } satisfies Partial<Handlers>;
}

function evidenceHandlers(engine: Engine) {
  let sweepPrune: Generator<number, void> | undefined;

  return {
    history: ({ msisdn, list, limit }) => engine.file.log.history(msisdn, list, limit),
    listings: ({ msisdn, list }) => engine.file.sweepHistory.spans(msisdn, list),
    erase({ msisdn, forget }) {
      requireWritable(engine);
      return engine.erase(msisdn, forget);
    },
    clearLog() {
      requireWritable(engine);
      return engine.clearLog();
    },
    prune: ({ olderThan, after }) => writableFile(engine).log.prune(olderThan, after),
    pruneSweeps({ olderThan }) {
      const { sweepHistory } = writableFile(engine);
      sweepPrune ??= sweepHistory.prune(olderThan);
      const { done = false, value } = sweepPrune.next();
      if (done) sweepPrune = undefined;
      return { removed: value ?? 0, isOver: done };
    },
  } satisfies Partial<Handlers>;
}

/** @throws NewerFile, ReadOnlyError, or the engine's error if nothing is open */
export function requireWritable(engine: Engine): void {
  const { isReadOnly, isNewer } = engine.file;
  if (isNewer) throw new NewerFile('the store is of a later version: it is not written to');
  if (isReadOnly) throw new ReadOnlyError('the store can be read but not written');
}

/** @throws as {@link requireWritable} */
function writableFile(engine: Engine): Engine['file'] {
  requireWritable(engine);
  return engine.file;
}

class ReadOnlyError extends Error {}

export function codeOf(error: unknown): StoreErrorCode {
  if (error instanceof ReadOnlyError) return 'store_read_only';
  if (error instanceof OtherAccount) return 'store_other_account';
  return error instanceof NewerFile ? 'store_newer' : 'store_unavailable';
}
