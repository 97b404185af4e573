/**
 * A map by number without an upper limit. A JavaScript `Map` throws at 16 777 216 entries (8 388 608 in some newer
 * engines), so the entries are spread over a hundred maps by the last two digits of their number.
 */

/** A map by msisdn: digits only. An iteration may or may not see entries that are added meanwhile. */
export interface NumberMap<T> extends Iterable<readonly [string, T]> {
  readonly size: number;
  get(msisdn: string): T | undefined;
  set(msisdn: string, value: T): void;
  delete(msisdn: string): void;
}

const ZERO = 48;

function shardOf(msisdn: string): number {
  const { length } = msisdn;
  return (msisdn.charCodeAt(length - 2) - ZERO) * 10 + (msisdn.charCodeAt(length - 1) - ZERO);
}

/** Creates an empty map. */
export function createNumberMap<T>(): NumberMap<T> {
  const shards: Map<string, T>[] = [];
  return {
    get size() {
      let size = 0;
      for (const shard of shards) if (shard !== undefined) size += shard.size;
      return size;
    },
    get: (msisdn) => shards[shardOf(msisdn)]?.get(msisdn),
    set(msisdn, value) {
      (shards[shardOf(msisdn)] ??= new Map()).set(msisdn, value);
    },
    delete(msisdn) {
      shards[shardOf(msisdn)]?.delete(msisdn);
    },
    *[Symbol.iterator]() {
      for (const shard of shards) if (shard !== undefined) yield* shard;
    },
  };
}
