/**
 * A store that lives and dies with the process. It keeps the promises of the port as far as memory can: what it
 * resolved can be loaded again from the same object, and nothing it was told is forgotten before `erase`.
 */

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { OptOutChange } from '../optouts/change.ts';
import type { SavedSweep, Store } from './store.ts';

/** Numbers copied before other work gets its turn. */
const NUMBERS_PER_TURN = 20_000;

/**
 * Creates a memory store. A guard that is given the same object later starts with what an earlier one knew.
 *
 * @param options.keepsSweeps whether sweeps are copied, so that a later guard can start with them. Default `true`.
 */
export function memoryStore({ keepsSweeps = true }: { keepsSweeps?: boolean } = {}): Store {
  const byNumber = new Map<string, Map<string, OptOutChange>>();
  const sweeps = new Map<string, SavedSweep>();
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
    for (const known of byNumber.values()) yield* known.values();
  }

  function isOlder({ start }: SavedSweep, kept: SavedSweep | undefined): boolean {
    return kept !== undefined && (start ?? -Infinity) < (kept.start ?? -Infinity);
  }

  return {
    kind: 'memory',
    isShared: false,
    async open() {},
    async load() {
      return { changes: everything(), sweeps: new Map(sweeps), cursor: '' };
    },
    async append(changes) {
      return changes.map(keep);
    },
    async saveSweep(list, sweep) {
      if (isOlder(sweep, sweeps.get(list))) return false;
      if (!keepsSweeps) return true;
      const numbers = await copied(sweep.numbers);
      const missingOnce = await copied(sweep.missingOnce);
      if (isOlder(sweep, sweeps.get(list))) return false;
      sweeps.set(list, { ...sweep, size: numbers.length, numbers, missingOnce, rows: [...sweep.rows] });
      return true;
    },
    // Nobody else can write to this process's memory: there is never news.
    tail: () => () => undefined,
    async lease(name) {
      if (leases.has(name)) return undefined;
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

async function copied(numbers: Iterable<string>): Promise<string[]> {
  const copy: string[] = [];
  for (const msisdn of numbers) {
    copy.push(msisdn);
    if (copy.length % NUMBERS_PER_TURN === 0) await nextTurn();
  }
  return copy;
}
