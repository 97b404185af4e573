/** What every store must do: evidence: appended, told again, read, erased, pruned. */

import assert from 'node:assert/strict';
import type { OptOutChange } from '../../optouts/change.ts';
import { PERSON, OTHER, change, contents, type Requirement } from './harness.ts';

export const changeRequirements: readonly Requirement[] = [
  [
    'a new store is empty',
    async (store) => {
      const { changes, sweeps, cursor } = await contents(store);
      assert.deepEqual([changes, sweeps.size, typeof cursor], [[], 0, 'string']);
    },
  ],
  [
    'what was appended is in the history field by field, and loaded with all that decides',
    async (store) => {
      const words = { messageId: 'm1', sender: '73737', text: 'STOP “now”', reason: 'why' };
      assert.deepEqual(await store.append([change(words)]), [true]);
      assert.deepEqual(await store.history(PERSON), [change(words)]);
      const loaded = (await contents(store)).changes;
      assert.deepEqual(
        loaded.map(({ list, msisdn, evidence }) => ({ list, msisdn, evidence: { ...evidence, ...words } })),
        [change(words)],
      );
    },
  ],
  [
    'what was appended survives closing and opening',
    async (store, { reopen }) => {
      await store.append([change(), change({ id: 'b' }, OTHER)]);
      const again = await reopen();
      assert.deepEqual((await contents(again)).changes.map(({ msisdn }) => msisdn).toSorted(), [
        PERSON,
        OTHER,
      ]);
      await again.close();
    },
  ],
  [
    'one act told again is kept once, as it first came',
    async (store) => {
      await store.append([change()]);
      assert.deepEqual(await store.append([change({ at: 9_000, seenAt: 9_500 })]), [false]);
      assert.deepEqual(
        (await contents(store)).changes.map(({ evidence }) => evidence.at),
        [1_000],
      );
    },
  ],
  [
    'one act told twice in one append is kept once',
    async (store) => {
      assert.deepEqual(await store.append([change(), change({ seenAt: 1_600 })]), [true, false]);
      assert.equal((await contents(store)).changes.length, 1);
    },
  ],
  [
    'the same id on another list, number or direction is another act',
    async (store) => {
      const others = [
        change(),
        change({}, OTHER),
        change({}, PERSON, '*'),
        change({ direction: 'in' }),
        change({}, PERSON, 'constructor'),
      ];
      assert.deepEqual(await store.append(others), [true, true, true, true, true]);
      assert.equal((await contents(store)).changes.length, 5);
    },
  ],
  [
    'an opt-in does not remove the opt-out before it',
    async (store) => {
      await store.append([change()]);
      await store.append([change({ direction: 'in', id: 'b', at: 2_000 })]);
      assert.equal((await contents(store)).changes.length, 2);
    },
  ],
  [
    'appending nothing is fine',
    async (store) => {
      assert.deepEqual(await store.append([]), []);
    },
  ],
  [
    'many changes at once are all kept',
    async (store) => {
      const many = Array.from({ length: 5_000 }, (_, index) =>
        change({ id: `i${index}` }, `1555${1_000_000 + index}`),
      );
      const isNew = await store.append(many);
      assert.equal(isNew.every(Boolean), true);
      assert.equal((await contents(store)).changes.length, 5_000);
    },
  ],
  [
    'appends under way at the same time are all kept',
    async (store) => {
      await Promise.all(
        Array.from({ length: 100 }, (_, index) => store.append([change({ id: `p${index}` })])),
      );
      assert.equal((await contents(store)).changes.length, 100);
    },
  ],
  [
    'history is newest first, of one list where asked, and no longer than asked',
    async (store) => {
      await store.append([
        change({ id: 'a', at: 1_000 }),
        change({ id: 'c', at: 3_000 }, PERSON, '*'),
        change({ id: 'b', at: 2_000 }),
        change({ id: 'd', at: 4_000 }, OTHER),
      ]);
      const ids = (entries: readonly OptOutChange[]) => entries.map(({ evidence }) => evidence.id);
      assert.deepEqual(ids(await store.history(PERSON)), ['c', 'b', 'a']);
      assert.deepEqual(ids(await store.history(PERSON, { list: 'default' })), ['b', 'a']);
      assert.deepEqual(ids(await store.history(PERSON, { limit: 1 })), ['c']);
      assert.deepEqual(await store.history('15559999999'), []);
    },
  ],
  [
    'erase leaves what is to be kept and nothing else of that person',
    async (store, { reopen }) => {
      const bare = change();
      await store.append([
        change({ text: 'STOP, this is Ann', messageId: 'm' }),
        change({ id: 'b' }),
        change({}, OTHER),
      ]);
      await store.erase(PERSON, [bare]);
      assert.deepEqual(await store.history(PERSON), [bare]);
      assert.equal((await store.history(OTHER)).length, 1);
      assert.deepEqual(await store.append([change({ at: 9_000 })]), [false]);
      const again = await reopen();
      assert.deepEqual(await again.history(PERSON), [bare]);
      await again.close();
    },
  ],
  [
    'prune forgets what decides nothing, and nothing else',
    async (store) => {
      if (store.prune === undefined) return;
      await store.append([
        change({ id: 'old', at: 1_000, seenAt: 1_000 }),
        change({ id: 'newer', at: 2_000, seenAt: 2_000 }),
        change({ id: 'our clock', at: 500, seenAt: 500, clock: 'local' }),
        change({ id: 'in', at: 600, seenAt: 600, direction: 'in' }),
        change({ id: 'another list', at: 1_000, seenAt: 1_000 }, PERSON, '*'),
        change({ id: 'another person', at: 1_000, seenAt: 1_000 }, OTHER),
      ]);
      assert.equal(await store.prune(1_000), 0);
      assert.equal(await store.prune(5_000), 1);
      const left = (await store.history(PERSON)).map(({ evidence }) => evidence.id).toSorted();
      assert.deepEqual(left, ['another list', 'in', 'newer', 'our clock']);
      assert.equal((await store.history(OTHER)).length, 1);
    },
  ],
];
