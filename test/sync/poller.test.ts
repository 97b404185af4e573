import { describe, expect, it, vi } from 'vitest';
import { createAgeClock } from '../../src/clock.ts';
import { ProviderError, StoreError } from '../../src/errors.ts';
import type { Evidence } from '../../src/ledger/evidence.ts';
import { createLedger } from '../../src/ledger/ledger.ts';
import type { Anomaly, SweepOutcome } from '../../src/sync/sweep.ts';
import type { PageRequest, Provider, ProviderPage, ProviderRow } from '../../src/providers/provider.ts';
import { createPoller, type PollerOptions, type PollerPorts } from '../../src/sync/poller.ts';
import { createFakeClock, settle } from '../fake-clock.ts';

const MINUTE = 60_000;
const number = (index: number) => String(15_550_000_000 + index);
const numbers = (count: number, from = 0) =>
  Array.from({ length: count }, (_, index) => number(from + index));

/** Creates a provider that serves the result of `rows`, a page at a time. */
function paged(
  rows: () => readonly ProviderRow[],
  fields: { cap?: number; total?: 'all' | 'page' | 'none' } = {},
) {
  const page = vi.fn(async ({ index, size }: PageRequest): Promise<ProviderPage> => {
    const per = Math.min(size, fields.cap ?? size);
    const all = rows();
    const served = all.slice(index * per, (index + 1) * per);
    const total = { all: all.length, page: served.length, none: undefined }[fields.total ?? 'all'];
    return { rows: served, total };
  });
  return { page } satisfies Provider;
}

function harness(
  provider: Provider,
  options: Partial<PollerOptions> = {},
  {
    trustProviderRemoval = false,
    lease,
  }: { trustProviderRemoval?: boolean; lease?: PollerPorts['requestLease'] } = {},
) {
  const clock = createFakeClock();
  const ledger = createLedger({
    list: 'default',
    clockSlackMs: MINUTE,
    lagGraceMs: 10 * MINUTE,
    shrinkHoldMs: 24 * 60 * MINUTE,
    longestStepMs: 10 * MINUTE,
    trustProviderRemoval,
  });
  /** The last position of the store's log. All of the log is applied. */
  const log = { position: 0 };
  const record = (msisdn: string, evidence: Evidence) => {
    const positions = [{ log: 'log 1', position: ++log.position }];
    ledger.merge(msisdn, { ...evidence, positions }, clock.monotonic());
  };
  const stop = (msisdn: string) => {
    const now = clock.now();
    const stopEvidence = { direction: 'out', kind: 'told', source: 'inbound', id: 'stop' } as const;
    record(msisdn, { ...stopEvidence, at: now, seenAt: now });
  };
  const outcomes: SweepOutcome[] = [];
  const anomalies: Anomaly[] = [];
  const errors: unknown[] = [];
  const duplicates: number[] = [];
  const onAnomaly = vi.fn((anomaly: Anomaly) => void anomalies.push(anomaly));
  const saveSweep = vi.fn(() => ledger.save().done('kept'));
  const notReadyError = vi.fn<PollerPorts['notReadyError']>();
  const keepOptIns = vi.fn<PollerPorts['keepOptIns']>(async (changes) => {
    for (const { msisdn, evidence } of changes) record(msisdn, evidence);
  });
  const poller = createPoller(
    {
      list: 'default',
      everyMs: 5 * MINUTE,
      jitter: 0,
      timeoutMs: 30_000,
      pageSize: 100,
      concurrency: 1,
      maxPages: 100_000,
      ...options,
    },
    {
      provider,
      ledger,
      clock,
      ageClock: createAgeClock(clock),
      applied: () => ({ log: 'log 1', position: log.position }),
      notReadyError,
      requestLease: lease,
      random: () => 0.5,
      keepOptIns,
      saveSweep,
      onOutcome: (outcome) => outcomes.push(outcome),
      onAnomaly,
      onError: (error) => errors.push(error),
      onDuplicates: (rows) => duplicates.push(rows),
    },
  );
  return {
    clock,
    ledger,
    log,
    stop,
    outcomes,
    anomalies,
    errors,
    duplicates,
    saveSweep,
    keepOptIns,
    onAnomaly,
    notReadyError,
    poller,
  };
}

