/**
 * Copies of what a request is dispatched with. Undici may read options long after it was handed them, while the request
 * waits for a connection: what was checked and what is sent must be the same bytes, whatever the caller does to its own
 * objects meanwhile.
 */

import { errors, type Dispatcher } from 'undici';

type Options = Dispatcher.DispatchOptions;

/**
 * The options of a request with headers of their own. Getters are read once, inherited ones too. A value that is no
 * options object comes back as it is: undici refuses it.
 */
export function copyOptions(given: Options): Options {
  if (typeof given !== 'object' || given === null) return given;
  const copy: Record<string | symbol, unknown> = { ...given };
  for (const name of inheritedNames(given)) {
    if (!(name in copy)) copy[name] = Reflect.get(given, name);
  }
  if (copy['origin'] instanceof URL) copy['origin'] = new URL(copy['origin']);
  if ('headers' in copy) copy['headers'] = copyHeaders(copy['headers']);
  return copy as unknown as Options;
}

/** The options of a send: its query and the bytes of its body cannot be changed from outside either. */
export function copySend(opts: Options): Options {
  const { query, body } = opts as { query?: unknown; body?: unknown };
  return {
    ...opts,
    ...(typeof query === 'object' && query !== null ? { query: copyValues(query) } : {}),
    ...(isBytes(body) ? { body: copyBytes(body) } : {}),
  };
}

/** What a class of options adds, by its accessors. A plain object adds nothing. */
function inheritedNames(given: object): readonly (string | symbol)[] {
  const names: (string | symbol)[] = [];
  let prototype = Object.getPrototypeOf(given) as object | null;
  while (prototype !== null) {
    const next = Object.getPrototypeOf(prototype) as object | null;
    // The last one is `Object.prototype`, of this realm or another.
    if (next !== null) names.push(...Reflect.ownKeys(prototype));
    prototype = next;
  }
  return names.filter((name) => name !== 'constructor');
}

/** Headers in a form that undici takes: an object as an object, pairs as the flat list that they mean. */
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
