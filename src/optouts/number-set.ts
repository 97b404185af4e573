/**
 * A set of numbers without an upper limit. A JavaScript `Set` throws at 16 777 216 entries (8 388 608 in some
 * newer engines), so the numbers are spread over a hundred of them by their last two digits. Exact: no false
 * answer in either direction, and nothing is ever evicted.
 */

/** A set of msisdns: digits only, 5 to 15 of them. */
export interface NumberSet extends Iterable<string> {
  readonly size: number;
  has(msisdn: string): boolean;
  /**
   * @returns whether it was not in the set before.
   * @throws RangeError for what does not end in two digits.
   */
  add(msisdn: string): boolean;
  /** @returns whether it was in the set. */
  delete(msisdn: string): boolean;
}

const SHARDS = 100;
const ZERO = 48;

function shardOf(msisdn: string): number {
  const length = msisdn.length;
  return (msisdn.charCodeAt(length - 2) - ZERO) * 10 + (msisdn.charCodeAt(length - 1) - ZERO);
}

/** Builds a set. Iteration order is not the order of insertion; numbers may be added and deleted during it. */
export function createNumberSet(numbers: Iterable<string> = []): NumberSet {
  const shards = Array.from({ length: SHARDS }, () => new Set<string>());
  let size = 0;

  const set: NumberSet = {
    get size() {
      return size;
    },
    has: (msisdn) => shards[shardOf(msisdn)]?.has(msisdn) ?? false,
    add(msisdn) {
      const shard = shards[shardOf(msisdn)];
      if (shard === undefined) throw new RangeError('a number set holds digits only');
      const before = shard.size;
      shard.add(msisdn);
      if (shard.size === before) return false;
      size++;
      return true;
    },
    delete(msisdn) {
      const isDeleted = shards[shardOf(msisdn)]?.delete(msisdn) ?? false;
      if (isDeleted) size--;
      return isDeleted;
    },
    *[Symbol.iterator]() {
      for (const shard of shards) yield* shard;
    },
  };
  for (const msisdn of numbers) set.add(msisdn);
  return set;
}
