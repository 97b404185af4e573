/**
 * One reading of a provider's list, from the first page to a certain end, into a ledger. Numbers block as soon as
 * their page is in; whether the reading was complete is judged at the end. It removes nothing itself, and an
 * error or a doubt about the end is never a shorter list.
 */

import { withDeadline, type Clock } from '../clock.ts';
import { ProviderError } from '../errors.ts';
import type { SweepRun } from '../ledger/sweep-types.ts';
import { createListEnd, incomplete, type CountedPage } from './list-end.ts';
import type { SweepThread } from './sweep-thread.ts';
import { createPagePrint } from './page-fingerprint.ts';
import { pageOf, pageOfReply, threadPages, type FetchedPage, type ThreadPages } from './page.ts';
import type { PageRequest, Provider } from '../providers/provider.ts';
import { repliesOf } from '../providers/raw-replies.ts';

/** How a list is read. */
export interface ReadingOptions {
  readonly pageSize: number;
  readonly concurrency: number;
  readonly maxPages: number;
  /** The time for one page, ms. */
  readonly timeoutMs: number;
}

/** What was counted on the way. Live while the reading goes on. */
export interface ReadingCounts {
  pages: number;
  rows: number;
  /** Numbers that the ledger did not list before. */
  added: number;
  /** Rows whose number could not be read. */
  unreadable: number;
  /** Rows that block although their flags or date leave a doubt, by kind of doubt. */
  readonly doubts: Map<string, number>;
  /** Numbers whose opt-in the list now outweighs. */
  overruled: number;
  /** Rows that name a number which another row names too. Known at the end. */
  duplicates: number;
}

/** What the reading needs from outside. */
export interface ReadingPorts {
  readonly provider: Provider;
  readonly clock: Clock;
  /** Start of the sweep, ms UTC. */
  readonly start: number;
  readonly run: SweepRun;
  /** The sweep's own thread, for providers whose replies can be read in one. */
  readonly thread: SweepThread;
  readonly signal: AbortSignal;
  /** Told the provider's time, ms UTC, when a page comes that carries it. */
  readonly onServerTime?: ((time: number) => void) | undefined;
  /** Told when rows outweigh opt-ins that held until now. */
  readonly onOverruled?: (() => void) | undefined;
}

/** @returns counts at zero. */
export function noCounts(): ReadingCounts {
  return { pages: 0, rows: 0, added: 0, unreadable: 0, doubts: new Map(), overruled: 0, duplicates: 0 };
}

/**
 * Reads the list until a page is empty or two pages in a row show no new number. Where the announced count says that
 * such pages are second rows of known numbers and that more follow, it reads on.
 *
 * @throws ProviderError where a page cannot be had, or where the end is not certain (`provider_incomplete`).
 */
export async function readList(
  options: ReadingOptions,
  ports: ReadingPorts,
  counts: ReadingCounts,
): Promise<void> {
  // Nobody hears of an abort that was before.
  if (ports.signal.aborted) throw abortReason(ports.signal);
  const ended = new AbortController();
  const abort = () => ended.abort(ports.signal.reason);
  ports.signal.addEventListener('abort', abort);
  const ahead: Promise<FetchedPage>[] = [];
  const threaded = createThreadChoice(ports);
  const end = createListEnd();
  let requested = 0;
  let isEnded = false;
  let isCertain = false;
  const request = () => fetchPage(requested++, options, { ...ports, signal: ended.signal }, threaded());
  try {
    for (let index = 0; !isEnded; index++) {
      if (index >= options.maxPages) {
        throw incomplete(`the list did not end within ${options.maxPages} pages`);
      }
      const next = ahead.shift() ?? request();
      while (requested < Math.min(index + options.concurrency, options.maxPages)) ahead.push(request());
      const page = await next;
      counts.pages++;
      end.announce(page);
      if (page.length === 0) {
        await checkNothingFollows(ahead, ports, counts);
        isCertain = true;
        break;
      }
      const isOffered = repliesOf(ports.provider) !== undefined;
      if (isOffered) ports.thread.expect(Math.max(counts.rows + page.length, end.largest));
      isEnded = end.take(await takeRows(page, ports, counts));
      // The sweep loses less by waiting than everybody else would by pages that are read here meanwhile.
      await ports.thread.started;
    }
  } finally {
    ports.signal.removeEventListener('abort', abort);
    ended.abort();
  }
  end.check(isCertain ? 'empty page' : 'nothing new');
  counts.duplicates = end.duplicates;
  await threaded()?.giveBack();
}

