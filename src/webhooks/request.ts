/** The types that the steps of a webhook share: the request, its parameters, and how far it is trusted. */

/** A request of any host. It has `body` as it arrived, or `parsedBody` from a body parser, or neither. */
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
  /** The part of the request that they were read from; `parsed` is the result of a body parser. */
  readonly from: 'query' | 'form' | 'json' | 'parsed';
  readonly values: ReadonlyMap<string, unknown>;
  /** Names that occurred more than once; `values` has their first value. */
  readonly repeated: ReadonlySet<string>;
}

/** `proven`: the provider sent the request. `block_only`: the request may block a number, and may not unblock one. */
export type Trust = 'proven' | 'block_only';
