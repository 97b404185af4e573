/** The evidence that the guard keeps, as data. Types and constants only; evidence-rules.ts weighs it. */

/** `out`: the person gets no message. `in`: the person asked for messages again. */
export type Direction = 'out' | 'in';

/**
 * The kind of a piece of evidence, which decides how it is ordered.
 *
 * - `told`: the provider passed it on (a message, a receipt). Ordered by the provider's time, `at`.
 * - `stated`: a row of an import with a date of its own. `at` is the latest instant that the text of the date can mean.
 * - `act`: an act on this system (`optOut()`, `resubscribe()`, an import row without a date). Ordered by its position
 *   in the store's log and by its basis. Its time decides nothing.
 */
export type EvidenceKind = 'told' | 'act' | 'stated';

/**
 * The origin of evidence: the provider's list or its manage endpoint (`provider`), a message from the person
 * (`inbound`), a delivery receipt or status (`receipt`), an operator, website or import (`manual`).
 */
export type EvidenceSource = 'provider' | 'inbound' | 'receipt' | 'manual';

/** A position in the log of one store. The rules never compare positions of different logs. */
export interface LogPosition {
  /** The `logId` of the store. Names of newer logs sort after those of older ones. */
  readonly log: string;
  readonly position: number;
}

/** The answer of the provider's manage endpoint that opted a number in. */
export interface OptInProof {
  /** The `opt-in-date` of the answer, ms UTC by the provider's clock; `null` if it had none. */
  readonly optInDate: number | null;
  /** Number of the last sweep of the list that had begun, as far as the acting process knew. */
  readonly sweep: number;
}

/** Why we believe that a number is out or in. All times are ms since 1970, UTC. */
export interface Evidence {
  readonly direction: Direction;
  readonly kind: EvidenceKind;
  /** When the person or operator acted. {@link LATEST_TIME} for a `told` opt-out without a date. */
  readonly at: number;
  /** When this system first received it, by our wall clock. For people to read: nothing is decided by it. */
  readonly seenAt: number;
  readonly source: EvidenceSource;
  /** One piece of evidence has one id: retries and replays carry the same id. */
  readonly id: string;
  /** Its position in the store's log, and in the log it was carried over from. At most two, newest log first. */
  readonly positions?: readonly LogPosition[];
  /** Of an act: the last position that the acting process had applied when the act began. */
  readonly basis?: LogPosition;
  /** Of an opt-in act that the provider's manage endpoint has proven. */
  readonly proof?: OptInProof;
  /** Of a START: number of the last sweep of the list that had begun, as far as the process that received it knew. */
  readonly sweep?: number;
  /** The evidence is kept for its id and for people to read, and is never weighed. */
  readonly proves?: false;
  /** The provider's id of the message or receipt. */
  readonly messageId?: string;
  /** Our number, short code or sender id that the person wrote to. */
  readonly sender?: string;
  /** The person's words. `erase` deletes them. */
  readonly text?: string;
  /**
   * An operator's reason, the name of an import, or the keyword rule that found an opt-out in a text and the words that
   * it matched (`request: stop texting`). `erase` deletes it.
   */
  readonly reason?: string;
}

/** One piece of evidence about one number on one list. `msisdn` is digits only, country code first. */
export interface OptOutChange {
  readonly list: string;
  readonly msisdn: string;
  readonly evidence: Evidence;
}

/** The latest time that a `Date` can hold, ms: the `at` of a `told` opt-out without a date. Only an act beats it. */
export const LATEST_TIME = 8_640_000_000_000_000;
