/**
 * The store's side of the thread that has the file open: it asks, waits, and starts the thread again where it died. What
 * it resolved is on disk. It never touches the file itself.
 */

import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { ConfigError, StoreError } from '../../errors.ts';
import { text } from '../../options/fields.ts';
import type { OptOutChange } from '../../ledger/evidence.ts';
import { changesIn } from './change-columns.ts';
import { connect, workerProgram, type Connection, type Spawn } from './connection.ts';
import { findDriver, resolverFrom } from './driver.ts';
import { NotAFile, realPathOf, requireRegularFiles } from './file-kind.ts';
import { eachOf, imageOf, imagesOf, keepBase } from './list-transfer.ts';
import type { LoadedChanges } from './change-log.ts';
import { FIRST_PLACE, START, type LoadPlace, type LogCursor } from './log-cursor.ts';
import type { Requests } from './messages.ts';
import { createWriteBack } from './write-back.ts';
import type { ImageKind } from './sweep-log.ts';
import type {
  Lease,
  NumberSource,
  SavedSweep,
  Store,
  StoreOpening,
  StoreTrouble,
  TailHandlers,
} from '../store.ts';

/** How long a lease holds without being renewed, ms. */
const LEASE_MS = 15_000;
const RENEW_EVERY_MS = 5_000;
/** How long the thread may take to close the file, ms. */
const CLOSE_MS = 3_000;
/** How long `erase` waits for readers of other processes to let go of the log, ms, and how often it tries. */
const ERASE_MS = 2_000;
const ERASE_EVERY_MS = 100;
/** Changes that are objects at the same time while they are loaded: so few that they are forgotten young. */
const CHANGES_AT_A_TIME = 500;

/**
 * Creates a store in a file.
 *
 * @param spawn starts the thread that has the file open.
 * @throws ConfigError where there is no SQLite to open it with, in a bundle without the program of the thread, and where
 *   the path leads to something that is no regular file.
 */
