/**
 * Reads the parameters of a request from its query, or from a body that is a form or JSON, whatever its content type
 * says. Pure. Parameters are kept in maps, so that names such as `__proto__` are safe.
 */

import { isUtf8 } from 'node:buffer';
import type { Parameters } from './request.ts';

/** A request. `bytes` is the raw body, `parsed` the result of a body parser. */
export interface RawRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly bytes?: Uint8Array | undefined;
  readonly parsed?: unknown;
}

/**
 * Why the parameters cannot be read. `unreadable`: the body is neither a JSON object nor a form. `unknown_format`: the
 * same, and a header names another format or an encoding. `too_many`: there are more than 500 parameters.
 */
export type ParametersFault = 'unreadable' | 'unknown_format' | 'too_many';

/** The names of parameters that are read. */
export const READ_NAMES: ReadonlySet<string> = new Set([
  ...['msisdn', 'to', 'from', 'text', 'keyword', 'type', 'data', 'messageId', 'message-timestamp', 'sig'],
  ...['timestamp', 'nonce', 'api-key', 'err-code', 'status', 'concat', 'concat-ref', 'concat-total'],
  ...['concat-part', 'message_uuid', 'channel', 'message', 'sms', 'error'],
  ...['caption', 'content', 'image', 'video', 'audio', 'file', 'vcard'],
]);

/** Sorting and hashing more would block the event loop noticeably; the provider sends about thirty. */
const MAX_PARAMETERS = 500;

/** Reads the parameters of the body, or of the query if there is no body. */
export function readParameters({ url, headers, bytes, parsed }: RawRequest): Parameters | ParametersFault {
  if (bytes !== undefined && !isBlank(bytes)) return readBytes(bytes, headers);
  if (typeof parsed === 'string' && parsed.trim() !== '') return readBytes(Buffer.from(parsed), headers);
  if (typeof parsed === 'object' && parsed !== null) {
    if (Array.isArray(parsed)) return 'unreadable';
    if (Object.keys(parsed).length > 0) return readParsed(parsed, headers);
  } else if (parsed !== undefined && parsed !== null && typeof parsed !== 'string') return 'unreadable';
  const queryAt = url.indexOf('?');
  return parametersOfPairs('query', queryAt === -1 ? '' : url.slice(queryAt + 1).replace(/#.*$/s, ''));
}

/** The start of an array, an object or a string, or nothing but a literal. */
const LOOKS_LIKE_JSON = /^\s*(?:[[{"]|(?:null|true|false|-?\d[\d.eE+-]*)\s*$)/;
const JSON_TYPE = /^application\/(?:[\w.+-]+\+)?json$/;
const FORM_TYPE = 'application/x-www-form-urlencoded';
/** ASCII control characters. No encoded form has them; UTF-16, compressed data and multipart bodies do. */
const CONTROL = /[^\P{Cc}\u0080-\u009F]/u;
const MARKUP = /["<>{}]/;
/** A name of a form's parameter: it has no spaces, unlike a sentence. */
const PLAIN_NAME = /^[!-~]+$/;

type Headers = RawRequest['headers'];

function readBytes(bytes: Uint8Array, headers: Headers): Parameters | ParametersFault {
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = body.toString('latin1').replace(/^\u00EF\u00BB\u00BF/, '');
  if (!LOOKS_LIKE_JSON.test(text)) return readForm(text.trim(), headers);
  try {
    const value: unknown = JSON.parse(decodeBytes(body).replace(/^\uFEFF/, ''));
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? parametersOfObject('json', value) : faultOf(headers);
  } catch {
    return faultOf(headers);
  }
}

function readForm(text: string, headers: Headers): Parameters | ParametersFault {
  if (CONTROL.test(text)) return faultOf(headers);
  const parameters = parametersOfPairs('form', text);
  return parameters === 'too_many' || isForm(parameters, headers) ? parameters : faultOf(headers);
}

/** Reads the result of a body parser. A parser for forms turns any text into parameters, XML for example. */
function readParsed(parsed: object, headers: Headers): Parameters | ParametersFault {
  const parameters = parametersOfObject('parsed', parsed);
  if (parameters === 'too_many' || JSON_TYPE.test(contentType(headers))) return parameters;
  return isForm(parameters, headers) ? parameters : faultOf(headers);
}

/**
 * Returns whether text that was split as a form is a form. It is if it has a parameter that is read. Else it may be a
 * form of another application, unless a header names another format.
 */
function isForm({ values }: Parameters, headers: Headers): boolean {
  const names = [...values.keys()];
  if (names.some((name) => MARKUP.test(name))) return false;
  if (names.some((name) => READ_NAMES.has(name))) return true;
  if (!['', FORM_TYPE].includes(contentType(headers)) || isEncoded(headers)) return false;
  return names.every((name) => PLAIN_NAME.test(name)) && [...values.values()].some((value) => value !== '');
}

function contentType(headers: Headers): string {
  const [type = ''] = [headers['content-type']].flat();
  return type.replace(/;.*$/s, '').trim().toLowerCase();
}

function isEncoded(headers: Headers): boolean {
  const [encoding = ''] = [headers['content-encoding']].flat();
  return !/^(?:identity)?$/i.test(encoding.trim());
}

function faultOf(headers: Headers): ParametersFault {
  const type = contentType(headers);
  const isKnown = type === '' || type === FORM_TYPE || JSON_TYPE.test(type);
  return isKnown && !isEncoded(headers) ? 'unreadable' : 'unknown_format';
}

/** Returns whether a body has only spaces and line ends. */
function isBlank(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d));
}

function parametersOfObject(from: 'json' | 'parsed', object: object): Parameters | 'too_many' {
  const entries = Object.entries(object) as [string, unknown][];
  if (entries.length > MAX_PARAMETERS) return 'too_many';
  const values = new Map<string, unknown>();
  const repeated = new Set<string>();
  for (const [name, value] of entries) {
    // Parsers of forms and queries turn a parameter that occurs twice into an array. An array of objects is one value.
    const isRepeated = Array.isArray(value) && !value.every((item) => typeof item === 'object');
    if (isRepeated) repeated.add(name);
    values.set(name, isRepeated ? (value as unknown[])[0] : value);
  }
  return { from, values, repeated };
}

function parametersOfPairs(from: 'query' | 'form', text: string): Parameters | 'too_many' {
  const pairs = text.split('&', MAX_PARAMETERS + 1);
  if (pairs.length > MAX_PARAMETERS) return 'too_many';
  const values = new Map<string, unknown>();
  const repeated = new Set<string>();
  for (const pair of pairs) {
    if (pair === '') continue;
    const separator = pair.indexOf('=');
    const name = decode(separator === -1 ? pair : pair.slice(0, separator));
    if (values.has(name)) repeated.add(name);
    else values.set(name, separator === -1 ? '' : decode(pair.slice(separator + 1)));
  }
  return { from, values, repeated };
}

function decode(encoded: string): string {
  return decodeBytes(
    Buffer.from(
      encoded
        .replaceAll('+', ' ')
        .replaceAll(/%([\da-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
      'latin1',
    ),
  );
}

/** Decodes bytes as UTF-8, or as Latin-1 if they are not UTF-8: an `Arrêt` in Latin-1 is an opt-out too. */
function decodeBytes(bytes: Buffer): string {
  return bytes.toString(isUtf8(bytes) ? 'utf8' : 'latin1');
}
