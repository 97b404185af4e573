/**
 * The thread in which a store file is open, so that no sync to disk stops a check. Requests are answered in order;
 * appends that wait together share one transaction and one sync. It looks for what other processes wrote many times
 * a second, at the price of one counter where there is nothing.
 */

import { isMainThread, parentPort, workerData, type MessagePort } from 'node:worker_threads';
import type { OptOutChange } from '../../optouts/change.ts';
import type { StoreOpening, StoreTrouble } from '../store.ts';
import { buffersOf } from './columns.ts';
import { loadDriver } from './driver.ts';
import { createEngine, type Engine } from './engine.ts';
import type { LoadedChanges, LogCursor } from './log.ts';
import type { RequestMessage, RequestName, Requests, WorkerMessage, WorkerSetup } from './messages.ts';
import { readNews } from './news.ts';

const POLL_MS = 50;
/** How long the other thread may take to take in a message of news, ms. */
const LONGEST_HEARING_MS = 1_000;
/** How often it is said that there was nothing new, ms. */
const CAUGHT_UP_EVERY_MS = 1_000;
/** How often a file that left its place is looked for again, ms. */
const MOVE_EVERY_MS = 500;
/** How often a file that could not be written to is tried again, ms. */
const REOPEN_EVERY_MS = 5_000;
/** How often erasures are gone on with, ms. */
const TIDY_EVERY_MS = 60_000;
const CHANGES_PER_BATCH = 5_000;
const START: LogCursor = { changes: 0, erasures: 0, sweeps: 0 };

type Handlers = {
  [K in Exclude<RequestName, 'append'>]: (takes: Requests[K]['takes']) => Requests[K]['gives'];
};

