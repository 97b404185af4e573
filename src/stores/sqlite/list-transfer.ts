/**
 * Transfers a list's numbers between the main thread and the store's worker, in chunks that are small enough not to
 * block either. A transfer is committed as a whole or not at all.
 */

import { randomUUID } from 'node:crypto';
import { buffersOfChunks, groupChunks } from './transfer-chunks.ts';
import type { Connection } from './connection.ts';
import type { LoadedList } from './messages.ts';
import type { BlobKind } from './sweep-reader.ts';
import type { NumberSource, SavedImage, SavedSweep } from '../store.ts';

/** Bytes of a snapshot that are made in one turn and stored in one transaction. */
const STAGED_BYTES = 262_144;
/** Numbers of one blob. */
const NUMBERS_PER_BLOB = 65_536;

/** Returns a list that is being loaded. Its numbers are read while they are iterated. */
export function sweepOf(from: Connection, { list, hasSnapshot, ...head }: LoadedList): SavedSweep {
  return {
    ...head,
    numbers: untilUndefined(() => from.ask('loadNumbers', { list, kind: 'all' })),
    missingOnce: untilUndefined(() => from.ask('loadNumbers', { list, kind: 'missing' })),
    ...(hasSnapshot ? { image: snapshotOf(from, list) } : {}),
  };
}

function snapshotOf(from: Connection, list: string): SavedImage {
  return {
    chunks: ungrouped(untilUndefined(() => from.ask('loadSnapshot', { list }))),
    since: untilUndefined(() => from.ask('loadSinceSnapshot', { list })),
  };
}

async function* ungrouped(groups: AsyncIterable<readonly Uint8Array[]>): AsyncGenerator<Uint8Array> {
  for await (const chunks of groups) yield* chunks;
}

/** Yields what `ask` gives until it gives `undefined`. The next value is requested while one is processed. */
async function* untilUndefined<T>(ask: () => Promise<T | undefined>): AsyncGenerator<T, void, undefined> {
  let asking = ask();
  for (;;) {
    const value = await asking;
    if (value === undefined) return;
    asking = ask();
    asking.catch(() => undefined);
    yield value;
  }
}

/**
 * Saves a sweep, as a delta if the worker has a sweep to add it to.
 *
 * @returns whether it was kept.
 * @throws StoreError
 */
export async function saveSweep(to: Connection, list: string, sweep: SavedSweep): Promise<boolean> {
  const { number, start, ageMs, heldMs, size, numbers, missingOnce, rows, delta, makeImage } = sweep;
  const wanted = await to.ask('wantedNumbers', { list, number });
  if (wanted === 'nothing') return false;
  const isFull = wanted === 'everything' || delta === undefined;
  const token = randomUUID();
  const stage = async (kind: BlobKind, source: NumberSource) => {
    for await (const batch of batchesOf(source)) {
      await to.ask('stage', { token, kind, numbers: batch }, [batch.buffer as ArrayBuffer]);
    }
  };
  try {
    await stage('added', isFull ? numbers : delta.added);
    if (!isFull) await stage('removed', delta.removed);
    await stage('missing', missingOnce);
    const head = { list, number, start, ageMs, heldMs, size };
    const isKept = await to.ask('saveSweep', { token, head, rows, isFull });
    // Without a snapshot the next start takes longer, and nothing else changes.
    if (isKept && makeImage) await saveSnapshot(to, list, makeImage).catch(() => undefined);
    return isKept;
  } catch (error) {
    await to.ask('dropStaged', { token }).catch(() => undefined);
    throw error;
  }
}

/** Saves a snapshot of a list if enough numbers were added or removed since the last one. */
async function saveSnapshot(
  to: Connection,
  list: string,
  makeSnapshot: () => Iterable<Uint8Array>,
): Promise<void> {
  const seq = await to.ask('wantedSnapshot', { list });
  if (seq === undefined) return;
  const token = `base ${randomUUID()}`;
  let ordinal = 0;
  for (const chunks of groupChunks(makeSnapshot(), STAGED_BYTES)) {
    await to.ask('stageSnapshot', { token, ordinal, chunks }, buffersOfChunks(chunks));
    ordinal += chunks.length;
  }
  await to.ask('saveSnapshot', { list, token, seq });
}

/** Yields the numbers of a source in batches, each of which becomes one blob. */
async function* batchesOf(source: NumberSource): AsyncGenerator<Float64Array> {
  let batch = new Float64Array(NUMBERS_PER_BLOB);
  let length = 0;
  for await (const one of source) {
    for (const number of typeof one === 'string' ? [Number(one)] : one) {
      batch[length++] = number;
      if (length < NUMBERS_PER_BLOB) continue;
      yield batch;
      batch = new Float64Array(NUMBERS_PER_BLOB);
      length = 0;
    }
  }
  if (length > 0) yield batch.slice(0, length);
}
