/** Faults on script: what goes wrong with the next replies. */

import type { ServerResponse } from 'node:http';

/** The endpoints by name. */
export type EndpointName =
  'query' | 'manage' | 'sms' | 'alert' | '2fa' | 'marketing' | 'messages' | 'verify' | 'verify2' | 'unknown';

/** A fault. What is left out is as it would be without it. */
export interface Fault {
  /** Which requests; left out: all. */
  readonly on?: EndpointName;
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
  /** Breaks the connection instead of a reply. */
  readonly isReset?: boolean;
}

export interface FaultScript {
  add(fault: Fault): void;
  clear(): void;
  /** The fault of this request, counted as used. */
  take(endpoint: EndpointName, page: number | undefined): Fault | undefined;
}

export function createFaultScript(): FaultScript {
  let script: { fault: Fault; left: number }[] = [];
  return {
    add: (fault) => void script.push({ fault, left: fault.times ?? 1 }),
    clear: () => void (script = []),
    take(endpoint, page) {
      const next = script.find(
        ({ fault, left }) =>
          left > 0 &&
          (fault.on ?? endpoint) === endpoint &&
          (fault.page === undefined || fault.page === page),
      );
      if (next) next.left--;
      return next?.fault;
    },
  };
}

/** Writes a reply with its fault. */
export async function reply(
  res: ServerResponse,
  real: { readonly status: number; readonly body: string },
  fault: Fault = {},
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
    ...fault.headers,
  });
  if (!fault.isTruncated && fault.stall === undefined) return void res.end(body);
  res.write(body.subarray(0, Math.ceil(body.length / 2)), () => {
    if (fault.isTruncated) res.destroy();
  });
}