describe('the end of the list', () => {
  it.each([0, 1, 99, 100, 101, 200, 201, 1001])('is found after all of %d rows', async (count) => {
    for (const total of ['all', 'page', 'none'] as const) {
      const { poller, ledger } = harness(paged(() => numbers(count), { total }));
      expect(await poller.sweep()).toMatchObject({ status: 'complete', size: count, added: count });
      expect(numbers(count).every((msisdn) => ledger.blocks(msisdn))).toBe(true);
    }
  });

  it.each([1, 7, 99])('is found at a server that caps pages at %d rows', async (cap) => {
    const { poller } = harness(paged(() => numbers(250), { cap }));
    expect(await poller.sweep()).toMatchObject({ status: 'complete', size: 250 });
  });

  it.each([1, 3, 10])('is found with %d pages at a time', async (concurrency) => {
    const provider = paged(() => numbers(450));
    const { poller } = harness(provider, { concurrency });
    expect(await poller.sweep()).toMatchObject({ status: 'complete', size: 450, pages: 6 });
  });

  it('is found at a server that serves its first page as page 0 and as page 1', async () => {
    const page = async ({ index }: PageRequest) => {
      const at = Math.max(0, index - 1) * 100;
      return { rows: numbers(250).slice(at, at + 100), total: 250 };
    };
    expect(await harness({ page }).poller.sweep()).toMatchObject({ status: 'complete', size: 250 });
  });

  it('is found at a server that repeats one page for ever', async () => {
    const page = vi.fn(async () => ({ rows: numbers(100), total: 100 }));
    expect(await harness({ page }).poller.sweep()).toMatchObject({
      status: 'complete',
      size: 100,
      pages: 3,
    });
  });

  it('is not certain if a server that repeats one page announced more rows', async () => {
    const { poller, anomalies, ledger } = harness({
      page: async () => ({ rows: numbers(100), total: 250 }),
    });
    expect(await poller.sweep()).toMatchObject({ status: 'failed', error: { code: 'provider_incomplete' } });
    expect(anomalies.map(({ code }) => code)).toEqual(['list_incomplete']);
    expect([ledger.blocks(number(99)), ledger.lastStart]).toEqual([true, null]);
  });

  it('is not certain if an empty page comes before the announced count is reached', async () => {
    const page = async ({ index }: PageRequest) => ({ rows: index === 0 ? numbers(100) : [], total: 101 });
    expect(await harness({ page }).poller.sweep()).toMatchObject({ status: 'failed' });
  });

  it('is not certain if an empty list announces rows', async () => {
    expect(await harness({ page: async () => ({ rows: [], total: 5 }) }).poller.sweep()).toMatchObject({
      status: 'failed',
    });
  });

  it('is not certain if rows follow an empty page, and those rows block', async () => {
    const page = async ({ index }: PageRequest) => ({ rows: index === 1 ? [] : numbers(100, index * 100) });
    const { poller, ledger } = harness({ page }, { concurrency: 4 });
    expect(await poller.sweep()).toMatchObject({ status: 'failed', error: { code: 'provider_incomplete' } });
    expect(ledger.blocks(number(350))).toBe(true);
  });

  it('is not certain if maxPages is reached', async () => {
    expect(
      await harness(
        paged(() => numbers(250)),
        { maxPages: 2 },
      ).poller.sweep(),
    ).toMatchObject({
      status: 'failed',
      error: { code: 'provider_incomplete' },
    });
  });

  it('is certain with a count that equals the rows of its page, or that is not valid', async () => {
    const rows = [number(1), number(1), number(2)];
    for (const total of [3, -1, 2.5, Number.NaN, '9' as never]) {
      const page = async ({ index }: PageRequest) => (index === 0 ? { rows, total } : { rows: [] });
      expect(await harness({ page }).poller.sweep()).toMatchObject({ status: 'complete', size: 2 });
    }
  });

  it('is not certain if rows follow an empty page, even if their numbers were read before', async () => {
    const page = async ({ index }: PageRequest) => ({ rows: index === 1 ? [] : numbers(100) });
    const { poller } = harness({ page }, { concurrency: 4 });
    expect(await poller.sweep()).toMatchObject({ status: 'failed', error: { code: 'provider_incomplete' } });
  });

  it('does not unblock a listed number that moved to an earlier page while the list was read', async () => {
    let list = numbers(200);
    const page = vi.fn(async ({ index }: PageRequest) => {
      const rows = list.slice(index * 100, (index + 1) * 100);
      if (index === 0 && page.mock.calls.length > 3) list = list.slice(1);
      return { rows };
    });
    const { poller, ledger } = harness({ page });
    await poller.sweep();
    await poller.sweep();
    expect(ledger.blocks(number(100))).toBe(true);
  });

  it('is certain even if a page beyond it fails', async () => {
    const { poller } = harness(
      {
        page: async ({ index }) => {
          if (index > 1) throw new ProviderError('provider_rejected', 'past the end');
          return { rows: index === 0 ? numbers(100) : [] };
        },
      },
      { concurrency: 3 },
    );
    expect(await poller.sweep()).toMatchObject({ status: 'complete', size: 100 });
  });
});

