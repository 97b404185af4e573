/**
 * Runs the worker of a store: starts it, starts another one when it has died, and passes its messages on. It never
 * touches the file itself.
 */

import { StoreError } from '../../errors.ts';
import type { StoreOpening, StoreTrouble, TailHandlers } from '../store.ts';
import { connect, type Connection, type Spawn } from './connection.ts';
import { START, type LogCursor } from './log-cursor.ts';
import { createWriteBack } from './write-back.ts';

export interface StoreThread {
  /** Opens the file, in a new thread if none runs. @throws StoreError */
  open(opening: StoreOpening): Promise<StoreTrouble | undefined>;
  /**
   * Returns the connection to the thread. If the thread has died, starts another one that opens the file again and, if
   * the log is followed, follows it from its beginning.
   *
   * @throws StoreError if the store is closed, or the file cannot be opened again
   */
  current(): Promise<Connection>;
  /** Follows the log after a cursor, until the returned function is called. */
  tail(cursor: LogCursor, handlers: TailHandlers): () => void;
  /** Any number of calls. @throws StoreError */
  close(): Promise<void>;
}

/** `restarting`: the thread has died, and `restarted` resolves when another one has the file open. */
type ThreadState =
  | { readonly kind: 'closed' }
  | { readonly kind: 'running'; readonly connection: Connection }
  | {
      readonly kind: 'restarting';
      readonly connection: Connection;
      readonly restarted: Promise<Connection>;
    };

/** How long the thread may take to close the file before it is terminated, ms. */
const CLOSE_MS = 3_000;

/** @param spawn starts a thread that opens the file. */
export function createStoreThread(file: string, spawn: Spawn): StoreThread {
  let state: ThreadState = { kind: 'closed' };
  let opening: StoreOpening = { accounts: {} };
  let handlers: TailHandlers | undefined;
  /** Troubles from before `tail` was called. */
  let unreported: StoreTrouble[] = [];
  const writeBack = createWriteBack();

  function connectThread(): Connection {
    const connection = connect(
      { file },
      {
        onTailMessage: (message) => handlers?.onChanges({ ...message, cursor: '' }),
        onCaughtUp: (end) => handlers?.onCaughtUp(end),
        onTrouble(trouble, isWhole) {
          report(trouble);
          if (!isWhole) void writeBack.begin(connection, opening.evidence);
        },
        // Without a thread this process would not read what other processes write.
        onExit: () => void (handlers && current().catch(() => undefined)),
      },
      spawn,
    );
    return connection;
  }

  function report(trouble: StoreTrouble): void {
    if (handlers?.onTrouble) handlers.onTrouble(trouble);
    else unreported.push(trouble);
  }

  function restart(): Promise<Connection> {
    const connection = connectThread();
    const restarted = reopen(connection).finally(() => {
      if (state.kind === 'restarting' && state.connection === connection) {
        state = { kind: 'running', connection };
      }
    });
    state = { kind: 'restarting', connection, restarted };
    return restarted;
  }

  async function reopen(connection: Connection): Promise<Connection> {
    try {
      const trouble = await connection.ask('open', { accounts: opening.accounts });
      if (trouble) {
        report(trouble);
        void writeBack.begin(connection, opening.evidence);
      }
      if (handlers) await connection.ask('tail', { cursor: START });
      return connection;
    } catch (error) {
      await connection.end();
      throw error;
    }
  }

  async function current(): Promise<Connection> {
    switch (state.kind) {
      case 'closed':
        throw new StoreError('the store is closed');
      case 'running':
        return state.connection.isOver ? restart() : state.connection;
      case 'restarting':
        // A new thread answers in order: requests may be sent before it has opened the file.
        return state.connection.isOver ? state.restarted : state.connection;
    }
  }

  return {
    async open(given) {
      opening = given;
      if (state.kind === 'closed' || state.connection.isOver) {
        state = { kind: 'running', connection: connectThread() };
      }
      const { connection } = state;
      const trouble = await connection.ask('open', { accounts: given.accounts });
      // If the store was open before, this process may know more than the damaged file still had.
      if (trouble?.kind === 'damaged') void writeBack.begin(connection, given.evidence);
      return trouble;
    },
    current,
    tail(cursor, given) {
      handlers = given;
      for (const trouble of unreported.splice(0)) report(trouble);
      current()
        .then((connection) => connection.ask('tail', { cursor }))
        // A process that cannot follow the log gets no `caughtUp`: its lists age.
        .catch(() => undefined);
      return () => {
        handlers = undefined;
        if (state.kind !== 'closed') state.connection.ask('tail', null).catch(() => undefined);
      };
    },
    async close() {
      if (state.kind === 'closed') return;
      const { connection } = state;
      state = { kind: 'closed' };
      handlers = undefined;
      const late = setTimeout(() => void connection.end(), CLOSE_MS);
      late.unref();
      try {
        if (!connection.isOver) {
          // If the file was moved or damaged, its evidence is written into the file that the next process opens.
          await connection.ask('checkFile', null);
          await writeBack.ended();
          await connection.ask('close', null);
        }
      } finally {
        clearTimeout(late);
        await connection.end();
      }
    },
  };
}
