/** Helpers for the requirements of the store port. They know the port and no store. */

import assert from 'node:assert/strict';
import type { OptOutChange } from '../../ledger/evidence.ts';
import type { AppendResult, LogEnd, NumberSource, SavedSweep, Store, SweepNews } from '../../stores/store.ts';

/** The stores that a factory creates. */
export interface StoreUnderTest {
  /** The store: empty and not open. */
  readonly store: Store;
  /** Creates a second store on the same data. It is called after the first store was closed. */
  reopen(): Promise<Store>;
  /**
   * Creates a second store on the same data, as another process has it, while the first one is open. For shared stores.
   */
  another?(): Promise<Store>;
}

/** Creates a store for a test. It is called once per test. */
export type StoreFactory = () => Promise<StoreUnderTest>;

/** One requirement of the store port. */
export interface ConformanceTest {
  readonly name: string;
  /** Rejects with an AssertionError if the store does not meet the requirement. */
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

/** An act of an operator. */
export function act(
  fields: Partial<OptOutChange['evidence']> = {},
  msisdn = PERSON,
  list = 'default',
): OptOutChange {
  return change({ kind: 'act', source: 'manual', ...fields }, msisdn, list);
}

/** A sweep whose start equals its number. */
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

/** A change without the members that a store adds. */
export const withoutPositions = (one: OptOutChange): OptOutChange => without(one, ['positions']);

export const allWithoutPositions = (changes: readonly OptOutChange[]): OptOutChange[] =>
  changes.map(withoutPositions);

/** A change without a person's words: texts, senders, reasons and message ids. */
export const withoutWords = (one: OptOutChange): OptOutChange =>
  without(one, ['messageId', 'sender', 'text', 'reason']);

/** A change without words, and without the members that a store adds. */
export const bare = (one: OptOutChange): OptOutChange => withoutPositions(withoutWords(one));

export const isNewOf = (results: readonly AppendResult[]): boolean[] => results.map(({ isNew }) => isNew);

async function digitsOf(source: NumberSource): Promise<string[]> {
  const numbers: string[] = [];
  for await (const one of source) {
    if (typeof one === 'string') numbers.push(one);
    else numbers.push(...Array.from(one, String));
  }
  return numbers.toSorted();
}

/** Loads a store: its changes, its sweeps with their numbers as sorted strings, and the end of its log. */
export async function contents(store: Store) {
  const { changes, sweeps, ...end } = await store.load();
  const loaded: OptOutChange[] = [];
  for await (const batch of changes) loaded.push(...[batch].flat());
  const loadedSweeps = new Map<
    string,
    Omit<SavedSweep, 'numbers' | 'missingOnce'> & Record<'numbers' | 'missingOnce', string[]>
  >();
  for (const [list, { numbers, missingOnce, ...rest }] of sweeps) {
    const read = { numbers: await digitsOf(numbers), missingOnce: await digitsOf(missingOnce) };
    loadedSweeps.set(list, { ...rest, ...read });
    assert.equal(rest.size, read.numbers.length, 'size is the count of the numbers');
  }
  await store.loaded?.();
  return { changes: loaded, sweeps: loadedSweeps, ...end };
}

/** Further stores on the same data. */
export interface OtherStores {
  /** Closes the store and opens a second one. */
  readonly reopen: () => Promise<Store>;
  /** Opens a second store beside the first; `undefined` if the store is not shared. */
  readonly another: () => Promise<Store | undefined>;
}

/** Runs a test with an open, empty store, and closes every store afterwards. */
export async function withStore(
  factory: StoreFactory,
  test: (store: Store, others: OtherStores) => Promise<void>,
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
    await test(store, {
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

/** Follows the log of a store and collects its messages. */
export async function follow(store: Store) {
  const { cursor, logId, position } = await contents(store);
  const messages = {
    changes: [] as OptOutChange[],
    sweeps: [] as SweepNews[],
    erased: [] as string[],
    caughtUp: 0,
    /** The ends of the log, in the order of the messages. */
    ends: [{ logId, position }] as LogEnd[],
  };
  const stop = store.tail(cursor, {
    onChanges({ changes, sweeps, erased, ...end }) {
      messages.changes.push(...changes);
      messages.sweeps.push(...sweeps);
      messages.erased.push(...erased);
      messages.ends.push({ logId: end.logId, position: end.position });
    },
    onCaughtUp(end) {
      messages.caughtUp++;
      messages.ends.push(end);
    },
  });
  return { messages, stop };
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

/** A requirement: its name, and its test with an open, empty store. */
export type Requirement = readonly [string, (store: Store, others: OtherStores) => Promise<void>];