describe('a list that holds numbers in two rows', () => {
  const dated = (index: number, day: number) => ({
    ...{ msisdn: number(index), 'opt-in': 'false', 'opt-out': 'true' },
    'opt-out-date': `2025-01-${String(day).padStart(2, '0')} 10:00:00`,
  });
  const twice = (count: number, every = 1) =>
    numbers(count).flatMap((one, index) => (index % every === 0 ? [one, one] : [one]));
  const campaign = (count: number, day: number) =>
    Array.from({ length: count }, (_, index) => dated(index, day));

  it.each<[string, readonly ProviderRow[], number]>([
    ['two rows on one page', [number(0), number(0), number(1)], 2],
    ['two rows of every number', twice(250), 250],
    ['two rows of a few numbers', twice(950, 300), 950],
    ['two rows on different pages', [number(900), ...twice(250)], 251],
    ['second rows at its end', [...numbers(250), ...numbers(20)], 250],
    [
      'second rows of another campaign, on pages of their own',
      [...campaign(300, 1), ...campaign(300, 2)],
      300,
    ],
    [
      'second rows of another campaign that ends with new numbers',
      [...campaign(300, 1), ...campaign(330, 2)],
      330,
    ],
    ['the whole list twice, on other pages', [...numbers(250), ...numbers(250)], 250],
    ['three rows of every number', [...twice(150), ...numbers(150)], 150],
    [
      'an opted-in and an opted-out row of one number',
      [{ msisdn: number(7), optIn: true, optOut: false }, ...numbers(150)],
      150,
    ],
  ])('is complete with %s', async (_name, rows, size) => {
    for (const concurrency of [1, 3]) {
      const { poller, duplicates, ledger } = harness(
        paged(() => rows),
        { concurrency },
      );
      for (let time = 0; time < 2; time++) {
        expect(await poller.sweep()).toMatchObject({ status: 'complete', size, rows: rows.length });
      }
      expect(duplicates).toEqual([rows.length - size]);
      expect(ledger.listedByProvider).toBe(size);
    }
  });

  it('reports no duplicates if each number is in one row', async () => {
    const { poller, duplicates } = harness(paged(() => numbers(250)));
    await poller.sweep();
    expect(duplicates).toEqual([]);
  });

  it('is complete from a server that serves its first page as page 0 and as page 1', async () => {
    const rows = twice(250, 10);
    const page = async ({ index }: PageRequest) => {
      const at = Math.max(0, index - 1) * 100;
      return { rows: rows.slice(at, at + 100), total: rows.length };
    };
    const { poller, duplicates } = harness({ page });
    expect(await poller.sweep()).toMatchObject({ status: 'complete', size: 250 });
    expect(duplicates).toEqual([25]);
  });

  const shuffled = <T>(rows: readonly T[], by: number) => [...rows.slice(by), ...rows.slice(0, by)];
  it.each<[string, (request: PageRequest) => readonly ProviderRow[], number]>([
    ['the same page for ever', () => numbers(100), 250],
    ['the same rows in another order for ever', ({ index }) => shuffled(numbers(100), index % 7), 250],
    ['two pages in turn', ({ index }) => numbers(100, (index % 2) * 100), 400],
    ['the same rows with new dates for ever', ({ index }) => campaign(100, (index % 28) + 1), 5_000],
    [
      'one page twice instead of the next',
      ({ index }) => numbers(index > 4 ? 0 : 100, ([0, 1, 1, 3, 4][index] as number) * 100),
      500,
    ],
    [
      'an earlier page instead of the next',
      ({ index }) => numbers(index > 4 ? 0 : 100, ([0, 1, 2, 0, 4][index] as number) * 100),
      500,
    ],
    ['fewer rows than it announces', ({ index }) => twice(250).slice(index * 100, index * 100 + 100), 501],
  ])('is incomplete if the server sends %s', async (_name, rowsOf, total) => {
    for (const concurrency of [1, 3]) {
      const page = async (request: PageRequest) => ({ rows: rowsOf(request), total });
      const { poller, duplicates } = harness({ page }, { concurrency, maxPages: 1_000 });
      const outcome = await poller.sweep();
      expect(outcome).toMatchObject({ status: 'failed', error: { code: 'provider_incomplete' } });
      expect(duplicates).toEqual([]);
    }
  });

  it.each([
    ['at its start', 1, (list: readonly string[]) => [number(9_000), ...list]],
    [
      'in the part that was already read',
      1,
      (list: readonly string[]) => list.toSpliced(50, 0, number(9_000)),
    ],
    ['by more than a page', 130, (list: readonly string[]) => [...numbers(130, 9_000), ...list]],
    ['by a page', 100, (list: readonly string[]) => [...numbers(100, 9_000), ...list]],
  ])('is incomplete if it grew %s while it was read', async (_name, _count, grow) => {
    for (const [at, concurrency] of [
      [1, 1],
      [2, 1],
      [3, 1],
      [2, 3],
    ] as const) {
      let list: readonly string[] = twice(400, 50);
      const provider = paged(() => list);
      const { poller } = harness(
        {
          page: async (request) => {
            if (request.index === at) list = grow(list);
            return provider.page(request);
          },
        },
        { concurrency },
      );
      expect(await poller.sweep()).toMatchObject({
        status: 'failed',
        error: { code: 'provider_incomplete' },
      });
      expect(await poller.sweep()).toMatchObject({ status: 'failed' });
    }
  });

  it('is complete if it grew at its end while it was read', async () => {
    let list: readonly string[] = twice(400, 50);
    const provider = paged(() => list);
    const { poller, ledger } = harness({
      page: async (request) => {
        if (request.index < 4) list = [...list, number(9_000 + list.length)];
        return provider.page(request);
      },
    });
    expect(await poller.sweep()).toMatchObject({ status: 'complete' });
    expect(ledger.blocks(number(399))).toBe(true);
  });

  it('is incomplete if it grew at its end while long pages were read', async () => {
    let list: readonly string[] = twice(45_000, 4_000);
    const provider = paged(() => list);
    const { poller } = harness(
      {
        page: async (request) => {
          if (request.index === 1) list = [...list, number(90_000)];
          return provider.page(request);
        },
      },
      { pageSize: 21_000 },
    );
    // Long pages are not compared: all their repeated numbers may have been read twice.
    expect(await poller.sweep()).toMatchObject({ status: 'failed', error: { code: 'provider_incomplete' } });
    expect(await poller.sweep()).toMatchObject({ status: 'failed' });
    expect(
      await harness(
        paged(() => list),
        { pageSize: 21_000 },
      ).poller.sweep(),
    ).toMatchObject({
      status: 'complete',
      size: 45_001,
    });
  });
});