/** Who reads pages that are asked for from now on, where it is the thread. Once it is, it stays so. */
function createThreadChoice({ provider, thread, run }: ReadingPorts): () => ThreadPages | undefined {
  let chosen: ThreadPages | undefined;
  return () => {
    const { running } = thread;
    const askForPage = repliesOf(provider);
    if (running && askForPage) chosen ??= threadPages(running, askForPage, run);
    return chosen;
  };
}

/** Feeds a page to the ledger in slices. @returns how it counts. */
async function takeRows(page: FetchedPage, ports: ReadingPorts, counts: ReadingCounts): Promise<CountedPage> {
  const print = createPagePrint();
  const numbers: Float64Array[] = [];
  let [rows, unreadable, fresh] = [0, 0, 0];
  for await (const slice of page.slices()) {
    if (ports.signal.aborted) throw abortReason(ports.signal);
    const effect = ports.run.page(slice, slice.fresh);
    print.add(slice);
    numbers.push(slice.outs, slice.ins);
    rows += slice.rows;
    counts.rows += slice.rows;
    unreadable += slice.unreadable;
    counts.unreadable += slice.unreadable;
    fresh += effect.fresh;
    for (const [doubt, count] of slice.doubts)
      counts.doubts.set(doubt, (counts.doubts.get(doubt) ?? 0) + count);
    counts.added += effect.added;
    counts.overruled += effect.overruled.length;
    if (effect.overruled.length > 0) ports.onOverruled?.();
  }
  return { total: page.total, rows, unreadable, fresh, print: print.value, numbers };
}

/**
 * Pages that were asked for ahead and lie past an empty one should be empty too. Where they are not, their numbers
 * block, and the end is not certain.
 */
async function checkNothingFollows(
  ahead: Promise<FetchedPage>[],
  ports: ReadingPorts,
  counts: ReadingCounts,
): Promise<void> {
  let rows = 0;
  for (const result of await Promise.allSettled(ahead)) {
    if (result.status === 'rejected' || result.value.length === 0) continue;
    rows += (await takeRows(result.value, ports, counts)).rows;
  }
  if (rows > 0) throw incomplete('rows followed an empty page');
}

/** Asks for a page. Ends at the deadline and on abort even if the provider does not. */
function fetchPage(
  index: number,
  { pageSize, timeoutMs }: ReadingOptions,
  { provider, clock, signal, start, thread, onServerTime }: ReadingPorts,
  threaded: ThreadPages | undefined,
): Promise<FetchedPage> {
  async function readPage(wanted: PageRequest): Promise<FetchedPage> {
    if (threaded) return threaded.page(wanted);
    const askForPage = repliesOf(provider);
    if (askForPage) return askForPage(wanted, (reply) => pageOfReply(reply, index, start, thread));
    return pageOf(await provider.page(wanted), index, start);
  }
  const timeoutError = () =>
    new ProviderError('provider_timeout', `page ${index} of the list took longer than ${timeoutMs} ms`);
  const deadline = { clock, ms: timeoutMs, signal, timeoutError, abortError: abortReason };
  const result = withDeadline(deadline, async (request) => {
    try {
      const page = await readPage({ index, size: pageSize, signal: request });
      if (page.serverTime !== undefined) onServerTime?.(page.serverTime);
      return page;
    } catch (thrown) {
      throw asProviderError(thrown);
    }
  });
  // Nobody waits for pages that were asked for ahead once the reading has ended.
  result.catch(() => undefined);
  return result;
}

/** Any failure as a ProviderError, with what was thrown as its cause. */
export function asProviderError(error: unknown): ProviderError {
  if (error instanceof ProviderError) return error;
  return new ProviderError('provider_unreachable', 'the provider could not be read', { cause: error });
}

function abortReason({ reason }: AbortSignal): ProviderError {
  return new ProviderError('provider_aborted', 'the sweep was ended before it was complete', {
    cause: reason,
  });
}
