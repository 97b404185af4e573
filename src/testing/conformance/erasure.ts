/** Requirements of every store for erasures: a person's words are deleted, and no field that rules read. */

import assert from 'node:assert/strict';
import type { OptOutChange } from '../../ledger/evidence.ts';
import {
  PERSON,
  OTHER,
  act,
  bare,
  change,
  contents,
  isNewOf,
  withoutWords,
  type Requirement,
} from './harness.ts';

const WORDS = { text: 'STOP, this is Ann', messageId: 'm1', sender: '73737', reason: 'Ann called' };
const byId = (changes: readonly OptOutChange[]) =>
  changes.toSorted((a, b) => (a.evidence.id < b.evidence.id ? -1 : 1));

export const erasureRequirements: readonly Requirement[] = [
  [
    'erases words, and keeps every field that rules read, with its position',
    async (store, { reopen }) => {
      const { logId } = await contents(store);
      const given = [
        change({ ...WORDS, id: 'a' }),
        act({ ...WORDS, id: 'b', direction: 'in', basis: { log: logId, position: 1 } }),
        act({ ...WORDS, id: 'c' }, PERSON, '*'),
        change({ ...WORDS, id: 'd', direction: 'in', proves: false }),
      ];
      await store.append([...given, change(WORDS, OTHER)]);
      const before = byId(await store.history(PERSON));
      await store.erase(PERSON, { logId, lists: new Map() });
      const expected = before.map(withoutWords);
      assert.deepEqual(byId(await store.history(PERSON)), expected);
      assert.deepEqual(
        (await store.history(OTHER)).map(({ evidence }) => evidence.text),
        [WORDS.text],
      );
      assert.deepEqual(isNewOf(await store.append(given)), [false, false, false, false]);
      assert.equal(JSON.stringify(await store.history(PERSON)).includes('Ann'), false);
      const again = await reopen();
      assert.deepEqual(byId(await again.history(PERSON)), expected);
      await again.close();
    },
  ],
  [
    'keeps entries up to a position only for their ids, on a list that does not block the person',
    async (store) => {
      const { logId } = await contents(store);
      const given = [change(), act({ id: 'b', direction: 'in' }), change({}, PERSON, '*')];
      const [, second] = await store.append(given);
      await store.append([change({ id: 'c' }), change({ id: 'd', direction: 'in' })]);
      await store.erase(PERSON, { logId, lists: new Map([['default', second?.position ?? 0]]) });
      const entries = await store.history(PERSON);
      const isForgotten = ({ list, evidence }: OptOutChange) =>
        list === 'default' && ['a', 'b'].includes(evidence.id);
      assert.ok(entries.filter(isForgotten).every(({ evidence }) => evidence.proves === false));
      assert.ok(entries.every((one) => isForgotten(one) || one.evidence.proves === undefined));
      const counted = (await contents(store)).changes.filter(({ evidence }) => evidence.proves !== false);
      assert.deepEqual(counted.map(({ list, evidence }) => `${list} ${evidence.id}`).toSorted(), [
        ...['* a', 'default c', 'default d'],
      ]);
      assert.deepEqual(isNewOf(await store.append(given)), [false, false, false]);
      const [next] = await store.append([change({ id: 'e' })], { wantsBefore: true });
      assert.deepEqual(next?.before?.map(({ id }) => id).toSorted(), ['c', 'd']);
    },
  ],
  [
    'erases only words if the positions are those of another log',
    async (store) => {
      await store.append([change(WORDS)]);
      await store.erase(PERSON, { logId: 'another log', lists: new Map([['default', 1_000]]) });
      assert.deepEqual((await store.history(PERSON)).map(bare), [change()]);
      assert.equal((await contents(store)).changes.length, 1);
    },
  ],
];
