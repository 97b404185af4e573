/**
 * The lease of a list that several processes share: the right to sweep it. Only one process holds it at a time; the
 * others follow its sweeps.
 */

import { within, type Clock } from '../clock.ts';
import type { Lease } from '../stores/store.ts';
import type { SweepNumber } from './sweep.ts';

/** Asks the store for the lease; `undefined` if another process holds it. `isForced` takes it from that process. */
export type RequestLease = (isForced: boolean) => Promise<Lease | undefined>;

export interface SweepLeasePorts {
  readonly clock: Clock;
  /** The time for an answer of the store, ms. */
  readonly timeoutMs: number;
  /** Called with errors of the store. */
  readonly onError: (error: unknown) => void;
}

export interface SweepLease {
  /** Whether another process holds the lease, as far as is known. */
  readonly isFollowing: boolean;
  /**
   * Asks for the lease, unless this process holds it. Never rejects: without an answer it neither holds it nor follows.
   */
  acquire(isForced: boolean): Promise<void>;
  /** Releases the lease if this process holds it. Never rejects. */
  release(): Promise<void>;
  /** Takes the number of the next sweep. Never rejects. */
  takeNumber(): Promise<SweepNumber>;
}

/**
 * `none`: this process does not hold the lease and does not know who does. This is so before the first request, after a
 * release, and if the store does not answer. The process sweeps the list then: too often is better than never.
 */
type LeaseState =
  | { readonly kind: 'none' }
  | { readonly kind: 'held'; readonly lease: Lease }
  | { readonly kind: 'following' };

/** Creates the lease of one list. It is not held before `acquire`. */
export function createSweepLease(
  request: RequestLease,
  { clock, timeoutMs, onError }: SweepLeasePorts,
): SweepLease {
  let state: LeaseState = { kind: 'none' };
  /** Ends with the last request. Never rejects. */
  let lastRequest: Promise<void> = Promise.resolve();

  /** Asks the store once at a time: the answer of a second request would replace a lease that is held. */
  function acquire(isForced: boolean): Promise<void> {
    lastRequest = lastRequest.then(() => acquireNow(isForced));
    return lastRequest;
  }

  async function acquireNow(isForced: boolean): Promise<void> {
    if (state.kind === 'held' && state.lease.isHeld()) return;
    await release();
    const answer = request(isForced);
    try {
      const lease = await within(clock, timeoutMs, answer);
      state = lease === undefined ? { kind: 'following' } : { kind: 'held', lease };
    } catch {
      if (state.kind === 'following') state = { kind: 'none' };
      // A lease that comes after the timeout is not used.
      answer.then((lease) => lease?.release()).catch(() => undefined);
    }
  }

  async function release(): Promise<void> {
    if (state.kind !== 'held') return;
    const { lease } = state;
    state = { kind: 'none' };
    await lease.release().catch(onError);
  }

  async function takeNumber(): Promise<SweepNumber> {
    if (state.kind !== 'held') return { kind: 'ambiguous' };
    try {
      return { kind: 'from_store', number: await within(clock, timeoutMs, state.lease.nextSweep()) };
    } catch (error) {
      onError(error);
      return { kind: 'ambiguous' };
    }
  }

  return {
    get isFollowing() {
      return state.kind === 'following';
    },
    acquire,
    release,
    takeNumber,
  };
}
