/**
 * Reads a provider's list once, from the first page to a certain end, into a ledger. Numbers block as soon as their
 * page is read. The reader removes no number. It throws on every error, and if the end of the list is not certain:
 * neither ever counts as a shorter list.
 */

import { withDeadline, type Clock } from '../clock.ts';
import { ProviderError } from '../errors.ts';
import type { SweepRun } from '../ledger/sweep-types.ts';
import { createListEndDetector, incompleteError, type CountedPage, type ListEnd } from './list-end.ts';
import { createPageFingerprint } from './page-fingerprint.ts';
import { parsePage, parseReply, type FetchedPage } from './page.ts';
import type { PageRequest, Provider } from '../providers/provider.ts';
import { rawRequestOf } from '../providers/raw-replies.ts';

/** How a list is read. */
export interface ListReaderOptions {
  readonly pageSize: number;
  /** How many pages are requested at a time. */
  readonly concurrency: number;
  readonly maxPages: number;
  /** The time for one page, ms. */
  readonly timeoutMs: number;
}

/** The counts of a sweep. The reader updates them after each slice of rows. */
export interface SweepCounts {
  pages: number;
  rows: number;
  /** Numbers that the ledger did not list before. */
  added: number;
  /** Rows whose number could not be read. */
  unreadable: number;
  /** Rows that block although their flags or date are doubtful, by kind of doubt. */
  readonly doubts: Map<string, number>;
  /** Numbers whose opt-in the list now outweighs. */
  overruled: number;
  /** Rows whose number another row has too. 0 until the end of the list. */
  duplicates: number;
}

export interface ListReaderPorts {
  readonly provider: Provider;
  readonly clock: Clock;
  /** Start of the sweep, ms UTC. */
  readonly sweepStart: number;
  /** The ledger's side of the sweep, which takes the rows. */
  readonly ledgerSweep: SweepRun;
  /** Ends the sweep when it aborts. */
  readonly signal: AbortSignal;
  /** Called with the provider's time, ms UTC, for each page that carries it. */
  readonly onServerTime?: ((time: number) => void) | undefined;
  /** Called when rows outweigh opt-ins that counted until now. */
  readonly onOverruled?: (() => void) | undefined;
}

/** Returns counts of zero. */
export function zeroCounts(): SweepCounts {
  return { pages: 0, rows: 0, added: 0, unreadable: 0, doubts: new Map(), overruled: 0, duplicates: 0 };
}

/**
 * Reads the list until a page is empty or two pages in a row have no new number. If the announced count says that such
 * pages are second rows of known numbers and that more rows follow, it reads on.
 *
 * @throws ProviderError if a page cannot be read, or if the end is not certain (`provider_incomplete`).
 */
export async function readList(
  options: ListReaderOptions,
  ports: ListReaderPorts,
  counts: SweepCounts,
): Promise<void> {
  // A signal that has already aborted fires no event.
  if (ports.signal.aborted) throw abortError(ports.signal);
  const requests = new AbortController();
  const abort = () => requests.abort(ports.signal.reason);
  ports.signal.addEventListener('abort', abort);
  const detector = createListEndDetector();
  // Pages that were requested before their turn.
  const ahead: Promise<FetchedPage>[] = [];
  let requested = 0;
  let end: ListEnd | undefined;
  const request = () => fetchPage(requested++, options, { ...ports, signal: requests.signal });
  try {
    for (let index = 0; end === undefined; index++) {
      if (index >= options.maxPages) {
        throw incompleteError(`the list did not end within ${options.maxPages} pages`);
      }
      const next = ahead.shift() ?? request();
      while (requested < Math.min(index + options.concurrency, options.maxPages)) ahead.push(request());
      const page = await next;
      counts.pages++;
      detector.announce(page);
      if (page.length === 0) {
        await checkNothingFollows(ahead, ports, counts);
        end = 'empty page';
        break;
      }
      if (detector.add(await takeRows(page, ports, counts))) end = 'nothing new';
    }
  } finally {
    ports.signal.removeEventListener('abort', abort);
    requests.abort();
  }
  detector.check(end);
  counts.duplicates = detector.duplicates;
}

