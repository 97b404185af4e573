/** Reads and keeps what the simulated provider is asked, and tells whether the caller is who it says. */

import type { IncomingMessage } from 'node:http';
import { PATHS, type Inputs } from './endpoints.ts';
import type { EndpointName } from './faults.ts';
import { makeSig, type SigMethod } from './signing.ts';

/** A request as it came. */
export interface RecordedRequest {
  readonly endpoint: EndpointName;
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** At most the first MiB. */
  readonly body: string;
  /** Parameters of query and body. */
  readonly inputs: Inputs;
  /** When it had come whole, ms UTC. */
  readonly at: number;
}

/** What an account signs in with. */
export interface Account {
  readonly apiKey: string;
  readonly apiSecret: string;
  readonly signature: { readonly secret: string; readonly method: SigMethod };
}

const MAX_BODY = 1024 * 1024;

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

/** By key and secret, by key and signature, by HTTP Basic; where the API takes tokens, by any token. */
export function isKnown(request: RecordedRequest, { apiKey, apiSecret, signature }: Account): boolean {
  const { endpoint, headers, inputs } = request;
  const authorization = headers['authorization'] ?? '';
  const takesTokens = endpoint === 'messages' || endpoint === 'verify2';
  if (takesTokens && /^Bearer \S+/.test(String(authorization))) return true;
  if (authorization === `Basic ${Buffer.from(`${apiKey}:${apiSecret}`).toString('base64')}`) return true;
  if (inputs['api_key'] !== apiKey) return false;
  const { sig } = inputs;
  if (typeof sig !== 'string') return inputs['api_secret'] === apiSecret;
  const all = Object.entries(inputs).map(([name, value]) => [name, String(value)] as const);
  // Signers disagree about parameters without a value: either way is right.
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