describe('a sweep', () => {
  it.each<[string, unknown]>([
    ['null', null],
    ['an empty object', {}],
    ['rows of null', { rows: null }],
    ['rows of a string', { rows: 'x' }],
    ['a number', 5],
  ])('fails on a page of %s', async (_name, reply) => {
    const provider = paged(() => numbers(3));
    const { poller, ledger } = harness(provider);
    await poller.sweep();
    provider.page.mockResolvedValue(reply as ProviderPage);
    expect(await poller.sweep()).toMatchObject({ status: 'failed', error: { code: 'provider_bad_reply' } });
    expect(ledger.listedByProvider).toBe(3);
  });

  it('removes nothing if page 3 of 5 fails, but blocks new rows of pages 1 and 2', async () => {
    let list = numbers(450);
    let isBroken = false;
    const provider = paged(() => list);
    const { poller, ledger, saveSweep } = harness({
      page: async (request) => {
        if (isBroken && request.index === 2) throw new ProviderError('provider_unavailable', 'down');
        return provider.page(request);
      },
    });
    await poller.sweep();
    list = [...numbers(1, 9_000), ...numbers(200)];
    isBroken = true;
    for (let time = 0; time < 3; time++) await poller.sweep();
    expect([ledger.blocks(number(9_000)), ledger.blocks(number(449))]).toEqual([true, true]);
    expect(saveSweep).toHaveBeenCalledTimes(2);
  });

  it('fails if the provider throws instead of rejecting, or rejects without an error', async () => {
    for (const page of [
      () => {
        throw new Error('sync');
      },
      async () => {
        throw undefined;
      },
    ]) {
      const outcome = await harness({ page }).poller.sweep();
      expect(outcome).toMatchObject({ status: 'failed', error: { code: 'provider_unreachable' } });
    }
  });

  it('fails at the deadline if a page does not come', async () => {
    const { poller, clock } = harness({ page: () => new Promise(() => undefined) });
    const outcome = poller.sweep();
    await clock.advance(30_000);
    expect(await outcome).toMatchObject({ status: 'failed', error: { code: 'provider_timeout' } });
    expect(clock.timers).toBe(0);
  });

  it('aborts the request at the deadline, and ignores a late page', async () => {
    let signal: AbortSignal | undefined;
    let answer: ((page: ProviderPage) => void) | undefined;
    const page = (request: PageRequest) => {
      signal = request.signal;
      return new Promise<ProviderPage>((resolve) => (answer = resolve));
    };
    const { poller, clock, ledger } = harness({ page });
    const outcome = poller.sweep();
    await clock.advance(30_000);
    await outcome;
    expect(signal?.aborted).toBe(true);
    answer?.({ rows: numbers(1) });
    await settle();
    expect([ledger.blocks(number(0)), ledger.lastStart]).toEqual([false, null]);
  });

  it('fails with more than 1 % unreadable rows, but blocks the readable ones', async () => {
    const { poller, ledger, anomalies } = harness(paged(() => [...numbers(98), 'x', {}], { total: 'none' }));
    expect(await poller.sweep()).toMatchObject({ status: 'failed', unreadable: 2 });
    expect([ledger.blocks(number(97)), ledger.lastStart]).toEqual([true, null]);
    expect(anomalies).toMatchObject([{ code: 'rows_unreadable', count: 2 }]);
  });

  it('completes with up to 1 % unreadable rows, but removes nothing', async () => {
    let list: ProviderRow[] = numbers(150);
    const { poller, ledger, clock } = harness(paged(() => list));
    await poller.sweep();
    list = [...numbers(140), 'not a number'];
    for (let time = 0; time < 3; time++) {
      clock.skip(5 * MINUTE);
      expect(await poller.sweep()).toMatchObject({ status: 'complete', removed: 0, unreadable: 1 });
    }
    expect([ledger.blocks(number(149)), ledger.lastStart]).toEqual([true, clock.now()]);
  });

  it('blocks a row with unreadable flags, and reports it', async () => {
    const rows = [{ msisdn: number(1), 'opt-in': 'maybe', 'opt-out': 7 }, { msisdn: number(2) }];
    const { poller, ledger, anomalies } = harness(paged(() => rows));
    expect(await poller.sweep()).toMatchObject({ status: 'complete', size: 2 });
    expect([ledger.blocks(number(1)), ledger.blocks(number(2))]).toEqual([true, true]);
    expect(anomalies.every(({ code }) => code === 'rows_doubtful')).toBe(true);
    expect(anomalies).toHaveLength(2);
  });

  it('does not begin before the store is loaded', async () => {
    const provider = paged(() => numbers(3));
    const { poller, notReadyError, ledger } = harness(provider);
    notReadyError.mockReturnValue(new StoreError('not open'));
    expect(await poller.sweep()).toMatchObject({ status: 'failed', error: { code: 'store_unavailable' } });
    notReadyError.mockReturnValue(undefined);
    expect([provider.page.mock.calls.length, ledger.lastStart]).toEqual([0, null]);
    expect(await poller.sweep()).toMatchObject({ status: 'complete' });
  });

  it('reads on after pages that only have unreadable rows', async () => {
    const page = async ({ index }: PageRequest) => {
      if (index === 300) return { rows: [] };
      const isBroken = index === 250 || index === 251;
      return { rows: isBroken ? [`x${index}`] : numbers(10, index * 10) };
    };
    const { poller, ledger } = harness({ page });
    expect(await poller.sweep()).toMatchObject({ status: 'complete', unreadable: 2, size: 2_980 });
    expect(ledger.blocks(number(2_999))).toBe(true);
  });

  it('ends at repeated pages with the same unreadable row, whatever its type', async () => {
    const circular: unknown[] = [];
    circular.push(circular);
    for (const odd of [undefined, null, 'x', 5n, circular, Symbol('odd'), { msisdn: 'x' }, () => 1]) {
      const page = async () => ({ rows: [...numbers(150), odd] as ProviderRow[] });
      expect(await harness({ page }).poller.sweep()).toMatchObject({ status: 'complete', pages: 3 });
    }
  });

  it('fails with more than 1 % unreadable rows, even if repeated pages add readable ones', async () => {
    const rows = [...numbers(240), 'x', 'y', 'z'];
    const page = async ({ index }: PageRequest) => {
      const at = Math.max(0, index - 1) * 100;
      return { rows: rows.slice(at, at + 100) };
    };
    expect(await harness({ page }).poller.sweep()).toMatchObject({
      ...{ status: 'failed', rows: 343, error: { code: 'provider_bad_reply' } },
    });
  });

  it('ends at a page with an unreadable row that comes again and again', async () => {
    const page = vi.fn(async () => ({ rows: [...numbers(150), 'x'] }));
    expect(await harness({ page }).poller.sweep()).toMatchObject({ status: 'complete', pages: 3 });
  });
});

