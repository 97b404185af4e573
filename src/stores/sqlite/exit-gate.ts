/**
 * Lets a process exit only between two SQLite statements of its store threads. If Node ends a thread in the middle of
 * a native call, the addon cannot throw and aborts the process: SIGABRT instead of the caller's exit code.
 */

import { setTimeout } from 'node:timers/promises';
import type { Database, Driver, SqlValue, Statement } from './driver.ts';

/** The main thread's side of the gate of one thread. */
export interface ExitGate {
  /** The memory that is shared with the thread. */
  readonly memory: SharedArrayBuffer;
  /**
   * Lets the thread finish its statement and begin no other, then runs `terminate`. Resolves after `LONGEST_WAIT_MS` at
   * the latest, with `undefined`. A statement that takes longer is not interrupted: `terminate` runs when it has ended.
   */
  end<T>(terminate: () => Promise<T>): Promise<T | undefined>;
  /** Notes that the thread has ended: the exit of the process does not wait for it any more. */
  release(): void;
}

/** How long an exit may wait for running statements, ms. */
const LONGEST_WAIT_MS = 200;
/** How often `end` checks whether the thread is idle, ms. */
const CHECK_EVERY_MS = 5;

/** Indexes in the shared memory. */
const IS_ENDING = 0;
const IS_BUSY = 1;
const FLAGS = 2;

const gates = new Set<Int32Array>();

/** Runs at the exit of the process, for all stores: one listener serves them. */
function endAll(): void {
  const deadline = performance.now() + LONGEST_WAIT_MS;
  for (const state of gates) Atomics.store(state, IS_ENDING, 1);
  for (const state of gates) {
    const leftMs = deadline - performance.now();
    if (leftMs > 0) Atomics.wait(state, IS_BUSY, 1, leftMs);
  }
}

/** Creates the gate of a thread that is about to start. The thread counts as busy until it has loaded SQLite. */
export function createExitGate(): ExitGate {
  const memory = new SharedArrayBuffer(FLAGS * Int32Array.BYTES_PER_ELEMENT);
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
  while (Atomics.load(state, IS_BUSY) === 1) await setTimeout(CHECK_EVERY_MS, undefined, { ref: false });
}

/** Runs native calls in the thread. */
export type NativeCall = <T>(call: () => T) => T;

/**
 * Creates the thread's side of a gate, which marks each native call, including the one that loads SQLite. When the
 * process exits, the next call does not begin: the thread waits there until Node ends it.
 */
export function joinExitGate(memory: SharedArrayBuffer): NativeCall {
  const state = new Int32Array(memory);
  let depth = 0;
  return (call) => {
    if (depth === 0) {
      // The thread sets IS_BUSY and then reads IS_ENDING; the exit sets IS_ENDING and then reads IS_BUSY. In that
      // order, at least one of them sees the other.
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

/** Returns a driver that makes every call into SQLite a native call of the gate. */
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
