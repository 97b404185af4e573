/**
 * The rows that the query endpoint shows, in their order. Generated numbers are counted and never stored, so that a
 * list of a million costs nothing to make, and a page costs as much as its own rows.
 */

/** Numbers of eleven digits that begin with 1555: as many as there are. */
const MOST_GENERATED = 10_000_000;
const FIRST_GENERATED = 15_550_000_000;

export interface Rows {
  has(msisdn: string): boolean;
  /** At the end, if it is not there. */
  add(msisdn: string): void;
  remove(msisdn: string): void;
  readonly size: number;
  slice(start: number, length: number): string[];
}

/** A number for each index: US numbers of one block after the other. */
export function generatedNumber(index: number): string {
  return String(FIRST_GENERATED + index);
}

/** @throws RangeError when the count is no whole number from 0 to ten million. */
export function createRows(initial: Iterable<string> | number): Rows {
  const generated = typeof initial === 'number' ? initial : 0;
  if (!Number.isInteger(generated) || generated < 0 || generated > MOST_GENERATED) {
    throw new RangeError(`optOuts: expected a whole number from 0 to ${MOST_GENERATED}, got ${generated}`);
  }
  const others = new Set(typeof initial === 'number' ? [] : initial);
  // Of `others`; written anew after a change.
  let inOrder: string[] | undefined;
  const gone = new Set<number>();
  let goneInOrder: number[] = [];

  const indexOf = (msisdn: string) => {
    const index = /^1555\d{7}$/.test(msisdn) ? Number(msisdn) - FIRST_GENERATED : generated;
    return index < generated && !gone.has(index) ? index : undefined;
  };

  return {
    has: (msisdn) => others.has(msisdn) || indexOf(msisdn) !== undefined,
    add(msisdn) {
      if (indexOf(msisdn) !== undefined) return;
      others.add(msisdn);
      inOrder = undefined;
    },
    remove(msisdn) {
      const index = indexOf(msisdn);
      if (index === undefined) {
        if (others.delete(msisdn)) inOrder = undefined;
        return;
      }
      gone.add(index);
      goneInOrder = [...gone].toSorted((a, b) => a - b);
    },
    get size() {
      return generated - gone.size + others.size;
    },
    slice(start, length) {
      const rows: string[] = [];
      let index = start;
      for (const removed of goneInOrder) if (removed <= index) index++;
      for (; index < generated && rows.length < length; index++) {
        if (!gone.has(index)) rows.push(generatedNumber(index));
      }
      if (rows.length === length || others.size === 0) return rows;
      const from = Math.max(0, start - (generated - gone.size));
      inOrder ??= [...others];
      return [...rows, ...inOrder.slice(from, from + length - rows.length)];
    },
  };
}
