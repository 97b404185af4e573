/**
 * One reading of a provider's list, from the first page to a certain end, into a ledger. Numbers block as soon as
 * their page is in; whether the reading was complete is judged at the end. It removes nothing itself, and an
 * error or a doubt about the end is never a shorter list.
 */

import { startTimer, type Clock } from '../clock.ts';
import { ProviderError } from '../errors.ts';
import type { SweepRun } from '../optouts/sweep-run.ts';
import type { SweepThread } from './offload.ts';
import { pageOf, threadPages, type FetchedPage, type ThreadPages } from './page.ts';
import type { PageRequest, Provider } from './provider.ts';
import { repliesOf } from './replies.ts';

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
}

/** Above this share of unreadable rows a sweep has failed. */
const UNREADABLE_LIMIT = 0.01;

/** @returns counts at zero. */
export function noCounts(): ReadingCounts {
  return { pages: 0, rows: 0, added: 0, unreadable: 0, doubts: new Map(), overruled: 0 };
}

/**
 * Reads the list until a page is empty or two pages in a row show no new number.
 *
 * @throws ProviderError where a page cannot be had, or where the end is not certain (`provider_incomplete`).
 */
export async function readList(
  options: ReadingOptions,
  ports: ReadingPorts,
  counts: ReadingCounts,
): Promise<void> {
  const ended = new AbortController();
  const end = () => ended.abort(ports.signal.reason);
  ports.signal.addEventListener('abort', end);
  const ahead: Promise<FetchedPage>[] = [];
  const threaded = createThreadChoice(ports);
  const announced = createCountCheck();
  let readableOnFreshPages = 0;
  let requested = 0;
  let withoutNews = 0;
  let previous = '';
  const request = () => fetchPage(requested++, options, { ...ports, signal: ended.signal }, threaded());
  try {
    for (let index = 0; withoutNews < 2; index++) {
      if (index >= options.maxPages) {
        throw incomplete(`the list did not end within ${options.maxPages} pages`);
      }
      const next = ahead.shift() ?? request();
      while (requested < Math.min(index + options.concurrency, options.maxPages)) ahead.push(request());
      const page = await next;
      counts.pages++;
      announced.see(page);
      if (page.length === 0) {
        await checkNothingFollows(ahead, ports, counts);
        break;
      }
      const isOffered = repliesOf(ports.provider) !== undefined;
      if (isOffered) ports.thread.expect(Math.max(counts.rows + page.length, announced.largest));
      const unreadableBefore = counts.unreadable;
      const fresh = await takeRows(page, ports, counts);
      const unreadable = counts.unreadable - unreadableBefore;
      // Rows that could not be read may have been news, unless the page is the one before once more.
      const content = unreadable > 0 ? page.content() : '';
      const isNews = fresh > 0 || (unreadable > 0 && content !== previous);
      previous = content;
      withoutNews = isNews ? 0 : withoutNews + 1;
      if (isNews) readableOnFreshPages += unreadable;
      // The sweep loses less by waiting than everybody else would by pages that are read here meanwhile.
      await ports.thread.started;
    }
  } finally {
    ports.signal.removeEventListener('abort', end);
    ended.abort();
  }
  if (counts.unreadable > counts.rows * UNREADABLE_LIMIT) {
    throw new ProviderError(
      'provider_bad_reply',
      `${counts.unreadable} of ${counts.rows} rows hold no readable number`,
    );
  }
  announced.check(ports.run.distinct + readableOnFreshPages);
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

/** Feeds a page to the ledger in slices. @returns how many numbers the sweep had not shown before. */
async function takeRows(page: FetchedPage, ports: ReadingPorts, counts: ReadingCounts): Promise<number> {
  let fresh = 0;
  for await (const slice of page.slices()) {
    if (ports.signal.aborted) throw abortReason(ports.signal);
    const effect = ports.run.page(slice, slice.fresh);
    fresh += effect.fresh;
    counts.rows += slice.rows;
    counts.unreadable += slice.unreadable;
    for (const [doubt, count] of slice.doubts)
      counts.doubts.set(doubt, (counts.doubts.get(doubt) ?? 0) + count);
    counts.added += effect.added;
    counts.overruled += effect.overruled.length;
  }
  return fresh;
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
  let fresh = 0;
  for (const result of await Promise.allSettled(ahead)) {
    if (result.status === 'fulfilled') fresh += await takeRows(result.value, ports, counts);
  }
  if (fresh > 0) throw incomplete('rows followed an empty page');
}

/**
 * `total` is the number of all rows or of the rows on its page: sources disagree. So the largest one only counts
 * where it differs from the rows of its own page.
 */
function createCountCheck() {
  let largest = 0;
  let isOwnPage = true;
  return {
    get largest() {
      return largest;
    },
    see({ total, length }: FetchedPage): void {
      if (total === undefined || !Number.isInteger(total) || total < largest) return;
      isOwnPage = total === length || (total === largest && isOwnPage);
      largest = total;
    },
    check(read: number): void {
      if (!isOwnPage && read < largest) {
        throw incomplete(`${read} different numbers were read, ${largest} were announced`);
      }
    },
  };
}

function incomplete(reason: string): ProviderError {
  return new ProviderError('provider_incomplete', `the list was not read completely: ${reason}`);
}

/** Asks for a page. Ends at the deadline and on abort even if the provider does not. */
function fetchPage(
  index: number,
  { pageSize, timeoutMs }: ReadingOptions,
  { provider, clock, signal, start }: ReadingPorts,
  threaded: ThreadPages | undefined,
): Promise<FetchedPage> {
  const request = new AbortController();
  const end = () => request.abort(signal.reason);
  signal.addEventListener('abort', end);
  const cancel = startTimer(clock, timeoutMs, () =>
    request.abort(
      new ProviderError('provider_timeout', `page ${index} of the list took longer than ${timeoutMs} ms`),
    ),
  );
  async function readPage(wanted: PageRequest): Promise<FetchedPage> {
    if (threaded) return threaded.page(wanted);
    return pageOf(await provider.page(wanted), index, start);
  }
  const result = new Promise<FetchedPage>((resolve, reject) => {
    request.signal.addEventListener('abort', () => reject(abortReason(request.signal)));
    if (signal.aborted) return end();
    // The outer function makes a provider that throws instead of rejecting reject.
    const wanted = { index, size: pageSize, signal: request.signal };
    (async () => readPage(wanted))().then(resolve, (error: unknown) => reject(asProviderError(error)));
  }).finally(() => {
    cancel();
    signal.removeEventListener('abort', end);
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

function abortReason(signal: AbortSignal): ProviderError {
  const reason: unknown = signal.reason;
  if (reason instanceof ProviderError) return reason;
  return new ProviderError('provider_aborted', 'the sweep was ended before it was complete', {
    cause: reason,
  });
}
