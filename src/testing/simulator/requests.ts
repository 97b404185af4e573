/** Records the requests to the simulated provider, and authenticates them. */

import type { IncomingMessage } from 'node:http';
import { PATHS, type Inputs } from './endpoints.ts';
import type { EndpointName } from './faults.ts';
import { makeSig, type SigMethod } from './signing.ts';

/** A request to the simulator. */
export interface RecordedRequest {
  readonly endpoint: EndpointName;
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  /** Path without query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The body as text, at most its first MiB. */
  readonly body: string;
  /** The parameters of the query and the body. */
  readonly inputs: Inputs;
  /** When the whole request had arrived, ms UTC. */
  readonly at: number;
}

/** The credentials of an account. */
export interface Account {
  readonly apiKey: string;
  readonly apiSecret: string;
  readonly signature: { readonly secret: string; readonly method: SigMethod };
}

const MAX_BODY = 1024 * 1024;

/** Reads a request. */
export async function record(req: IncomingMessage, now: () => number): Promise<RecordedRequest> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of req as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= MAX_BODY) chunks.push(chunk);
  }
  const body = Buffer.concat(chunks).toString('utf8');
  const { method = 'GET', url = '/', headers } = req;
  const { pathname: path, searchParams } = new URL(url, 'http://127.0.0.1');
  const inputs = { ...Object.fromEntries(searchParams), ...inputsOf(body) };
  return { endpoint: PATHS[path] ?? 'unknown', method, url, path, headers, body, inputs, at: now() };
}

/**
 * Returns whether a request is authenticated: by key and secret, by key and signature, or by HTTP Basic. APIs with
 * tokens accept every token.
 */
export function isAuthenticated(
  request: RecordedRequest,
  { apiKey, apiSecret, signature }: Account,
): boolean {
  const { endpoint, headers, inputs } = request;
  const authorization = headers['authorization'] ?? '';
  const takesTokens = endpoint === 'messages' || endpoint === 'verify2';
  if (takesTokens && /^Bearer \S+/.test(String(authorization))) return true;
  if (authorization === `Basic ${Buffer.from(`${apiKey}:${apiSecret}`).toString('base64')}`) return true;
  if (inputs['api_key'] !== apiKey) return false;
  const { sig } = inputs;
  if (typeof sig !== 'string') return inputs['api_secret'] === apiSecret;
  const all = Object.entries(inputs).map(([name, value]) => [name, String(value)] as const);
  // Some clients sign parameters with empty values, others do not. Both are accepted.
  return [all, all.filter(([, value]) => value !== '')].some(
    (signed) => makeSig(Object.fromEntries(signed), signature.secret, signature.method) === sig.toLowerCase(),
  );
}

function inputsOf(body: string): Inputs {
  if (!body.trimStart().startsWith('{')) return Object.fromEntries(new URLSearchParams(body));
  try {
    return JSON.parse(body) as Inputs;
  } catch {
    return {};
  }
}
