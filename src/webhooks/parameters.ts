/**
 * The parameters of a request, wherever they are: query, form or JSON, whatever its content type claims. Pure.
 * Names are looked up in maps, so that a parameter may be called anything.
 */

import { isUtf8 } from 'node:buffer';

/** What came in. `bytes` is the raw body, `parsed` one that somebody else has read already. */
export interface RawRequest {
  readonly url: string;
  readonly bytes?: Uint8Array | undefined;
  readonly parsed?: unknown;
}

/** The parameters of a request. */
export interface Parameters {
  readonly from: 'query' | 'form' | 'json' | 'parsed';
  readonly values: ReadonlyMap<string, unknown>;
  /** Names that occurred more than once; `values` has their first value. */
  readonly repeated: ReadonlySet<string>;
}

/** @returns `undefined` where the body holds no parameters that could be read. */
export function readParameters({ url, bytes, parsed }: RawRequest): Parameters | undefined {
  if (bytes !== undefined && bytes.length > 0) return readBytes(bytes);
  if (typeof parsed === 'string' && parsed !== '') return readBytes(Buffer.from(parsed));
  if (typeof parsed === 'object' && parsed !== null) {
    if (Array.isArray(parsed)) return undefined;
    if (Object.keys(parsed).length > 0) return ofObject('parsed', parsed);
  }
  const mark = url.indexOf('?');
  return ofPairs('query', mark === -1 ? '' : url.slice(mark + 1).replace(/#.*$/s, ''));
}

/** An array, an object, a text, or a literal and nothing else, perhaps behind a byte order mark. */
const LOOKS_LIKE_JSON = /^(?:\u00EF\u00BB\u00BF)?\s*(?:[[{"]|(?:null|true|false|-?\d[\d.eE+-]*)\s*$)/;

function readBytes(bytes: Uint8Array): Parameters | undefined {
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const written = body.toString('latin1');
  if (!LOOKS_LIKE_JSON.test(written)) return ofPairs('form', written);
  try {
    const value: unknown = JSON.parse(body.toString('utf8').replace(/^\uFEFF/, ''));
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? ofObject('json', value) : undefined;
  } catch {
    return undefined;
  }
}

function ofObject(from: 'json' | 'parsed', object: object): Parameters {
  const values = new Map<string, unknown>();
  const repeated = new Set<string>();
  for (const [name, value] of Object.entries(object)) {
    // Parsers of forms and queries make an array of a parameter that occurs twice.
    if (Array.isArray(value)) repeated.add(name);
    values.set(name, Array.isArray(value) ? (value as unknown[])[0] : value);
  }
  return { from, values, repeated };
}

function ofPairs(from: 'query' | 'form', written: string): Parameters {
  const values = new Map<string, unknown>();
  const repeated = new Set<string>();
  for (const pair of written.split('&')) {
    if (pair === '') continue;
    const mark = pair.indexOf('=');
    const name = decode(mark === -1 ? pair : pair.slice(0, mark));
    if (values.has(name)) repeated.add(name);
    else values.set(name, mark === -1 ? '' : decode(pair.slice(mark + 1)));
  }
  return { from, values, repeated };
}

/** Bytes that are no UTF-8 are read as Latin-1: an `Arrêt` in the wrong encoding is still one. */
function decode(written: string): string {
  const bytes = Buffer.from(
    written
      .replaceAll('+', ' ')
      .replaceAll(/%([\da-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  );
  return bytes.toString(isUtf8(bytes) ? 'utf8' : 'latin1');
}