/** Serves a port with an engine until `close` is asked for. */
export function serve(port: MessagePort, engine: Engine): void {
  const queue: RequestMessage[] = [];
  const loads = new Map<string, Generator<Float64Array>>();
  let opening: StoreOpening = { accounts: {} };
  let end: LogCursor | undefined;
  let cursor: LogCursor | undefined;
  let poll: NodeJS.Timeout | undefined;
  let dataVersion: unknown;
  let toldAt = 0;
  let reopenedAt = 0;
  let movedAt = 0;
  let isDraining = false;
  let isLooking = false;
  let tidiedAt = 0;
  let pruning: Generator<number, void> | undefined;
  let heard: (() => void) | undefined;
  let trouble: StoreTrouble | undefined;

  const say = (message: WorkerMessage, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);

  function nextOf(list: string, kind: 'all' | 'missing'): Float64Array | undefined {
    const key = JSON.stringify([list, kind]);
    const { sweeps } = engine.file;
    const numbers = loads.get(key) ?? (kind === 'all' ? sweeps.numbers(list) : sweeps.missing(list));
    loads.set(key, numbers);
    const { done, value } = numbers.next();
    if (done) loads.delete(key);
    return done ? undefined : value;
  }

  const handlers: Handlers = {
    open(given) {
      opening = given;
      trouble = engine.open(given);
      return trouble;
    },
    load() {
      loads.clear();
      const { database, sweeps } = engine.file;
      database.exec('BEGIN');
      end = engine.end();
      return { cursor: end, heads: sweeps.heads() };
    },
    loadChanges: ({ after }) => engine.file.log.load(after, CHANGES_PER_BATCH),
    loadNumbers: ({ list, kind }) => nextOf(list, kind),
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
    wanted(head) {
      const { sweeps } = engine.file;
      if (sweeps.isOlder(head)) return 'nothing';
      return sweeps.hasBase(head.list) ? 'delta' : 'everything';
    },
    heard() {
      heard?.();
      return null;
    },
    tail(takes) {
      clearInterval(poll);
      if (takes === null) return null;
      cursor = takes.cursor;
      dataVersion = undefined;
      poll = setInterval(() => void look(), POLL_MS);
      return null;
    },
    lease({ name, ttlMs, isForced }) {
      requireWritable();
      return engine.lease(name, ttlMs, isForced);
    },
    renew: ({ name, ttlMs }) => !engine.file.isReadOnly && engine.renew(name, ttlMs),
    release({ name }) {
      if (!engine.file.isReadOnly) engine.release(name);
      return null;
    },
    history: ({ msisdn, list, limit }) => engine.file.log.history(msisdn, list, limit),
    spans: ({ msisdn, list }) => engine.file.sweepHistory.spans(msisdn, list),
    erase({ msisdn, keep }) {
      requireWritable();
      engine.erase(msisdn, keep, cursor?.changes ?? Number.MAX_SAFE_INTEGER);
      return null;
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
    close() {
      clearInterval(poll);
      engine.close();
      return null;
    },
  };

  function requireWritable(): void {
    if (engine.file.isReadOnly) throw new ReadOnlyError('the store can be read but not written');
  }

  function fail(id: number, error: unknown): void {
    engine.suspect(error);
    const message = error instanceof Error ? error.message : 'unknown fault';
    say({ kind: 'failure', id, message, isReadOnly: error instanceof ReadOnlyError });
  }

  /** Requests that wait together: all changes in one transaction, which one sync makes durable. */
  function appendAll(requests: readonly RequestMessage[]): void {
    try {
      requireWritable();
      const given = requests.map(({ takes }) => takes as readonly OptOutChange[]);
      const isNew = engine.file.log.append(given.flat());
      let from = 0;
      for (const [index, { id }] of requests.entries()) {
        const until = from + (given[index]?.length ?? 0);
        say({ kind: 'answer', id, gives: isNew.slice(from, until) });
        from = until;
      }
    } catch (error) {
      for (const { id } of requests) fail(id, error);
    }
  }

  function answer({ id, name, takes }: RequestMessage): void {
    try {
      const handler = handlers[name as keyof Handlers] as (given: unknown) => unknown;
      const gives = handler(takes);
      say({ kind: 'answer', id, gives }, transferOf(gives));
      if (name === 'close') port.close();
    } catch (error) {
      fail(id, error);
    }
  }

  function drain(): void {
    isDraining = false;
    const requests = queue.splice(0);
    keepInPlace();
    for (let index = 0; index < requests.length;) {
      const appends: RequestMessage[] = [];
      for (let next = requests[index]; next?.name === 'append'; next = requests[++index]) appends.push(next);
      if (appends.length > 0) appendAll(appends);
      const other = requests[index++];
      if (other !== undefined) answer(other);
    }
  }

  /** A file that was renamed or removed under us is not written to. */
  function keepInPlace(): void {
    if (cursor === undefined || engine.isInPlace() || Date.now() - movedAt < MOVE_EVERY_MS) return;
    movedAt = Date.now();
    try {
      reopen(() => engine.move(opening));
      movedAt = 0;
    } catch {
      // Nothing is open: every request fails until it is.
    }
  }

  function reopen(open: () => ReturnType<Engine['open']>): void {
    reopenedAt = Date.now();
    const found = open();
    // What is as wrong as before is not said again.
    if (found && found.message !== trouble?.message) say({ kind: 'trouble', trouble: found });
    trouble = found;
    cursor = START;
    dataVersion = undefined;
  }

  /** What other processes wrote since the last look. */
  async function look(): Promise<void> {
    if (isLooking) return;
    isLooking = true;
    try {
      keepInPlace();
      if (engine.isWorthReopening && Date.now() - reopenedAt > REOPEN_EVERY_MS) {
        reopen(() => engine.open(opening));
      }
      const version = engine.file.database.prepare('PRAGMA data_version').get()?.['data_version'];
      const isChanged = version !== dataVersion;
      dataVersion = version;
      if (isChanged) await tellNews();
      else if (Date.now() - toldAt < CAUGHT_UP_EVERY_MS) return;
      toldAt = Date.now();
      say({ kind: 'caughtUp' });
      if (!engine.file.isReadOnly && Date.now() - tidiedAt > TIDY_EVERY_MS) {
        tidiedAt = Date.now();
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
      say({ kind: 'news', news: next.value });
      await untilHeard();
    }
  }

  /** What others wrote makes no sense: the file is put aside. */
  function mend(): void {
    try {
      reopen(() => engine.open(opening));
    } catch {
      // The next look tries again.
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
  const isLoaded = typeof gives === 'object' && gives !== null && 'columns' in gives;
  return isLoaded ? buffersOf((gives as LoadedChanges).columns) : [];
}

class ReadOnlyError extends Error {}

if (!isMainThread && parentPort)
  serve(parentPort, createEngine(loadDriver(), (workerData as WorkerSetup).file));
