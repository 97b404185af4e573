/**
 * Lets a process exit only between two SQLite statements of its store threads. If Node ends a thread in the middle of
 * a native call, the addon cannot throw and aborts the process: SIGABRT instead of the caller's exit code.
 */

import { setTimeout } from 'node:timers/promises';
import type { Database, Driver, SqlValue, Statement } from './driver.ts';

/** The main thread's side of a gate. */
export interface ExitGate {
  /** Shared with the thread. */
  readonly memory: SharedArrayBuffer;
  /**
   * Lets the thread finish its statement and begin no other, then runs `terminate`. Resolves after `LONGEST_WAIT_MS` at
   * the latest; a statement that takes longer is still not cut off.
   */
  end<T>(terminate: () => Promise<T>): Promise<T | undefined>;
  /** The thread has gone: nothing waits for it any more. */
  release(): void;
}

/** How long an exit may wait for the statements under way, ms. */
const LONGEST_WAIT_MS = 200;
const ASK_EVERY_MS = 5;

/** Places in the shared memory. */
const IS_ENDING = 0;
const IS_BUSY = 1;
const PLACES = 2;

const gates = new Set<Int32Array>();

/** One listener for all stores of the process. */
function endAll(): void {
  const deadline = performance.now() + LONGEST_WAIT_MS;
  for (const state of gates) Atomics.store(state, IS_ENDING, 1);
  for (const state of gates) {
    const leftMs = deadline - performance.now();
    if (leftMs > 0) Atomics.wait(state, IS_BUSY, 1, leftMs);
  }
}

/** Creates the gate of a thread that is about to be started. It counts as busy until it has loaded SQLite. */
export function createExitGate(): ExitGate {
  const memory = new SharedArrayBuffer(PLACES * Int32Array.BYTES_PER_ELEMENT);
  const state = new Int32Array(memory);
  Atomics.store(state, IS_BUSY, 1);
  if (gates.size === 0) process.on('exit', endAll);
  gates.add(state);
  return {
    memory,
    async end(terminate) {
      Atomics.store(state, IS_ENDING, 1);
      const ended = untilIdle(state).then(terminate);
      const late = new AbortController();
      const bound = setTimeout(LONGEST_WAIT_MS, undefined, { signal: late.signal });
      return Promise.race([ended, bound]).finally(() => late.abort());
    },
    release() {
      if (gates.delete(state) && gates.size === 0) process.off('exit', endAll);
    },
  };
}

async function untilIdle(state: Int32Array): Promise<void> {
  while (Atomics.load(state, IS_BUSY) === 1) await setTimeout(ASK_EVERY_MS, undefined, { ref: false });
}

/** Runs native calls in the thread. */
export type NativeCall = <T>(call: () => T) => T;

/**
 * The thread's side: marks each native call, the one that loads SQLite included. Once the process exits, the next call
 * never begins: the thread waits there until Node ends it.
 */
export function joinExitGate(memory: SharedArrayBuffer): NativeCall {
  const state = new Int32Array(memory);
  let depth = 0;
  return (call) => {
    if (depth === 0) {
      // Busy first, then look: the exit does it in the other order, so that one of the two sees the other.
      Atomics.store(state, IS_BUSY, 1);
      if (Atomics.load(state, IS_ENDING) === 1) {
        becomeIdle(state);
        Atomics.wait(state, IS_ENDING, 1);
      }
    }
    depth++;
    try {
      return call();
    } finally {
      if (--depth === 0) becomeIdle(state);
    }
  };
}

function becomeIdle(state: Int32Array): void {
  Atomics.store(state, IS_BUSY, 0);
  Atomics.notify(state, IS_BUSY);
}

/** A driver whose every call into SQLite is a native call of the gate. */
export function gatedDriver({ DatabaseSync }: Driver, native: NativeCall): Driver {
  return {
    DatabaseSync: class implements Database {
      readonly #database: Database;

      constructor(...given: ConstructorParameters<Driver['DatabaseSync']>) {
        this.#database = native(() => new DatabaseSync(...given));
      }

      exec(sql: string): void {
        native(() => this.#database.exec(sql));
      }

      prepare(sql: string): Statement {
        return gatedStatement(
          native(() => this.#database.prepare(sql)),
          native,
        );
      }

      close(): void {
        native(() => this.#database.close());
      }
    },
  };
}

function gatedStatement(statement: Statement, native: NativeCall): Statement {
  return {
    run: (...values) => native(() => statement.run(...values)),
    get: (...values) => native(() => statement.get(...values)),
    all: (...values) => native(() => statement.all(...values)),
    *iterate(...values: SqlValue[]) {
      const rows = native(() => statement.iterate(...values)[Symbol.iterator]());
      try {
        for (;;) {
          const next = native(() => rows.next());
          if (next.done) return;
          yield next.value;
        }
      } finally {
        native(() => rows.return?.());
      }
    },
  };
}
