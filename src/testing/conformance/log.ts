/** Requirements of every store for its log: positions, and the evidence before an entry. */

import assert from 'node:assert/strict';
import type { AppendResult } from '../../stores/store.ts';
import { PERSON, OTHER, act, bare, change, contents, isNewOf, type Requirement } from './harness.ts';

const positionsOf = (results: readonly AppendResult[]) => results.map(({ position }) => position);

export const logRequirements: readonly Requirement[] = [
  [
    'gives growing positions in the order of the entries, of every kind and list',
    async (store) => {
      const first = await store.append([
        change({ direction: 'in' }),
        change({}, OTHER),
        act({ proves: false }, PERSON, '*'),
        act({ direction: 'in', id: 'b' }),
      ]);
      const second = await store.append([change({ id: 'c' }), change({ id: 'd', direction: 'in' })]);
      const positions = positionsOf([...first, ...second]);
      assert.deepEqual(
        positions.toSorted((a, b) => a - b),
        positions,
      );
      assert.equal(new Set(positions).size, positions.length);
      assert.ok((positions[0] ?? 0) > 0, 'no entry has position 0');
      assert.equal((await contents(store)).position, positions.at(-1));
    },
  ],
  [
    'loads and reads entries with the positions that append returned',
    async (store) => {
      const given = [
        change(),
        change({ id: 'b', direction: 'in' }),
        act({ id: 'c' }),
        act({ id: 'd', direction: 'in' }),
      ];
      const results = await store.append(given);
      const { changes, logId } = await contents(store);
      const expected = new Map(
        given.map(({ evidence }, index) => [
          evidence.id,
          [{ log: logId, position: results[index]?.position }],
        ]),
      );
      const found = (read: typeof given) =>
        new Map(read.map(({ evidence }) => [evidence.id, evidence.positions]));
      assert.deepEqual(found(changes), expected);
      assert.deepEqual(found([...(await store.history(PERSON))]), expected);
      for (const result of results) assert.equal(result.logId ?? logId, logId);
    },
  ],
  [
    'keeps the id of the log and the positions of entries, whatever is written',
    async (store, { reopen }) => {
      const { logId } = await contents(store);
      const [first] = await store.append([change({ text: 'STOP' })]);
      await store.append([change({ id: 'b', direction: 'in' })]);
      await store.erase(PERSON, { logId, lists: new Map() });
      await store.prune?.(Date.now());
      const again = await reopen();
      const { changes, ...end } = await contents(again);
      assert.equal(end.logId, logId);
      const entry = changes.find(({ evidence }) => evidence.id === 'a');
      assert.deepEqual(entry?.evidence.positions, [{ log: logId, position: first?.position }]);
      const [next] = await again.append([change({ id: 'c' })]);
      assert.ok((next?.position ?? 0) > end.position, 'a position is used once');
      await again.close();
    },
  ],
  [
    'keeps the position of a known entry, and gives higher ones to new entries',
    async (store) => {
      const first = positionsOf(await store.append([change(), change({ id: 'b', direction: 'in' })]));
      const again = await store.append([
        change({ id: 'b', direction: 'in', at: 5 }),
        change({ at: 5 }),
        change({ id: 'c' }),
      ]);
      assert.deepEqual(isNewOf(again), [false, false, true]);
      assert.deepEqual(positionsOf(again).slice(0, 2), first.toReversed());
      assert.ok((again[2]?.position ?? 0) > Math.max(...first));
    },
  ],
  [
    'keeps the newest position of a carried-over entry in other logs, beside its position here',
    async (store) => {
      const { logId } = await contents(store);
      const elsewhere = [
        { log: '00000000-b', position: 70 },
        { log: '00000000-a', position: 7 },
      ];
      const given = [
        change({ positions: elsewhere }),
        act({ id: 'b', direction: 'in', positions: elsewhere.slice(1) }),
        change({ id: 'c' }),
      ];
      const [first, second, third] = await store.append(given);
      const own = (result: AppendResult | undefined) => ({ log: logId, position: result?.position });
      const positions = async () =>
        new Map((await contents(store)).changes.map(({ evidence }) => [evidence.id, evidence.positions]));
      const expected = new Map([
        ['a', [own(first), elsewhere[0]]],
        ['b', [own(second), elsewhere[1]]],
        ['c', [own(third)]],
      ]);
      assert.deepEqual(await positions(), expected);
      // A known entry gets the position that it lacked.
      const again = await store.append([change({ id: 'c', positions: elsewhere.slice(1) })]);
      assert.deepEqual([isNewOf(again), again[0]?.position], [[false], third?.position]);
      expected.set('c', [own(third), elsewhere[1]]);
      assert.deepEqual(await positions(), expected);
    },
  ],
  [
    'returns from append the evidence before each entry, of its number and list',
    async (store) => {
      const known = [
        change({ id: 'out', text: 'STOP' }),
        act({ id: 'in', direction: 'in', proof: { optInDate: 4, sweep: 3 } }),
        change({ id: 'elsewhere' }, PERSON, '*'),
        change({ id: 'another person' }, OTHER),
        change({ id: 'nothing', direction: 'in', proves: false }),
      ];
      await store.append(known);
      const results = await store.append(
        [change({ id: 'x' }), change({ id: 'y' }), change({}, '15550000001')],
        { wantsBefore: true },
      );
      const ids = results.map(({ before }) => before?.map(({ id }) => id).toSorted());
      assert.deepEqual(ids, [['in', 'out'], ['in', 'out', 'x'], []]);
      const [first] = results;
      const evidence = first?.before?.map((one) => bare({ list: 'default', msisdn: PERSON, evidence: one }));
      assert.deepEqual(
        evidence?.toSorted((a, b) => (a.evidence.id < b.evidence.id ? 1 : -1)),
        known.slice(0, 2).map(bare),
      );
      const { changes } = await contents(store);
      for (const { id, positions } of first?.before ?? []) {
        const loaded = changes.find((one) => one.evidence.id === id && one.list === 'default');
        assert.deepEqual(positions, loaded?.evidence.positions);
      }
    },
  ],
  [
    'returns no earlier evidence to only one of two concurrent appends',
    async (store, { another }) => {
      const other = (await another()) ?? store;
      const all = await Promise.all(
        [store, other].map((one, index) => one.append([change({ id: `s${index}` })], { wantsBefore: true })),
      );
      const before = all.map(([result]) => result?.before?.length);
      assert.deepEqual(new Set(before), new Set([0, 1]));
    },
  ],
];
