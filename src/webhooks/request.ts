/** The types that the steps of a webhook share: the request, its parameters, and how far it is trusted. */

/** A request as the receiver takes it: `body` as it arrived, or `parsedBody` as a body parser left it. */
export interface WebhookRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body?: Uint8Array | undefined;
  readonly parsedBody?: unknown;
}

/** The parameters of a request. */
export interface Parameters {
  readonly from: 'query' | 'form' | 'json' | 'parsed';
  readonly values: ReadonlyMap<string, unknown>;
  /** Names that occurred more than once; `values` has their first value. */
  readonly repeated: ReadonlySet<string>;
}

/** `proven`: it comes from the provider. `block`: believed where it blocks, not where it unblocks. */
export type Trust = 'proven' | 'block';
