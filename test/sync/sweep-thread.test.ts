/** The threads of sweeps: when they start and end, and that sweeps have the same result without them. */

import { Worker } from 'node:worker_threads';
import { describe, expect, it, vi } from 'vitest';
import { createAgeClock } from '../../src/clock.ts';
import { createLedger } from '../../src/ledger/ledger.ts';
import type { PageRequest, Provider } from '../../src/providers/provider.ts';
import { createSweepThreads } from '../../src/sync/sweep-thread.ts';
import { LONG_REPLY_BYTES } from '../../src/sync/page.ts';
import { offerRawReplies } from '../../src/providers/raw-replies.ts';
import { createPoller, type PollerOptions, type PollerPorts } from '../../src/sync/poller.ts';
import {
  connectThread,
  spawnThread,
  type SpawnThread,
  type Thread,
} from '../../src/sync/thread/connection.ts';
import type { ThreadMessage, ThreadRequest } from '../../src/sync/thread/messages.ts';
import { SLICES_PER_ANSWER } from '../../src/sync/thread/worker.ts';
import { vonage } from '../../src/providers/vonage/client.ts';
import { startSimulator } from '../../src/testing/index.ts';
import { createFakeClock, settle } from '../fake-clock.ts';
import { replying, reply, threadHere } from './threads.ts';

const MINUTE = 60_000;
const number = (index: number) => String(15_550_000_000 + index);
const numbers = (count: number) => Array.from({ length: count }, (_, index) => number(index));
const paged = (rows: () => readonly unknown[]) =>
  replying(async ({ index, size }: PageRequest) => ({
    rows: rows().slice(index * size, (index + 1) * size) as string[],
    total: rows().length,
  }));

function harness(provider: Provider, spawn: SpawnThread, options: Partial<PollerOptions> = {}) {
  const clock = createFakeClock();
  const ledger = createLedger({
    ...{ list: 'default', clockSlackMs: MINUTE, lagGraceMs: 10 * MINUTE, shrinkHoldMs: 24 * 60 * MINUTE },
    ...{ longestStepMs: 10 * MINUTE, trustProviderRemoval: false },
  });
  const onThreadLost = vi.fn<() => void>();
  const errors: unknown[] = [];
  const ports: PollerPorts = {
    ...{ provider, ledger, clock, ageClock: createAgeClock(clock) },
    ...{ random: () => 0.5, notReadyError: () => undefined, onThreadLost, spawnThread: spawn },
    keepOptIns: async (changes) => {
      for (const { msisdn, evidence } of changes) ledger.merge(msisdn, evidence);
    },
    ...{ saveSweep: () => ledger.save().done('kept'), onOutcome: () => undefined },
    ...{ onAnomaly: () => undefined, onError: (error) => errors.push(error) },
  };
  const poller = createPoller(
    {
      ...{ list: 'default', everyMs: 5 * MINUTE, jitter: 0, timeoutMs: 30_000, pageSize: 100 },
      ...{ concurrency: 1, maxPages: 100_000, threadFromRows: 0, ...options },
    },
    ports,
  );
  return { clock, ledger, poller, onThreadLost, errors };
}