export function createSqliteStore(file: string, spawn: Spawn): Store {
  const path = resolve(text(file, 'sqliteStore.file'));
  checkKind(path);
  findDriver(undefined, resolverFrom(workerProgram()));
  let connection: Connection | undefined;
  let opening: StoreOpening = { accounts: {} };
  let handlers: TailHandlers | undefined;
  let isEnded = false;
  let reviving: Promise<Connection> | undefined;
  // Told before `tail` is there to hear it.
  let untold: StoreTrouble[] = [];
  const writeBack = createWriteBack();

  function startThread(): Connection {
    const started = connect(
      { file: path },
      {
        onNews: (news) => handlers?.onChanges({ ...news, cursor: '' }),
        onCaughtUp: (end) => handlers?.onCaughtUp(end),
        onTrouble(trouble, isWhole) {
          tell(trouble);
          if (!isWhole) void writeBack.begin(started, opening.evidence);
        },
        // Without a thread this process would be deaf to the others.
        onExit: () => void (handlers && current().catch(() => undefined)),
      },
      spawn,
    );
    connection = started;
    return started;
  }

  function tell(trouble: StoreTrouble): void {
    if (handlers?.onTrouble) handlers.onTrouble(trouble);
    else untold.push(trouble);
  }

  async function revive(): Promise<Connection> {
    const revived = startThread();
    try {
      const trouble = await revived.ask('open', { accounts: opening.accounts });
      if (trouble) {
        tell(trouble);
        void writeBack.begin(revived, opening.evidence);
      }
      if (handlers) await revived.ask('tail', { cursor: START });
      return revived;
    } catch (error) {
      await revived.end();
      throw error;
    }
  }

  /** The thread; where it died, another one that has the file open and follows it from its beginning. */
  async function current(): Promise<Connection> {
    if (isEnded || connection === undefined) throw new StoreError('the store is closed');
    if (!connection.isOver) return connection;
    reviving ??= revive().finally(() => {
      reviving = undefined;
    });
    return reviving;
  }

  return {
    kind: 'sqlite',
    isShared: true,
    async open(given = { accounts: {} }) {
      opening = given;
      isEnded = false;
      const opened = connection === undefined || connection.isOver ? startThread() : connection;
      const trouble = await opened.ask('open', { accounts: given.accounts });
      // Of a store that is opened again, this process may know more than was left.
      if (trouble?.kind === 'damaged') void writeBack.begin(opened, given.evidence);
      return trouble;
    },
    async load() {
      const from = await current();
      const { cursor, heads } = await from.ask('load', null);
      const sweeps = heads.map(({ list, hasBase, ...head }): [string, SavedSweep] => [
        list,
        {
          ...head,
          numbers: eachOf(() => from.ask('loadNumbers', { list, kind: 'all' })),
          missingOnce: eachOf(() => from.ask('loadNumbers', { list, kind: 'missing' })),
          ...(hasBase ? { image: imageOf(from, list) } : {}),
        },
      ]);
      const end = { logId: cursor.log, position: cursor.changes };
      return { changes: changesOf(from), sweeps: new Map(sweeps), cursor: JSON.stringify(cursor), ...end };
    },
    async loaded() {
      await (await current()).ask('loaded', null);
    },
    async append(entries, { wantsBefore = false } = {}) {
      return (await current()).ask('append', { entries, wantsBefore });
    },
    async saveSweep(list, { number, start, ageMs, heldMs, size, numbers, missingOnce, rows, ...sweep }) {
      const { delta, makeImage } = sweep;
      const to = await current();
      const head = { list, number, start, ageMs, heldMs, size };
      const wanted = await to.ask('wanted', { list, number });
      if (wanted === 'nothing') return false;
      const isFull = wanted === 'everything' || delta === undefined;
      const token = randomUUID();
      const stage = async (kind: ImageKind, source: NumberSource) => {
        for await (const batch of imagesOf(source)) {
          await to.ask('stage', { token, kind, numbers: batch }, [batch.buffer as ArrayBuffer]);
        }
      };
      try {
        await stage('added', isFull ? numbers : delta.added);
        if (!isFull) await stage('removed', delta.removed);
        await stage('missing', missingOnce);
        const isKept = await to.ask('saveSweep', { token, head, rows, isFull });
        // Without one a start takes longer, and that is all.
        if (isKept && makeImage) await keepBase(to, list, makeImage).catch(() => undefined);
        return isKept;
      } catch (error) {
        await to.ask('drop', { token }).catch(() => undefined);
        throw error;
      }
    },
    tail(since, given) {
      handlers = given;
      for (const trouble of untold.splice(0)) tell(trouble);
      const cursor = JSON.parse(since) as LogCursor;
      current()
        .then((from) => from.ask('tail', { cursor }))
        // Whoever cannot be followed ages.
        .catch(() => undefined);
      return () => {
        handlers = undefined;
        connection?.ask('tail', null).catch(() => undefined);
      };
    },
    async lease(name, { isForced = false } = {}) {
      const from = await current();
      const isHeld = await from.ask('lease', { name, ttlMs: LEASE_MS, isForced });
      return isHeld ? keptLease(from, name) : undefined;
    },
    async history(msisdn, { list, limit } = {}) {
      return (await current()).ask('history', { msisdn, list, limit });
    },
    async listings(msisdn, { list } = {}) {
      return (await current()).ask('spans', { msisdn, list });
    },
    async erase(msisdn, forget) {
      const from = await current();
      let isGone = await from.ask('erase', { msisdn, forget });
      for (let waitedMs = 0; !isGone && waitedMs < ERASE_MS; waitedMs += ERASE_EVERY_MS) {
        await wait(ERASE_EVERY_MS);
        isGone = await from.ask('clearLog', null);
      }
      return { pending: !isGone };
    },
    async prune(olderThan) {
      const from = await current();
      let removed = 0;
      for (let after: number | undefined = 0; after !== undefined;) {
        const step: Requests['prune']['gives'] = await from.ask('prune', { olderThan, after });
        removed += step.removed;
        ({ after } = step);
      }
      for (let isOver = false; !isOver;) {
        const step: Requests['pruneSweeps']['gives'] = await from.ask('pruneSweeps', { olderThan });
        removed += step.removed;
        ({ isOver } = step);
      }
      return removed;
    },
    async close() {
      if (isEnded || connection === undefined) return;
      isEnded = true;
      handlers = undefined;
      const closing = connection;
      connection = undefined;
      const late = setTimeout(() => void closing.end(), CLOSE_MS);
      late.unref();
      try {
        if (!closing.isOver) {
          // What the open file and memory hold is put where the next process looks.
          await closing.ask('keepInPlace', null);
          await writeBack.ended();
          await closing.ask('close', null);
        }
      } finally {
        clearTimeout(late);
        await closing.end();
      }
    },
  };
}

/** @throws ConfigError */
function checkKind(path: string): void {
  try {
    requireRegularFiles(realPathOf(path));
  } catch (cause) {
    // What else is wrong with the path is told when it is opened: it may be right by then.
    if (!(cause instanceof NotAFile)) return;
    throw new ConfigError('invalid_option', 'store', `store: ${cause.message}`, { cause });
  }
}

/** All evidence, a few changes at a time. */
async function* changesOf(from: Connection): AsyncGenerator<OptOutChange[]> {
  let reading = from.ask('loadChanges', FIRST_PLACE);
  for (let place: LoadPlace | undefined = FIRST_PLACE; place !== undefined;) {
    const { columns, others, next }: LoadedChanges = await reading;
    place = next;
    // The next is read while these are taken in.
    if (next) reading = from.ask('loadChanges', next);
    reading.catch(() => undefined);
    yield* changesIn(columns, CHANGES_AT_A_TIME);
    if (others.length > 0) yield [...others];
  }
}

/** A lease that is renewed until it is released or lost. */
function keptLease(from: Connection, name: string): Lease {
  let renewedAt = performance.now();
  let isLost = false;
  const timer = setInterval(() => {
    const askedAt = performance.now();
    from.ask('renew', { name, ttlMs: LEASE_MS }).then(
      (isRenewed) => {
        if (isRenewed) renewedAt = askedAt;
        else end();
      },
      // Should it not come back in time, the lease runs out.
      () => undefined,
    );
  }, RENEW_EVERY_MS);
  timer.unref();
  const end = () => {
    isLost = true;
    clearInterval(timer);
  };
  return {
    nextSweep: () => from.ask('nextSweep', null),
    isHeld: () => !isLost && performance.now() - renewedAt < LEASE_MS,
    async release() {
      if (isLost) return;
      end();
      await from.ask('release', { name });
    },
  };
}