describe('rows that are opted in', () => {
  const optedIn = {
    msisdn: number(0),
    'opt-in': 'true',
    'opt-out': 'false',
    'opt-in-date': '2025-12-31 23:59:59',
  };

  it('do not count as listed, and do not unblock a first-hand opt-out', async () => {
    let rows: ProviderRow[] = numbers(2);
    const { poller, ledger, clock, keepOptIns, stop } = harness(paged(() => rows));
    await poller.sweep();
    rows = [optedIn, { ...optedIn, msisdn: number(1) }];
    stop(number(1));
    for (const removed of [0, 2]) {
      clock.skip(MINUTE);
      expect(await poller.sweep()).toMatchObject({ status: 'complete', rows: 2, removed });
    }
    expect([ledger.blocks(number(0)), ledger.blocks(number(1))]).toEqual([false, true]);
    expect(keepOptIns).not.toHaveBeenCalled();
  });
});

describe('removals that a list trusts', () => {
  /** Creates a list that trusts removals and has listed a person since the person's STOP. */
  async function createTrustingList() {
    const served: { rows: ProviderRow[] } = { rows: numbers(2) };
    const world = harness(
      paged(() => served.rows),
      {},
      { trustProviderRemoval: true },
    );
    const next = async () => {
      world.clock.skip(11 * MINUTE);
      return world.poller.sweep();
    };
    world.stop(number(0));
    await next();
    served.rows = [number(1)];
    return { ...world, served, next };
  }

  it('are stored as opt-ins whose basis is the position applied when the first of the two sweeps began', async () => {
    const { next, ledger, log, keepOptIns } = await createTrustingList();
    log.position = 7;
    await next();
    log.position = 9;
    await next();
    expect(keepOptIns.mock.calls).toMatchObject([
      [[{ msisdn: number(0), evidence: { direction: 'in', basis: { log: 'log 1', position: 7 } } }]],
    ]);
    expect([ledger.blocks(number(0)), ledger.blocks(number(1))]).toEqual([false, true]);
    expect(await next()).toMatchObject({ status: 'complete', removed: 1, size: 1 });
    expect(ledger.blocks(number(0))).toBe(false);
  });

  it('do not unblock after a STOP that was applied after the first of the two sweeps began', async () => {
    const { next, ledger, stop } = await createTrustingList();
    await next();
    stop(number(1));
    await next();
    expect([ledger.blocks(number(0)), ledger.blocks(number(1))]).toEqual([false, true]);
  });

  it('are proven again by each sweep until they are stored', async () => {
    const { next, ledger, keepOptIns, errors } = await createTrustingList();
    await next();
    keepOptIns.mockRejectedValueOnce(new Error('down'));
    expect([await next(), ledger.blocks(number(0))]).toMatchObject([{ removed: 0 }, true]);
    expect([await next(), ledger.blocks(number(0))]).toMatchObject([{ removed: 0 }, false]);
    expect([await next(), ledger.blocks(number(0))]).toMatchObject([{ removed: 1, size: 1 }, false]);
    expect(errors).toMatchObject([{ message: 'down' }]);
  });

  it('do not delay the end of the sweep if they cannot be stored in time', async () => {
    const { next, clock, keepOptIns, errors } = await createTrustingList();
    await next();
    keepOptIns.mockReturnValueOnce(new Promise(() => undefined));
    const sweep = next();
    await clock.advance(30_000);
    expect(await sweep).toMatchObject({ status: 'complete' });
    expect(errors).toMatchObject([{ message: /not finished within/ }]);
  });

  it('do not keep the poller from stopping while they are stored', async () => {
    const { next, poller, clock, keepOptIns } = await createTrustingList();
    await next();
    let stopped: Promise<void> | undefined;
    keepOptIns.mockImplementationOnce(async () => {
      stopped = poller.stop();
    });
    expect(await next()).toMatchObject({ status: 'complete' });
    await stopped;
    expect(clock.timers).toBe(0);
    expect(await poller.sweep()).toEqual({ status: 'closed', list: 'default' });
  });
});

describe('long lists', () => {
  it('let other work run during a page and during a commit', async () => {
    let rows = numbers(45_000);
    const { poller, ledger } = harness(
      paged(() => rows),
      { pageSize: 50_000 },
    );
    let turns = 0;
    let isOver = false;
    const count = () => {
      turns++;
      if (!isOver) setImmediate(count);
    };
    setImmediate(count);
    await poller.sweep();
    const ofPages = turns;
    rows = numbers(44_999);
    await poller.sweep();
    isOver = true;
    expect(ofPages).toBeGreaterThan(20);
    expect(turns - ofPages).toBeGreaterThan(ofPages);
    expect(ledger.blocks(number(44_999))).toBe(true);
  });

  it('are left in the middle of a page when the poller stops', async () => {
    const { poller, ledger, clock } = harness(
      paged(() => numbers(45_000)),
      { pageSize: 50_000 },
    );
    const outcome = poller.sweep();
    setImmediate(() => void poller.stop());
    expect(await outcome).toMatchObject({ status: 'closed' });
    expect(ledger.listedByProvider).toBeLessThan(45_000);
    expect(clock.timers).toBe(0);
  });
});

describe('a sweep that another process overtakes', () => {
  it('changes nothing and fails', async () => {
    const provider = paged(() => numbers(150));
    const { poller, ledger, clock, saveSweep } = harness({
      page: async (request) => {
        const followed = { number: 2, began: clock.monotonic(), added: [15_559_999_999], removed: [] };
        if (request.index === 2) ledger.follow({ ...followed, start: clock.now() + 1 }, []);
        return provider.page(request);
      },
    });
    expect(await poller.sweep()).toMatchObject({ status: 'failed', error: { code: 'provider_aborted' } });
    expect([ledger.listedByProvider, ledger.lastStart]).toEqual([151, clock.now() + 1]);
    expect(saveSweep).toHaveBeenCalledTimes(1);
  });
});

