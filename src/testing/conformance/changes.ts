/** Requirements of every store for evidence: it is appended, repeated, read and pruned. */

import assert from 'node:assert/strict';
import { LATEST_TIME, type OptOutChange } from '../../ledger/evidence.ts';
import {
  PERSON,
  OTHER,
  act,
  bare,
  change,
  contents,
  isNewOf,
  withoutPositions,
  allWithoutPositions,
  type Requirement,
} from './harness.ts';

const DAY_MS = 86_400_000;

export const changeRequirements: readonly Requirement[] = [
  [
    'is empty when it is new',
    async (store) => {
      const { changes, sweeps, cursor, logId, position } = await contents(store);
      assert.deepEqual([changes, sweeps.size, position], [[], 0, 0]);
      assert.deepEqual([typeof cursor, typeof logId], ['string', 'string']);
      assert.notEqual(logId, '', 'the log has an id');
    },
  ],
  [
    'returns appended changes from history with every field, and loads all fields that rules read',
    async (store) => {
      const words = { messageId: 'm1', sender: '73737', text: 'STOP “now”', reason: 'why' };
      await store.append([change(words)]);
      assert.deepEqual(allWithoutPositions(await store.history(PERSON)), [change(words)]);
      assert.deepEqual((await contents(store)).changes.map(bare), [change()]);
    },
  ],
  [
    'keeps kinds, sources, times, bases and proofs unchanged',
    async (store) => {
      const { logId } = await contents(store);
      const basis = { log: logId, position: 7 };
      const given = [
        change({ id: 'told' }),
        change({ id: 'undated', at: LATEST_TIME, source: 'receipt' }),
        change({ id: 'stated', kind: 'stated', source: 'manual', at: -5 }),
        change({ id: 'start', direction: 'in', at: 9_000 }),
        act({ id: 'out', basis }),
        act({ id: 'in', direction: 'in', basis }),
        act({ id: 'other log', direction: 'in', basis: { log: 'another log', position: 3 } }),
        act({ id: 'out, other log', basis: { log: 'another log', position: 3 } }),
        act({ id: 'proven', direction: 'in', source: 'provider', proof: { optInDate: 5_000, sweep: 2 } }),
        act({ id: 'proven, undated', direction: 'in', basis, proof: { optInDate: null, sweep: 0 } }),
      ];
      await store.append(given);
      const byId = (changes: readonly OptOutChange[]) =>
        changes.map(withoutPositions).toSorted((a, b) => (a.evidence.id < b.evidence.id ? -1 : 1));
      assert.deepEqual(byId((await contents(store)).changes), byId(given));
      assert.deepEqual(byId(await store.history(PERSON)), byId(given));
    },
  ],
  [
    'keeps evidence that proves nothing, and still marks it as such',
    async (store) => {
      const given = [
        change({ id: 'in', direction: 'in', proves: false }),
        change({ id: 'out', proves: false, at: 500 }),
      ];
      assert.deepEqual(isNewOf(await store.append(given)), [true, true]);
      assert.deepEqual(allWithoutPositions(await store.history(PERSON)), given);
      assert.deepEqual(isNewOf(await store.append([change({ id: 'in', direction: 'in' })])), [false]);
      const { changes } = await contents(store);
      assert.ok(
        changes.every(({ evidence }) => evidence.proves === false),
        'if it is loaded, it still proves nothing',
      );
    },
  ],
  [
    'keeps appended changes when it is closed and opened',
    async (store, { reopen }) => {
      await store.append([change(), change({ id: 'b' }, OTHER)]);
      const before = await contents(store);
      const again = await reopen();
      const after = await contents(again);
      assert.deepEqual(after.changes.map(({ msisdn }) => msisdn).toSorted(), [PERSON, OTHER]);
      assert.deepEqual([after.logId, after.position], [before.logId, before.position]);
      await again.close();
    },
  ],
  [
    'keeps a repeated change once, as it was first appended',
    async (store) => {
      const [first] = await store.append([change()]);
      const [again] = await store.append([change({ at: 9_000, seenAt: 9_500 })]);
      assert.deepEqual([first?.isNew, again?.isNew], [true, false]);
      assert.deepEqual([first?.firstSeenAt, again?.firstSeenAt], [1_500, 1_500]);
      assert.equal(again?.position, first?.position);
      assert.deepEqual(
        (await contents(store)).changes.map(({ evidence }) => evidence.at),
        [1_000],
      );
    },
  ],
  [
    'keeps a change that is twice in one append once',
    async (store) => {
      const results = await store.append([change(), change({ seenAt: 1_600 })]);
      assert.deepEqual(isNewOf(results), [true, false]);
      assert.equal(results[1]?.position, results[0]?.position);
      assert.equal((await contents(store)).changes.length, 1);
    },
  ],
  [
    'treats the same id on another list, number or direction as another change',
    async (store) => {
      const others = [
        change(),
        change({}, OTHER),
        change({}, PERSON, '*'),
        change({ direction: 'in' }),
        change({}, PERSON, 'constructor'),
      ];
      assert.deepEqual(isNewOf(await store.append(others)), [true, true, true, true, true]);
      assert.equal((await contents(store)).changes.length, 5);
    },
  ],
  [
    'treats the same id as the same change, whether it proves something or not',
    async (store) => {
      await store.append([change({ direction: 'in', proves: false }), change({ id: 'b' })]);
      const again = [change({ direction: 'in' }), change({ id: 'b', proves: false })];
      assert.deepEqual(isNewOf(await store.append(again)), [false, false]);
      const proves = (await store.history(PERSON)).map(({ evidence }) => [evidence.id, evidence.proves]);
      assert.deepEqual(
        new Map(proves as [string, unknown][]),
        new Map<string, unknown>([
          ['a', false],
          ['b', undefined],
        ]),
      );
    },
  ],
  [
    'keeps the opt-out before an opt-in',
    async (store) => {
      await store.append([change()]);
      await store.append([change({ direction: 'in', id: 'b', at: 2_000 })]);
      assert.equal((await contents(store)).changes.length, 2);
    },
  ],
  [
    'accepts an append without changes',
    async (store) => {
      assert.deepEqual(await store.append([]), []);
      assert.deepEqual(await store.append([], { wantsBefore: true }), []);
    },
  ],
  [
    'keeps all of many changes in one append',
    async (store) => {
      const many = Array.from({ length: 5_000 }, (_, index) =>
        change({ id: `i${index}` }, `1555${1_000_000 + index}`),
      );
      const results = await store.append(many);
      assert.equal(isNewOf(results).every(Boolean), true);
      assert.equal((await contents(store)).changes.length, 5_000);
    },
  ],
  [
    'keeps the changes of concurrent appends',
    async (store) => {
      const results = await Promise.all(
        Array.from({ length: 100 }, (_, index) =>
          store.append([change({ id: `p${index}`, direction: index % 2 === 0 ? 'out' : 'in' })]),
        ),
      );
      assert.equal((await contents(store)).changes.length, 100);
      assert.equal(new Set(results.map(([result]) => result?.position)).size, 100);
    },
  ],
  [
    'returns history newest first, of one list and up to a limit if requested',
    async (store) => {
      await store.append([
        change({ id: 'a', at: 1_000 }),
        change({ id: 'c', at: 3_000, direction: 'in' }, PERSON, '*'),
        act({ id: 'b', at: 2_000 }),
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
    'prunes evidence that another piece outweighs in every respect, and no other evidence',
    async (store) => {
      if (store.prune === undefined) return;
      const { logId } = await contents(store);
      const seen = (position: number) => ({ basis: { log: logId, position } });
      await store.append([
        change({ id: 'told' }),
        change({ id: 'told, later date first', at: 9_000 }, OTHER),
        change({ id: 'told later', at: 2_000 }),
        change({ id: 'told, earlier date last', at: 8_000 }, OTHER),
        act({ id: 'act', at: 5_000 }),
        act({ id: 'act later', at: 400 }),
        change({ id: 'stated', kind: 'stated', source: 'manual' }),
        change({ id: 'stated later', kind: 'stated', source: 'manual', at: 2_000 }),
        change({ id: 'start', direction: 'in' }),
        change({ id: 'start later', direction: 'in', at: 2_000 }),
        act({ id: 'in', direction: 'in', ...seen(3) }),
        act({ id: 'in, seen nothing', direction: 'in' }),
        act({ id: 'in, seen more', direction: 'in', ...seen(4) }),
        act({ id: 'proven', direction: 'in', ...seen(4), proof: { optInDate: 5, sweep: 1 } }),
        act({ id: 'proven, seen more', direction: 'in', ...seen(5), proof: { optInDate: 4, sweep: 1 } }),
        change({ id: 'nothing', direction: 'in', proves: false }),
        change({ id: 'on another list', at: 500 }, PERSON, '*'),
        change({ id: 'received today', seenAt: Date.now() }),
        change({ id: 'received today, later', at: 3_000, seenAt: Date.now() }),
      ]);
      assert.equal(await store.prune(1_000), 0);
      assert.equal(await store.prune(Date.now() + DAY_MS), 7);
      const left = (await store.history(PERSON)).map(({ evidence }) => evidence.id).toSorted();
      assert.deepEqual(left, [
        ...['act later', 'in, seen more', 'on another list', 'proven', 'proven, seen more'],
        ...['received today', 'received today, later', 'start later', 'stated', 'stated later'],
      ]);
      assert.equal((await store.history(OTHER)).length, 2);
    },
  ],
];
