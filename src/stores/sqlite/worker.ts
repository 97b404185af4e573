/**
 * The thread in which a store file is open, so that no sync to disk delays a check. Requests are answered in order.
 * Appends that arrive together share one transaction and one sync.
 */

import { isMainThread, parentPort, workerData, type MessagePort } from 'node:worker_threads';
import type { AppendResult } from '../store.ts';
import type { AppendRequest } from './append.ts';
import { buffersOf } from './change-columns.ts';
import type { LoadedChanges } from './change-log.ts';
import { loadDriver } from './driver.ts';
import { createEngine, type Engine } from './engine.ts';
import { gatedDriver, joinExitGate } from './exit-gate.ts';
import type { RequestMessage, RequestName, WorkerMessage, WorkerSetup } from './messages.ts';
import { codeOf, createHandlers, requireWritable, type Handlers } from './request-handlers.ts';
import { createTail } from './tail.ts';
import { buffersOfChunks } from './transfer-chunks.ts';

/** How often changes are written again because the file was replaced while they were written. */
const MOST_REWRITES = 5;
const NOT_IN_PLACE = 'the file was taken away or replaced during the write';
/** Requests whose answer says that something was stored or removed. */
const WRITES: ReadonlySet<RequestName> = new Set([
  'saveSweep',
  'saveSnapshot',
  'erase',
  'prune',
  'pruneSweeps',
]);

/** Serves a port with an engine until `close` is requested. */
export function serve(port: MessagePort, engine: Engine): void {
  const queue: RequestMessage[] = [];
  let isDraining = false;
  const post = (message: WorkerMessage, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);
  const tail = createTail(engine, post);
  const handlers = createHandlers(engine, tail);

  function fail(id: number, error: unknown): void {
    engine.noteDamage(error);
    const message = error instanceof Error ? error.message : 'unknown fault';
    post({ kind: 'failure', id, message, code: codeOf(error) });
  }

  /**
   * Appends the entries of all requests in one transaction, and writes them again if the file was replaced meanwhile.
   */
  function append(requests: readonly AppendRequest[]): readonly (readonly AppendResult[])[] {
    requireWritable(engine);
    const first = engine.file.log.appendEach(requests);
    let results = first;
    tail.noteWrite();
    // The entries may be in a file that no other process opens.
    for (let rewrites = 0, check = tail.checkAndRepair(); check !== 'sound'; check = tail.checkAndRepair()) {
      if (check === 'lost' || ++rewrites > MOST_REWRITES) throw new Error(NOT_IN_PLACE);
      requireWritable(engine);
      if (check === 'replaced') results = withFirstIsNew(engine.file.log.appendEach(requests), first);
    }
    return results;
  }

  function answerAppends(messages: readonly RequestMessage[]): void {
    try {
      const results = append(messages.map(({ takes }) => takes as AppendRequest));
      for (const [index, { id }] of messages.entries()) post({ kind: 'answer', id, gives: results[index] });
    } catch (error) {
      for (const { id } of messages) fail(id, error);
    }
  }

  function answer({ id, name, takes }: RequestMessage): void {
    try {
      const handler = handlers[name as keyof Handlers] as (given: unknown) => unknown;
      const gives = handler(takes);
      if (WRITES.has(name)) {
        tail.noteWrite();
        if (!['sound', 'repaired'].includes(tail.checkAndRepair())) throw new Error(NOT_IN_PLACE);
      }
      post({ kind: 'answer', id, gives }, transferListOf(gives));
      if (name === 'close') port.close();
    } catch (error) {
      fail(id, error);
    }
  }

  function drain(): void {
    isDraining = false;
    const requests = queue.splice(0);
    tail.checkAndRepair();
    for (let index = 0; index < requests.length;) {
      const appends: RequestMessage[] = [];
      for (let next = requests[index]; next?.name === 'append'; next = requests[++index]) appends.push(next);
      if (appends.length > 0) answerAppends(appends);
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

/** Returns the buffers of an answer that are transferred instead of copied. */
function transferListOf(gives: unknown): ArrayBuffer[] {
  if (gives instanceof Float64Array) return [gives.buffer as ArrayBuffer];
  if (Array.isArray(gives)) return buffersOfChunks(gives);
  const isLoaded = typeof gives === 'object' && gives !== null && 'columns' in gives;
  return isLoaded ? buffersOf((gives as LoadedChanges).columns) : [];
}

/**
 * Returns the results of entries that were written a second time, because the file was replaced meanwhile: with their
 * positions in the new file, and `isNew` as of the first write.
 */
function withFirstIsNew(
  results: readonly (readonly AppendResult[])[],
  first: readonly (readonly AppendResult[])[],
): readonly (readonly AppendResult[])[] {
  return results.map((answers, index) =>
    answers.map((answer, entry) => ({
      ...first[index]?.[entry],
      ...answer,
      isNew: first[index]?.[entry]?.isNew === true,
    })),
  );
}

if (!isMainThread && parentPort) {
  const { file, exitGate } = workerData as WorkerSetup;
  const native = joinExitGate(exitGate);
  serve(parentPort, createEngine(gatedDriver(native(loadDriver), native), file));
}
