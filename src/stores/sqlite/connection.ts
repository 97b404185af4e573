/**
 * Starts the store's worker and talks to it. The worker keeps the process alive only while a request waits for its
 * answer.
 */

import { Worker } from 'node:worker_threads';
import { ConfigError, StoreError } from '../../errors.ts';
import { KEEP_EXTERNAL, findProgram } from '../../threads/program.ts';
import { createRequestChannel } from '../../threads/requests.ts';
import type { LogEnd, StoreTrouble } from '../store.ts';
import { createExitGate } from './exit-gate.ts';
import type {
  RequestMessage,
  RequestName,
  Requests,
  TailMessage,
  WorkerMessage,
  WorkerSetup,
} from './messages.ts';

export interface ConnectionListener {
  onTailMessage(message: TailMessage): void;
  onCaughtUp(end: LogEnd): void;
  /** `isWhole`: the file lacks nothing that this process knows. */
  onTrouble(trouble: StoreTrouble, isWhole: boolean): void;
  /** Called when the thread has exited, requested or not. */
  onExit(): void;
}

export interface Connection {
  /** Sends a request. @returns its answer. @throws StoreError */
  ask<K extends RequestName>(
    name: K,
    takes: Requests[K]['takes'],
    transfer?: readonly ArrayBuffer[],
  ): Promise<Requests[K]['gives']>;
  /** Whether the thread has exited, requested or not. */
  readonly isOver: boolean;
  /** Terminates the thread without a request. */
  end(): Promise<void>;
}

/** The parts of a `Worker` that a connection uses. */
export interface Thread {
  on(event: 'message', listener: (message: WorkerMessage) => void): unknown;
  on(event: 'error', listener: (error: unknown) => void): unknown;
  on(event: 'exit', listener: () => void): unknown;
  postMessage(message: RequestMessage, transfer: readonly ArrayBuffer[]): void;
  ref(): unknown;
  unref(): unknown;
  terminate(): Promise<unknown>;
}

/** Starts a thread. */
export type Spawn = (setup: Pick<WorkerSetup, 'file'>) => Thread;

/**
 * Finds the program of the worker.
 *
 * @throws ConfigError in a bundle
 */
export function workerProgram(): URL {
  const program = findProgram('stores/sqlite/connection', import.meta.url, 'worker.js');
  if (program !== undefined) return program;
  const message = `store: the program of the thread that opens 'sqlite:' files is missing, as it is in a bundle: ${KEEP_EXTERNAL}`;
  throw new ConfigError('invalid_option', 'store', message);
}

/** Starts the worker. Neither an exit of the process nor `terminate` ends it in the middle of an SQLite statement. */
export const spawnWorker: Spawn = ({ file }) => {
  const gate = createExitGate();
  const workerData: WorkerSetup = { file, exitGate: gate.memory };
  const worker = new Worker(workerProgram(), { workerData });
  worker.once('exit', () => gate.release());
  const terminate = worker.terminate.bind(worker);
  return Object.assign(worker, { terminate: () => gate.end(terminate) });
};

/** Starts the thread and connects to it. */
export function connect(setup: Parameters<Spawn>[0], listener: ConnectionListener, spawn: Spawn): Connection {
  const worker = spawn(setup);
  worker.unref();
  const channel = createRequestChannel<Requests>({
    post: (request, transfer) => worker.postMessage(request, transfer),
    endedError: (cause) =>
      new StoreError('the thread of the store has ended', cause === undefined ? {} : { cause }),
    onWaiting: (isWaiting) => (isWaiting ? worker.ref() : worker.unref()),
  });

  worker.on('message', (message) => {
    switch (message.kind) {
      case 'answer':
        return channel.answer(message.id, message.gives);
      case 'failure':
        return channel.refuse(message.id, new StoreError(message.message, { code: message.code }));
      case 'tail':
        listener.onTailMessage(message.message);
        // The worker sends the next one when other work has had its turn here.
        setImmediate(() => channel.tell('acknowledge', null)).unref();
        return undefined;
      case 'caughtUp':
        return listener.onCaughtUp(message.end);
      case 'trouble':
        return listener.onTrouble(message.trouble, message.isWhole);
    }
  });
  worker.on('error', (error) => channel.end(error));
  worker.on('exit', () => {
    channel.end();
    listener.onExit();
  });

  return {
    ask: channel.ask,
    get isOver() {
      return channel.isOver;
    },
    async end() {
      await worker.terminate();
    },
  };
}
