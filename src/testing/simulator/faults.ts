/** Faults on script: what goes wrong with the next replies. */

import type { ServerResponse } from 'node:http';

/** The endpoints by name. */
export type EndpointName =
  'query' | 'manage' | 'sms' | 'alert' | '2fa' | 'marketing' | 'messages' | 'verify' | 'verify2' | 'unknown';

/**
 * A fault. What is left out is as it would be without it. A request that meets a status or body of the fault's own, a
 * throttle or a broken connection does nothing: no message, no change to the list.
 */
export interface Fault {
  /** Which requests: an endpoint by name or path, or `send` for all but the two of the list. Left out: all. */
  readonly on?: EndpointName | 'send' | `/${string}`;
  /** Which page of a query. */
  readonly page?: number;
  /** How many requests. Default 1; `Infinity` until `clearFaults()`. */
  readonly times?: number;
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** The body instead of the real one. */
  readonly body?: string;
  /** Wait before the reply, ms. */
  readonly delayMs?: number;
  /** Never answers: not even headers, or headers and half of the body. */
  readonly stall?: 'headers' | 'body';
  /** Ends after half of the body, the connection included. */
  readonly isTruncated?: boolean;
  /** Answers 429 as the endpoint does; `retryAfter` is the header `Retry-After`, s. */
  readonly throttle?: { readonly retryAfter?: number };
  /** Breaks the connection instead of a reply. */
  readonly isReset?: boolean;
}

export interface FaultScript {
  add(fault: Fault): void;
  clear(): void;
  /** The fault of this request, counted as used. */
  take(request: { endpoint: EndpointName; path: string; page: number | undefined }): Fault | undefined;
}

export function createFaultScript(): FaultScript {
  let script: { fault: Fault; left: number }[] = [];
  return {
    add: (fault) => void script.push({ fault, left: fault.times ?? 1 }),
    clear: () => void (script = []),
    take({ endpoint, path, page }) {
      const isSend = endpoint !== 'query' && endpoint !== 'manage' && endpoint !== 'unknown';
      const names: unknown[] = [undefined, endpoint, path, ...(isSend ? ['send'] : [])];
      const next = script.find(
        ({ fault, left }) =>
          left > 0 && names.includes(fault.on) && (fault.page === undefined || fault.page === page),
      );
      if (next) next.left--;
      return next?.fault;
    },
  };
}

/** Whether the request is not carried out at all. */
export function isInstead(fault: Fault): boolean {
  const { status, body, throttle, isReset = false } = fault;
  return isReset || status !== undefined || body !== undefined || throttle !== undefined;
}

/** Writes a reply with its fault. */
export async function reply(
  res: ServerResponse,
  real: { readonly status: number; readonly body: string },
  fault: Fault = {},
  now: () => number = Date.now,
): Promise<void> {
  if (fault.isReset) return void res.destroy();
  if (fault.stall === 'headers') return;
  if (fault.delayMs !== undefined) {
    await new Promise((resolve) => setTimeout(resolve, fault.delayMs).unref());
  }
  const body = Buffer.from(fault.body ?? real.body);
  res.writeHead(fault.status ?? real.status, {
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
