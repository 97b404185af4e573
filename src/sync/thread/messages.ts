/** What a sweep and its thread say to each other. Types only. */

import type { ProviderErrorCode } from '../../errors.ts';
import type { NumberSetState } from '../../number-set/number-set.ts';
import type { RowSlice } from '../row-columns.ts';
import type { RawReply } from '../../providers/raw-replies.ts';

/** What the thread is started with. */
export interface ThreadSetup {
  /** Start of the sweep, ms UTC. */
  readonly start: number;
}

/** Some of a number set's regions; the set is the thread's last word. */
export interface SetPiece {
  /** With the first piece. */
  readonly head: Omit<NumberSetState, 'regions'> | undefined;
  readonly regions: NumberSetState['regions'];
  readonly isLast: boolean;
}

/** Requests by name: what each takes and gives. */
export interface ThreadRequests {
  /** Goes on with what the sweep has shown so far. */
  begin: { takes: { readonly outs: NumberSetState; readonly ins: NumberSetState }; gives: null };
  /** Reads a reply and keeps the page of that index. Refused where it is no well-formed page. */
  open: {
    takes: { readonly index: number; readonly reply: RawReply };
    gives: { readonly length: number; readonly total: number | undefined };
  };
  /**
   * Takes the next rows of a page that is kept, a few slices at a time. `isCounted`: with how many of their numbers the
   * sweep had not shown before.
   */
  take: {
    takes: { readonly index: number; readonly isCounted: boolean };
    gives: {
      readonly slices: readonly (RowSlice & { readonly fresh?: number })[];
      readonly isLast: boolean;
    };
  };
  /** Hands over what was shown, a piece at a time. */
  handOver: { takes: null; gives: SetPiece };
}

export type ThreadRequestName = keyof ThreadRequests;

export interface ThreadRequest<K extends ThreadRequestName = ThreadRequestName> {
  readonly id: number;
  readonly name: K;
  readonly takes: ThreadRequests[K]['takes'];
}

/** Why a reply is no page. */
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
