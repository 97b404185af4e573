/** What the requirements of the store port are written with. It knows the port and nothing of any engine. */

import assert from 'node:assert/strict';
import type { OptOutChange } from '../../ledger/evidence.ts';
import type { AppendResult, LogEnd, NumberSource, SavedSweep, Store, SweepNews } from '../../stores/store.ts';

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

export const PERSON = '15551230001';
export const OTHER = '447700900123';

export function change(
  fields: Partial<OptOutChange['evidence']> = {},
  msisdn = PERSON,
  list = 'default',
): OptOutChange {
  return {
    list,
    msisdn,
    evidence: {
      direction: 'out',
      kind: 'told',
      at: 1_000,
      seenAt: 1_500,
      source: 'inbound',
      id: 'a',
      ...fields,
    },
  };
}

/** An act as an operator does it. */
export function act(
  fields: Partial<OptOutChange['evidence']> = {},
  msisdn = PERSON,
  list = 'default',
): OptOutChange {
  return change({ kind: 'act', source: 'manual', ...fields }, msisdn, list);
}

/** A sweep whose start is as high as its number. */
export function sweep(
  number: number,
  numbers: readonly string[],
  fields: Partial<SavedSweep> = {},
): SavedSweep {
  return {
    ...{ number, start: number === 0 ? null : number, ageMs: 5, size: numbers.length, numbers },
    ...{ missingOnce: [], heldMs: null, rows: [], ...fields },
  };
}

/** A change without some of its fields. */
function without(
  { list, msisdn, evidence }: OptOutChange,
  names: readonly (keyof OptOutChange['evidence'])[],
): OptOutChange {
  const kept: Partial<Record<keyof OptOutChange['evidence'], unknown>> = { ...evidence };
  for (const name of names) delete kept[name];
  return { list, msisdn, evidence: kept as OptOutChange['evidence'] };
}

/** A change without what a store adds to it. */
export const plain = (one: OptOutChange): OptOutChange => without(one, ['positions']);

export const plainly = (changes: readonly OptOutChange[]): OptOutChange[] => changes.map(plain);

/** A change without words. */
export const wordless = (one: OptOutChange): OptOutChange =>
  without(one, ['messageId', 'sender', 'text', 'reason']);

/** A change without words, and without what a store adds to it. */
export const bare = (one: OptOutChange): OptOutChange => plain(wordless(one));

export const isNewOf = (results: readonly AppendResult[]): boolean[] => results.map(({ isNew }) => isNew);

async function digitsOf(source: NumberSource): Promise<string[]> {
  const numbers: string[] = [];
  for await (const one of source) {
    if (typeof one === 'string') numbers.push(one);
    else numbers.push(...Array.from(one, String));
  }
  return numbers.toSorted();
}

export async function contents(store: Store) {
  const { changes, sweeps, ...end } = await store.load();
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
  return { changes: loaded, sweeps: copies, ...end };
}

export interface Beside {
  readonly reopen: () => Promise<Store>;
  /** The second store, open; `undefined` where the store is not shared. */
  readonly another: () => Promise<Store | undefined>;
}

export async function withStore(
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
export async function follow(store: Store) {
  const { cursor, logId, position } = await contents(store);
  const heard = {
    changes: [] as OptOutChange[],
    sweeps: [] as SweepNews[],
    erased: [] as string[],
    caughtUp: 0,
    /** The ends of the log that were told, in order. */
    ends: [{ logId, position }] as LogEnd[],
  };
  const stop = store.tail(cursor, {
    onChanges({ changes, sweeps, erased, ...news }) {
      heard.changes.push(...changes);
      heard.sweeps.push(...sweeps);
      heard.erased.push(...erased);
      heard.ends.push({ logId: news.logId, position: news.position });
    },
    onCaughtUp(end) {
      heard.caughtUp++;
      heard.ends.push(end);
    },
  });
  return { heard, stop };
}

/** Waits until a condition holds, at most five seconds. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  for (const deadline = Date.now() + 5_000; !condition();) {
    assert.ok(Date.now() < deadline, `${what} within 5 s`);
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  }
}

/** A requirement: its name, and what must hold of a store that is open and empty. */
export type Requirement = readonly [string, (store: Store, beside: Beside) => Promise<void>];
