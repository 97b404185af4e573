/**
 * The pages of a list. The rows of a page are parsed on the main thread or in the sweep's thread; code that takes the
 * rows is the same for both.
 */

import { setImmediate as nextTurn } from 'node:timers/promises';
import { ProviderError } from '../errors.ts';
import {
  createNumberSetFromTransfer,
  type NumberSet,
  type NumberSetState,
} from '../number-set/number-set.ts';
import type { SweepRun } from '../ledger/sweep-types.ts';
import { sliceRows, type RowSlice } from './row-columns.ts';
import type { SweepThread } from './sweep-thread.ts';
import type { PageRequest } from '../providers/provider.ts';
import { withTextBody, type RawReply, type RequestRawPage } from '../providers/raw-replies.ts';
import { readPage } from '../providers/vonage/reply.ts';
import type { ThreadConnection } from './thread/connection.ts';
import type { SetPiece } from './thread/messages.ts';

/** Some rows of a page. `fresh` is how many of their numbers are new, if the sweep's thread has counted them. */
export interface PageSlice extends RowSlice {
  readonly fresh?: number;
}

export interface FetchedPage {
  /** How many rows it has. */
  readonly length: number;
  readonly total: number | undefined;
  /** The provider's time when the page came, ms UTC, if the reply carried it. Used for a warning only. */
  readonly serverTime: number | undefined;
  /** Yields its rows; other work runs between two slices. Call it once, in the order of the pages. */
  slices(): AsyncGenerator<PageSlice, void, undefined>;
}

/**
 * A longer reply is parsed by the sweep's thread, even if the list is not known to be long: parsing it would block the
 * main thread. About 11,000 rows.
 */
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
 * Parses a reply whose numbers are counted on the main thread. The sweep's thread parses a long reply, if a thread can
 * be started, and sends the rows back.
 *
 * @throws ProviderError if the reply is not a well-formed page.
 */
export async function parseReply(
  reply: RawReply,
  index: number,
  sweepStart: number,
  thread: Pick<SweepThread, 'expectRows' | 'started' | 'running'>,
): Promise<FetchedPage> {
  if (reply.body.byteLength >= LONG_REPLY_BYTES) {
    thread.expectRows(Infinity);
    await thread.started;
    if (thread.running) return parseInThread(thread.running, index, reply, false);
  }
  const page = { ...readPage(withTextBody(reply)), serverTime: reply.serverTime };
  return parsePage(page, index, sweepStart);
}

/** Yields the slices; other work runs between two of them. */
async function* inTurns(slices: Iterable<PageSlice>): AsyncGenerator<PageSlice, void, undefined> {
  let isFirst = true;
  for (const slice of slices) {
    if (!isFirst) await nextTurn();
    isFirst = false;
    yield slice;
  }
}

/** Parses a reply in a thread. `isCounted`: the thread also counts which of its numbers are new. */
async function parseInThread(
  { ask }: Pick<ThreadConnection, 'ask'>,
  index: number,
  reply: RawReply,
  isCounted: boolean,
): Promise<FetchedPage> {
  const { serverTime } = reply;
  const opened = await ask('openPage', { index, reply }, [reply.body.buffer]);
  return {
    ...opened,
    serverTime,
    async *slices() {
      for (let isLast = false; !isLast;) {
        const next = await ask('nextRows', { index, isCounted });
        isLast = next.isLast;
        yield* inTurns(next.slices);
      }
    },
  };
}

/** Pages that a thread parses and counts. */
export interface ThreadPages {
  /** Requests a page and parses the reply in the thread. Rejects if the reply is not a well-formed page. */
  fetch(request: PageRequest): Promise<FetchedPage>;
  /** Transfers the seen numbers back to the ledger, after the last page was taken. */
  transferBack(): Promise<void>;
}

/**
 * Creates the pages of a sweep that its thread parses and counts. The seen numbers are transferred to the thread when
 * the first of these pages is taken.
 */
export function createThreadPages(
  { ask }: Pick<ThreadConnection, 'ask'>,
  requestRaw: RequestRawPage,
  ledgerSweep: SweepRun,
): ThreadPages {
  let isTransferred = false;

  async function transferSeen(): Promise<void> {
    if (isTransferred) return;
    isTransferred = true;
    const seen = ledgerSweep.transferSeen();
    const [outs, ins] = [seen.outs.transfer(), seen.ins.transfer()];
    await ask('begin', { outs: outs.state, ins: ins.state }, [...outs.buffers, ...ins.buffers]);
  }

  async function parse(index: number, reply: RawReply): Promise<FetchedPage> {
    const page = await parseInThread({ ask }, index, reply, true);
    return {
      ...page,
      async *slices() {
        await transferSeen();
        yield* page.slices();
      },
    };
  }

  return {
    fetch: (request) => requestRaw(request, (reply) => parse(request.index, reply)),
    async transferBack() {
      if (!isTransferred) return;
      ledgerSweep.restoreSeen(await receiveSet(() => ask('transferBack', null)));
    },
  };
}

/** Receives a number set piece by piece. */
async function receiveSet(nextPiece: () => Promise<SetPiece>): Promise<NumberSet> {
  const first = await nextPiece();
  const pieces = [first];
  while (pieces.at(-1)?.isLast === false) pieces.push(await nextPiece());
  const regions = pieces.flatMap((piece) => piece.regions);
  return createNumberSetFromTransfer({ ...(first.head as NumberSetState), regions });
}
