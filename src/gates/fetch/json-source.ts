/**
 * Finds the position of each value in a JSON text. So duplicate names can be detected, and one value can be replaced
 * without changing the digits of another. Pure.
 */

/** A value and its position in the text: from `start` up to, but not including, `end`. */
export interface JsonNode {
  readonly start: number;
  readonly end: number;
  /** The members of an object, with each occurrence of a duplicate name. */
  readonly members?: readonly { readonly name: string; readonly node: JsonNode }[];
  readonly items?: readonly JsonNode[];
  /** The value of a string, number, boolean or null. */
  readonly value?: unknown;
}

/** The deepest nesting that is read. */
const MAX_DEPTH = 200;
const SPACE = 32;
const QUOTE = 34;
const BACKSLASH = 92;

/**
 * Finds the values of a text.
 *
 * @param text valid JSON.
 * @throws RangeError for a value nested deeper than {@link MAX_DEPTH}.
 */
export function readJsonSource(text: string): JsonNode {
  let at = 0;

  function skipSpace(): void {
    while (text.charCodeAt(at) <= SPACE) at++;
  }

  function readString(): string {
    const start = at++;
    let hasEscapes = false;
    for (let code = text.charCodeAt(at); code !== QUOTE; code = text.charCodeAt(at)) {
      hasEscapes ||= code === BACKSLASH;
      at += code === BACKSLASH ? 2 : 1;
    }
    at++;
    return hasEscapes ? (JSON.parse(text.slice(start, at)) as string) : text.slice(start + 1, at - 1);
  }

  function readScalar(): JsonNode {
    const start = at;
    if (text.charCodeAt(at) === QUOTE) return { start, value: readString(), end: at };
    while (/[-+.\w]/.test(text.charAt(at))) at++;
    return { start, end: at, value: JSON.parse(text.slice(start, at)) as unknown };
  }

  /** Reads the elements between two brackets, which commas separate. */
  function readElements(closingBracket: string, readElement: () => void): void {
    at++;
    for (skipSpace(); text[at] !== closingBracket; skipSpace()) {
      readElement();
      skipSpace();
      if (text[at] === ',') at++;
    }
    at++;
  }

  function read(depth: number): JsonNode {
    if (depth > MAX_DEPTH) throw new RangeError(`JSON is nested deeper than ${MAX_DEPTH}`);
    skipSpace();
    const start = at;
    if (text[at] === '[') {
      const items: JsonNode[] = [];
      readElements(']', () => items.push(read(depth + 1)));
      return { start, end: at, items };
    }
    if (text[at] !== '{') return readScalar();
    const members: { name: string; node: JsonNode }[] = [];
    readElements('}', () => {
      const name = readString();
      skipSpace();
      // Skip the colon.
      at++;
      members.push({ name, node: read(depth + 1) });
    });
    return { start, end: at, members };
  }

  return read(0);
}

/** Whether the value is, or contains, an object with a duplicate name. */
export function hasDuplicateNames({ members = [], items = [] }: JsonNode): boolean {
  return (
    new Set(members.map(({ name }) => name)).size < members.length ||
    items.some(hasDuplicateNames) ||
    members.some(({ node }) => hasDuplicateNames(node))
  );
}

/** Returns the value with the first value of each duplicate name. `JSON.parse` takes the last one. */
export function firstValues({ members, items, value }: JsonNode): unknown {
  if (items !== undefined) return items.map(firstValues);
  if (members === undefined) return value;
  return Object.fromEntries(members.toReversed().map(({ name, node }) => [name, firstValues(node)]));
}
