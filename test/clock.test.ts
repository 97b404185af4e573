import { describe, expect, it, vi } from 'vitest';
import { atMost, createAgeClock, startTimer, systemClock, withDeadline, within } from '../src/clock.ts';
import { createFakeClock } from './fake-clock.ts';

describe('an age clock', () => {
  it('runs with the monotonic clock', async () => {
    const clock = createFakeClock();
    const age = createAgeClock(clock);
    const start = age.now();
    await clock.advance(5_000);
    expect(age.now() - start).toBe(5_000);
  });

  it('jumps ahead with the wall clock, after the machine slept', () => {
    const clock = createFakeClock();
    const age = createAgeClock(clock);
    const start = age.now();
    clock.jumpWall(3_600_000);
    expect(age.now() - start).toBe(3_600_000);
  });

  it('does not go back with the wall clock', () => {
    const clock = createFakeClock();
    const age = createAgeClock(clock);
    const start = age.now();
    clock.skip(1_000);
    clock.jumpWall(-86_400_000);
    expect(age.now() - start).toBe(1_000);
  });

  it('counts a sleep after the wall clock was set back', () => {
    const clock = createFakeClock();
    const age = createAgeClock(clock);
    const start = age.now();
    clock.jumpWall(-86_400_000);
    age.now();
    clock.jumpWall(60_000);
    expect(age.now() - start).toBe(60_000);
  });

  it('counts a slow gain of the wall clock once it exceeds noise', () => {
    const clock = createFakeClock();
    const age = createAgeClock(clock);
    const start = age.now();
    for (let step = 0; step < 10; step++) {
      clock.jumpWall(30);
      age.now();
    }
    expect(age.now() - start).toBeGreaterThanOrEqual(250);
  });

  it('converts a wall time of the past', () => {
    const clock = createFakeClock();
    const age = createAgeClock(clock);
    expect(age.now() - age.at(clock.now() - 7_000)).toBe(7_000);
  });

  it('reads the machine’s monotonic clock once per millisecond of the wall clock, unless that stands still', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const monotonic = vi.spyOn(performance, 'now').mockReturnValue(1_000);
    try {
      const age = createAgeClock(systemClock);
      const start = age.now();
      const { length } = monotonic.mock.calls;
      monotonic.mockReturnValue(1_000.5);
      for (let call = 0; call < 500; call++) expect(age.now()).toBe(start);
      expect(monotonic.mock.calls.length).toBe(length);
      vi.setSystemTime(Date.now() + 1);
      // The loop is over.
      await Promise.resolve();
      expect(age.now() - start).toBe(0.5);
      monotonic.mockReturnValue(9_000);
      for (let call = 0; call < 1_100; call++) age.now();
      expect(age.now() - start).toBe(8_000);
    } finally {
      monotonic.mockRestore();
      vi.useRealTimers();
    }
  });

  it('reads a clock for some calls of a loop, and for each single call', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const wall = vi.spyOn(Date, 'now');
    try {
      const age = createAgeClock(systemClock);
      const readings = (calls: number) => {
        const { length } = wall.mock.calls;
        for (let call = 0; call < calls; call++) age.now();
        return wall.mock.calls.length - length;
      };
      expect(readings(640)).toBeLessThan(40);
      const start = age.now();
      await Promise.resolve();
      vi.setSystemTime(Date.now() + 60_000);
      expect(age.now() - start).toBeGreaterThanOrEqual(60_000 - 250);
      for (let alone = 0; alone < 5; alone++) {
        expect(readings(1)).toBe(1);
        await Promise.resolve();
      }
    } finally {
      wall.mockRestore();
      vi.useRealTimers();
    }
  });

  it('reads the monotonic clock once per reading', () => {
    const clock = createFakeClock();
    const age = createAgeClock(clock);
    const before = clock.monotonicReads;
    age.now();
    expect(clock.monotonicReads - before).toBe(1);
  });
});