/** Adds a page to the ledger in slices. @returns the counts of the page. */
async function takeRows(
  page: FetchedPage,
  ports: ListReaderPorts,
  counts: SweepCounts,
): Promise<CountedPage> {
  const fingerprint = createPageFingerprint();
  const numbers: Float64Array[] = [];
  let [rows, unreadable, fresh] = [0, 0, 0];
  for await (const slice of page.slices()) {
    if (ports.signal.aborted) throw abortError(ports.signal);
    const effect = ports.ledgerSweep.page(slice);
    fingerprint.add(slice);
    numbers.push(slice.outs, slice.ins);
    rows += slice.rows;
    counts.rows += slice.rows;
    unreadable += slice.unreadable;
    counts.unreadable += slice.unreadable;
    fresh += effect.fresh;
    for (const [doubt, count] of slice.doubts) {
      counts.doubts.set(doubt, (counts.doubts.get(doubt) ?? 0) + count);
    }
    counts.added += effect.added;
    counts.overruled += effect.overruled.length;
    if (effect.overruled.length > 0) ports.onOverruled?.();
  }
  return { total: page.total, rows, unreadable, fresh, fingerprint: fingerprint.value, numbers };
}

/**
 * Checks that the pages requested beyond an empty page are empty too. If they have rows, their numbers block.
 *
 * @throws ProviderError `provider_incomplete` if they have rows: the end of the list is not certain.
 */
async function checkNothingFollows(
  ahead: Promise<FetchedPage>[],
  ports: ListReaderPorts,
  counts: SweepCounts,
): Promise<void> {
  let rows = 0;
  for (const result of await Promise.allSettled(ahead)) {
    if (result.status === 'rejected' || result.value.length === 0) continue;
    rows += (await takeRows(result.value, ports, counts)).rows;
  }
  if (rows > 0) throw incompleteError('rows followed an empty page');
}

/** Fetches a page. Rejects at the deadline and on abort even if the provider does not answer. */
function fetchPage(
  index: number,
  { pageSize, timeoutMs }: ListReaderOptions,
  { provider, clock, signal, sweepStart, onServerTime }: ListReaderPorts,
): Promise<FetchedPage> {
  async function readPage(request: PageRequest): Promise<FetchedPage> {
    const requestRaw = rawRequestOf(provider);
    if (requestRaw)
      return requestRaw(request, (reply) => parseReply(reply, index, sweepStart, request.signal));
    return parsePage(await provider.page(request), index, sweepStart);
  }
  const timeoutError = () =>
    new ProviderError('provider_timeout', `page ${index} of the list took longer than ${timeoutMs} ms`);
  const deadline = { clock, ms: timeoutMs, signal, timeoutError, abortError };
  const result = withDeadline(deadline, async (deadlineSignal) => {
    try {
      const page = await readPage({ index, size: pageSize, signal: deadlineSignal });
      if (page.serverTime !== undefined) onServerTime?.(page.serverTime);
      return page;
    } catch (error) {
      throw asProviderError(error);
    }
  });
  // Nothing awaits pages that were requested ahead once the sweep has ended: no unhandled rejection.
  result.catch(() => undefined);
  return result;
}

/** Returns the error itself if it is a ProviderError, else a ProviderError with it as the cause. */
export function asProviderError(error: unknown): ProviderError {
  if (error instanceof ProviderError) return error;
  return new ProviderError('provider_unreachable', 'the provider could not be read', { cause: error });
}

function abortError({ reason }: AbortSignal): ProviderError {
  return new ProviderError('provider_aborted', 'the sweep was ended before it was complete', {
    cause: reason,
  });
}