describe('removals', () => {
  it('take two complete sweeps', async () => {
    let list = numbers(5);
    const { poller, ledger, clock } = harness(paged(() => list));
    await poller.sweep();
    list = numbers(4);
    clock.skip(MINUTE);
    expect(await poller.sweep()).toMatchObject({ removed: 0 });
    expect(ledger.blocks(number(4))).toBe(true);
    clock.skip(MINUTE);
    expect(await poller.sweep()).toMatchObject({ removed: 1 });
    expect(ledger.blocks(number(4))).toBe(false);
  });

  it('apply to a list of 3 numbers that becomes empty', async () => {
    let list = numbers(3);
    const { poller } = harness(paged(() => list));
    await poller.sweep();
    list = [];
    await poller.sweep();
    expect(await poller.sweep()).toMatchObject({ size: 0, removed: 3, isHeld: false });
  });

  it('are held back until accepted if they are half of the list', async () => {
    let list = numbers(5_000);
    const { poller, ledger, clock, anomalies } = harness(
      paged(() => list, { total: 'all' }),
      { pageSize: 1_000 },
    );
    await poller.sweep();
    list = numbers(40);
    for (let time = 0; time < 3; time++) {
      clock.skip(MINUTE);
      expect(await poller.sweep()).toMatchObject({ status: 'complete', isHeld: true, removed: 0 });
    }
    expect([anomalies.length, anomalies[0]?.code, ledger.blocks(number(4_999))]).toEqual([
      3,
      'shrink_held',
      true,
    ]);
    clock.skip(MINUTE);
    expect(await poller.sweep({ acceptShrink: true })).toMatchObject({
      isHeld: false,
      removed: 4_960,
      size: 40,
    });
  });

  it('are applied by the next sweep if they are accepted too late for the running one', async () => {
    let list = numbers(200);
    const { poller, onAnomaly } = harness(paged(() => list));
    await poller.sweep();
    list = [];
    let accepting: Promise<SweepOutcome> | undefined;
    onAnomaly.mockImplementationOnce(() => {
      accepting = poller.sweep({ acceptShrink: true });
    });
    expect(await poller.sweep()).toMatchObject({ isHeld: true });
    expect(await accepting).toMatchObject({ isHeld: false, removed: 200 });
  });

  it('are applied by a running sweep if they are accepted while it reads', async () => {
    let list = numbers(200);
    const { poller } = harness(paged(() => list));
    await poller.sweep();
    list = [];
    await poller.sweep();
    const running = poller.sweep();
    const joined = poller.sweep({ acceptShrink: true });
    expect(await joined).toMatchObject({ removed: 200 });
    expect(await joined).toBe(await running);
  });
});

describe('the loop', () => {
  it('sweeps at once and then at its interval, counted from start to start', async () => {
    const provider = paged(() => []);
    const slow: Provider = {
      page: async (request) => {
        await new Promise<void>((resolve) => void clock.setTimeout(resolve, 20_000));
        return provider.page(request);
      },
    };
    const { poller, clock, outcomes } = harness(slow);
    poller.start();
    poller.start();
    await clock.advance(3 * 5 * MINUTE + 20_000);
    expect(outcomes.map((outcome) => outcome.status === 'complete' && outcome.startedAt)).toEqual(
      [0, 1, 2, 3].map((step) => clock.now() - 20_000 - (3 - step) * 5 * MINUTE),
    );
  });

  it('lets a second caller join the running sweep', async () => {
    const provider = paged(() => numbers(3));
    const { poller } = harness(provider);
    const running = poller.sweep();
    const joined = poller.sweep();
    expect(await joined).toBe(await running);
    expect(provider.page).toHaveBeenCalledTimes(2);
  });

  it('never runs two sweeps at a time, even if they are slow', async () => {
    let concurrent = 0;
    let most = 0;
    const page = async () => {
      most = Math.max(most, ++concurrent);
      await new Promise<void>((resolve) => void clock.setTimeout(resolve, 25_000));
      concurrent--;
      return { rows: [] };
    };
    const { poller, clock, outcomes } = harness({ page }, { everyMs: 10_000 });
    poller.start();
    await clock.advance(5 * MINUTE);
    expect(most).toBe(1);
    expect(outcomes.length).toBeGreaterThan(8);
  });

  it.each(['provider_credentials', 'provider_rejected', 'provider_bad_reply', 'provider_throttled'] as const)(
    'keeps polling after %s',
    async (code) => {
      const provider = paged(() => numbers(3));
      const { poller, clock, outcomes } = harness(provider);
      poller.start();
      await clock.advance(1);
      provider.page.mockRejectedValue(new ProviderError(code, 'no'));
      await clock.advance(24 * 60 * MINUTE);
      expect(poller.consecutiveFailures).toBe(288);
      provider.page.mockResolvedValue({ rows: [] });
      await clock.advance(5 * MINUTE);
      expect(outcomes.at(-1)).toMatchObject({ status: 'complete' });
      expect(poller.consecutiveFailures).toBe(0);
    },
  );

  it('polls no faster than its interval after a failure, once a list is known', async () => {
    const provider = paged(() => numbers(3));
    const { poller, clock } = harness(provider);
    poller.start();
    await clock.advance(1);
    provider.page.mockClear();
    provider.page.mockRejectedValue(new Error('down'));
    await clock.advance(60 * MINUTE);
    expect(provider.page).toHaveBeenCalledTimes(12);
  });

  it('retries after waits that double, while no list is known at all', async () => {
    const page = vi.fn<Provider['page']>(async () => {
      throw new Error('down');
    });
    const { poller, clock } = harness({ page });
    poller.start();
    await clock.advance(0);
    const times: number[] = [];
    page.mockImplementation(async () => {
      times.push(clock.now());
      throw new Error('down');
    });
    const begin = clock.now();
    await clock.advance(10 * MINUTE);
    expect(times.map((time) => (time - begin) / 1_000)).toEqual([1, 3, 7, 15, 31, 63, 127, 255, 511]);
  });

  it('waits as long as Retry-After says, but an hour at most', async () => {
    const provider = paged(() => numbers(3));
    const { poller, clock } = harness(provider);
    poller.start();
    await clock.advance(1);
    provider.page.mockClear();
    provider.page.mockRejectedValueOnce(
      new ProviderError('provider_throttled', 'slow', { retryAfterMs: 20 * MINUTE }),
    );
    await clock.advance(5 * MINUTE);
    expect(provider.page).toHaveBeenCalledTimes(1);
    await clock.advance(19 * MINUTE);
    expect(provider.page).toHaveBeenCalledTimes(1);
    provider.page.mockRejectedValueOnce(
      new ProviderError('provider_throttled', 'slow', { retryAfterMs: 1e12 }),
    );
    await clock.advance(2 * MINUTE);
    expect(provider.page).toHaveBeenCalledTimes(2);
    await clock.advance(61 * MINUTE);
    expect(provider.page.mock.calls.length).toBeGreaterThan(2);
  });

  it('keeps its interval if random() is in the middle of the jitter', async () => {
    const provider = paged(() => []);
    const { poller, clock } = harness(provider, { jitter: 0.5 });
    poller.start();
    // random() is 0.5 here.
    await clock.advance(5 * MINUTE - 1);
    expect(provider.page).toHaveBeenCalledTimes(1);
    await clock.advance(1);
    expect(provider.page).toHaveBeenCalledTimes(2);
  });

  it('keeps the start of the last complete sweep when later sweeps fail', async () => {
    const provider = paged(() => numbers(3));
    const { poller, clock } = harness(provider);
    poller.start();
    await clock.advance(1);
    const first = poller.lastCompleteStart;
    provider.page.mockRejectedValue(new Error('down'));
    await clock.advance(60 * MINUTE);
    expect(poller.lastCompleteStart).toBe(first);
  });
});

