/**
 * How the numbers of a list pass between a store and its thread: in parts, none of which keeps anybody waiting, and all
 * of which count or none.
 */

import { randomUUID } from 'node:crypto';
import { buffersOfChunks, severalOf } from './transfer-chunks.ts';
import type { Connection } from './connection.ts';
import type { NumberSource, SavedImage } from '../store.ts';

/** Bytes of an image that are made in one turn, and go into the file in one transaction. */
const STAGED_AT_A_TIME = 262_144;
/** Numbers of one image. */
const NUMBERS_PER_IMAGE = 65_536;

/** Keeps a list's image where enough came and left since the last one. */
export async function keepBase(
  to: Connection,
  list: string,
  makeImage: () => Iterable<Uint8Array>,
): Promise<void> {
  const seq = await to.ask('wantedBase', { list });
  if (seq === undefined) return;
  const token = `base ${randomUUID()}`;
  let ordinal = 0;
  for (const chunks of severalOf(makeImage(), STAGED_AT_A_TIME)) {
    await to.ask('stageBase', { token, ordinal, chunks }, buffersOfChunks(chunks));
    ordinal += chunks.length;
  }
  await to.ask('saveBase', { list, token, seq });
}

export function imageOf(from: Connection, list: string): SavedImage {
  return {
    chunks: chunksOf(eachOf(() => from.ask('loadBase', { list }))),
    since: eachOf(() => from.ask('loadSince', { list })),
  };
}

async function* chunksOf(several: AsyncIterable<readonly Uint8Array[]>): AsyncGenerator<Uint8Array> {
  for await (const chunks of several) yield* chunks;
}

/** What is given until there is no more. The next is asked for while one is taken in. */
export async function* eachOf<T>(ask: () => Promise<T | undefined>): AsyncGenerator<T, void, undefined> {
  let asking = ask();
  for (;;) {
    const one = await asking;
    if (one === undefined) return;
    asking = ask();
    asking.catch(() => undefined);
    yield one;
  }
}

/** The numbers of a source in batches of the size of an image. */
export async function* imagesOf(source: NumberSource): AsyncGenerator<Float64Array> {
  let batch = new Float64Array(NUMBERS_PER_IMAGE);
  let length = 0;
  for await (const one of source) {
    for (const number of typeof one === 'string' ? [Number(one)] : one) {
      batch[length++] = number;
      if (length < NUMBERS_PER_IMAGE) continue;
      yield batch;
      batch = new Float64Array(NUMBERS_PER_IMAGE);
      length = 0;
    }
  }
  if (length > 0) yield batch.slice(0, length);
}
