/**
 * The parameters of a request that is about to leave, from its query and its body. Pure. It reads what a provider may
 * read, in any letter case; where two parsers could read two things, it says that there is a doubt and guesses nothing.
 */

/** Names in lower case, and every value that stands under them. */
export type Members = ReadonlyMap<string, readonly unknown[]>;

/** What leaves, as bytes and text. */
export interface RequestContent {
  /** What stands behind the `?`. */
  readonly query: string;
  readonly contentType: string | undefined;
  readonly contentEncoding: string | undefined;
  readonly body: Uint8Array | undefined;
}

/** The parameters of each place that holds some, and why there may be others. */
export interface SendParameters {
  readonly sources: readonly Members[];
  /** The body as text and as JSON, where it is. */
  readonly text: string | undefined;
  readonly json: unknown;
  /** Why not everything could be read. */
  readonly doubt: string | undefined;
}

const NONE: Members = new Map();
/** Types whose bodies are read: by what they claim, and by what they look like. */
const READ_TYPES = /^(?:|text\/plain|application\/octet-stream|application\/x-www-form-urlencoded)$/;
const FORM_TYPE = 'application/x-www-form-urlencoded';
const JSON_TYPE = /^(?:application|text)\/(?:[\w.-]+\+)?json$/;
/** Character sets in which a digit is the byte that it is in ASCII. */
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
  return readText(query, asText(body), typeOf(content.contentType));
}

function readText(query: Members, text: string, type: string): SendParameters {
  const isJson = JSON_TYPE.test(type);
  // Whoever goes by the type alone reads pairs where another one sees JSON: both are read.
  const sources = isJson ? [query] : [query, membersOfPairs(text)];
  if (!isJson && !LOOKS_LIKE_JSON.test(text)) {
    const doubt = text.includes('\0') ? 'the body is no text' : undefined;
    return { sources, text, json: undefined, doubt };
  }
  const json = parse(text);
  // `[a]=1` and `{a}=1` are forms: nobody can read them as JSON.
  if (json === undefined && isForm(text, type)) return { sources, text, json, doubt: undefined };
  if (!isObject(json)) return { sources, text, json, doubt: 'the body is no JSON object' };
  const doubt = isUnambiguous(text, json) ? undefined : 'a name occurs twice in one object of the body';
  return { sources: [...sources, membersOf(json)], text, json, doubt };
}

/** Whether a text that is no JSON is a form: by its type, or, without a type, because its first name quotes nothing. */
function isForm(text: string, type: string): boolean {
  if (text.includes('\0')) return false;
  return type === FORM_TYPE || (type === '' && /^\s*[^"'\s=&]+=/.test(text));
}

function doubtOfHeaders({ contentType, contentEncoding }: RequestContent): string | undefined {
  if (!/^(?:identity)?$/i.test(contentEncoding?.trim() ?? '')) return 'the body is compressed';
  if (lastType.contentType !== contentType) lastType = { contentType, doubt: doubtOfType(contentType) };
  return lastType.doubt;
}

/** The last type that was asked about: most senders write one. */
let lastType: { readonly contentType: string | undefined; readonly doubt: string | undefined } = {
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

function asText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whether a value is an object with members. */
export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The members of an object. Names that differ in letter case alone stand together. */
export function membersOf(object: object): Members {
  return gather(Object.entries(object));
}

/** The pairs of a query or form; `to[]` and `[to]` are a `to`. */
function membersOfPairs(text: string): Members {
  if (text === '' || text === '&') return NONE;
  return gather(new URLSearchParams(text), (name) =>
    name.replace(/^\[([^\]]*)\]/, '$1').replace(/\[.*$/s, ''),
  );
}

function gather(
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

/** A string of JSON, and whether it is a name. */
const STRINGS = /"[^"\\]*(?:\\.[^"\\]*)*"\s*(:?)/g;

/** Whether no object of valid JSON has a name twice: of two, one parser takes the first and another one the last. */
function isUnambiguous(text: string, parsed: unknown): boolean {
  let written = 0;
  for (const [, colon] of text.matchAll(STRINGS)) if (colon === ':') written++;
  return written === countNames(parsed);
}

function countNames(parsed: unknown): number {
  let count = 0;
  // A list and no recursion: JSON can be nested deeper than calls can.
  const left = [parsed];
  while (left.length > 0) {
    const value = left.pop();
    if (typeof value !== 'object' || value === null) continue;
    const inner: unknown[] = Object.values(value);
    if (!Array.isArray(value)) count += inner.length;
    for (const one of inner) left.push(one);
  }
  return count;
}