describe('the thread of a sweep', () => {
  it.each([
    { from: 0, opened: [4, 4] },
    { from: 200, opened: [3, 4] },
    { from: 200, isAnnounced: false, opened: [2, 4] },
    { from: 250, isAnnounced: false, opened: [1, 4] },
    { from: 250, concurrency: 4, opened: [3, 7] },
    { from: 251, opened: [0, 0] },
    { from: 251, isAnnounced: false, concurrency: 3, opened: [0, 0] },
  ])(
    'parses the pages that are requested once enough rows are known, announced or read: %j',
    async ({ from: threadFromRows, isAnnounced = true, concurrency = 1, opened }) => {
      let open = 0;
      const here = threadHere(({ name }) => {
        if (name === 'openPage') open++;
      });
      const rows = numbers(250);
      const provider = replying(async ({ index, size }) => ({
        rows: rows.slice(index * size, (index + 1) * size),
        ...(isAnnounced ? { total: rows.length } : {}),
      }));
      const { poller } = harness(provider, here.spawn, { threadFromRows, concurrency });
      for (const pages of opened) {
        open = 0;
        expect(await poller.sweep()).toMatchObject({ status: 'complete', size: 250, rows: 250 });
        expect(open).toBe(pages);
      }
    },
  );

  it('is not started if the provider only offers pages, or has another page function', async () => {
    const here = threadHere();
    const offered = paged(() => numbers(50));
    const page = vi.fn<Provider['page']>(async ({ index }) => ({ rows: index === 0 ? numbers(60) : [] }));
    const { poller } = harness({ ...offered, page }, here.spawn);
    expect(await poller.sweep()).toMatchObject({ status: 'complete', size: 60 });
    expect([here.started, page.mock.calls.length]).toEqual([0, 2]);
  });

  it('continues with the numbers that the main thread has read, so that two sweeps remove a missing number', async () => {
    let rows = [...numbers(1_000), { msisdn: number(2_000), optIn: true, optOut: false }];
    const { poller, ledger } = harness(
      paged(() => rows),
      threadHere().spawn,
      { threadFromRows: 300, pageSize: 70, concurrency: 3 },
    );
    expect(await poller.sweep()).toMatchObject({ status: 'complete', size: 1_000, rows: 1_001 });
    rows = rows.slice(10);
    expect(await poller.sweep()).toMatchObject({ status: 'complete', size: 1_000, removed: 0 });
    expect(await poller.sweep()).toMatchObject({ status: 'complete', size: 990, removed: 10 });
    expect([ledger.blocks(number(9)), ledger.blocks(number(10))]).toEqual([false, true]);
  });

  it('applies an opt-out after an opt-in of the same page, as the main thread does', async () => {
    const dated = (optIn: boolean) => ({
      msisdn: number(1),
      optIn,
      optOut: !optIn,
      optInDate: 1,
      optOutDate: 2,
    });
    for (const spawn of [threadHere().spawn, undefined]) {
      const { poller, ledger } = harness(
        paged(() => [dated(true), dated(false)]),
        spawn ?? threadHere().spawn,
        { threadFromRows: spawn ? 0 : Infinity },
      );
      expect(await poller.sweep()).toMatchObject({ status: 'complete', size: 1, rows: 2 });
      expect(ledger.blocks(number(1))).toBe(true);
    }
  });

  it('runs in a real worker thread', async () => {
    const started = vi.fn<SpawnThread>(spawnThread);
    let rows = numbers(3_000);
    const { poller, ledger } = harness(
      paged(() => rows),
      started,
      { pageSize: 1_000 },
    );
    expect(await poller.sweep()).toMatchObject({ status: 'complete', size: 3_000 });
    rows = numbers(2_000);
    await poller.sweep();
    expect(await poller.sweep()).toMatchObject({ status: 'complete', size: 2_000, removed: 1_000 });
    expect([started.mock.calls.length, ledger.blocks(number(2_500))]).toEqual([3, false]);
    await poller.stop();
  });
});

describe('a long page of a first sweep', () => {
  // A reply of more than 1 MiB: it is parsed by a thread even if the list is not known to be long.
  const rows = [...numbers(LONG_REPLY_BYTES / 14), number(3), 'x'];
  const long = () =>
    replying(async ({ index, size }: PageRequest) => ({
      rows: rows.slice(index * size, (index + 1) * size),
      total: rows.length,
    }));

  it.each([1, 3])(
    'is parsed by the thread, a few rows at a time, with %i pages at a time',
    async (concurrency) => {
      const asked: ThreadRequest[] = [];
      const here = threadHere((request) => void asked.push(request));
      const pageSize = rows.length;
      const { poller, ledger } = harness(long(), here.spawn, {
        ...{ pageSize, concurrency, threadFromRows: 2 * rows.length },
      });
      const size = rows.length - 2;
      expect(await poller.sweep()).toMatchObject({
        status: 'complete',
        size,
        rows: rows.length,
        unreadable: 1,
      });
      expect([ledger.blocks(number(size - 1)), here.started]).toEqual([true, 1]);
      // The main thread counts the numbers: it has the numbers of earlier pages.
      const takes = asked.filter(({ name }) => name === 'nextRows');
      expect(takes.map(({ takes: given }) => given)).toEqual(
        Array.from({ length: Math.ceil(rows.length / 500 / SLICES_PER_ANSWER) }, () => ({
          index: 0,
          isCounted: false,
        })),
      );
      expect(asked[0]?.name).toBe('openPage');
    },
  );

  it('is parsed on the main thread if no thread can be started', async () => {
    const { poller, onThreadLost } = harness(
      long(),
      () => {
        throw new Error('not permitted');
      },
      { pageSize: rows.length, threadFromRows: Infinity },
    );
    expect(await poller.sweep()).toMatchObject({ status: 'complete', size: rows.length - 2 });
    expect(onThreadLost).toHaveBeenCalledOnce();
  });

  it('is followed by pages that the thread counts', async () => {
    const here = threadHere();
    const pageSize = rows.length;
    const twice = [...rows, ...numbers(rows.length)];
    const { poller } = harness(
      replying(async ({ index, size }: PageRequest) => ({
        rows: twice.slice(index * size, (index + 1) * size),
        total: twice.length,
      })),
      here.spawn,
      { pageSize, threadFromRows: 2 * twice.length },
    );
    expect(await poller.sweep()).toMatchObject({
      status: 'complete',
      size: rows.length,
      rows: twice.length,
    });
  });
});

