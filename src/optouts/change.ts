/**
 * The facts the guard knows, as data: who said it, when, by which clock. Types only; the rules that weigh
 * them are in ledger.ts.
 */

/** Out: this person gets no message. In: this person asked for messages again. */
export type Direction = 'out' | 'in';

/** Whose clock `at` was read from. The provider's has steps of one second and may run apart from ours. */
export type EvidenceClock = 'provider' | 'local';

/**
 * Where a fact came from: the provider's list or its manage endpoint (`provider`), a message from the person
 * (`inbound`), a delivery receipt or status (`receipt`), an operator, website or import (`manual`).
 */
export type EvidenceSource = 'provider' | 'inbound' | 'receipt' | 'manual';

/** Why we believe that a number is out or in. All times are ms since 1970, UTC. */
export interface Evidence {
  readonly direction: Direction;
  /** When the person or operator acted, as far as we know. */
  readonly at: number;
  readonly clock: EvidenceClock;
  /** When this system first received it, by our clock. */
  readonly seenAt: number;
  readonly source: EvidenceSource;
  /** One act has one id, however often it is told: retries and replays carry the same. */
  readonly id: string;
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
