/**
 * Copies the options of a request. Undici may read the options long after the dispatch, while the request waits for a
 * connection. The bytes that are checked and those that are sent must be the same, even if the caller changes its
 * objects meanwhile.
 */

import { errors, type Dispatcher } from 'undici';

type Options = Dispatcher.DispatchOptions;

/**
 * Copies the options of a request and its headers. Each getter is read once, an inherited one too. A value that is no
 * object is returned unchanged: undici refuses it.
 */
export function copyOptions(original: Options): Options {
  if (typeof original !== 'object' || original === null) return original;
  const copy: Record<string | symbol, unknown> = { ...original };
  for (const name of inheritedNames(original)) {
    if (!(name in copy)) copy[name] = Reflect.get(original, name);
  }
  if (copy['origin'] instanceof URL) copy['origin'] = new URL(copy['origin']);
  if ('headers' in copy) copy['headers'] = copyHeaders(copy['headers']);
  return copy as unknown as Options;
}

/** Copies also the query and the bytes of the body, for the options of a send. */
export function copySend(opts: Options): Options {
  const { query, body } = opts as { query?: unknown; body?: unknown };
  return {
    ...opts,
    ...(typeof query === 'object' && query !== null ? { query: copyValues(query) } : {}),
    ...(isBytes(body) ? { body: copyBytes(body) } : {}),
  };
}

/** Returns the names of the members that options inherit from a class. A plain object inherits none that counts. */
function inheritedNames(object: object): readonly (string | symbol)[] {
  const names: (string | symbol)[] = [];
  let prototype = Object.getPrototypeOf(object) as object | null;
  while (prototype !== null) {
    const next = Object.getPrototypeOf(prototype) as object | null;
    // The last prototype is `Object.prototype`, of this realm or another: its members are left out.
    if (next !== null) names.push(...Reflect.ownKeys(prototype));
    prototype = next;
  }
  return names.filter((name) => name !== 'constructor');
}

/** Copies headers to a form that undici accepts: an object as an object, an iterable of pairs as a flat array. */
function copyHeaders(headers: unknown): unknown {
  if (typeof headers !== 'object' || headers === null) return headers;
  if (Array.isArray(headers)) return headers.map(copyValue);
  if (!(Symbol.iterator in headers)) return copyValues(headers);
  return [...(headers as Iterable<unknown>)].flatMap((pair) => {
    if (!Array.isArray(pair) || pair.length !== 2) {
      throw new errors.InvalidArgumentError('headers must be in key-value pair format');
    }
    return pair.map(copyValue);
  });
}

const copyValues = (object: object): object =>
  Object.fromEntries(Object.entries(object).map(([name, value]) => [name, copyValue(value)]));
const copyValue = (value: unknown): unknown => (Array.isArray(value) ? [...(value as unknown[])] : value);

function isBytes(body: unknown): body is ArrayBuffer | ArrayBufferView {
  return ArrayBuffer.isView(body) || body instanceof ArrayBuffer;
}

function copyBytes(bytes: ArrayBuffer | ArrayBufferView): Buffer {
  const view = ArrayBuffer.isView(bytes)
    ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    : new Uint8Array(bytes);
  return Buffer.from(view);
}
