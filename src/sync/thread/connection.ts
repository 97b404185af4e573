/**
 * The sweep's end of its thread: requests out, answers in. It never keeps the process alive. A thread that could not
 * be started, died or was ended leaves nobody waiting.
 */

import { Worker } from 'node:worker_threads';
import { ProviderError } from '../../errors.ts';
import { KEEP_EXTERNAL, findProgram } from '../../threads/program.ts';
import { createRequestChannel } from '../../threads/requests.ts';
import type {
  ThreadMessage,
  ThreadRequest,
  ThreadRequestName,
  ThreadRequests,
  ThreadSetup,
} from './messages.ts';

/** What the thread looks like from here. */
export interface Thread {
  on(event: 'message', heard: (message: ThreadMessage) => void): unknown;
  on(event: 'error', heard: (error: unknown) => void): unknown;
  on(event: 'exit', heard: () => void): unknown;
  postMessage(message: ThreadRequest, transfer: readonly ArrayBuffer[]): void;
  unref(): unknown;
  terminate(): Promise<unknown>;
}

/** Starts a thread. May throw. */
export type SpawnThread = (setup: ThreadSetup) => Thread;

/** Starts the worker, which the build puts into one file beside this one: CommonJS, which a thread loads soonest. */
export const spawnThread: SpawnThread = (setup) => {
  const find = () => new URL('./worker.cjs', import.meta.url);
  const program = findProgram('sync/thread/connection', import.meta.url, find);
  if (program === undefined) throw new Error(KEEP_EXTERNAL);
  return new Worker(program, { workerData: setup });
};

export interface ThreadConnection {
  /** Whether the thread has started, and not ended since. */
  readonly isReady: boolean;
  /** Whether the thread could not be started or has ended, asked to or not. */
  readonly isOver: boolean;
  /** Resolves when either is so. */
  readonly settled: Promise<void>;
  /** Asks the thread. @throws ProviderError where a reply is no page, or where the thread ended. */
  ask<K extends ThreadRequestName>(
    name: K,
    takes: ThreadRequests[K]['takes'],
    transfer?: readonly ArrayBuffer[],
  ): Promise<ThreadRequests[K]['gives']>;
  /** Ends the thread at once. Never rejects. */
  end(): Promise<void>;
}

/** What was asked of a thread that ended: the sweep is given up. */
export class ThreadEndedError extends ProviderError {
  constructor(cause?: unknown) {
    const message = 'the thread that reads the list has ended';
    super('provider_aborted', message, cause === undefined ? {} : { cause });
  }
}

/** Starts a thread and talks to it. Never throws. */
export function connectThread(setup: ThreadSetup, spawn: SpawnThread): ThreadConnection {
  let thread: Thread | undefined;
  let isReady = false;
  let settle = () => {};
  const settled = new Promise<void>((resolve) => (settle = resolve));
  const channel = createRequestChannel<ThreadRequests>({
    post: (request, transfer) => thread?.postMessage(request, transfer),
    endedError: (cause) => new ThreadEndedError(cause),
  });

  function endAll(cause?: unknown): void {
    settle();
    channel.end(cause);
  }

  function hear(message: ThreadMessage): void {
    switch (message.kind) {
      case 'ready':
        isReady = true;
        return settle();
      case 'answer':
        return channel.answer(message.id, message.gives);
      case 'refusal': {
        const { code, message: text, details } = message.refusal;
        return channel.refuse(message.id, new ProviderError(code, text, details));
      }
    }
  }

  try {
    thread = spawn(setup);
    thread.unref();
    thread.on('message', hear);
    thread.on('error', endAll);
    thread.on('exit', () => endAll());
  } catch (error) {
    endAll(error);
  }

  return {
    get isReady() {
      return isReady && !channel.isOver;
    },
    get isOver() {
      return channel.isOver;
    },
    settled,
    ask: channel.ask,
    async end() {
      endAll();
      await thread?.terminate();
    },
  };
}
