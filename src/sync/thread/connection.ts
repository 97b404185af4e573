/**
 * The main thread's connection to the thread of a sweep: it sends requests and receives answers. It does not keep the
 * process alive. If the thread cannot be started, dies or is ended, every open request is rejected.
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

/** The members of a `Worker` that a connection uses. */
export interface Thread {
  on(event: 'message', listener: (message: ThreadMessage) => void): unknown;
  on(event: 'error', listener: (error: unknown) => void): unknown;
  on(event: 'exit', listener: () => void): unknown;
  postMessage(message: ThreadRequest, transfer: readonly ArrayBuffer[]): void;
  unref(): unknown;
  terminate(): Promise<unknown>;
}

/** Starts a thread. May throw. */
export type SpawnThread = (setup: ThreadSetup) => Thread;

/**
 * Starts the worker. The build bundles its program into one file beside this one, as CommonJS, which a thread loads
 * fastest.
 */
export const spawnThread: SpawnThread = (setup) => {
  const find = () => new URL('./worker.cjs', import.meta.url);
  const program = findProgram('sync/thread/connection', import.meta.url, find);
  if (program === undefined) throw new Error(KEEP_EXTERNAL);
  return new Worker(program, { workerData: setup });
};

export interface ThreadConnection {
  /** Whether the thread has started and has not ended since. */
  readonly isReady: boolean;
  /** Resolves when the thread has started, could not be started, or has ended. */
  readonly settled: Promise<void>;
  /** Sends a request. @throws ProviderError if a reply is not a well-formed page, or if the thread has ended. */
  ask<K extends ThreadRequestName>(
    name: K,
    takes: ThreadRequests[K]['takes'],
    transfer?: readonly ArrayBuffer[],
  ): Promise<ThreadRequests[K]['gives']>;
  /** Ends the thread at once. Never rejects. */
  end(): Promise<void>;
}

/** The error of requests to a thread that has ended: the sweep fails. */
export class ThreadEndedError extends ProviderError {
  constructor(cause?: unknown) {
    const message = 'the thread that reads the list has ended';
    super('provider_aborted', message, cause === undefined ? {} : { cause });
  }
}

/** Starts a thread and connects to it. Never throws. */
export function connectThread(setup: ThreadSetup, spawn: SpawnThread): ThreadConnection {
  let state: 'starting' | 'ready' | 'ended' = 'starting';
  let thread: Thread | undefined;
  let settle = () => {};
  const settled = new Promise<void>((resolve) => (settle = resolve));
  const channel = createRequestChannel<ThreadRequests>({
    post: (request, transfer) => thread?.postMessage(request, transfer),
    endedError: (cause) => new ThreadEndedError(cause),
  });

  function end(cause?: unknown): void {
    state = 'ended';
    settle();
    channel.end(cause);
  }

  function receive(message: ThreadMessage): void {
    switch (message.kind) {
      case 'ready':
        if (state === 'starting') state = 'ready';
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
    thread.on('message', receive);
    thread.on('error', end);
    thread.on('exit', () => end());
  } catch (error) {
    end(error);
  }

  return {
    get isReady() {
      return state === 'ready';
    },
    settled,
    ask: channel.ask,
    async end() {
      end();
      await thread?.terminate();
    },
  };
}
