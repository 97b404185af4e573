/**
 * The parameters of a request, wherever they are: query, form or JSON, whatever its content type claims. Pure.
 * Names are looked up in maps, so that a parameter may be called anything.
 */

import { isUtf8 } from 'node:buffer';
import type { Parameters } from './request.ts';

/** What came in. `bytes` is the raw body, `parsed` one that a parser has read already. */
export interface RawRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly bytes?: Uint8Array | undefined;
  readonly parsed?: unknown;
}

/**
 * Why there are no parameters. `unreadable`: the body is neither a JSON object nor a form. `unknown_format`: the same,
 * and a header names another format or an encoding. `too_many`: more parameters than any webhook has.
 */
export type ParametersFault = 'unreadable' | 'unknown_format' | 'too_many';

/** Parameters whose meaning we read. */
export const READ_NAMES: ReadonlySet<string> = new Set([
  ...['msisdn', 'to', 'from', 'text', 'keyword', 'type', 'data', 'messageId', 'message-timestamp', 'sig'],
  ...['timestamp', 'nonce', 'api-key', 'err-code', 'status', 'concat', 'concat-ref', 'concat-total'],
  ...['concat-part', 'message_uuid', 'channel', 'message', 'sms', 'error'],
  ...['caption', 'content', 'image', 'video', 'audio', 'file', 'vcard'],
]);

/** Sorting and hashing more would stop the process for a while; the provider sends about thirty. */
const MOST_PARAMETERS = 500;

/** Reads the parameters of a body, or of the query where there is no body. */
export function readParameters({ url, headers, bytes, parsed }: RawRequest): Parameters | ParametersFault {
  if (bytes !== undefined && !isBlank(bytes)) return readBytes(bytes, headers);
  if (typeof parsed === 'string' && parsed.trim() !== '') return readBytes(Buffer.from(parsed), headers);
  if (typeof parsed === 'object' && parsed !== null) {
    if (Array.isArray(parsed)) return 'unreadable';
    if (Object.keys(parsed).length > 0) return ofParsed(parsed, headers);
  } else if (parsed !== undefined && parsed !== null && typeof parsed !== 'string') return 'unreadable';
  const mark = url.indexOf('?');
  return ofPairs('query', mark === -1 ? '' : url.slice(mark + 1).replace(/#.*$/s, ''));
}

/** An array, an object, a text, or a literal and nothing else. */
const LOOKS_LIKE_JSON = /^\s*(?:[[{"]|(?:null|true|false|-?\d[\d.eE+-]*)\s*$)/;
const JSON_TYPE = /^application\/(?:[\w.+-]+\+)?json$/;
const FORM_TYPE = 'application/x-www-form-urlencoded';
/** Characters of no form as it is sent: UTF-16, compressed data and the lines of a multipart body have them. */
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001F\u007F]/;
const MARKUP = /["<>{}]/;
/** A name as forms have it, unlike a sentence. */
const PLAIN_NAME = /^[!-~]+$/;

type Headers = RawRequest['headers'];

function readBytes(bytes: Uint8Array, headers: Headers): Parameters | ParametersFault {
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const written = body.toString('latin1').replace(/^\u00EF\u00BB\u00BF/, '');
  if (!LOOKS_LIKE_JSON.test(written)) return readForm(written.trim(), headers);
  try {
    const value: unknown = JSON.parse(decodeBytes(body).replace(/^\uFEFF/, ''));
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? ofObject('json', value) : faultOf(headers);
  } catch {
    return faultOf(headers);
  }
}

function readForm(written: string, headers: Headers): Parameters | ParametersFault {
  if (CONTROL.test(written)) return faultOf(headers);
  const parameters = ofPairs('form', written);
  return parameters === 'too_many' || isForm(parameters, headers) ? parameters : faultOf(headers);
}

/** A parser for forms makes a parameter of anything, XML for example. */
function ofParsed(parsed: object, headers: Headers): Parameters | ParametersFault {
  const parameters = ofObject('parsed', parsed);
  if (parameters === 'too_many' || JSON_TYPE.test(contentType(headers))) return parameters;
  return isForm(parameters, headers) ? parameters : faultOf(headers);
}

/**
 * Whether text that was split as a form is one: it has a parameter that we read; or it may be one of another
 * application, where no header says something else.
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

/** Whether a body has only spaces and line ends. */
function isBlank(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d));
}

function ofObject(from: 'json' | 'parsed', object: object): Parameters | 'too_many' {
  const entries = Object.entries(object) as [string, unknown][];
  if (entries.length > MOST_PARAMETERS) return 'too_many';
  const values = new Map<string, unknown>();
  const repeated = new Set<string>();
  for (const [name, value] of entries) {
    // Parsers of forms and queries make an array of a parameter that occurs twice; a list of objects is a value.
    const isRepeated = Array.isArray(value) && !value.every((item) => typeof item === 'object');
    if (isRepeated) repeated.add(name);
    values.set(name, isRepeated ? (value as unknown[])[0] : value);
  }
  return { from, values, repeated };
}

function ofPairs(from: 'query' | 'form', written: string): Parameters | 'too_many' {
  const pairs = written.split('&', MOST_PARAMETERS + 1);
  if (pairs.length > MOST_PARAMETERS) return 'too_many';
  const values = new Map<string, unknown>();
  const repeated = new Set<string>();
  for (const pair of pairs) {
    if (pair === '') continue;
    const mark = pair.indexOf('=');
    const name = decode(mark === -1 ? pair : pair.slice(0, mark));
    if (values.has(name)) repeated.add(name);
    else values.set(name, mark === -1 ? '' : decode(pair.slice(mark + 1)));
  }
  return { from, values, repeated };
}

function decode(written: string): string {
  return decodeBytes(
    Buffer.from(
      written
        .replaceAll('+', ' ')
        .replaceAll(/%([\da-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
      'latin1',
    ),
  );
}

/** Bytes that are no UTF-8 are read as Latin-1: an `Arrêt` in the wrong encoding is still one. */
function decodeBytes(bytes: Buffer): string {
  return bytes.toString(isUtf8(bytes) ? 'utf8' : 'latin1');
}
