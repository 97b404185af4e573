/**
 * What every store must do, as tests for any runner: an array of `{ name, run(factory) }` on `node:assert`. It knows
 * the port and nothing of any engine.
 */

import assert from 'node:assert/strict';
import type { OptOutChange } from '../optouts/change.ts';
import type { NumberSource, SavedSweep, Store, SweepNews } from '../stores/store.ts';

/** What a factory makes. */
export interface StoreUnderTest {
  /** It holds nothing and is not open. */
  readonly store: Store;
  /** A second store over the same data, once the first is closed. */
  reopen(): Promise<Store>;
  /** A second store over the same data beside the first, as another process would have it; for stores that are shared. */
  another?(): Promise<Store>;
}

/** Makes a store to be tested; called once per test. */
export type StoreFactory = () => Promise<StoreUnderTest>;

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
  await store.loaded?.();
  return { changes: loaded, sweeps: copies, cursor };
}

interface Beside {
  readonly reopen: () => Promise<Store>;
  /** The second store, open; `undefined` where the store is not shared. */
  readonly another: () => Promise<Store | undefined>;
}

async function withStore(
  factory: StoreFactory,
  use: (store: Store, beside: Beside) => Promise<void>,
): Promise<void> {
  const { store, reopen, another } = await factory();
  const opened = [store];
  const open = async (one: Store) => {
    opened.push(one);
    await one.open();
    return one;
  };
  await store.open();
  try {
    await use(store, {
      reopen: async () => {
        await store.close();
        return open(await reopen());
      },
      another: async () => (another ? open(await another()) : undefined),
    });
  } finally {
    for (const one of opened) await one.close();
  }
}

/** Follows a store and gathers what it tells. */
async function follow(store: Store) {
  const { cursor } = await contents(store);
  const heard = {
    changes: [] as OptOutChange[],
    sweeps: [] as SweepNews[],
    erased: [] as string[],
    caughtUp: 0,
  };
  const stop = store.tail(cursor, {
    onChanges({ changes, sweeps, erased }) {
      heard.changes.push(...changes);
      heard.sweeps.push(...sweeps);
      heard.erased.push(...erased);
    },
    onCaughtUp: () => void heard.caughtUp++,
  });
  return { heard, stop };
}

/** Waits until a condition holds, at most five seconds. */
async function until(condition: () => boolean, what: string): Promise<void> {
  for (const deadline = Date.now() + 5_000; !condition();) {
    assert.ok(Date.now() < deadline, `${what} within 5 s`);
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  }
}

const tests: readonly [string, (store: Store, beside: Beside) => Promise<void>][] = [
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
    'what another process appends is told once, and what one appended oneself is not',
    async (store, { another }) => {
      const other = await another();
      if (other === undefined) return;
      await other.append([change({ id: 'before' })]);
      const { heard, stop } = await follow(store);
      await store.append([change({ id: 'own' })]);
      await other.append([change({ id: 'theirs', text: 'STOP' }), change({ id: 'own' })]);
      await other.append([change({ id: 'more' }, OTHER)]);
      await until(() => heard.changes.length >= 2, 'both are told');
      const { caughtUp } = heard;
      await until(() => heard.caughtUp > caughtUp, 'it is said that there is no more');
      assert.deepEqual(
        heard.changes.map(({ evidence }) => evidence.id),
        ['theirs', 'more'],
      );
      stop();
    },
  ],
  [
    'what another process erases is told, with what is kept of it',
    async (store, { another }) => {
      const other = await another();
      if (other === undefined) return;
      await store.append([change({ id: 'a', text: 'Ann' }), change({ id: 'b' })]);
      const { heard, stop } = await follow(store);
      await other.erase(PERSON, [change({ id: 'b' })]);
      await until(() => heard.erased.length > 0, 'the erasure is told');
      assert.deepEqual([heard.erased, heard.changes], [[PERSON], [change({ id: 'b' })]]);
      stop();
    },
  ],
  [
    'what another process sweeps is told: numbers first, then the sweep',
    async (store, { another }) => {
      const other = await another();
      if (other === undefined) return;
      await store.saveSweep('default', sweep(10, [PERSON]));
      const { heard, stop } = await follow(store);
      const rows = [{ msisdn: PERSON, start: 20, date: 5 }];
      const numbers = [OTHER];
      const delta = { added: [OTHER], removed: [PERSON] };
      await other.saveSweep(
        'default',
        sweep(20, numbers, { missingOnce: [OTHER], heldSince: 20, rows, delta }),
      );
      await until(() => heard.sweeps.some(({ start }) => start === 20), 'the sweep is told');
      const told = heard.sweeps.flatMap(({ added, removed }) => [
        ...[...added].map((number) => `+${number}`),
        ...[...removed].map((number) => `-${number}`),
      ]);
      assert.deepEqual(told.toSorted(), [`+${OTHER}`, `-${PERSON}`].toSorted());
      const { start, heldSince, missingOnce, rows: toldRows } = heard.sweeps.at(-1) ?? {};
      assert.deepEqual(
        [start, heldSince, [...(missingOnce ?? [])].map(String), toldRows],
        [20, 20, [OTHER], rows],
      );
      assert.ok(heard.sweeps.slice(0, -1).every((one) => (one.start ?? 0) < 20));
      stop();
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
    'a lease excludes other processes, is taken by force, and then no longer held',
    async (store, { another }) => {
      const other = await another();
      if (other === undefined) return;
      const lease = await store.lease('sweep');
      assert.equal(await other.lease('sweep'), undefined);
      const taken = await other.lease('sweep', { isForced: true });
      assert.equal(taken?.isHeld(), true);
      await lease?.release();
      assert.equal(await store.lease('sweep'), undefined);
      await taken?.release();
      assert.notEqual(await store.lease('sweep'), undefined);
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
