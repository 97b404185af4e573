/**
 * Every way in which a handler could read the body of a request: by its content type, by `request.json()` whatever the
 * type is, as a form, with the first or the last value of a name that occurs twice. Pure. Other bodies are not read, and
 * the reason is returned.
 */

import { readForm, rewriteForm, rewriteJson } from './body-writing.ts';
import { firstValues, hasDuplicateNames, readJsonSource } from './json-source.ts';

/** One way to read a body. */
export interface Reading {
  /** What it says, for the caller's functions. */
  readonly body: unknown;
  /**
   * `main`: the recipients of the request may be taken from this reading. `check`: it can only contradict a main reading.
   */
  readonly role: 'main' | 'check';
  /**
   * Whether a handler is unlikely to read this way. Then the caller's function may fail on it, and what it finds there
   * counts only if it has the digits of a number.
   */
  readonly isUnlikely: boolean;
  /** Writes what `body` says by now. @throws TypeError where it cannot be written without rounding a number. */
  write(): string;
}

/** A body that was read; or why it was not. */
export type BodyReadings = { readonly readings: readonly Reading[] } | { readonly unread: string };

const JSON_TYPE = /^(?:application|text)\/(?:[\w.-]+\+)?json$/;
const FORM_TYPE = 'application/x-www-form-urlencoded';
/** Types that say nothing. What is JSON under them is read as JSON. */
const VAGUE_TYPES = ['', 'text/plain', 'application/octet-stream'];
/** Character sets in which every character of ASCII is the byte that it is in ASCII. */
const CHARSETS = /^(?:utf-?8|us-ascii|ascii|iso-8859-\d{1,2}|latin1|windows-125\d)$/;

/** Reads a body. Never throws. */
export function readingsOf(headers: Headers, bytes: Uint8Array): BodyReadings {
  const contentType = (headers.get('content-type') ?? '').toLowerCase();
  const type = contentType.replace(/;.*$/s, '').trim();
  const isForm = type === FORM_TYPE;
  const isJson = JSON_TYPE.test(type);
  if (!/^(?:identity)?$/i.test(headers.get('content-encoding')?.trim() ?? '')) {
    return { unread: 'the body is compressed' };
  }
  if (!isForm && !isJson && !VAGUE_TYPES.includes(type)) {
    return { unread: 'the content type is neither JSON nor a form' };
  }
  const charsets = [...contentType.matchAll(/;\s*charset\s*=\s*["']?([^\s;"']*)/g)];
  if (!charsets.every(([, charset = '']) => CHARSETS.test(charset))) {
    return { unread: 'the character set of the body is not read' };
  }
  const text = new TextDecoder().decode(bytes);
  if (text.includes('\0')) return { unread: 'the body is no text' };
  const asJson = jsonReadings(text);
  if (isForm) return { readings: [...formReadings(text), ...objectsOnly(asJson)] };
  if (isJson && asJson.length === 0) return { unread: 'the body cannot be read as JSON' };
  const known = isJson ? asJson : objectsOnly(asJson);
  if (known.length === 0) return { unread: 'the content type is neither JSON nor a form' };
  // A form needs `=`. JSON may hold it by chance, in a link such as `?id=1&to=2`.
  return { readings: text.includes('=') ? [...known, ...formReadings(text).map(asCheck)] : known };
}

/** None where it is no JSON that can be read. */
function jsonReadings(text: string): readonly Reading[] {
  try {
    const body: unknown = JSON.parse(text);
    const last: Reading = { body, role: 'main', isUnlikely: false, write: () => rewriteJson(text, body) };
    const source = readJsonSource(text);
    if (!hasDuplicateNames(source)) return [last];
    return [last, { ...last, role: 'check', body: firstValues(source) }];
  } catch {
    return [];
  }
}

function objectsOnly(readings: readonly Reading[]): readonly Reading[] {
  return readings.filter(({ body }) => typeof body === 'object' && body !== null);
}

/** With names as they are, and where some have brackets, with `to[]` and `to[0]` as `to`. */
function formReadings(text: string): readonly Reading[] {
  const asItIs = formReading(text, (name) => name, false);
  const hasBrackets = Object.keys(asItIs.body as object).some((name) => name.includes('['));
  return hasBrackets ? [asItIs, formReading(text, (name) => name.replace(/\[.*$/s, ''), true)] : [asItIs];
}

function formReading(text: string, nameOf: (name: string) => string, isUnlikely: boolean): Reading {
  const body = readForm(text, nameOf);
  return { body, role: 'main', isUnlikely, write: () => rewriteForm(text, body, nameOf) };
}

function asCheck(reading: Reading): Reading {
  return { ...reading, role: 'check', isUnlikely: true };
}
