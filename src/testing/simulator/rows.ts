/**
 * The rows of the query endpoint, in order. Generated numbers are computed and not stored: the creation of a list of a
 * million costs nothing, and the cost of a page depends on its own rows alone.
 */

/** All numbers of eleven digits that begin with 1555. */
const MAX_GENERATED = 10_000_000;
const FIRST_GENERATED = 15_550_000_000;

export interface Rows {
  has(msisdn: string): boolean;
  /** Adds a number at the end, unless there is a row with it. */
  add(msisdn: string): void;
  remove(msisdn: string): void;
  readonly size: number;
  /** Returns up to `length` numbers from the row `start` on. */
  slice(start: number, length: number): string[];
}

/** Returns the generated number of an index: consecutive US numbers. */
export function generatedNumber(index: number): string {
  return String(FIRST_GENERATED + index);
}

/**
 * Creates rows of given numbers, or of a count of generated ones.
 *
 * @throws RangeError if the count is no integer from 0 to ten million.
 */
export function createRows(initial: Iterable<string> | number): Rows {
  const generated = typeof initial === 'number' ? initial : 0;
  if (!Number.isInteger(generated) || generated < 0 || generated > MAX_GENERATED) {
    throw new RangeError(`optOuts: expected a whole number from 0 to ${MAX_GENERATED}, got ${generated}`);
  }
  const others = new Set(typeof initial === 'number' ? [] : initial);
  /** `others` as an array; built again after a change. */
  let othersArray: string[] | undefined;
  /** The indexes of generated numbers that were removed. */
  const removed = new Set<number>();
  let removedInOrder: number[] = [];

  const indexOf = (msisdn: string) => {
    const index = /^1555\d{7}$/.test(msisdn) ? Number(msisdn) - FIRST_GENERATED : generated;
    return index < generated && !removed.has(index) ? index : undefined;
  };

  return {
    has: (msisdn) => others.has(msisdn) || indexOf(msisdn) !== undefined,
    add(msisdn) {
      if (indexOf(msisdn) !== undefined) return;
      others.add(msisdn);
      othersArray = undefined;
    },
    remove(msisdn) {
      const index = indexOf(msisdn);
      if (index === undefined) {
        if (others.delete(msisdn)) othersArray = undefined;
        return;
      }
      removed.add(index);
      removedInOrder = [...removed].toSorted((a, b) => a - b);
    },
    get size() {
      return generated - removed.size + others.size;
    },
    slice(start, length) {
      const rows: string[] = [];
      let index = start;
      for (const removedIndex of removedInOrder) if (removedIndex <= index) index++;
      for (; index < generated && rows.length < length; index++) {
        if (!removed.has(index)) rows.push(generatedNumber(index));
      }
      if (rows.length === length || others.size === 0) return rows;
      const from = Math.max(0, start - (generated - removed.size));
      othersArray ??= [...others];
      return [...rows, ...othersArray.slice(from, from + length - rows.length)];
    },
  };
}
