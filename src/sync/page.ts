/**
 * A page that was fetched and is to be taken: its rows are on the main thread or in the sweep's own. Code that takes
 * pages one after the other sees no difference.
 */

import { setImmediate as nextTurn } from 'node:timers/promises';
import { ProviderError } from '../errors.ts';
import {
  createNumberSetFromTransfer,
  type NumberSet,
  type NumberSetState,
} from '../number-set/number-set.ts';
import type { SweepRun } from '../ledger/sweep-types.ts';
import { slicesOf, type RowSlice } from './row-columns.ts';
import type { SweepThread } from './sweep-thread.ts';
import type { PageRequest } from '../providers/provider.ts';
import { inText, type AskForPage, type RawReply } from '../providers/raw-replies.ts';
import { readPage } from '../providers/vonage/reply.ts';
import type { ThreadConnection } from './thread/connection.ts';
import type { SetPiece } from './thread/messages.ts';

/** Some rows of a page. `fresh` is how many of their numbers are new, where the sweep's thread has counted them. */
export interface PageSlice extends RowSlice {
  readonly fresh?: number;
}

export interface FetchedPage {
  /** How many rows it has. */
  readonly length: number;
  readonly total: number | undefined;
  /** The provider's time when the page came, ms UTC, where it said. For a warning only. */
  readonly serverTime: number | undefined;
  /** Its rows, those of one turn at a time. To be asked for once, in the order of the pages. */
  slices(): AsyncGenerator<PageSlice, void, undefined>;
}

/**
 * A reply of more bytes is read by the sweep's thread, also where the list is not known to be long: to parse it would
 * keep the main thread from everything else. About 11,000 rows.
 */
export const LONG_REPLY_BYTES = 1024 * 1024;

/** A page that a provider gave, of a sweep that started at `start` (ms UTC). @throws ProviderError for what is none. */
export function pageOf(given: unknown, index: number, start: number): FetchedPage {
  if (typeof given !== 'object' || given === null || !('rows' in given) || !Array.isArray(given.rows)) {
    throw new ProviderError('provider_bad_reply', `page ${index} of the list has no array of rows`);
  }
  const rows: readonly unknown[] = given.rows;
  return {
    length: rows.length,
    total: 'total' in given ? numberOf(given.total) : undefined,
    serverTime: 'serverTime' in given ? numberOf(given.serverTime) : undefined,
    slices: () => inTurns(slicesOf(rows, start)),
  };
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

/**
 * The page of a reply that no thread counts. A long reply is parsed by the sweep's thread all the same, if one can be
 * had, and its rows come back to be counted here.
 *
 * @throws ProviderError for a reply that is no page.
 */
export async function pageOfReply(
  reply: RawReply,
  index: number,
  start: number,
  thread: Pick<SweepThread, 'expect' | 'started' | 'running'>,
): Promise<FetchedPage> {
  if (reply.body.byteLength >= LONG_REPLY_BYTES) {
    thread.expect(Infinity);
    await thread.started;
    if (thread.running) return openInThread(thread.running, index, reply, false);
  }
  return pageOf({ ...readPage(inText(reply)), serverTime: reply.serverTime }, index, start);
}

async function* inTurns(slices: Iterable<PageSlice>): AsyncGenerator<PageSlice, void, undefined> {
  let isFirst = true;
  for (const slice of slices) {
    if (!isFirst) await nextTurn();
    isFirst = false;
    yield slice;
  }
}

/** Has a thread read a reply. `isCounted`: the thread also counts which of its numbers are new. */
async function openInThread(
  { ask }: Pick<ThreadConnection, 'ask'>,
  index: number,
  reply: RawReply,
  isCounted: boolean,
): Promise<FetchedPage> {
  const { serverTime } = reply;
  const opened = await ask('open', { index, reply }, [reply.body.buffer]);
  return {
    ...opened,
    serverTime,
    async *slices() {
      for (let isLast = false; !isLast;) {
        const taken = await ask('take', { index, isCounted });
        isLast = taken.isLast;
        yield* inTurns(taken.slices);
      }
    },
  };
}

/** Pages that a thread reads and counts. */
export interface ThreadPages {
  /** Asks for a page and has the reply read. Rejects on anything that is not a well-formed page. */
  page(wanted: PageRequest): Promise<FetchedPage>;
  /** Gives what was shown back to the sweep, after the last page was taken. */
  giveBack(): Promise<void>;
}

/** Has the pages of a sweep read by its thread, from the first one that is taken on. */
export function threadPages(
  running: Pick<ThreadConnection, 'ask'>,
  askForPage: AskForPage,
  run: SweepRun,
): ThreadPages {
  const { ask } = running;
  let isBegun = false;

  async function begin(): Promise<void> {
    if (isBegun) return;
    isBegun = true;
    const shown = run.lend();
    const [outs, ins] = [shown.outs.transfer(), shown.ins.transfer()];
    await ask('begin', { outs: outs.state, ins: ins.state }, [...outs.buffers, ...ins.buffers]);
  }

  async function open(index: number, reply: RawReply): Promise<FetchedPage> {
    const page = await openInThread(running, index, reply, true);
    return {
      ...page,
      async *slices() {
        await begin();
        yield* page.slices();
      },
    };
  }

  return {
    page: (wanted) => askForPage(wanted, (reply) => open(wanted.index, reply)),
    async giveBack() {
      if (!isBegun) return;
      run.takeBack(await handedOver(() => ask('handOver', null)));
    },
  };
}

async function handedOver(ask: () => Promise<SetPiece>): Promise<NumberSet> {
  const first = await ask();
  const pieces = [first];
  while (pieces.at(-1)?.isLast === false) pieces.push(await ask());
  const regions = pieces.flatMap((piece) => piece.regions);
  return createNumberSetFromTransfer({ ...(first.head as NumberSetState), regions });
}
