/**
 * Reads the options of a dispatch for the finder of sends, in every form that undici accepts. It changes no option.
 */

import { stringify } from 'node:querystring';
import type { Dispatcher } from 'undici';
import type { Target } from '../vonage-api/endpoints.ts';
import type { RequestContent } from '../vonage-api/parameters.ts';

type Options = Dispatcher.DispatchOptions;

/**
 * Returns the target of a request; `undefined` for a request that undici itself refuses.
 *
 * @param isRoutedByOrigin whether the dispatcher sends to the `origin` of a request. One that is bound to a host does
 * not.
 */
export function targetOf(opts: Options, isRoutedByOrigin: () => boolean): Target | undefined {
  const { path, method } = Object(opts) as Partial<Record<keyof Options, unknown>>;
  if (typeof path !== 'string') return undefined;
  return {
    method: typeof method === 'string' ? method : '',
    path,
    hosts: () => hostsOf(path, opts),
    canGoToOtherHost: () => !isRoutedByOrigin(),
  };
}

interface Address {
  readonly name: string;
  readonly port: string;
}

/** Returns the hosts that a request names. If neither path nor origin names one, the request may go to any host. */
function hostsOf(path: string, opts: Options): readonly string[] {
  const { origin, servername } = opts as { origin?: unknown; servername?: unknown };
  const addresses = [addressOf(path), addressOfOrigin(origin)].filter((address) => address !== undefined);
  if (addresses.length === 0) return [];
  const ports = new Set(addresses.map(({ port }) => port));
  // If `interceptors.dns()` has replaced the host of the origin by an address, `servername` is the name of the host.
  const named = [...headersOf(opts, 'host'), ...(typeof servername === 'string' ? [servername] : [])];
  return [
    ...addresses.map(({ name, port }) => `${name}:${port}`),
    ...named.flatMap((host) => (hasPort(host) ? [host] : [...ports].map((port) => withPort(host, port)))),
  ];
}

const hasPort = (host: string) => /:\d+\s*$/.test(host);
const withPort = (host: string, port: string) => `${host.trim().replace(/:$/, '')}:${port}`;

/** The result for the last origin: most requests of a sender go to the same one. */
let cached: { readonly origin: string; readonly address: Address | undefined } | undefined;

function addressOfOrigin(origin: unknown): Address | undefined {
  if (typeof origin !== 'string') return addressOf(origin);
  if (cached?.origin !== origin) cached = { origin, address: addressOf(origin) };
  return cached.address;
}

function addressOf(address: unknown): Address | undefined {
  const written = typeof address === 'string' || address instanceof URL ? String(address) : '';
  // A path without a scheme names no host.
  if (written.startsWith('/') || !URL.canParse(written)) return undefined;
  const { hostname, port, protocol } = new URL(written);
  const standard = protocol === 'https:' || protocol === 'wss:' ? '443' : '80';
  return { name: hostname, port: port === '' ? standard : port };
}

/** Returns the content of a request, given the query of its path and the bytes of its body. */
export function contentOf(opts: Options, query: string, body: Uint8Array | undefined): RequestContent {
  const optionQuery = opts.query === undefined || opts.query === null ? '' : stringify({ ...opts.query });
  return {
    query: `${query}&${optionQuery}`,
    contentType: singleValue(headersOf(opts, 'content-type')),
    contentEncoding: headersOf(opts, 'content-encoding').join(',') || undefined,
    body,
  };
}

/** Returns the value of a header. If it has different values, the result is a content type that is never read. */
function singleValue(values: readonly string[]): string | undefined {
  return new Set(values).size > 1 ? 'several' : values[0];
}

/** Returns the values of a header. @param wanted its name, in lower case. */
function headersOf(opts: Options, wanted: string): readonly string[] {
  const found: string[] = [];
  for (const [key, value] of headerPairs(opts)) {
    const name = String(key);
    if (name.length !== wanted.length || name.toLowerCase() !== wanted) continue;
    if (Array.isArray(value)) found.push(...value.map(String));
    else found.push(String(value));
  }
  return found;
}

/** Returns the headers as pairs, from an object, an array of pairs, or an array of names and values in turn. */
function headerPairs(opts: Options): readonly (readonly [name: unknown, value: unknown])[] {
  const { headers } = opts as { headers: unknown };
  if (typeof headers !== 'object' || headers === null) return [];
  if (!Array.isArray(headers)) return Object.entries(headers);
  const parts: readonly unknown[] = headers;
  if (Array.isArray(parts[0])) return parts.map((pair) => pair as [unknown, unknown]);
  return parts.flatMap((name, index) => (index % 2 === 0 ? [[name, parts[index + 1]] as const] : []));
}
