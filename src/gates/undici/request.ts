/**
 * A request that undici is about to dispatch, as the finder of sends sees it. It reads options in every form that undici
 * takes, and changes none of them.
 */

import { stringify } from 'node:querystring';
import type { Dispatcher } from 'undici';
import type { Target } from '../vonage-api/endpoints.ts';
import type { RequestContent } from '../vonage-api/parameters.ts';

type Options = Dispatcher.DispatchOptions;

/**
 * Where a request goes; `undefined` for a request that undici itself refuses.
 *
 * @param honoursOrigin whether the dispatcher sends to the `origin` of a request; one that is bound to a host does not.
 */
export function targetOf(opts: Options, honoursOrigin: () => boolean): Target | undefined {
  const { path, method } = Object(opts) as Partial<Record<keyof Options, unknown>>;
  if (typeof path !== 'string') return undefined;
  return {
    method: typeof method === 'string' ? method : '',
    path,
    hosts: () => hostsOf(path, opts),
    mayGoElsewhere: () => !honoursOrigin(),
  };
}

interface Address {
  readonly name: string;
  readonly port: string;
}

/** The hosts that a request names. None if both path and origin name none: the request can go anywhere. */
function hostsOf(path: string, opts: Options): readonly string[] {
  const { origin, servername } = opts as { origin?: unknown; servername?: unknown };
  const addresses = [addressOf(path), addressOfOrigin(origin)].filter((address) => address !== undefined);
  if (addresses.length === 0) return [];
  const ports = new Set(addresses.map(({ port }) => port));
  // The name for TLS is the host's own one where `interceptors.dns()` has put an address in its place.
  const named = [...headersOf(opts, 'host'), ...(typeof servername === 'string' ? [servername] : [])];
  return [
    ...addresses.map(({ name, port }) => `${name}:${port}`),
    ...named.flatMap((host) => (hasPort(host) ? [host] : [...ports].map((port) => withPort(host, port)))),
  ];
}

const hasPort = (host: string) => /:\d+\s*$/.test(host);
const withPort = (host: string, port: string) => `${host.trim().replace(/:$/, '')}:${port}`;

/** The last origin that was asked about: most requests of a sender go to one. */
let lastOrigin: { readonly origin: string; readonly address: Address | undefined } | undefined;

function addressOfOrigin(origin: unknown): Address | undefined {
  if (typeof origin !== 'string') return addressOf(origin);
  if (lastOrigin?.origin !== origin) lastOrigin = { origin, address: addressOf(origin) };
  return lastOrigin.address;
}

function addressOf(address: unknown): Address | undefined {
  const written = typeof address === 'string' || address instanceof URL ? String(address) : '';
  // A path has no scheme in front, and no host.
  if (written.startsWith('/') || !URL.canParse(written)) return undefined;
  const { hostname, port, protocol } = new URL(written);
  const standard = protocol === 'https:' || protocol === 'wss:' ? '443' : '80';
  return { name: hostname, port: port === '' ? standard : port };
}

/** What a request holds, given the bytes of its body. */
export function contentOf(opts: Options, query: string, body: Uint8Array | undefined): RequestContent {
  const more = opts.query === undefined || opts.query === null ? '' : stringify({ ...opts.query });
  return {
    query: `${query}&${more}`,
    contentType: onlyOne(headersOf(opts, 'content-type')),
    contentEncoding: headersOf(opts, 'content-encoding').join(',') || undefined,
    body,
  };
}

/** Of two types that differ, none is to be believed: nothing is read by this name. */
function onlyOne(values: readonly string[]): string | undefined {
  return new Set(values).size > 1 ? 'several' : values[0];
}

/** The values of a header. */
function headersOf(opts: Options, wanted: string): readonly string[] {
  const found: string[] = [];
  for (const [given, value] of pairsOf(opts)) {
    const name = String(given);
    if (name.length !== wanted.length || name.toLowerCase() !== wanted) continue;
    if (Array.isArray(value)) found.push(...value.map(String));
    else found.push(String(value));
  }
  return found;
}

function pairsOf(opts: Options): readonly (readonly [name: unknown, value: unknown])[] {
  const { headers } = opts as { headers: unknown };
  if (typeof headers !== 'object' || headers === null) return [];
  if (!Array.isArray(headers)) return Object.entries(headers);
  const parts: readonly unknown[] = headers;
  if (Array.isArray(parts[0])) return parts.map((pair) => pair as [unknown, unknown]);
  return parts.flatMap((name, index) => (index % 2 === 0 ? [[name, parts[index + 1]] as const] : []));
}