describe('a list that several processes share', () => {
  function shared(provider: Provider) {
    const lease = vi.fn<NonNullable<PollerPorts['requestLease']>>();
    const release = vi.fn(async () => undefined);
    let last = 0;
    const granted = { isHeld: () => true, release, nextSweep: async () => ++last };
    return { ...harness(provider, {}, { lease }), lease, release, granted };
  }

  it('is swept by the process that holds the lease, and followed by the others', async () => {
    const provider = paged(() => numbers(1));
    const { poller, lease, granted, clock } = shared(provider);
    lease.mockResolvedValue(undefined);
    poller.start();
    await clock.advance(60 * MINUTE);
    expect([provider.page.mock.calls.length, poller.isFollowing]).toEqual([0, true]);
    lease.mockResolvedValue(granted);
    await clock.advance(5_000);
    expect([provider.page.mock.calls.length > 0, poller.isFollowing]).toEqual([true, false]);
    const asked = lease.mock.calls.length;
    await clock.advance(20 * MINUTE);
    expect(lease.mock.calls.length).toBe(asked);
  });

  it('is swept by a process that takes over only when a sweep is due', async () => {
    const provider = paged(() => numbers(1));
    const { poller, lease, granted, clock, ledger } = shared(provider);
    lease.mockResolvedValueOnce(undefined).mockResolvedValue(granted);
    poller.start();
    await settle();
    const followed = { number: 1, start: clock.now(), began: clock.monotonic() };
    ledger.follow({ ...followed, added: [Number(number(0))], removed: [] }, []);
    await clock.advance(4 * MINUTE);
    expect(provider.page).not.toHaveBeenCalled();
    await clock.advance(2 * MINUTE);
    expect(provider.page).toHaveBeenCalled();
  });

  it('is swept at once with a forced lease on request, and without a lease if the store fails', async () => {
    const provider = paged(() => numbers(1));
    const { poller, lease, granted, errors } = shared(provider);
    lease.mockResolvedValue(granted);
    expect(await poller.sweep()).toMatchObject({ status: 'complete' });
    expect(lease.mock.calls).toEqual([[true]]);
    const failing = shared(provider);
    failing.lease.mockRejectedValue(new Error('locked'));
    failing.poller.start();
    await settle();
    expect(failing.ledger.lastStart).not.toBeNull();
    expect(errors).toEqual([]);
  });

  it('is swept without a lease by a process that followed, once the store no longer answers', async () => {
    const provider = paged(() => numbers(1));
    const { poller, lease, clock } = shared(provider);
    lease.mockResolvedValueOnce(undefined).mockRejectedValue(new Error('locked'));
    poller.start();
    await settle();
    expect([provider.page.mock.calls.length, poller.isFollowing]).toEqual([0, true]);
    await clock.advance(5_000);
    expect([provider.page.mock.calls.length > 0, poller.isFollowing]).toEqual([true, false]);
  });

  it('is left to other processes after three failures in a row, until no other process holds the lease', async () => {
    const provider = paged(() => numbers(1));
    const { poller, lease, granted, release, clock } = shared(provider);
    lease.mockResolvedValueOnce(granted).mockResolvedValueOnce(undefined).mockResolvedValue(granted);
    provider.page.mockRejectedValue(new Error('down'));
    poller.start();
    await clock.advance(2_000);
    expect([poller.consecutiveFailures, release.mock.calls.length]).toEqual([2, 0]);
    await clock.advance(2_000);
    expect([poller.consecutiveFailures, release.mock.calls.length]).toEqual([3, 1]);
    await clock.advance(7_000);
    expect([poller.isFollowing, lease.mock.calls.length]).toEqual([true, 2]);
    provider.page.mockImplementation(async () => ({ rows: [] }));
    await clock.advance(5_000);
    expect([poller.isFollowing, poller.consecutiveFailures]).toEqual([false, 0]);
  });

  it('is left to other processes by a poller that stops, even while it waits for the lease', async () => {
    const provider = paged(() => numbers(1));
    const { poller, lease, granted, release } = shared(provider);
    lease.mockResolvedValue(granted);
    poller.start();
    await settle();
    await poller.stop();
    expect(release).toHaveBeenCalledTimes(1);
    const late = shared(provider);
    let grant: ((lease: typeof granted) => void) | undefined;
    late.lease.mockReturnValue(new Promise((resolve) => (grant = resolve)));
    late.poller.start();
    await settle();
    await late.poller.stop();
    grant?.(late.granted);
    await settle();
    expect(late.release).toHaveBeenCalledTimes(1);
    expect(late.clock.timers).toBe(0);
  });
});