describe('rows from a thread', () => {
  it('are sent a few at a time, even for a long page', async () => {
    const sizes: number[] = [];
    const given: number[] = [];
    const spawn: SpawnThread = (setup) => {
      const thread = threadHere().spawn(setup);
      const on = (event: string, listener: (message: never) => void): void => {
        if (event !== 'message') return void thread.on(event as 'exit', listener as () => void);
        thread.on(event, (message) => {
          const gives =
            message.kind === 'answer' ? (message.gives as { slices?: { rows: number }[] } | null) : null;
          if (gives?.slices) {
            given.push(gives.slices.length);
            sizes.push(...gives.slices.map(({ rows }) => rows));
          }
          listener(message as never);
        });
      };
      return { ...thread, on };
    };
    const { poller } = harness(
      paged(() => numbers(40_000)),
      spawn,
      { pageSize: 40_000 },
    );
    expect(await poller.sweep()).toMatchObject({ status: 'complete', size: 40_000 });
    expect([Math.max(...sizes), Math.max(...given)]).toEqual([500, SLICES_PER_ANSWER]);
    expect(sizes).toHaveLength(80);
  });
});

describe('a thread that fails', () => {
  it.each([
    [
      'throws at its start',
      () => {
        throw new Error('not permitted');
      },
    ],
    ['is not found', () => new Worker(new URL('file:///nowhere/worker.js'))],
  ] satisfies [string, SpawnThread][])(
    'leaves the sweep to the main thread if it %s',
    async (_name, spawn) => {
      const { poller, onThreadLost } = harness(
        paged(() => numbers(250)),
        spawn,
      );
      for (let time = 0; time < 2; time++) {
        expect(await poller.sweep()).toMatchObject({ status: 'complete', size: 250 });
      }
      expect(onThreadLost).toHaveBeenCalledOnce();
    },
  );

  it('leaves the sweep to the main thread if it does not start in time', async () => {
    const silent = (): Thread => ({
      ...{ on: () => undefined, postMessage: () => undefined, unref: () => undefined },
      terminate: async () => undefined,
    });
    const { poller, clock, onThreadLost } = harness(
      paged(() => numbers(250)),
      silent,
    );
    const swept = poller.sweep();
    await clock.advance(30_000);
    expect(await swept).toMatchObject({ status: 'complete', size: 250 });
    expect(onThreadLost).toHaveBeenCalledOnce();
  });

  it('is started again after an hour, and after doubled times up to a day', async () => {
    const spawn = vi.fn<SpawnThread>(() => {
      throw new Error('not permitted');
    });
    const { poller, clock, onThreadLost } = harness(
      paged(() => numbers(250)),
      spawn,
    );
    for (const [index, hours] of [1, 2, 4, 8, 16, 24, 24].entries()) {
      for (const wait of [0, hours * 60 * MINUTE - 1]) {
        clock.skip(wait);
        expect(await poller.sweep()).toMatchObject({ status: 'complete', size: 250 });
        expect([spawn.mock.calls.length, onThreadLost.mock.calls.length]).toEqual([index + 1, index + 1]);
      }
      clock.skip(1);
    }
    const here = threadHere();
    spawn.mockImplementation(here.spawn);
    expect(await poller.sweep()).toMatchObject({ status: 'complete', size: 250 });
    expect([here.started, onThreadLost.mock.calls.length]).toEqual([1, 7]);
  });

  it.each(['begin', 'openPage', 'nextRows', 'transferBack'] as const)(
    'fails the sweep at %s, keeps the rows that were read, and is not needed by the next sweep',
    async (name) => {
      let isFaulty = false;
      const here = threadHere((request, thread) => {
        if (isFaulty && request.name === name) void thread.terminate();
      });
      let rows = numbers(250);
      const { poller, ledger, onThreadLost } = harness(
        paged(() => rows),
        here.spawn,
      );
      await poller.sweep();
      rows = numbers(300).slice(5);
      await poller.sweep();
      isFaulty = true;
      expect(await poller.sweep()).toMatchObject({
        status: 'failed',
        error: { code: 'provider_aborted', message: 'the thread that reads the list has ended' },
      });
      expect(numbers(300).filter((one) => !ledger.blocks(one))).toEqual([]);
      expect(await poller.sweep()).toMatchObject({ status: 'complete', size: 295, removed: 5 });
      expect([here.started, onThreadLost.mock.calls.length]).toEqual([3, 1]);
    },
  );

  it('gives its error as the cause', async () => {
    const fault = new Error('out of memory');
    let fail = (_fault: unknown) => {};
    const here = threadHere((request) => {
      if (request.name === 'nextRows') fail(fault);
    });
    const { poller } = harness(
      paged(() => numbers(250)),
      (setup) => {
        const thread = here.spawn(setup);
        const on = (event: string, listener: (value: never) => void): void => {
          if (event === 'error') fail = listener as (value: unknown) => void;
          else thread.on(event as 'exit', listener as () => void);
        };
        return { ...thread, on };
      },
    );
    expect(await poller.sweep()).toMatchObject({ status: 'failed', error: { cause: fault } });
  });

  it('fails the sweep if it does not answer a request in time', async () => {
    const here = threadHere();
    const { poller, clock, onThreadLost } = harness(
      paged(() => numbers(250)),
      (setup) => {
        const thread = here.spawn(setup);
        return {
          ...thread,
          postMessage: (message, transfer) =>
            message.name === 'nextRows' ? undefined : thread.postMessage(message, transfer),
        };
      },
      { concurrency: 3, pageSize: 50 },
    );
    const swept = poller.sweep();
    await clock.advance(30_000);
    expect(await swept).toMatchObject({ status: 'failed', error: { code: 'provider_unreachable' } });
    expect(await poller.sweep()).toMatchObject({ status: 'complete', size: 250 });
    // Once, although several requests were open.
    expect(onThreadLost).toHaveBeenCalledOnce();
  });
});

