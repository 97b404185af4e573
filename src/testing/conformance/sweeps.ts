/** Requirements of every store for sweeps: they are saved whole or as a delta, and loaded as they were saved. */

import assert from 'node:assert/strict';
import { PERSON, OTHER, sweep, contents, type Requirement } from './harness.ts';

export const sweepRequirements: readonly Requirement[] = [
  [
    'loads a sweep as it was when it was saved',
    async (store) => {
      const numbers = new Set([PERSON, OTHER]);
      const rows = [
        { msisdn: OTHER, sweep: 9, date: null },
        { msisdn: PERSON, sweep: 10, date: 4 },
      ];
      const kept = await store.saveSweep('default', {
        ...sweep(10, [], { missingOnce: [OTHER], heldMs: 7, rows, start: 1_000, ageMs: 250 }),
        size: 2,
        numbers,
      });
      numbers.clear();
      assert.equal(kept, true);
      const saved = (await contents(store)).sweeps.get('default');
      assert.deepEqual(
        { ...saved, rows: saved?.rows.toSorted((a, b) => a.sweep - b.sweep) },
        {
          ...{ number: 10, start: 1_000, ageMs: 250, size: 2, heldMs: 7, rows },
          ...{ numbers: [PERSON, OTHER].toSorted(), missingOnce: [OTHER] },
        },
      );
    },
  ],
  [
    'replaces the sweep before',
    async (store) => {
      await store.saveSweep('default', sweep(10, [PERSON, OTHER]));
      await store.saveSweep('default', sweep(20, [OTHER]));
      assert.deepEqual((await contents(store)).sweeps.get('default')?.numbers, [OTHER]);
    },
  ],
  [
    'refuses a sweep with a lower number than that of the saved one, whenever it started',
    async (store) => {
      await store.saveSweep('default', sweep(20, [PERSON]));
      assert.equal(await store.saveSweep('default', sweep(10, [], { start: 999_999 })), false);
      assert.equal(await store.saveSweep('default', sweep(0, [])), false);
      assert.deepEqual((await contents(store)).sweeps.get('default')?.numbers, [PERSON]);
      assert.equal(await store.saveSweep('default', sweep(21, [OTHER], { start: 1 })), true);
      assert.deepEqual((await contents(store)).sweeps.get('default')?.start, 1);
    },
  ],
  [
    'replaces a sweep with the same number: an incomplete sweep added numbers',
    async (store) => {
      await store.saveSweep('default', sweep(20, [PERSON]));
      assert.equal(await store.saveSweep('default', sweep(20, [PERSON, OTHER])), true);
      assert.equal((await contents(store)).sweeps.get('default')?.size, 2);
    },
  ],
  [
    'saves numbers before any sweep was complete',
    async (store) => {
      assert.equal(await store.saveSweep('default', sweep(0, [PERSON])), true);
      const { start, number } = (await contents(store)).sweeps.get('default') ?? {};
      assert.deepEqual([number, start], [0, null]);
      assert.equal(await store.saveSweep('default', sweep(0, [PERSON, OTHER])), true);
      assert.equal(await store.saveSweep('default', sweep(1, [])), true);
    },
  ],
  [
    'keeps the newest sweep and the newest date of rows, each on its own',
    async (store) => {
      const save = (number: number, msisdn: string, row: number, date: number | null) =>
        store.saveSweep('default', sweep(number, [], { rows: [{ msisdn, sweep: row, date }] }));
      await save(1, PERSON, 1, 900);
      await save(2, PERSON, 2, 800);
      await save(3, PERSON, 3, null);
      await save(4, OTHER, 4, null);
      await save(5, OTHER, 3, 700);
      const rows = (await contents(store)).sweeps.get('default')?.rows ?? [];
      assert.deepEqual(
        rows.toSorted((a, b) => a.sweep - b.sweep),
        [
          { msisdn: PERSON, sweep: 3, date: 900 },
          { msisdn: OTHER, sweep: 4, date: 700 },
        ],
      );
    },
  ],
  [
    'keeps lists apart',
    async (store) => {
      await store.saveSweep('a', sweep(20, [PERSON]));
      assert.equal(await store.saveSweep('b', sweep(10, [OTHER])), true);
      const { sweeps } = await contents(store);
      assert.deepEqual([sweeps.get('a')?.numbers, sweeps.get('b')?.numbers], [[PERSON], [OTHER]]);
    },
  ],
  [
    'keeps a saved sweep when it is closed and opened',
    async (store, { reopen }) => {
      await store.saveSweep('default', sweep(10, [PERSON]));
      const again = await reopen();
      assert.deepEqual((await contents(again)).sweeps.get('default')?.numbers, [PERSON]);
      await again.close();
    },
  ],
  [
    'adds a saved delta to the saved sweep, and takes all numbers if there is none',
    async (store) => {
      const delta = { added: [OTHER], removed: [] };
      assert.equal(await store.saveSweep('default', sweep(10, [PERSON, OTHER], { delta })), true);
      assert.equal((await contents(store)).sweeps.get('default')?.size, 2);
      const next = { added: [], removed: [PERSON] };
      assert.equal(await store.saveSweep('default', sweep(20, [OTHER], { delta: next })), true);
      assert.deepEqual((await contents(store)).sweeps.get('default')?.numbers, [OTHER]);
    },
  ],
  [
    'follows numbers that are added, removed and added again',
    async (store) => {
      const step = async (start: number, numbers: string[], added: string[], removed: string[]) =>
        store.saveSweep('default', sweep(start, numbers, { delta: { added, removed } }));
      await step(1, [PERSON, OTHER], [PERSON, OTHER], []);
      await step(2, [OTHER], [], [PERSON]);
      await step(3, [OTHER, PERSON], [PERSON], []);
      assert.deepEqual((await contents(store)).sweeps.get('default')?.numbers, [PERSON, OTHER].toSorted());
    },
  ],
  [
    'returns when sweeps listed a number, and erases that with the person',
    async (store) => {
      if (store.listings === undefined) return;
      const both = [PERSON, OTHER];
      await store.saveSweep('default', sweep(10, both, { delta: { added: both, removed: [] } }));
      const withoutPerson = { missingOnce: [PERSON], delta: { added: [], removed: [] } };
      await store.saveSweep('default', sweep(20, both, withoutPerson));
      await store.saveSweep('default', sweep(30, [OTHER], { delta: { added: [], removed: [PERSON] } }));
      const span = { list: 'default', firstSeenAt: 10 };
      assert.deepEqual(await store.listings(PERSON), [{ ...span, lastSeenAt: 10 }]);
      assert.deepEqual(await store.listings(OTHER), [{ ...span, lastSeenAt: 30 }]);
      const { logId } = await contents(store);
      for (const erased of both) await store.erase(erased, { logId, lists: new Map() });
      assert.deepEqual(await store.listings(PERSON), []);
      assert.deepEqual(await store.listings(OTHER), [{ ...span, lastSeenAt: 30 }]);
      assert.deepEqual((await contents(store)).sweeps.get('default')?.numbers, [OTHER]);
    },
  ],
];