describe('the number of a sweep', () => {
  function counted(provider: Provider = paged(() => numbers(1))) {
    const nextSweep = vi.fn<() => Promise<number>>();
    const lease = { isHeld: () => true, release: async () => undefined, nextSweep };
    return { ...harness(provider, {}, { lease: async () => lease }), nextSweep };
  }

  it('is taken from the counter of the lease', async () => {
    const { poller, ledger, nextSweep } = counted();
    for (const taken of [41, 57]) {
      nextSweep.mockResolvedValueOnce(taken);
      expect(await poller.sweep()).toMatchObject({ status: 'complete' });
      expect([ledger.lastNumber, ledger.lastBegun]).toEqual([taken, taken]);
    }
  });

  it('is counted by this process if the counter fails or does not answer, and the error is reported', async () => {
    const { poller, ledger, nextSweep, errors, clock } = counted();
    nextSweep.mockResolvedValueOnce(41);
    await poller.sweep();
    nextSweep.mockRejectedValueOnce(new Error('disk full'));
    expect(await poller.sweep()).toMatchObject({ status: 'complete' });
    expect([ledger.lastNumber, errors]).toMatchObject([42, [{ message: 'disk full' }]]);
    nextSweep.mockReturnValueOnce(new Promise(() => undefined));
    const swept = poller.sweep();
    await clock.advance(30_000);
    expect(await swept).toMatchObject({ status: 'complete' });
    expect([ledger.lastNumber, errors.length]).toEqual([43, 2]);
  });

  it('is counted by this process if the list is not shared', async () => {
    const { poller, ledger } = harness(paged(() => numbers(1)));
    for (const taken of [1, 2]) {
      await poller.sweep();
      expect(ledger.lastNumber).toBe(taken);
    }
    expect(poller.isFollowing).toBe(false);
  });

  it('is larger than that of every sweep that is known from another process', async () => {
    const { poller, ledger, nextSweep, clock } = counted();
    const followed = { number: 50, start: clock.now(), began: clock.monotonic(), added: [], removed: [] };
    ledger.follow(followed, []);
    for (const [given, taken] of [
      [7, 51],
      [51, 52],
      [60, 60],
    ] as const) {
      nextSweep.mockResolvedValueOnce(given);
      expect(await poller.sweep()).toMatchObject({ status: 'complete' });
      expect(ledger.lastNumber).toBe(taken);
    }
  });

  it('decides which of two simultaneous sweeps counts', async () => {
    for (const [other, status] of [
      [6, 'complete'],
      [8, 'failed'],
    ] as const) {
      const { poller, ledger, nextSweep, clock } = counted({
        page: async ({ index }) => {
          const followed = { start: clock.now() + MINUTE, began: clock.monotonic(), added: [], removed: [] };
          if (index === 1) ledger.follow({ ...followed, number: other }, []);
          return { rows: index === 0 ? numbers(1) : [] };
        },
      });
      nextSweep.mockResolvedValue(7);
      expect(await poller.sweep()).toMatchObject({ status });
      expect([ledger.lastNumber, ledger.blocks(number(0))]).toEqual([Math.max(7, other), true]);
    }
  });

  it('begins no sweep if it comes after the poller was stopped', async () => {
    for (const rows of [numbers(1), []]) {
      const provider = paged(() => rows);
      const { poller, ledger, nextSweep, saveSweep } = counted(provider);
      let answer: (number: number) => void = () => undefined;
      nextSweep.mockReturnValue(new Promise((resolve) => (answer = resolve)));
      const swept = poller.sweep();
      await settle();
      const stopped = poller.stop();
      answer(5);
      expect(await swept).toEqual({ status: 'closed', list: 'default' });
      await stopped;
      expect([provider.page.mock.calls.length, saveSweep.mock.calls.length]).toEqual([0, 0]);
      expect(ledger.lastStart).toBeNull();
    }
  });
});

describe('stop', () => {
  it('ends a running sweep, clears every timer and never starts again', async () => {
    const page = vi.fn<Provider['page']>(() => new Promise(() => undefined));
    const { poller, clock, outcomes } = harness({ page });
    poller.start();
    await settle();
    await poller.stop();
    expect(clock.timers).toBe(0);
    await clock.advance(60 * MINUTE);
    expect(page).toHaveBeenCalledTimes(1);
    expect(outcomes).toEqual([]);
    expect(await poller.sweep()).toEqual({ status: 'closed', list: 'default' });
  });
});
