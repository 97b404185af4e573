/**
 * Finds a long array in the bytes of a JSON text, without parsing the text. Pure. The result has a meaning only if the
 * text is JSON, which the caller checks.
 */

/** An array, by the offsets of its brackets, and of the commas between groups of its elements. */
export interface FoundArray {
  readonly open: number;
  readonly close: number;
  readonly cuts: readonly number[];
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
/** The depth of values that are directly in the top-level object, and of the elements of an array there. */
const [MEMBER, ELEMENT] = [1, 2];

/** How far a text was scanned. */
interface Scan {
  /** The next offset. */
  at: number;
  isInString: boolean;
  /** How many brackets are open. */
  depth: number;
  /** The array that is open at the depth of members; -1 if there is none. */
  open: number;
  cuts: number[];
  longest: FoundArray | undefined;
}

/**
 * Finds the longest array that is directly in the top-level object, or in a top-level array. It yields after every
 * `bytesPerStep` bytes. `cuts` lie at least so many bytes apart.
 */
export function* findLongestArray(
  text: Uint8Array,
  bytesPerStep: number,
): Generator<readonly [], FoundArray | undefined, undefined> {
  const scan: Scan = { at: 0, isInString: false, depth: 0, open: -1, cuts: [], longest: undefined };
  while (scan.at < text.length) {
    scanUntil(scan, text, Math.min(scan.at + bytesPerStep, text.length), bytesPerStep);
    yield [];
  }
  return scan.longest;
}

function scanUntil(scan: Scan, text: Uint8Array, end: number, leastGroup: number): void {
  let { at, isInString, depth } = scan;
  for (; at < end; at++) {
    const byte = text[at];
    if (isInString) {
      if (byte === BACKSLASH) at++;
      else if (byte === QUOTE) isInString = false;
    } else if (byte === QUOTE) {
      isInString = true;
    } else if (byte === OPEN_ARRAY || byte === OPEN_OBJECT) {
      if (depth === MEMBER && byte === OPEN_ARRAY) [scan.open, scan.cuts] = [at, []];
      depth++;
    } else if (byte === CLOSE_ARRAY || byte === CLOSE_OBJECT) {
      if (depth === ELEMENT) closeArray(scan, at, byte);
      depth--;
    } else if (byte === COMMA && depth === ELEMENT && scan.open >= 0) {
      const last = scan.cuts.at(-1) ?? scan.open;
      if (at - last >= leastGroup) scan.cuts.push(at);
    }
  }
  scan.at = at;
  scan.isInString = isInString;
  scan.depth = depth;
}

/** Ends the array that is open at the depth of members, if there is one. */
function closeArray(scan: Scan, close: number, byte: number): void {
  const { open, cuts, longest } = scan;
  const isLongest = longest === undefined || close - open > longest.close - longest.open;
  if (open >= 0 && byte === CLOSE_ARRAY && isLongest) scan.longest = { open, close, cuts };
  scan.open = -1;
}
