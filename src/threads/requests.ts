/** Sends requests to a thread and matches the answers by id. */

/** The requests of a thread by name, with their parameters (`takes`) and results (`gives`). */
type TableOf<Table> = { readonly [K in keyof Table]: { readonly takes: unknown; readonly gives: unknown } };

/** A request as it is posted to the thread. */
export interface SentRequest<Table extends TableOf<Table>> {
  readonly id: number;
  readonly name: keyof Table;
  readonly takes: Table[keyof Table]['takes'];
}

export interface RequestChannelOptions<Table extends TableOf<Table>> {
  /** Sends a request to the thread. */
  post(request: SentRequest<Table>, transfer: readonly ArrayBuffer[]): void;
  /** Creates the error of requests to a thread that has ended. */
  endedError(cause?: unknown): Error;
  /** Called when a request starts waiting for its answer (`true`), and when none is waiting any more (`false`). */
  onWaiting?(isWaiting: boolean): void;
}

export interface RequestChannel<Table extends TableOf<Table>> {
  /** Sends a request. @returns its answer. @throws Error from `refuse` or `endedError`. */
  ask<K extends keyof Table>(
    name: K,
    takes: Table[K]['takes'],
    transfer?: readonly ArrayBuffer[],
  ): Promise<Table[K]['gives']>;
  /** Sends a request that gets no answer. Does nothing if the thread has ended. */
  tell<K extends keyof Table>(name: K, takes: Table[K]['takes']): void;
  /** Resolves the request with that id. */
  answer(id: number, gives: unknown): void;
  /** Rejects the request with that id. */
  refuse(id: number, error: Error): void;
  /** Rejects every waiting request, and every later one. */
  end(cause?: unknown): void;
  /** Whether `end` was called. */
  readonly isOver: boolean;
}

interface WaitingRequest {
  resolve(gives: never): void;
  reject(error: Error): void;
}

/** Creates the request channel of one thread. */
export function createRequestChannel<Table extends TableOf<Table>>({
  post,
  endedError,
  onWaiting,
}: RequestChannelOptions<Table>): RequestChannel<Table> {
  const waiting = new Map<number, WaitingRequest>();
  let nextId = 0;
  let isOver = false;

  /** Removes a waiting request. */
  function takeWaiting(id: number): WaitingRequest | undefined {
    const request = waiting.get(id);
    waiting.delete(id);
    if (waiting.size === 0) onWaiting?.(false);
    return request;
  }

  return {
    ask(name, takes, transfer = []) {
      if (isOver) return Promise.reject(endedError());
      return new Promise((resolve, reject) => {
        const id = nextId++;
        waiting.set(id, { resolve, reject });
        onWaiting?.(true);
        post({ id, name, takes }, transfer);
      });
    },
    tell(name, takes) {
      if (!isOver) post({ id: nextId++, name, takes }, []);
    },
    answer: (id, gives) => takeWaiting(id)?.resolve(gives as never),
    refuse: (id, error) => takeWaiting(id)?.reject(error),
    end(cause) {
      isOver = true;
      const error = endedError(cause);
      for (const { reject } of waiting.values()) reject(error);
      waiting.clear();
    },
    get isOver() {
      return isOver;
    },
  };
}
