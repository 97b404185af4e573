/** The messages between a sweep and its thread. Types only. */

import type { ProviderErrorCode } from '../../errors.ts';
import type { NumberSetState } from '../../number-set/number-set.ts';
import type { RowSlice } from '../row-columns.ts';
import type { RawReply } from '../../providers/raw-replies.ts';

/** The data that a thread is started with. */
export interface ThreadSetup {
  /** Start of the sweep, ms UTC. */
  readonly sweepStart: number;
}

/** Some regions of a number set that the thread transfers back. The thread no longer uses the set. */
export interface SetPiece {
  /** The rest of the set's state, in the first piece only. */
  readonly head: Omit<NumberSetState, 'regions'> | undefined;
  readonly regions: NumberSetState['regions'];
  readonly isLast: boolean;
}

/** Requests by name, with their parameters (`takes`) and results (`gives`). */
export interface ThreadRequests {
  /** Transfers the numbers that the sweep has seen so far to the thread, which continues with them. */
  begin: { takes: { readonly outs: NumberSetState; readonly ins: NumberSetState }; gives: null };
  /** Parses a reply and keeps it as the page with that index. Refused if the reply is not a well-formed page. */
  openPage: {
    takes: { readonly index: number; readonly reply: RawReply };
    gives: { readonly length: number; readonly total: number | undefined };
  };
  /**
   * Returns the next rows of an open page, a few slices at a time. With `isCounted`, each slice says how many of its
   * numbers the sweep had not seen before (`fresh`).
   */
  nextRows: {
    takes: { readonly index: number; readonly isCounted: boolean };
    gives: {
      readonly slices: readonly (RowSlice & { readonly fresh?: number })[];
      readonly isLast: boolean;
    };
  };
  /** Transfers the seen numbers of opted-out rows back, a piece at a time. */
  transferBack: { takes: null; gives: SetPiece };
}

export type ThreadRequestName = keyof ThreadRequests;

export interface ThreadRequest<K extends ThreadRequestName = ThreadRequestName> {
  readonly id: number;
  readonly name: K;
  readonly takes: ThreadRequests[K]['takes'];
}

/** Why a reply is not a well-formed page: the fields of a `ProviderError`. */
export interface Refusal {
  readonly code: ProviderErrorCode;
  readonly message: string;
  readonly details: {
    readonly httpStatus?: number;
    readonly providerStatus?: string;
    readonly retryAfterMs?: number;
  };
}

export type ThreadMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'answer'; readonly id: number; readonly gives: unknown }
  | { readonly kind: 'refusal'; readonly id: number; readonly refusal: Refusal };
