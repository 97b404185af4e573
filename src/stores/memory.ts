/**
 * A store that lives and dies with the process. It keeps the promises of the port as far as memory can: what it
 * resolved can be loaded again from the same object, and nothing it was told is forgotten before `erase`.
 */

import type { OptOutChange } from '../optouts/change.ts';
import { createNumberMap } from '../optouts/number-map.ts';
import type { NumberSet } from '../optouts/number-set.ts';
import { numberSetOf } from './numbers.ts';
import type { ListedRow, SavedSweep, Store } from './store.ts';

interface KeptSweep {
  readonly start: number | null;
  readonly heldSince: number | null;
  readonly numbers: NumberSet;
  readonly missingOnce: NumberSet;
  readonly rows: ReadonlyMap<string, ListedRow>;
}

/**
 * Creates a memory store. A guard that is given the same object later starts with what an earlier one knew.
 *
 * @param options.keepsSweeps whether sweeps are copied, so that a later guard can start with them. Default `true`.
 */
export function memoryStore({ keepsSweeps = true }: { keepsSweeps?: boolean } = {}): Store {
  const byNumber = createNumberMap<Map<string, OptOutChange>>();
  const sweeps = new Map<string, KeptSweep>();
  const leases = new Map<string, object>();

  function keep(change: OptOutChange): boolean {
    const { list, msisdn, evidence } = change;
    const known = byNumber.get(msisdn) ?? new Map<string, OptOutChange>();
    const act = `${evidence.direction} ${evidence.id} ${list}`;
    if (known.has(act)) return false;
    known.set(act, change);
    byNumber.set(msisdn, known);
    return true;
  }

  function* everything(): Generator<OptOutChange> {
    for (const [, known] of byNumber) yield* known.values();
  }

  function isOlder(start: number | null, kept: KeptSweep | undefined): boolean {
    return kept !== undefined && (start ?? -Infinity) < (kept.start ?? -Infinity);
  }

  return {
    kind: 'memory',
    isShared: false,
    async open() {},
    async load() {
      const saved = [...sweeps].map(([list, { rows, numbers, ...kept }]): [string, SavedSweep] => [
        list,
        { ...kept, numbers: [...numbers], size: numbers.size, rows: [...rows.values()] },
      ]);
      return { changes: everything(), sweeps: new Map(saved), cursor: '' };
    },
    async append(changes) {
      return changes.map(keep);
    },
    async saveSweep(list, { start, numbers, missingOnce, heldSince, rows }) {
      if (isOlder(start, sweeps.get(list))) return false;
      if (!keepsSweeps) return true;
      const copies = { numbers: await numberSetOf(numbers), missingOnce: await numberSetOf(missingOnce) };
      const before = sweeps.get(list);
      if (isOlder(start, before)) return false;
      const kept = new Map([...(before?.rows ?? []), ...rows.map((row) => [row.msisdn, row] as const)]);
      sweeps.set(list, { ...copies, start, heldSince, rows: kept });
      return true;
    },
    // Nobody else can write to this process's memory: there is never news.
    tail: () => () => undefined,
    async lease(name, { isForced = false } = {}) {
      if (leases.has(name) && !isForced) return undefined;
      const token = {};
      leases.set(name, token);
      const isHeld = () => leases.get(name) === token;
      return {
        isHeld,
        async release() {
          if (isHeld()) leases.delete(name);
        },
      };
    },
    async history(msisdn, { list, limit = Infinity } = {}) {
      return [...(byNumber.get(msisdn)?.values() ?? [])]
        .filter((change) => list === undefined || change.list === list)
        .toSorted((a, b) => b.evidence.at - a.evidence.at || b.evidence.seenAt - a.evidence.seenAt)
        .slice(0, limit);
    },
    async erase(msisdn, keepers) {
      byNumber.delete(msisdn);
      for (const change of keepers) keep(change);
    },
    async close() {},
  };
}
