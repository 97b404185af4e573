/** The lease of a list that several processes share. Whole sweeps with a lease are in poller.test.ts. */

import { describe, expect, it, vi } from 'vitest';
import type { Lease } from '../../src/stores/store.ts';
import { createSweepLease, type RequestLease } from '../../src/sync/sweep-lease.ts';
import { createFakeClock, settle } from '../fake-clock.ts';

const TIMEOUT_MS = 30_000;

/** A lease that says how often it was released. */
function grantedLease() {
  const release = vi.fn(async () => undefined);
  return { isHeld: () => release.mock.calls.length === 0, release, nextSweep: async () => 1 } satisfies Lease;
}

/** A sweep lease whose requests the test answers, each once, in the order in which they were made. */
function harness() {
  const clock = createFakeClock();
  const answers: ((lease: Lease | undefined) => void)[] = [];
  const request = vi.fn<RequestLease>(() => new Promise((resolve) => answers.push(resolve)));
  const errors: unknown[] = [];
  const onError = (error: unknown) => errors.push(error);
  const lease = createSweepLease(request, { clock, timeoutMs: TIMEOUT_MS, onError });
  async function answer(granted: Lease | undefined) {
    answers.shift()?.(granted);
    await settle();
  }
  return { clock, request, errors, lease, answer };
}

describe('two requests for a lease at the same time', () => {
  it('end with one lease if the first request is granted: the store is not asked again', async () => {
    const { lease, request, answer } = harness();
    const granted = grantedLease();
    const both = [lease.acquire(false), lease.acquire(true)];
    await settle();
    expect(request.mock.calls).toEqual([[false]]);
    await answer(granted);
    await Promise.all(both);
    expect(request.mock.calls).toEqual([[false]]);
    await lease.release();
    expect(granted.release).toHaveBeenCalledTimes(1);
  });

  it('end with the lease of the second request if another process held it at the first one', async () => {
    const { lease, request, answer } = harness();
    const granted = grantedLease();
    const both = [lease.acquire(false), lease.acquire(true)];
    await settle();
    await answer(undefined);
    expect(request.mock.calls).toEqual([[false], [true]]);
    await answer(granted);
    await Promise.all(both);
    expect(lease.isFollowing).toBe(false);
    expect(await lease.takeNumber()).toEqual({ kind: 'from_store', number: 1 });
  });

  it('are both made if the first one is not answered in time: its late lease is released', async () => {
    const { lease, request, answer, clock } = harness();
    const [late, granted] = [grantedLease(), grantedLease()];
    const both = [lease.acquire(false), lease.acquire(true)];
    await settle();
    await clock.advance(TIMEOUT_MS);
    expect(request.mock.calls).toEqual([[false], [true]]);
    await answer(late);
    await answer(granted);
    await Promise.all(both);
    expect([late.release.mock.calls.length, granted.release.mock.calls.length]).toEqual([1, 0]);
  });

  it('are both made if the first one fails', async () => {
    const { lease, request, answer } = harness();
    request.mockRejectedValueOnce(new Error('locked'));
    const both = [lease.acquire(false), lease.acquire(false)];
    await settle();
    expect(request.mock.calls).toEqual([[false], [false]]);
    await answer(undefined);
    await Promise.all(both);
    expect(lease.isFollowing).toBe(true);
  });
});
