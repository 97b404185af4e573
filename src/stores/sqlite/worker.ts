/**
 * The thread in which a store file is open, so that no sync to disk stops a check. Requests are answered in order;
 * appends that wait together share one transaction and one sync.
 */

import { isMainThread, parentPort, workerData, type MessagePort } from 'node:worker_threads';
import type { StoreErrorCode } from '../../errors.ts';
import { OtherAccount } from './accounts.ts';
import type { AppendResult } from '../store.ts';
import type { AppendRequest } from './append.ts';
import { buffersOfChunks } from './transfer-chunks.ts';
import { buffersOf } from './change-columns.ts';
import { NewerFile } from './repair.ts';
import { loadDriver } from './driver.ts';
import { createEngine, type Engine } from './engine.ts';
import { gatedDriver, joinExitGate } from './exit-gate.ts';
import { createFollower } from './tail.ts';
import type { LoadedChanges } from './change-log.ts';
import type { RequestMessage, RequestName, Requests, WorkerMessage, WorkerSetup } from './messages.ts';

const CHANGES_PER_BATCH = 5_000;
/** How often changes are written again into a file that was replaced while they were written. */
const MOST_TRIES = 5;
const NOT_IN_PLACE = 'the file was taken away or replaced during the write';
/** Requests whose answer says that something is kept or gone. */
const WRITES: ReadonlySet<RequestName> = new Set(['saveSweep', 'saveBase', 'erase', 'prune', 'pruneSweeps']);

type Handlers = {
  [K in Exclude<RequestName, 'append'>]: (takes: Requests[K]['takes']) => Requests[K]['gives'];
};