describe('a sweep that ends before its thread is started', () => {
  it('starts none afterwards', async () => {
    const here = threadHere();
    const ports = { clock: createFakeClock(), spawn: here.spawn, onLost: () => undefined };
    const aborted = new AbortController();
    const thread = createSweepThreads({ fromRows: 0, timeoutMs: 30_000 }, ports).forSweep(0, aborted.signal);
    aborted.abort();
    thread.expectRows(1);
    await thread.started;
    expect([thread.running, here.started]).toEqual([undefined, 0]);
  });
});

describe('a sweep that is aborted before it begins', () => {
  it('reports no lost thread', async () => {
    const onLost = vi.fn<() => void>();
    const spawn = vi.fn<SpawnThread>(() => {
      throw new Error('not permitted');
    });
    const ports = { clock: createFakeClock(), spawn, onLost };
    const thread = createSweepThreads({ fromRows: 0, timeoutMs: 30_000 }, ports).forSweep(
      0,
      AbortSignal.abort(),
    );
    thread.expectRows(1);
    await thread.started;
    expect([thread.running, spawn.mock.calls.length, onLost.mock.calls.length]).toEqual([undefined, 1, 0]);
  });
});

describe('a thread that says that it is ready after it was ended', () => {
  it('is not ready', async () => {
    let receive: (message: ThreadMessage) => void = () => undefined;
    const spawn: SpawnThread = () => ({
      on(event: string, listener: (message: never) => void) {
        if (event === 'message') receive = listener as typeof receive;
      },
      ...{ postMessage: () => undefined, unref: () => undefined, terminate: async () => undefined },
    });
    const connection = connectThread({ sweepStart: 0 }, spawn);
    await connection.end();
    receive({ kind: 'ready' });
    await connection.settled;
    expect(connection.isReady).toBe(false);
    await expect(connection.ask('transferBack', null)).rejects.toThrow('has ended');
  });
});

describe('a sweep that ends while its thread starts', () => {
  it('reports no lost thread', async () => {
    const onLost = vi.fn<() => void>();
    const ports = { clock: createFakeClock(), spawn: spawnThread, onLost };
    const threads = createSweepThreads({ fromRows: 0, timeoutMs: 30_000 }, ports);
    const thread = threads.forSweep(0, new AbortController().signal);
    thread.expectRows(1);
    await thread.end();
    await thread.started;
    expect([thread.running, onLost.mock.calls.length]).toEqual([undefined, 0]);
  });
});

describe('a thread that answers nothing', () => {
  it('is reported once, even if several requests were open', async () => {
    const onLost = vi.fn<() => void>();
    const clock = createFakeClock();
    const spawn: SpawnThread = (setup) => ({ ...threadHere().spawn(setup), postMessage: () => undefined });
    const thread = createSweepThreads({ fromRows: 0, timeoutMs: 30_000 }, { clock, spawn, onLost }).forSweep(
      0,
      new AbortController().signal,
    );
    thread.expectRows(1);
    await thread.started;
    const asked = Promise.allSettled([1, 2].map(async () => thread.running?.ask('transferBack', null)));
    await clock.advance(30_000);
    expect(await asked).toMatchObject([{ status: 'rejected' }, { status: 'rejected' }]);
    expect(onLost).toHaveBeenCalledOnce();
    await thread.end();
  });
});

