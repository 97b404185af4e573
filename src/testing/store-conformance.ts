/**
 * What every store must do, as tests for any runner: an array of `{ name, run(factory) }` on `node:assert`. It knows
 * the port and nothing of any engine.
 */

import assert from 'node:assert/strict';
import type { OptOutChange } from '../optouts/change.ts';
import type { NumberSource, SavedSweep, Store } from '../stores/store.ts';

/** Makes a store that holds nothing; called once per test. `reopen` gives a second store over the same data, once the first is closed. */
export type StoreFactory = () => Promise<{ readonly store: Store; readonly reopen: () => Promise<Store> }>;

/** One requirement of the port. */
export interface ConformanceTest {
  readonly name: string;
  run(factory: StoreFactory): Promise<void>;
}

const PERSON = '15551230001';
const OTHER = '447700900123';

function change(
  fields: Partial<OptOutChange['evidence']> = {},
  msisdn = PERSON,
  list = 'default',
): OptOutChange {
  return {
    list,
    msisdn,
    evidence: {
      direction: 'out',
      at: 1_000,
      clock: 'provider',
      seenAt: 1_500,
      source: 'inbound',
      id: 'a',
      ...fields,
    },
  };
}

function sweep(
  start: number | null,
  numbers: readonly string[],
  fields: Partial<SavedSweep> = {},
): SavedSweep {
  return { start, size: numbers.length, numbers, missingOnce: [], heldSince: null, rows: [], ...fields };
}

async function digitsOf(source: NumberSource): Promise<string[]> {
  const numbers: string[] = [];
  for await (const one of source) {
    if (typeof one === 'string') numbers.push(one);
    else numbers.push(...Array.from(one, String));
  }
  return numbers.toSorted();
}

async function contents(store: Store) {
  const { changes, sweeps, cursor } = await store.load();
  const loaded: OptOutChange[] = [];
  for await (const news of changes) loaded.push(...[news].flat());
  const copies = new Map<
    string,
    Omit<SavedSweep, 'numbers' | 'missingOnce'> & Record<'numbers' | 'missingOnce', string[]>
  >();
  for (const [list, { numbers, missingOnce, ...rest }] of sweeps) {
    const read = { numbers: await digitsOf(numbers), missingOnce: await digitsOf(missingOnce) };
    copies.set(list, { ...rest, ...read });
    assert.equal(rest.size, read.numbers.length, 'size says how many numbers there are');
  }
  return { changes: loaded, sweeps: copies, cursor };
}

async function withStore(
  factory: StoreFactory,
  use: (store: Store, reopen: () => Promise<Store>) => Promise<void>,
): Promise<void> {
  const { store, reopen } = await factory();
  await store.open();
  try {
    await use(store, async () => {
      await store.close();
      const again = await reopen();
      await again.open();
      return again;
    });
  } finally {
    await store.close();
  }
}

const tests: readonly [string, (store: Store, reopen: () => Promise<Store>) => Promise<void>][] = [
  [
    'a new store is empty',
    async (store) => {
      const { changes, sweeps, cursor } = await contents(store);
      assert.deepEqual([changes, sweeps.size, typeof cursor], [[], 0, 'string']);
    },
  ],
  [
    'what was appended is loaded, field by field',
    async (store) => {
      const full = change({ messageId: 'm1', sender: '73737', text: 'STOP', reason: 'why' });
      assert.deepEqual(await store.append([full]), [true]);
      assert.deepEqual((await contents(store)).changes, [full]);
    },
  ],
  [
    'what was appended survives closing and opening',
    async (store, reopen) => {
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
    async (store, reopen) => {
      await store.saveSweep('default', sweep(10, [PERSON]));
      const again = await reopen();
      assert.deepEqual((await contents(again)).sweeps.get('default')?.numbers, [PERSON]);
      await again.close();
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
    async (store, reopen) => {
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
    'a lease is held by one, and free after its release',
    async (store) => {
      const lease = await store.lease('sweep');
      assert.equal(lease?.isHeld(), true);
      assert.equal(await store.lease('sweep'), undefined);
      assert.notEqual(await store.lease('another'), undefined);
      await lease?.release();
      assert.equal(lease?.isHeld(), false);
      assert.notEqual(await store.lease('sweep'), undefined);
    },
  ],
  [
    'tail can be ended, and close can be called twice',
    async (store) => {
      const { cursor } = await contents(store);
      const stop = store.tail(cursor, { onChanges() {}, onCaughtUp() {} });
      stop();
      stop();
      await store.close();
      await store.close();
    },
  ],
];

/** The conformance suite. Run every test with a factory of the store under test. */
export const storeConformance: readonly ConformanceTest[] = tests.map(([name, body]) => ({
  name,
  run: (factory) => withStore(factory, body),
}));
