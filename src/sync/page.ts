/**
 * The pages of a list. Their rows are taken a slice at a time, so that other work runs in between. A long reply is
 * parsed in short steps, for the same reason.
 */

import { setImmediate as nextTurn } from 'node:timers/promises';
import { ProviderError } from '../errors.ts';
import { withTextBody, type RawReply } from '../providers/raw-replies.ts';
import { readLongPage, readPage } from '../providers/vonage/reply.ts';
import { sliceRows, type RowSlice } from './row-columns.ts';

export interface FetchedPage {
  /** How many rows it has. */
  readonly length: number;
  readonly total: number | undefined;
  /** The provider's time when the page came, ms UTC, if the reply carried it. Used for a warning only. */
  readonly serverTime: number | undefined;
  /** Yields its rows; other work runs between two slices. Call it once, in the order of the pages. */
  slices(): AsyncGenerator<RowSlice, void, undefined>;
}

/** A reply of at least this many bytes is parsed in steps. About 11,000 rows, which `JSON.parse` takes 5 ms for. */
export const LONG_REPLY_BYTES = 1024 * 1024;

/**
 * Checks a page from a provider, in a sweep that started at `sweepStart` (ms UTC).
 *
 * @throws ProviderError `provider_bad_reply` if it has no array of rows.
 */
export function parsePage(page: unknown, index: number, sweepStart: number): FetchedPage {
  if (typeof page !== 'object' || page === null || !('rows' in page) || !Array.isArray(page.rows)) {
    throw new ProviderError('provider_bad_reply', `page ${index} of the list has no array of rows`);
  }
  const rows: readonly unknown[] = page.rows;
  return {
    length: rows.length,
    total: 'total' in page ? finiteNumber(page.total) : undefined,
    serverTime: 'serverTime' in page ? finiteNumber(page.serverTime) : undefined,
    slices: () => inTurns(sliceRows(rows, sweepStart)),
  };
}

function finiteNumber(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

/**
 * Parses a reply: a short one at once, a long one in steps.
 *
 * @throws ProviderError if the reply is not a well-formed page, or the reason of the signal once that has aborted.
 */
export async function parseReply(
  reply: RawReply,
  index: number,
  sweepStart: number,
  signal: AbortSignal,
): Promise<FetchedPage> {
  if (reply.body.byteLength >= LONG_REPLY_BYTES) return parseLongReply(reply, sweepStart, signal);
  const page = { ...readPage(withTextBody(reply)), serverTime: reply.serverTime };
  return parsePage(page, index, sweepStart);
}

/**
 * Parses a reply in steps; other work runs between two of them. Each group of rows becomes columns at once: parsed rows
 * that are kept make garbage collections long.
 */
async function parseLongReply(
  { body, serverTime, ...head }: RawReply,
  sweepStart: number,
  signal: AbortSignal,
): Promise<FetchedPage> {
  const slices: RowSlice[] = [];
  let length = 0;
  const steps = readLongPage(head, body);
  for (;;) {
    const step = steps.next();
    if (step.done) {
      const { total } = step.value;
      return { length, total, serverTime, slices: () => inTurns(slices) };
    }
    length += step.value.length;
    for await (const slice of inTurns(sliceRows(step.value, sweepStart))) slices.push(slice);
    await nextTurn();
    signal.throwIfAborted();
  }
}

/** Yields the slices; other work runs between two of them. */
async function* inTurns(slices: Iterable<RowSlice>): AsyncGenerator<RowSlice, void, undefined> {
  let isFirst = true;
  for (const slice of slices) {
    if (!isFirst) await nextTurn();
    isFirst = false;
    yield slice;
  }
}
