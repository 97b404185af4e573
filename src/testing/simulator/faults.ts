/** The faults that a test plans for the simulator's next replies. */

import type { ServerResponse } from 'node:http';

/** The name of an endpoint. */
export type EndpointName =
  'query' | 'manage' | 'sms' | 'alert' | '2fa' | 'marketing' | 'messages' | 'verify' | 'verify2' | 'unknown';

/**
 * A fault of the next replies. Members that are left out do not change the reply. A request with `status`, `body`,
 * `throttle` or `isReset` is not carried out: no message is sent, and the list does not change.
 */
export interface Fault {
  /**
   * The requests that it is for: an endpoint by name or path, or `send` for all endpoints except `query` and `manage`.
   * Default all requests.
   */
  readonly on?: EndpointName | 'send' | `/${string}`;
  /** The page of a query that it is for, from 0. Default every page. */
  readonly page?: number;
  /** How many requests it is for. Default 1. `Infinity`: until `clearFaults()`. */
  readonly times?: number;
  /** The HTTP status of the reply. */
  readonly status?: number;
  /** Further headers of the reply, or other values of the usual ones. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The body of the reply, instead of the usual one. */
  readonly body?: string;
  /** How long the reply is delayed, ms. */
  readonly delayMs?: number;
  /** Never completes the reply: sends nothing (`headers`), or the headers and half of the body (`body`). */
  readonly stall?: 'headers' | 'body';
  /** Closes the connection after half of the body. */
  readonly isTruncated?: boolean;
  /** Replies with 429, as the endpoint does. `retryAfter` is the value of the header `Retry-After`, s. */
  readonly throttle?: { readonly retryAfter?: number };
  /** Closes the connection without a reply. */
  readonly isReset?: boolean;
}

export interface FaultScript {
  add(fault: Fault): void;
  clear(): void;
  /** Returns the fault for a request, if there is one, and counts it as used. */
  take(request: { endpoint: EndpointName; path: string; page: number | undefined }): Fault | undefined;
}

export function createFaultScript(): FaultScript {
  let planned: { fault: Fault; left: number }[] = [];
  return {
    add: (fault) => void planned.push({ fault, left: fault.times ?? 1 }),
    clear: () => void (planned = []),
    take({ endpoint, path, page }) {
      const isSend = endpoint !== 'query' && endpoint !== 'manage' && endpoint !== 'unknown';
      const names: unknown[] = [undefined, endpoint, path, ...(isSend ? ['send'] : [])];
      const next = planned.find(
        ({ fault, left }) =>
          left > 0 && names.includes(fault.on) && (fault.page === undefined || fault.page === page),
      );
      if (next) next.left--;
      return next?.fault;
    },
  };
}

/** Returns whether a request with this fault is not carried out. */
export function replacesReply(fault: Fault): boolean {
  const { status, body, throttle, isReset = false } = fault;
  return isReset || status !== undefined || body !== undefined || throttle !== undefined;
}

/** Sends a reply, changed by a fault. */
export async function reply(
  res: ServerResponse,
  usual: { readonly status: number; readonly body: string },
  fault: Fault = {},
  now: () => number = Date.now,
): Promise<void> {
  if (fault.isReset) return void res.destroy();
  if (fault.stall === 'headers') return;
  if (fault.delayMs !== undefined) {
    await new Promise((resolve) => setTimeout(resolve, fault.delayMs).unref());
  }
  const body = Buffer.from(fault.body ?? usual.body);
  res.writeHead(fault.status ?? usual.status, {
    'content-type': 'application/json',
    'content-length': body.length,
    date: new Date(now()).toUTCString(),
    ...(fault.throttle?.retryAfter === undefined ? {} : { 'retry-after': String(fault.throttle.retryAfter) }),
    ...fault.headers,
  });
  if (!fault.isTruncated && fault.stall === undefined) return void res.end(body);
  res.write(body.subarray(0, Math.ceil(body.length / 2)), () => {
    if (fault.isTruncated) res.destroy();
  });
}