describe('startTimer', () => {
  it('fires once', async () => {
    const clock = createFakeClock();
    const fired = vi.fn<() => void>();
    startTimer(clock, 100, fired);
    await clock.advance(99);
    expect(fired).not.toHaveBeenCalled();
    await clock.advance(1_000);
    expect(fired).toHaveBeenCalledTimes(1);
  });

  it('does not fire after it was cancelled, even with a clock that cannot cancel', async () => {
    const { clearTimeout: _, ...clock } = createFakeClock();
    const fired = vi.fn<() => void>();
    const cancel = startTimer(clock, 100, fired);
    cancel();
    cancel();
    await clock.advance(1_000);
    expect(fired).not.toHaveBeenCalled();
  });

  it('keeps the process alive only with keepsAlive', () => {
    const handles: NodeJS.Timeout[] = [];
    const clock = {
      ...systemClock,
      setTimeout(callback: () => void, ms: number) {
        const handle = setTimeout(callback, ms);
        handles.push(handle);
        return handle;
      },
    };
    const cancels = [
      startTimer(clock, 60_000, () => undefined),
      startTimer(clock, 60_000, () => undefined, { keepsAlive: true }),
    ];
    expect(handles.map((handle) => handle.hasRef())).toEqual([false, true]);
    for (const cancel of cancels) cancel();
  });

  it('is unrefed if the clock cannot cancel it, even with keepsAlive', () => {
    const unref = vi.fn<() => void>();
    startTimer({ now: () => 0, monotonic: () => 0, setTimeout: () => ({ unref }) }, 1, () => undefined, {
      keepsAlive: true,
    });
    expect(unref).toHaveBeenCalledTimes(1);
  });
});

describe('waiting', () => {
  const never = new Promise<never>(() => undefined);

  it('returns the result or the error of work, or rejects at the deadline', async () => {
    const clock = createFakeClock();
    expect(await within(clock, 10, Promise.resolve('done'))).toBe('done');
    await expect(within(clock, 10, Promise.reject(new Error('boom')))).rejects.toThrow('boom');
    const late = within(clock, 10, never).catch((error: unknown) => error);
    await clock.advance(10);
    expect(await late).toMatchObject({ message: 'not finished within 10 ms' });
    expect(clock.timers).toBe(0);
  });

  it('ends at the deadline without a rejection', async () => {
    const clock = createFakeClock();
    await atMost(clock, 10, Promise.resolve());
    await atMost(clock, 10, Promise.reject(new Error('boom')));
    const late = atMost(clock, 10, never);
    await clock.advance(10);
    await late;
    expect(clock.timers).toBe(0);
  });
});

describe('systemClock', () => {
  it('reads the machine’s clocks', () => {
    expect(Math.abs(systemClock.now() - Date.now())).toBeLessThan(1_000);
    expect(systemClock.monotonic()).toBeLessThanOrEqual(systemClock.monotonic());
  });
});

describe('work with a deadline', () => {
  function deadline() {
    const clock = createFakeClock();
    const caller = new AbortController();
    const removed = vi.spyOn(caller.signal, 'removeEventListener');
    const options = {
      ...{ clock, ms: 10, signal: caller.signal },
      timeoutError: () => new Error('late'),
      abortError: ({ reason }: AbortSignal) => new Error(`ended: ${String(reason)}`),
    };
    return { clock, caller, removed, options };
  }

  it('returns its result, and leaves neither a timer nor a listener', async () => {
    const { clock, removed, options } = deadline();
    expect(await withDeadline(options, async () => 'done')).toBe('done');
    expect([clock.timers, removed.mock.calls.length]).toEqual([0, 1]);
  });

  it.each([
    ['rejects', () => Promise.reject(new Error('boom'))],
    [
      'throws',
      () => {
        throw new Error('boom');
      },
    ],
  ])('rejects with the error of work that %s', async (_name, work) => {
    const { clock, removed, options } = deadline();
    await expect(withDeadline(options, work)).rejects.toThrow('boom');
    expect([clock.timers, removed.mock.calls.length]).toEqual([0, 1]);
  });

  it.each([
    ['at the deadline', 'late'],
    ['when the caller aborts', 'ended: enough'],
  ])('ends %s even if the work does not', async (when, message) => {
    const { clock, caller, removed, options } = deadline();
    const signals: AbortSignal[] = [];
    const work = (signal: AbortSignal) => {
      signals.push(signal);
      return new Promise<never>(() => undefined);
    };
    const result = withDeadline(options, work).catch((error: unknown) => error);
    await clock.advance(9);
    expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
    if (when === 'at the deadline') await clock.advance(1);
    else caller.abort('enough');
    expect(await result).toMatchObject({ message });
    expect(signals[0]?.reason).toMatchObject({ message });
    expect([clock.timers, removed.mock.calls.length]).toEqual([0, 1]);
  });

  it('is not started if the caller has aborted before', async () => {
    const { clock, caller, options } = deadline();
    const work = vi.fn(async () => 'done');
    caller.abort('enough');
    await expect(withDeadline(options, work)).rejects.toThrow('ended: enough');
    expect([work.mock.calls.length, clock.timers]).toEqual([0, 0]);
  });
});