describe('a poller that is stopped', () => {
  it('requests no more pages if a thread was starting between two pages', async () => {
    const pages: number[] = [];
    const rows = numbers(250);
    const provider = replying(async ({ index, size }) => {
      pages.push(index);
      return { rows: rows.slice(index * size, (index + 1) * size), total: rows.length };
    });
    let stopped: Promise<void> | undefined;
    const { poller } = harness(
      provider,
      (setup) => {
        setImmediate(() => void (stopped = poller.stop()));
        return spawnThread(setup);
      },
      { threadFromRows: 250 },
    );
    expect(await poller.sweep()).toEqual({ status: 'closed', list: 'default' });
    await stopped;
    expect(pages).toEqual([0]);
  });

  it.each(['openPage', 'nextRows', 'transferBack'] as const)(
    'ends its thread during the request %s',
    async (name) => {
      const asked = vi.fn<() => void>();
      const here = threadHere();
      const terminated = vi.fn<() => void>();
      const { poller, onThreadLost } = harness(
        paged(() => numbers(250)),
        (setup) => {
          const thread = here.spawn(setup);
          return {
            ...thread,
            postMessage(message, transfer) {
              if (message.name === name) asked();
              else thread.postMessage(message, transfer);
            },
            async terminate() {
              terminated();
              await thread.terminate();
            },
          };
        },
      );
      const swept = poller.sweep();
      await vi.waitFor(() => expect(asked).toHaveBeenCalled());
      await poller.stop();
      expect(await swept).toEqual({ status: 'closed', list: 'default' });
      expect([terminated.mock.calls.length > 0, onThreadLost.mock.calls.length]).toEqual([true, 0]);
    },
  );

  it('ends its thread while the thread starts', async () => {
    const { poller, onThreadLost } = harness(
      paged(() => numbers(250)),
      spawnThread,
    );
    const swept = poller.sweep();
    await poller.stop();
    expect(await swept).toEqual({ status: 'closed', list: 'default' });
    expect(onThreadLost).not.toHaveBeenCalled();
  });
});

describe('a reply that is no page', () => {
  it.each([
    ['a status of the provider', '{"message-count":"1","messages":[{"status":"101"}]}', 200],
    ['throttled', '{"status":"1"}', 200],
    ['HTML', '<html>Bad Gateway</html>', 502],
    ['HTML with status 200', '<html></html>', 200],
    ['no list', '{}', 200],
  ])('is refused by the thread as by the main thread: %s', async (_name, body, httpStatus) => {
    const provider: Provider = { page: () => Promise.reject(new Error('not requested')) };
    offerRawReplies(provider.page, async (_request, read) =>
      read({ ...reply(body, httpStatus), retryAfterMs: 7 }),
    );
    const { poller } = harness(provider, threadHere().spawn);
    const outcome = await poller.sweep();
    const { readPage } = await import('../../src/providers/vonage/reply.ts');
    const direct = () => readPage({ httpStatus, body, retryAfterMs: 7 });
    expect(direct).toThrow(expect.objectContaining({ code: expect.stringContaining('provider_') }));
    try {
      direct();
    } catch (error) {
      const { code, message, providerStatus, retryAfterMs } = error as Record<string, unknown>;
      expect(outcome).toMatchObject({ error: { code, message, httpStatus, providerStatus, retryAfterMs } });
    }
  });

  it('is requested again if the error may pass', async () => {
    const simulator = await startSimulator({ optOuts: 250 });
    const { apiKey, apiSecret, url: baseUrl } = simulator;
    simulator.fault({ on: 'query', times: 2, status: 503 });
    const provider = vonage({ apiKey, apiSecret, baseUrl, random: () => 0 });
    const here = threadHere();
    const { poller } = harness(provider, here.spawn);
    expect(await poller.sweep()).toMatchObject({ status: 'complete', size: 250 });
    expect(here.started).toBe(1);
    await simulator.close();
  });
});

it('counts rows without a readable number in a thread as on the main thread', async () => {
  const rows = [...numbers(400), 'x'];
  const { poller } = harness(
    paged(() => rows),
    threadHere().spawn,
  );
  expect(await poller.sweep()).toMatchObject({ status: 'complete', size: 400, unreadable: 1 });
  await settle();
});
