/** The port to whoever keeps the opt-out list. Types only. */

/**
 * A row of the provider's list: a number alone (it is opted out), or an object. In an object, `msisdn` is the
 * number; the flags may be `optOut`/`optIn` or the provider's own `opt-out`/`opt-in`, booleans or the strings
 * `"true"`/`"false"` in any case; the dates `optOutDate`/`optInDate` or `opt-out-date`/`opt-in-date`, as
 * `Date`, ms, seconds or text (UTC without a zone; src/dates.ts says in which forms). Anything else in it is ignored.
 */
export type ProviderRow = string | number | Readonly<Record<string, unknown>>;

/** Which page is wanted. */
export interface PageRequest {
  /** Zero-based. */
  readonly index: number;
  /** Rows wanted; a provider may return fewer. */
  readonly size: number;
  /** Aborts when the page is no longer wanted or its time is over. */
  readonly signal: AbortSignal;
}

/** One page of the list. */
export interface ProviderPage {
  /** The rows, in any order; empty past the end. */
  readonly rows: readonly ProviderRow[];
  /**
   * How many rows the provider says there are: in all or on this page, providers differ. A cross-check only. A number
   * may be in several rows; each counts.
   */
  readonly total?: number | undefined;
  /**
   * The provider's time when the page came, ms UTC: the `Date` of its reply. It is used for the warning `clock_skew`
   * and `status().clock` alone, because a reply may come from a cache.
   */
  readonly serverTime?: number | undefined;
}

/** What a provider's reply to an opt-in says. */
export interface OptInReply {
  /**
   * Its date, ms UTC by the clock of the provider's list. A row with a later opt-out date outweighs the opt-in. Left out
   * where the reply carries none.
   */
  readonly optInDate?: number | Date | undefined;
}

/** Whoever keeps an opt-out list that can be read. Both functions reject when they cannot be sure. */
export interface Provider {
  /** A stable name of the account whose list this is, without a secret: a store of another account is not used. */
  readonly account?: string | undefined;
  /** Reads one page. Rejects on anything that is not a well-formed page: an error is never an empty list. */
  page(request: PageRequest): Promise<ProviderPage>;
  /** Asks the provider to opt a number in again. Resolves only when its reply proves that it did. */
  optIn?(msisdn: string, options: { readonly signal: AbortSignal }): Promise<void | OptInReply>;
}
