/** The evidence that the guard keeps, as data. Types and constants only; evidence-rules.ts weighs it. */

/** Out: this person gets no message. In: this person asked for messages again. */
export type Direction = 'out' | 'in';

/**
 * What orders a piece of evidence.
 *
 * - `told`: the provider passed it on (a message, a receipt). Ordered by the provider's time, `at`.
 * - `stated`: a row of an import with a date of its own. `at` is the latest instant that the text of the date can mean.
 * - `act`: somebody did it here (`optOut()`, `resubscribe()`, an import without a date). Ordered by its position in the
 *   store's log and by its basis. Its time decides nothing.
 */
export type EvidenceKind = 'told' | 'act' | 'stated';

/**
 * Where a fact came from: the provider's list or its manage endpoint (`provider`), a message from the person
 * (`inbound`), a delivery receipt or status (`receipt`), an operator, website or import (`manual`).
 */
export type EvidenceSource = 'provider' | 'inbound' | 'receipt' | 'manual';

/** A position in the log of one store. Positions of different logs are never compared. */
export interface LogPosition {
  /** The `logId` of the store. Names of newer logs sort after those of older ones. */
  readonly log: string;
  readonly position: number;
}

/** What the provider's manage endpoint said when it opted a number in. */
export interface OptInProof {
  /** The `opt-in-date` of its reply, ms UTC by the provider's clock; `null` without one. */
  readonly optInDate: number | null;
  /** Number of the last sweep of the list that had begun, as far as the acting process knew. */
  readonly sweep: number;
}

/** Why we believe that a number is out or in. All times are ms since 1970, UTC. */
export interface Evidence {
  readonly direction: Direction;
  readonly kind: EvidenceKind;
  /** When the person or operator acted. {@link LATEST_TIME} for an opt-out that was told without a date. */
  readonly at: number;
  /** When this system first received it, by our wall clock. For people to read: nothing is decided by it. */
  readonly seenAt: number;
  readonly source: EvidenceSource;
  /** One act has one id, however often it is told: retries and replays carry the same. */
  readonly id: string;
  /** Where it stands in the store's log, and in the log that it was carried over from. At most two, newest log first. */
  readonly positions?: readonly LogPosition[];
  /** Of an act: the last position that the acting process had applied when the act began. */
  readonly basis?: LogPosition;
  /** Of an opt-in act that the provider's manage endpoint has proven. */
  readonly proof?: OptInProof;
  /** Of a START: number of the last sweep of the list that had begun, as far as the process that took it knew. */
  readonly sweep?: number;
  /** Kept for its id and for people to read, never weighed. */
  readonly proves?: false;
  /** The provider's id of the message or receipt. */
  readonly messageId?: string;
  /** Our number, short code or sender id that the person wrote to. */
  readonly sender?: string;
  /** The person's words. Forgotten by `erase`. */
  readonly text?: string;
  /** An operator's reason or the name of an import. Forgotten by `erase`. */
  readonly reason?: string;
}

/** One fact about one number on one list. `msisdn` is digits only, country code first. */
export interface OptOutChange {
  readonly list: string;
  readonly msisdn: string;
  readonly evidence: Evidence;
}

/** The latest time that a `Date` can hold, ms: the `at` of an opt-out without a date. Only an act beats it. */
export const LATEST_TIME = 8_640_000_000_000_000;
