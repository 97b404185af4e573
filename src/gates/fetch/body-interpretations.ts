/**
 * Interprets the body of a request in every way in which a handler could: by its content type, by `request.json()`
 * whatever the type is, as a form, and with the first or the last value of a duplicate name. Pure. If a body has no
 * supported interpretation, the reason is returned.
 */

import { readForm, rewriteForm, rewriteJson } from './body-writing.ts';
import { firstValues, hasDuplicateNames, readJsonSource } from './json-source.ts';

/** One interpretation of a body. */
export interface Interpretation {
  /** The parsed body, for the caller's functions. They may change it. */
  readonly body: unknown;
  /**
   * `main`: the recipients of the request may be taken from this interpretation. `check`: it can only contradict a main
   * interpretation.
   */
  readonly role: 'main' | 'check';
  /**
   * Whether a handler is unlikely to interpret the body like this. If so, the caller's function may fail on it, and a
   * recipient that it returns counts only if it has as many digits as a phone number.
   */
  readonly isUnlikely: boolean;
  /** Writes `body` with its changes. @throws TypeError if that is not possible without rounding a number. */
  write(): string;
}

/** The interpretations of a body; or the reason why it was not parsed. */
export type BodyInterpretations =
  { readonly interpretations: readonly Interpretation[] } | { readonly unread: string };

const JSON_TYPE = /^(?:application|text)\/(?:[\w.-]+\+)?json$/;
const FORM_TYPE = 'application/x-www-form-urlencoded';
/** Content types that do not say what the body is. A body of such a type is parsed as JSON if it is valid JSON. */
const UNSPECIFIC_TYPES = ['', 'text/plain', 'application/octet-stream'];
/** Character sets that encode every ASCII character as the same byte as ASCII. */
const CHARSETS = /^(?:utf-?8|us-ascii|ascii|iso-8859-\d{1,2}|latin1|windows-125\d)$/;

/** Interprets a body. Never throws. */
export function interpretBody(headers: Headers, bytes: Uint8Array): BodyInterpretations {
  const contentType = (headers.get('content-type') ?? '').toLowerCase();
  const type = contentType.replace(/;.*$/s, '').trim();
  const isForm = type === FORM_TYPE;
  const isJson = JSON_TYPE.test(type);
  if (!/^(?:identity)?$/i.test(headers.get('content-encoding')?.trim() ?? '')) {
    return { unread: 'the body is compressed' };
  }
  if (!isForm && !isJson && !UNSPECIFIC_TYPES.includes(type)) {
    return { unread: 'the content type is neither JSON nor a form' };
  }
  const charsets = [...contentType.matchAll(/;\s*charset\s*=\s*["']?([^\s;"']*)/g)];
  if (!charsets.every(([, charset = '']) => CHARSETS.test(charset))) {
    return { unread: 'the character set of the body is not read' };
  }
  const text = new TextDecoder().decode(bytes);
  if (text.includes('\0')) return { unread: 'the body is no text' };
  const asJson = jsonInterpretations(text);
  if (isForm) return { interpretations: [...formInterpretations(text), ...objectsOnly(asJson)] };
  if (isJson && asJson.length === 0) return { unread: 'the body cannot be read as JSON' };
  const known = isJson ? asJson : objectsOnly(asJson);
  if (known.length === 0) return { unread: 'the content type is neither JSON nor a form' };
  // A form needs `=`. JSON may contain `=` without being a form, for example in a link such as `?id=1&to=2`.
  return {
    interpretations: text.includes('=') ? [...known, ...formInterpretations(text).map(asCheck)] : known,
  };
}

/** Returns nothing if the text is no JSON, or if it is nested too deep. */
function jsonInterpretations(text: string): readonly Interpretation[] {
  try {
    const body: unknown = JSON.parse(text);
    const byLast: Interpretation = {
      body,
      role: 'main',
      isUnlikely: false,
      write: () => rewriteJson(text, body),
    };
    const source = readJsonSource(text);
    if (!hasDuplicateNames(source)) return [byLast];
    return [byLast, { ...byLast, role: 'check', body: firstValues(source) }];
  } catch {
    return [];
  }
}

function objectsOnly(interpretations: readonly Interpretation[]): readonly Interpretation[] {
  return interpretations.filter(({ body }) => typeof body === 'object' && body !== null);
}

/** Interprets a form with its names unchanged. If names have brackets, also with `to[]` and `to[0]` as `to`. */
function formInterpretations(text: string): readonly Interpretation[] {
  const unchanged = formInterpretation(text, (name) => name, false);
  const hasBrackets = Object.keys(unchanged.body as object).some((name) => name.includes('['));
  if (!hasBrackets) return [unchanged];
  return [unchanged, formInterpretation(text, (name) => name.replace(/\[.*$/s, ''), true)];
}

function formInterpretation(
  text: string,
  nameOf: (name: string) => string,
  isUnlikely: boolean,
): Interpretation {
  const body = readForm(text, nameOf);
  return { body, role: 'main', isUnlikely, write: () => rewriteForm(text, body, nameOf) };
}

function asCheck(interpretation: Interpretation): Interpretation {
  return { ...interpretation, role: 'check', isUnlikely: true };
}
