/** What `erase` leaves on disk and in memory, also while another connection reads the file. */

import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createGuard, memoryStore, type Guard, type GuardOptions, type Provider } from '../../src/index.ts';
import { findDriver, type Driver } from '../../src/stores/sqlite/driver.ts';
import { newFolder } from './folders.ts';

const { DatabaseSync } = createRequire(import.meta.url)(findDriver()) as Driver;
const silent = { debug() {}, info() {}, warn() {}, error() {} };
const PERSON = '15551230001';
const WORDS = 'Ann Ericson of Oakland called';
const open: Guard[] = [];

afterEach(async () => {
  for (const guard of open.splice(0)) await guard.close();
});

async function start(options: GuardOptions): Promise<Guard> {
  const guard = createGuard({ logger: silent, ...options });
  open.push(guard);
  await guard.ready({ timeout: 5_000 });
  return guard;
}

/** Returns the files that contain the words. */
function filesWithWords(file: string): string[] {
  return readdirSync(dirname(file)).filter((name) => readFileSync(join(dirname(file), name)).includes(WORDS));
}

/** Begins to read the file with a connection of another program. @returns a function that ends it */
function readElsewhere(file: string): () => void {
  const reader = new DatabaseSync(file);
  reader.exec('BEGIN; SELECT count(*) FROM changes');
  return () => {
    reader.exec('COMMIT');
    reader.close();
  };
}

/** Returns whether another connection reads the erasure in the file. */
function hasErasure(file: string): boolean {
  const reader = new DatabaseSync(file, { readOnly: true });
  try {
    return reader.prepare('SELECT count(*) AS count FROM erasures').get()?.['count'] === 1;
  } finally {
    reader.close();
  }
}

describe('erased words', () => {
  it('are gone from the file and its log when erase resolves', async () => {
    const file = join(newFolder(), 'store.db');
    const guard = await start({ store: `sqlite:${file}` });
    await guard.optOut(PERSON, { reason: WORDS });
    expect(filesWithWords(file)).not.toEqual([]);
    expect(await guard.erase(PERSON)).toEqual({ pending: false });
    expect(filesWithWords(file)).toEqual([]);
    expect(guard.canSend(PERSON)).toBe(false);
  });

  it('are pending while a reader keeps them in the log, and are deleted when it ends', async () => {
    const file = join(newFolder(), 'store.db');
    const guard = await start({ store: `sqlite:${file}` });
    await guard.optOut(PERSON, { reason: WORDS });
    const end = readElsewhere(file);
    expect(await guard.erase(PERSON)).toEqual({ pending: true });
    expect(filesWithWords(file)).not.toEqual([]);
    // Other writes do not wait for that reader.
    await guard.optOut('15551230002');
    expect([guard.canSend(PERSON), guard.canSend('15551230002')]).toEqual([false, false]);
    end();
    await expect.poll(() => filesWithWords(file)).toEqual([]);
  });

  it('that are pending when the process ends are deleted by another one that has the file open', async () => {
    const file = join(newFolder(), 'store.db');
    const [guard, other] = [
      await start({ store: `sqlite:${file}` }),
      await start({ store: `sqlite:${file}` }),
    ];
    await guard.optOut(PERSON, { reason: WORDS });
    const end = readElsewhere(file);
    expect(await guard.erase(PERSON)).toEqual({ pending: true });
    await guard.close();
    end();
    await expect.poll(() => filesWithWords(file)).toEqual([]);
    expect(other.canSend(PERSON)).toBe(false);
  });

  it('are gone when erase resolves if a reader ends soon', async () => {
    const file = join(newFolder(), 'store.db');
    const guard = await start({ store: `sqlite:${file}` });
    await guard.optOut(PERSON, { reason: WORDS });
    const end = readElsewhere(file);
    const erased = guard.erase(PERSON);
    await expect.poll(() => hasErasure(file)).toBe(true);
    end();
    expect(await erased).toEqual({ pending: false });
    expect(filesWithWords(file)).toEqual([]);
  });

  it('that are pending when the process ends are deleted by the next start', async () => {
    const file = join(newFolder(), 'store.db');
    const guard = await start({ store: `sqlite:${file}` });
    await guard.optOut(PERSON, { reason: WORDS });
    const end = readElsewhere(file);
    expect(await guard.erase(PERSON)).toEqual({ pending: true });
    await guard.close();
    end();
    const again = await start({ store: `sqlite:${file}` });
    await expect.poll(() => filesWithWords(file)).toEqual([]);
    expect(again.canSend(PERSON)).toBe(false);
  });
});

describe('an erased person who came back', () => {
  const rows = { now: [PERSON] };
  const provider: Provider = {
    page: async ({ index }) => ({ rows: index === 0 ? rows.now : [] }),
    optIn: async () => undefined,
  };

  it.each<[string, () => { store: () => GuardOptions['store'] }]>([
    [
      'sqlite',
      () => {
        const file = join(newFolder(), 'store.db');
        return { store: () => `sqlite:${file}` };
      },
    ],
    [
      'memory',
      () => {
        const store = memoryStore();
        return { store: () => store };
      },
    ],
  ])('is not counted any more, also after a restart: %s', async (_name, make) => {
    const { store } = make();
    rows.now = [PERSON];
    const options = () => ({ store: store() as NonNullable<GuardOptions['store']>, provider });
    const guard = await start(options());
    await guard.optOut(PERSON, { list: 'default' });
    await guard.refresh();
    await guard.resubscribe(PERSON);
    rows.now = [];
    // Two sweeps in a row remove the number from the provider's list.
    await guard.refresh();
    await guard.refresh();
    expect(guard.canSend(PERSON)).toBe(true);
    expect(await guard.erase(PERSON)).toEqual({ pending: false });
    const firstHand = (one: Guard) => Object.values(one.status().lists).map((list) => list.firstHand);
    expect(firstHand(guard)).toEqual(firstHand(guard).map(() => 0));
    expect(await guard.history(PERSON)).toEqual(
      expect.not.arrayContaining([expect.objectContaining({ source: 'manual' })]),
    );
    await guard.close();
    const again = await start(options());
    expect(firstHand(again)).toEqual(firstHand(again).map(() => 0));
  });
});
