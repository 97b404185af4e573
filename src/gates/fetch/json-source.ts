/**
 * JSON as it is written: where each value stands in the text. So duplicate names can be seen, and one value can be replaced
 * without touching the digits of another. Pure.
 */

/** A value by its place in the text. */
export interface JsonNode {
  readonly start: number;
  readonly end: number;
  /** The members of an object, each occurrence of a name. */
  readonly members?: readonly { readonly name: string; readonly node: JsonNode }[];
  readonly items?: readonly JsonNode[];
  /** What a string, number, boolean or null says. */
  readonly value?: unknown;
}

/** Values are read to this depth. */
const DEEPEST = 200;
const SPACE = 32;
const QUOTE = 34;
const BACKSLASH = 92;

/**
 * Finds the values of a text.
 *
 * @param text valid JSON.
 * @throws RangeError for a value nested deeper than {@link DEEPEST}.
 */
export function readJsonSource(text: string): JsonNode {
  let at = 0;

  function skipSpace(): void {
    while (text.charCodeAt(at) <= SPACE) at++;
  }

  /** @returns the string at this position. */
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

  /** Reads what stands between brackets, separated by commas. */
  function readInner(close: string, readOne: () => void): void {
    at++;
    for (skipSpace(); text[at] !== close; skipSpace()) {
      readOne();
      skipSpace();
      if (text[at] === ',') at++;
    }
    at++;
  }

  function read(depth: number): JsonNode {
    if (depth > DEEPEST) throw new RangeError(`JSON is nested deeper than ${DEEPEST}`);
    skipSpace();
    const start = at;
    if (text[at] === '[') {
      const items: JsonNode[] = [];
      readInner(']', () => items.push(read(depth + 1)));
      return { start, end: at, items };
    }
    if (text[at] !== '{') return readScalar();
    const members: { name: string; node: JsonNode }[] = [];
    readInner('}', () => {
      const name = readString();
      skipSpace();
      // The colon.
      at++;
      members.push({ name, node: read(depth + 1) });
    });
    return { start, end: at, members };
  }

  return read(0);
}

/** Whether an object somewhere in it has a name twice. */
export function hasDuplicateNames({ members = [], items = [] }: JsonNode): boolean {
  return (
    new Set(members.map(({ name }) => name)).size < members.length ||
    items.some(hasDuplicateNames) ||
    members.some(({ node }) => hasDuplicateNames(node))
  );
}

/** What a parser reads that takes the first value of a name that occurs twice; `JSON.parse` takes the last one. */
export function firstValues({ members, items, value }: JsonNode): unknown {
  if (items !== undefined) return items.map(firstValues);
  if (members === undefined) return value;
  return Object.fromEntries(members.toReversed().map(({ name, node }) => [name, firstValues(node)]));
}
