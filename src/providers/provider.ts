/** The port to a provider of an opt-out list. Types only. */

/**
 * A row of the provider's list: a number alone, which is opted out, or an object. Members of an object:
 * - `msisdn`: the number.
 * - `optOut` and `optIn`, or `opt-out` and `opt-in`: booleans, or the strings `"true"` and `"false"` in any case.
 * - `optOutDate` and `optInDate`, or `opt-out-date` and `opt-in-date`: a `Date`, ms or seconds since 1970, or text in
 *   the forms that src/dates.ts lists. A time without a zone is UTC.
 *
 * Other members are ignored.
 */
export type ProviderRow = string | number | Readonly<Record<string, unknown>>;

/** The page that is requested. */
export interface PageRequest {
  /** Zero-based. */
  readonly index: number;
  /** Number of rows requested; a provider may return fewer. */
  readonly size: number;
  /** Aborts when the page is no longer needed or its time is over. */
  readonly signal: AbortSignal;
}

/** One page of the list. */
export interface ProviderPage {
  /** The rows, in any order; empty past the end. */
  readonly rows: readonly ProviderRow[];
  /**
   * The number of rows that the provider announces, in the whole list or on this page: providers differ. It is only
   * used as a cross-check. If a number is in several rows, each row counts.
   */
  readonly total?: number | undefined;
  /**
   * The provider's time when the page came, ms UTC: the `Date` of its reply. It is only used for the warning
   * `clock_skew` and for `status().clock`, because a reply may come from a cache.
   */
  readonly serverTime?: number | undefined;
}

/** A provider's reply to an opt-in. */
export interface OptInReply {
  /**
   * The date of the opt-in, ms UTC, by the clock of the provider's list. A row with a later opt-out date outweighs the
   * opt-in. Left out if the reply has no date.
   */
  readonly optInDate?: number | Date | undefined;
}

/** A provider whose opt-out list can be read. Both functions reject if they cannot be sure of the result. */
export interface Provider {
  /** A stable name of the account whose list this is, without a secret. A store of another account is not used. */
  readonly account?: string | undefined;
  /** Reads one page. Rejects if the reply is not a well-formed page: an error is never an empty list. */
  page(request: PageRequest): Promise<ProviderPage>;
  /** Asks the provider to opt a number in again. Resolves only if the reply proves that it did. */
  optIn?(msisdn: string, options: { readonly signal: AbortSignal }): Promise<void | OptInReply>;
}
