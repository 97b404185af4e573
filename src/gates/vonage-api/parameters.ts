/**
 * Reads the parameters of an outgoing request from its query and its body. Pure. It reads every parameter that a
 * provider may read, in any letter case. If two parsers could read different values, it reports a doubt and does not
 * guess.
 */

/** Names in lower case, and all values of each name. */
export type Members = ReadonlyMap<string, readonly unknown[]>;

/** The content of an outgoing request. */
export interface RequestContent {
  /** The query, without the `?`. */
  readonly query: string;
  readonly contentType: string | undefined;
  readonly contentEncoding: string | undefined;
  readonly body: Uint8Array | undefined;
}

/** The parameters of each source (query, form, JSON), and why there may be others. */
export interface SendParameters {
  readonly sources: readonly Members[];
  /** The body as text; `undefined` if there is none, or if its headers say that it cannot be read. */
  readonly text: string | undefined;
  /** The body as JSON; `undefined` if it is none. */
  readonly json: unknown;
  /** Why there may be parameters that were not read; `undefined` if all were read. */
  readonly doubt: string | undefined;
}

const NONE: Members = new Map();
/** Types other than JSON whose bodies are read. */
const READ_TYPES = /^(?:|text\/plain|application\/octet-stream|application\/x-www-form-urlencoded)$/;
const FORM_TYPE = 'application/x-www-form-urlencoded';
const JSON_TYPE = /^(?:application|text)\/(?:[\w.-]+\+)?json$/;
/** Character sets that encode a digit as the same byte as ASCII. */
const READ_CHARSETS = /^(?:utf-?8|us-ascii|ascii|iso-8859-\d{1,2}|latin1|windows-125\d)$/;
const LOOKS_LIKE_JSON = /^\s*[[{"]/;

/** Reads query and body. Never throws. */
export function readSendParameters(content: RequestContent): SendParameters {
  const query = membersOfPairs(content.query);
  const { body } = content;
  if (body === undefined || body.byteLength === 0) {
    return { sources: [query], text: undefined, json: undefined, doubt: undefined };
  }
  const doubt = doubtOfHeaders(content);
  if (doubt !== undefined) return { sources: [query], text: undefined, json: undefined, doubt };
  return readText(query, decode(body), typeOf(content.contentType));
}

function readText(query: Members, text: string, type: string): SendParameters {
  const isJson = JSON_TYPE.test(type);
  // A server that uses the type alone parses a form, even if the body looks like JSON: both are read.
  const sources = isJson ? [query] : [query, membersOfPairs(text)];
  if (!isJson && !LOOKS_LIKE_JSON.test(text)) {
    const doubt = text.includes('\0') ? 'the body is no text' : undefined;
    return { sources, text, json: undefined, doubt };
  }
  const json = parseJson(text);
  // `[a]=1` and `{a}=1` are forms: no parser accepts them as JSON.
  if (json === undefined && isForm(text, type)) return { sources, text, json, doubt: undefined };
  if (!isObject(json)) return { sources, text, json, doubt: 'the body is no JSON object' };
  const doubt = isUnambiguous(text, json) ? undefined : 'a name occurs twice in one object of the body';
  return { sources: [...sources, membersOf(json)], text, json, doubt };
}

/** Whether a text that is no JSON is a form: by its type, or, without a type, because its first name has no quotes. */
function isForm(text: string, type: string): boolean {
  if (text.includes('\0')) return false;
  return type === FORM_TYPE || (type === '' && /^\s*[^"'\s=&]+=/.test(text));
}

/** Returns the reason why a body with these headers cannot be read; `undefined` if it can. */
function doubtOfHeaders({ contentType, contentEncoding }: RequestContent): string | undefined {
  if (!/^(?:identity)?$/i.test(contentEncoding?.trim() ?? '')) return 'the body is compressed';
  if (cached.contentType !== contentType) cached = { contentType, doubt: doubtOfType(contentType) };
  return cached.doubt;
}

/** The result for the last content type: most senders always use the same one. */
let cached: { readonly contentType: string | undefined; readonly doubt: string | undefined } = {
  contentType: undefined,
  doubt: undefined,
};

function doubtOfType(contentType: string | undefined): string | undefined {
  const type = typeOf(contentType);
  if (!READ_TYPES.test(type) && !JSON_TYPE.test(type)) return 'the body is neither JSON nor a form';
  const charsets = [...(contentType ?? '').matchAll(/;\s*charset\s*=\s*"?([^\s;"]*)/gi)];
  const isRead = charsets.every(([, charset = '']) => READ_CHARSETS.test(charset.toLowerCase()));
  return isRead ? undefined : 'the character set of the body is not read';
}

const typeOf = (contentType: string | undefined) =>
  (contentType ?? '').replace(/;.*$/s, '').trim().toLowerCase();

function decode(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}

/** Parses JSON. @returns `undefined` if it is none. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whether a value is an object, but no array. */
export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Returns the members of an object. Names that differ only in letter case are one name. */
export function membersOf(object: object): Members {
  return groupByName(Object.entries(object));
}

/** Returns the pairs of a query or form. `to[]` and `[to]` count as `to`. */
function membersOfPairs(text: string): Members {
  if (text === '' || text === '&') return NONE;
  return groupByName(new URLSearchParams(text), (name) =>
    name.replace(/^\[([^\]]*)\]/, '$1').replace(/\[.*$/s, ''),
  );
}

function groupByName(
  pairs: Iterable<[string, unknown]>,
  nameOf: (name: string) => string = (name) => name,
): Members {
  const members = new Map<string, unknown[]>();
  for (const [written, value] of pairs) {
    const name = nameOf(written.trim().toLowerCase());
    const values = members.get(name);
    if (values) values.push(value);
    else members.set(name, [value]);
  }
  return members;
}

/** A JSON string. The group is a colon if the string is a name. */
const STRINGS = /"[^"\\]*(?:\\.[^"\\]*)*"\s*(:?)/g;

/** Whether valid JSON has no duplicate names: some parsers take the first value of such a name, others the last. */
function isUnambiguous(text: string, parsed: unknown): boolean {
  let written = 0;
  for (const [, colon] of text.matchAll(STRINGS)) if (colon === ':') written++;
  return written === countNames(parsed);
}

function countNames(parsed: unknown): number {
  let count = 0;
  // A stack instead of recursion: JSON can be nested deeper than calls.
  const stack = [parsed];
  while (stack.length > 0) {
    const value = stack.pop();
    if (typeof value !== 'object' || value === null) continue;
    const inner: unknown[] = Object.values(value);
    if (!Array.isArray(value)) count += inner.length;
    for (const one of inner) stack.push(one);
  }
  return count;
}
