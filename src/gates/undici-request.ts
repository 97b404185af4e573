/**
 * What undici is about to dispatch, as the finder of sends sees it. It reads options in every form that undici takes,
 * and changes nothing but headers that can be read only once.
 */

import { stringify } from 'node:querystring';
import type { Dispatcher } from 'undici';
import type { Target } from './send-endpoints.ts';
import type { RequestContent } from './send-parameters.ts';

type Options = Dispatcher.DispatchOptions;

/** Where a request goes; `undefined` for what undici itself refuses. */
export function targetOf(opts: Options): Target | undefined {
  const { path, method, origin } = Object(opts) as Partial<Record<keyof Options, unknown>>;
  if (typeof path !== 'string') return undefined;
  return {
    method: typeof method === 'string' ? method : '',
    path,
    hosts: () => hostsOf(path, origin, opts),
  };
}

/** The hosts that a request names. None where one of them is missing that the rest may depend on: it can go anywhere. */
function hostsOf(path: string, origin: unknown, opts: Options): readonly string[] {
  const absolute = hostOf(path);
  const ofOrigin = hostOfOrigin(origin);
  if (absolute === undefined && ofOrigin === undefined) return [];
  return [absolute, ofOrigin, ...headersOf(opts, 'host')].filter((host) => host !== undefined);
}

/** The last origin that was asked about: most requests of a sender go to one. */
let lastOrigin: { readonly origin: string; readonly host: string | undefined } | undefined;

function hostOfOrigin(origin: unknown): string | undefined {
  if (typeof origin !== 'string') return hostOf(origin);
  if (lastOrigin?.origin !== origin) lastOrigin = { origin, host: hostOf(origin) };
  return lastOrigin.host;
}

function hostOf(address: unknown): string | undefined {
  const written = typeof address === 'string' || address instanceof URL ? String(address) : '';
  // A path has no scheme in front, and no host.
  if (written.startsWith('/') || !URL.canParse(written)) return undefined;
  const { hostname, port, protocol } = new URL(written);
  return `${hostname}:${port === '' ? (protocol === 'https:' ? '443' : '80') : port}`;
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
  if (Array.isArray(headers)) {
    const parts: readonly unknown[] = headers;
    return parts.flatMap((name, index) => (index % 2 === 0 ? [[name, parts[index + 1]] as const] : []));
  }
  if (!(Symbol.iterator in headers)) return Object.entries(headers);
  return [...(headers as Iterable<[unknown, unknown]>)];
}

/** The options with headers that can be read more than once. */
export function rereadable(opts: Options): Options {
  const { headers } = Object(opts) as { headers?: unknown };
  const isOnce =
    typeof headers === 'object' && headers !== null && Symbol.iterator in headers && 'next' in headers;
  return isOnce ? { ...opts, headers: [...(headers as Iterable<[string, string]>)].flat() } : opts;
}