/** Serves a port with an engine until `close` is asked for. */
export function serve(port: MessagePort, engine: Engine): void {
  const queue: RequestMessage[] = [];
  const loads = new Map<string, Generator<unknown, void>>();
  let isDraining = false;
  let pruning: Generator<number, void> | undefined;

  const say = (message: WorkerMessage, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);
  const follower = createFollower(engine, say);

  /** The next of what is being loaded under a name; `undefined` at the end. */
  function loadNext<T>(name: string, begin: () => Generator<T, void>): T | undefined {
    const loading = (loads.get(name) ?? begin()) as Generator<T, void>;
    loads.set(name, loading);
    const { done, value } = loading.next();
    if (done) loads.delete(name);
    return done ? undefined : value;
  }

  const handlers: Handlers = {
    open: (opening) => follower.open(opening),
    load() {
      loads.clear();
      const { database, sweeps, bases, isReadOnly } = engine.file;
      if (!isReadOnly) sweeps.settle();
      database.exec('BEGIN');
      const heads = sweeps.heads().map((head) => ({ ...head, hasBase: bases.has(head.list) }));
      return { cursor: engine.end(), heads };
    },
    loadChanges: (place) => engine.file.log.load(place, CHANGES_PER_BATCH),
    loadNumbers({ list, kind }) {
      const { sweeps } = engine.file;
      return loadNext(`${kind} of ${list}`, () =>
        kind === 'all' ? sweeps.numbers(list) : sweeps.missing(list),
      );
    },
    loadBase: ({ list }) => loadNext(`base of ${list}`, () => engine.file.bases.chunks(list)),
    loadSince: ({ list }) => loadNext(`since the base of ${list}`, () => engine.file.bases.since(list)),
    loaded() {
      engine.file.database.exec('COMMIT');
      return null;
    },
    stage({ token, kind, numbers }) {
      requireWritable();
      engine.file.sweeps.stage(token, kind, numbers);
      return null;
    },
    saveSweep({ token, head, rows, isFull }) {
      requireWritable();
      return engine.saveSweep(token, head, rows, isFull);
    },
    wantedBase: ({ list }) => engine.file.bases.dueAt(list),
    stageBase({ token, ordinal, chunks }) {
      requireWritable();
      engine.file.bases.stage(token, ordinal, chunks);
      return null;
    },
    saveBase({ list, token, seq }) {
      requireWritable();
      engine.file.bases.commit(list, token, seq);
      return null;
    },
    wanted(head) {
      const { sweeps } = engine.file;
      if (sweeps.isOlder(head)) return 'nothing';
      return sweeps.hasBase(head.list) ? 'delta' : 'everything';
    },
    heard() {
      follower.heard();
      return null;
    },
    tail(takes) {
      if (takes === null) follower.end();
      else follower.begin(takes.cursor);
      return null;
    },
    lease({ name, ttlMs, isForced }) {
      requireWritable();
      return engine.lease(name, ttlMs, isForced);
    },
    renew: ({ name, ttlMs }) => !engine.file.isReadOnly && engine.renew(name, ttlMs),
    nextSweep() {
      requireWritable();
      return engine.nextSweep();
    },
    release({ name }) {
      if (!engine.file.isReadOnly) engine.release(name);
      return null;
    },
    history: ({ msisdn, list, limit }) => engine.file.log.history(msisdn, list, limit),
    spans: ({ msisdn, list }) => engine.file.sweepHistory.spans(msisdn, list),
    erase({ msisdn, forget }) {
      requireWritable();
      return engine.erase(msisdn, forget);
    },
    clearLog() {
      requireWritable();
      return engine.clearLog();
    },
    prune({ olderThan, after }) {
      requireWritable();
      return engine.file.log.prune(olderThan, after);
    },
    pruneSweeps({ olderThan }) {
      requireWritable();
      pruning ??= engine.file.sweepHistory.prune(olderThan);
      const { done = false, value } = pruning.next();
      if (done) pruning = undefined;
      return { removed: value ?? 0, isOver: done };
    },
    drop({ token }) {
      engine.file.sweeps.drop(token);
      return null;
    },
    keepInPlace() {
      follower.keepInPlace();
      return null;
    },
    close() {
      follower.end();
      engine.close();
      return null;
    },
  };

  function requireWritable(): void {
    const { isReadOnly, isNewer } = engine.file;
    if (isNewer) throw new NewerFile('the store is of a later version: it is not written to');
    if (isReadOnly) throw new ReadOnlyError('the store can be read but not written');
  }

  function fail(id: number, error: unknown): void {
    engine.suspect(error);
    const message = error instanceof Error ? error.message : 'unknown fault';
    say({ kind: 'failure', id, message, code: codeOf(error) });
  }

  /** Requests that wait together: all changes in one transaction, which one sync makes durable. */
  function appendAll(requests: readonly RequestMessage[]): void {
    try {
      requireWritable();
      const given = requests.map(({ takes }) => takes as AppendRequest);
      const first = engine.file.log.appendEach(given);
      let results = first;
      follower.wrote();
      // What was written may be where no other process looks.
      for (let tries = 0, place = follower.keepInPlace(); place !== 'sound'; place = follower.keepInPlace()) {
        if (place === 'lost' || ++tries > MOST_TRIES) throw new Error(NOT_IN_PLACE);
        requireWritable();
        if (place === 'replaced') results = asFirst(engine.file.log.appendEach(given), first);
      }
      for (const [index, { id }] of requests.entries()) say({ kind: 'answer', id, gives: results[index] });
    } catch (error) {
      for (const { id } of requests) fail(id, error);
    }
  }

  function answer({ id, name, takes }: RequestMessage): void {
    try {
      const handler = handlers[name as keyof Handlers] as (given: unknown) => unknown;
      const gives = handler(takes);
      if (WRITES.has(name)) {
        follower.wrote();
        if (!['sound', 'mended'].includes(follower.keepInPlace())) throw new Error(NOT_IN_PLACE);
      }
      say({ kind: 'answer', id, gives }, transferOf(gives));
      if (name === 'close') port.close();
    } catch (error) {
      fail(id, error);
    }
  }

  function drain(): void {
    isDraining = false;
    const requests = queue.splice(0);
    follower.keepInPlace();
    for (let index = 0; index < requests.length;) {
      const appends: RequestMessage[] = [];
      for (let next = requests[index]; next?.name === 'append'; next = requests[++index]) appends.push(next);
      if (appends.length > 0) appendAll(appends);
      const other = requests[index++];
      if (other !== undefined) answer(other);
    }
  }

  port.on('message', (request: RequestMessage) => {
    queue.push(request);
    if (isDraining) return;
    isDraining = true;
    setImmediate(drain);
  });
}

/** What is handed over with an answer instead of copied. */
function transferOf(gives: unknown): ArrayBuffer[] {
  if (gives instanceof Float64Array) return [gives.buffer as ArrayBuffer];
  if (Array.isArray(gives)) return buffersOfChunks(gives);
  const isLoaded = typeof gives === 'object' && gives !== null && 'columns' in gives;
  return isLoaded ? buffersOf((gives as LoadedChanges).columns) : [];
}

/**
 * The answers to changes that were written a second time, because the file was replaced meanwhile: where they stand now,
 * and whether they were new when they were written first.
 */
function asFirst(
  results: readonly (readonly AppendResult[])[],
  first: readonly (readonly AppendResult[])[],
): readonly (readonly AppendResult[])[] {
  return results.map((answers, index) =>
    answers.map((answer, at) => ({
      ...first[index]?.[at],
      ...answer,
      isNew: first[index]?.[at]?.isNew === true,
    })),
  );
}

class ReadOnlyError extends Error {}

function codeOf(error: unknown): StoreErrorCode {
  if (error instanceof ReadOnlyError) return 'store_read_only';
  if (error instanceof OtherAccount) return 'store_other_account';
  return error instanceof NewerFile ? 'store_newer' : 'store_unavailable';
}

if (!isMainThread && parentPort) {
  const { file, exitGate } = workerData as WorkerSetup;
  const native = joinExitGate(exitGate);
  serve(parentPort, createEngine(gatedDriver(native(loadDriver), native), file));
}
