/**
 * A page that was fetched and is to be taken: its rows are here, or in the sweep's thread. Who takes pages one after
 * the other sees no difference.
 */

import { setImmediate as nextTurn } from 'node:timers/promises';
import { ProviderError } from '../errors.ts';
import { createNumberSetFromTransfer, type NumberSet, type NumberSetState } from '../optouts/number-set.ts';
import type { SweepRun } from '../optouts/sweep-run.ts';
import { contentOf, slicesOf, type RowSlice } from './columns.ts';
import type { PageRequest } from './provider.ts';
import type { AskForPage, RawReply } from './replies.ts';
import type { ThreadConnection } from './thread/connection.ts';
import type { SetPiece } from './thread/messages.ts';

/** Some rows of a page. `fresh` is how many of their numbers are new, where somebody counted them already. */
export interface PageSlice extends RowSlice {
  readonly fresh?: number;
}

export interface FetchedPage {
  /** How many rows it has. */
  readonly length: number;
  readonly total: number | undefined;
  /** Its rows, those of one turn at a time. To be asked for once, in the order of the pages. */
  slices(): AsyncGenerator<PageSlice, void, undefined>;
  /** What tells rows that could not all be read from those of another page; after they were taken. */
  content(): string;
}

/** A page that a provider gave, of a sweep that started at `start` (ms UTC). @throws ProviderError for what is none. */
export function pageOf(given: unknown, index: number, start: number): FetchedPage {
  if (typeof given !== 'object' || given === null || !('rows' in given) || !Array.isArray(given.rows)) {
    throw new ProviderError('provider_bad_reply', `page ${index} of the list has no array of rows`);
  }
  const rows: readonly unknown[] = given.rows;
  const total = 'total' in given ? given.total : undefined;
  return {
    length: rows.length,
    total: typeof total === 'number' ? total : undefined,
    slices: () => inTurns(slicesOf(rows, start)),
    content: () => contentOf(rows),
  };
}

async function* inTurns(slices: Iterable<PageSlice>): AsyncGenerator<PageSlice, void, undefined> {
  let isFirst = true;
  for (const slice of slices) {
    if (!isFirst) await nextTurn();
    isFirst = false;
    yield slice;
  }
}

/** Pages that a thread reads. */
export interface ThreadPages {
  /** Asks for a page and has the reply read. Rejects on anything that is not a well-formed page. */
  page(wanted: PageRequest): Promise<FetchedPage>;
  /** Gives what was shown back to the sweep, after the last page was taken. */
  giveBack(): Promise<void>;
}

/** Has the pages of a sweep read by its thread, from the first one that is taken on. */
export function threadPages(
  { ask }: Pick<ThreadConnection, 'ask'>,
  askForPage: AskForPage,
  run: SweepRun,
): ThreadPages {
  let isBegun = false;

  async function begin(): Promise<void> {
    if (isBegun) return;
    isBegun = true;
    const shown = run.lend();
    const [outs, ins] = [shown.outs.transfer(), shown.ins.transfer()];
    await ask('begin', { outs: outs.state, ins: ins.state }, [...outs.buffers, ...ins.buffers]);
  }

  async function open(index: number, reply: RawReply): Promise<FetchedPage> {
    let content = '';
    return {
      ...(await ask('open', { index, reply }, [reply.body.buffer])),
      async *slices() {
        await begin();
        const taken = await ask('take', { index });
        ({ content } = taken);
        yield* inTurns(taken.slices);
      },
      content: () => content,
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
