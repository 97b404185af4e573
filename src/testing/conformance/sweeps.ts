/** What every store must do: sweeps: saved whole or as what changed, loaded as they were. */

import assert from 'node:assert/strict';
import { PERSON, OTHER, sweep, contents, type Requirement } from './harness.ts';

export const sweepRequirements: readonly Requirement[] = [
  [
    'a saved sweep is loaded as it was when it was saved',
    async (store) => {
      const numbers = new Set([PERSON, OTHER]);
      const rows = [{ msisdn: PERSON, start: 5, date: 4 }];
      const kept = await store.saveSweep('default', {
        ...sweep(10, [], { missingOnce: [OTHER], heldSince: 7, rows }),
        size: 2,
        numbers,
      });
      numbers.clear();
      assert.equal(kept, true);
      assert.deepEqual((await contents(store)).sweeps.get('default'), {
        start: 10,
        size: 2,
        numbers: [PERSON, OTHER].toSorted(),
        missingOnce: [OTHER],
        heldSince: 7,
        rows,
      });
    },
  ],
  [
    'a sweep replaces the one before it',
    async (store) => {
      await store.saveSweep('default', sweep(10, [PERSON, OTHER]));
      await store.saveSweep('default', sweep(20, [OTHER]));
      assert.deepEqual((await contents(store)).sweeps.get('default')?.numbers, [OTHER]);
    },
  ],
  [
    'a sweep that started before the one that is kept is refused',
    async (store) => {
      await store.saveSweep('default', sweep(20, [PERSON]));
      assert.equal(await store.saveSweep('default', sweep(10, [])), false);
      assert.equal(await store.saveSweep('default', sweep(null, [])), false);
      assert.deepEqual((await contents(store)).sweeps.get('default')?.numbers, [PERSON]);
    },
  ],
  [
    'a sweep with the same start replaces it: an incomplete sweep added numbers',
    async (store) => {
      await store.saveSweep('default', sweep(20, [PERSON]));
      assert.equal(await store.saveSweep('default', sweep(20, [PERSON, OTHER])), true);
      assert.equal((await contents(store)).sweeps.get('default')?.size, 2);
    },
  ],
  [
    'numbers can be kept before any sweep was complete',
    async (store) => {
      assert.equal(await store.saveSweep('default', sweep(null, [PERSON])), true);
      assert.equal((await contents(store)).sweeps.get('default')?.start, null);
      assert.equal(await store.saveSweep('default', sweep(1, [])), true);
    },
  ],
  [
    'lists do not touch each other',
    async (store) => {
      await store.saveSweep('a', sweep(20, [PERSON]));
      assert.equal(await store.saveSweep('b', sweep(10, [OTHER])), true);
      const { sweeps } = await contents(store);
      assert.deepEqual([sweeps.get('a')?.numbers, sweeps.get('b')?.numbers], [[PERSON], [OTHER]]);
    },
  ],
  [
    'a saved sweep survives closing and opening',
    async (store, { reopen }) => {
      await store.saveSweep('default', sweep(10, [PERSON]));
      const again = await reopen();
      assert.deepEqual((await contents(again)).sweeps.get('default')?.numbers, [PERSON]);
      await again.close();
    },
  ],
  [
    'a saved delta is put upon what was kept, and everything is taken where nothing was',
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
    'numbers come and go and come again',
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
    'listings tell when sweeps showed a number, and are forgotten with the person',
    async (store) => {
      if (store.listings === undefined) return;
      const both = [PERSON, OTHER];
      await store.saveSweep('default', sweep(10, both, { delta: { added: both, removed: [] } }));
      const lacking = { missingOnce: [PERSON], delta: { added: [], removed: [] } };
      await store.saveSweep('default', sweep(20, both, lacking));
      await store.saveSweep('default', sweep(30, [OTHER], { delta: { added: [], removed: [PERSON] } }));
      const span = { list: 'default', firstSeenAt: 10 };
      assert.deepEqual(await store.listings(PERSON), [{ ...span, lastSeenAt: 10 }]);
      assert.deepEqual(await store.listings(OTHER), [{ ...span, lastSeenAt: 30 }]);
      for (const erased of both) await store.erase(erased, []);
      assert.deepEqual(await store.listings(PERSON), []);
      assert.deepEqual(await store.listings(OTHER), [{ ...span, lastSeenAt: 30 }]);
      assert.deepEqual((await contents(store)).sweeps.get('default')?.numbers, [OTHER]);
    },
  ],
];
