/**
 * Parses a long JSON text in short steps, so that other work can run between them. The result is that of `JSON.parse`.
 * Pure.
 *
 * One long array of the top-level object is cut out, and its elements are parsed a group at a time. `JSON.parse` parses
 * each group, and the text around the array: a text is JSON only if `JSON.parse` accepts all of its parts.
 */

import { findLongestArray, type FoundArray } from './json-array.ts';

/** The most bytes of a step, unless a single element of the array is longer. About 700 rows of a list. */
export const BYTES_PER_STEP = 64 * 1024;

/**
 * Parses UTF-8 text. If the longest array that is directly in the top-level object is the value of `member`, its
 * elements are yielded a group at a time, and the result has an empty array in their place. Otherwise the result is
 * complete. Groups that are yielded during the search for the array are empty.
 *
 * @throws SyntaxError if the text is not JSON; groups may have been yielded before.
 */
export function* parseInSteps(
  bytes: Uint8Array,
  member: string,
  bytesPerStep: number,
): Generator<readonly unknown[], unknown, undefined> {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const array = yield* findLongestArray(text, bytesPerStep);
  const body = array && parseAround(text, array, member);
  if (array === undefined || body === undefined) return JSON.parse(text.toString('utf8'));
  yield* parseElements(text, array);
  return { ...body, [member]: [] };
}

/** Parses the text around an array. @returns the object; `undefined` if the array is not the value of `member`. */
function parseAround(text: Buffer, { open, close }: FoundArray, member: string): object | undefined {
  const before = text.toString('utf8', 0, open);
  const after = text.toString('utf8', close + 1);
  // A name can stand in an object twice, and the last one counts. Only the place of the array differs between these.
  const body = JSON.parse(`${before}[0]${after}`) as Record<string, unknown>;
  const other = JSON.parse(`${before}[1]${after}`) as Record<string, unknown>;
  return isArrayOf(body[member], 0) && isArrayOf(other[member], 1) ? body : undefined;
}

/** Parses the elements of an array, a group at a time. @throws SyntaxError if they are not JSON. */
function* parseElements(
  text: Buffer,
  { open, close, cuts }: FoundArray,
): Generator<readonly unknown[], void, undefined> {
  let from = open + 1;
  for (const end of [...cuts, close]) {
    const group = JSON.parse(`[${text.toString('utf8', from, end)}]`) as unknown[];
    if (group.length === 0 && cuts.length > 0) throw new SyntaxError('a comma without an element');
    yield group;
    from = end + 1;
  }
}

function isArrayOf(value: unknown, element: number): boolean {
  return Array.isArray(value) && value.length === 1 && value[0] === element;
}
