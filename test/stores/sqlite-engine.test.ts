/** The worker of the store, run in this thread: the conformance suite, and cases that need access to the worker. */

import {
  copyFileSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import { describe, expect, it, vi } from 'vitest';
import type { OptOutChange } from '../../src/ledger/evidence.ts';
import { createSqliteStore } from '../../src/stores/sqlite/client.ts';
import type { Spawn, Thread } from '../../src/stores/sqlite/connection.ts';
import { loadDriver, type Driver } from '../../src/stores/sqlite/driver.ts';
import { createEngine } from '../../src/stores/sqlite/engine.ts';
import { serve } from '../../src/stores/sqlite/worker.ts';
import { createNumberSet } from '../../src/number-set/number-set.ts';
import { numberSetOf, numberSetOfSnapshot } from '../../src/stores/read-numbers.ts';
import type { SavedSweep, Store, StoreTrouble } from '../../src/stores/store.ts';
import { sqliteStore } from '../../src/stores/sqlite/sqlite-store.ts';
import { storeConformance } from '../../src/testing/store-conformance.ts';
import { newFolder } from './folders.ts';

const driver = loadDriver();
const PERSON = '15551230001';

const SWEEP = { number: 1, start: 1, ageMs: 0, missingOnce: [], heldMs: null, rows: [] };

function change(msisdn: string, id = 'a'): OptOutChange {
  const evidence = {
    direction: 'out',
    kind: 'act',
    at: 1_000,
    seenAt: 1_000,
    source: 'manual',
    id,
  } as const;
  return { list: '*', msisdn, evidence };
}

/** Makes threads that are none: both ends of the connection are in this thread. */
function inThisThread(own: Driver = driver): { spawn: Spawn; threads: { end(): void }[] } {
  const threads: { end(): void }[] = [];
  const spawn: Spawn = ({ file }) => {
    const { port1, port2 } = new MessageChannel();
    serve(port1, createEngine(own, file));
    threads.push({ end: () => port1.close() });
    return {
      on: (event: string, listener: (given: unknown) => void) =>
        event === 'error' ? undefined : port2.on(event === 'exit' ? 'close' : event, listener),
      postMessage: (message, transfer) => port2.postMessage(message, [...transfer]),
      ref: () => port2.ref(),
      unref: () => port2.unref(),
      terminate: async () => port2.close(),
    } as Thread;
  };
  return { spawn, threads };
}

const storeOf = (file: string) => createSqliteStore(file, inThisThread().spawn);

async function numbersOf(store: Store): Promise<string[]> {
  const { changes } = await store.load();
  const numbers: string[] = [];
  for await (const batch of changes) numbers.push(...[batch].flat().map(({ msisdn }) => msisdn));
  await store.loaded?.();
  return numbers.toSorted();
}

function asides(file: string): string[] {
  return readdirSync(dirname(file)).filter(
    (name) => name.includes('.damaged-') && !/-(?:wal|shm)$/.test(name),
  );
}

describe('the engine', () => {
  it.each(storeConformance.map((test) => [test.name, test] as const))('%s', async (_name, test) => {
    const file = join(newFolder(), 'store.db');
    await test.run(async () => ({
      store: storeOf(file),
      reopen: async () => storeOf(file),
      another: async () => storeOf(file),
    }));
  });

  it('refuses requests before it is open and after it is closed', async () => {
    const store = storeOf(join(newFolder(), 'store.db'));
    await expect(store.append([change(PERSON)])).rejects.toMatchObject({ code: 'store_unavailable' });
    await store.open();
    await store.close();
    await expect(store.history(PERSON)).rejects.toMatchObject({ code: 'store_unavailable' });
  });

  /**
   * Makes a file with a list of that many numbers, a snapshot of it, and a later sweep that added one and removed one.
   */
  async function longList(count: number) {
    const file = join(newFolder(), 'store.db');
    const numbers = Array.from({ length: count }, (_, index) => String(15_550_000_000 + index * 7_919));
    const save = async (start: number, all: readonly string[], fields: Partial<SavedSweep>) => {
      const store = storeOf(file);
      await store.open();
      await store.load();
      await store.loaded?.();
      const set = createNumberSet(all);
      const sweep = { ...SWEEP, size: all.length, numbers: all };
      expect(
        await store.saveSweep('default', {
          ...{ ...sweep, number: start, start, makeImage: () => set.snapshot(), ...fields },
        }),
      ).toBe(true);
      await store.close();
    };
    await save(1, numbers, {});
    const [first = '', ...others] = numbers;
    await save(2, [...others, PERSON], { delta: { added: [PERSON], removed: [first] } });
    return { file, first };
  }

  /** Loads the list from a file, from its snapshot if that is not damaged. */
  async function loadedFrom(file: string, asked: readonly string[]) {
    const store = storeOf(file);
    await store.open();
    const sweep = (await store.load()).sweeps.get('default');
    const snapshot = sweep?.image && (await numberSetOfSnapshot(sweep.image));
    const set = snapshot ?? (sweep && (await numberSetOf(sweep.numbers)));
    await store.loaded?.();
    await store.close();
    return { isSnapshot: snapshot !== undefined, size: set?.size, has: asked.map((one) => set?.has(one)) };
  }

  it('loads a long list from its snapshot, and from the log of sweeps if the snapshot is damaged', async () => {
    const { file, first } = await longList(400_000);
    const asked = [first, PERSON];
    expect(await loadedFrom(file, asked)).toEqual({ isSnapshot: true, size: 400_000, has: [false, true] });
    const bytes = "CAST(substr(bytes, 1, length(bytes) - 8) || x'0102030405060708' AS BLOB)";
    const damages = [
      `UPDATE images SET bytes = ${bytes} WHERE kind = 'base' AND ordinal = 0`,
      `UPDATE images SET bytes = ${bytes} WHERE kind = 'base' AND ordinal = 2`,
      `UPDATE images SET bytes = ${bytes} WHERE kind = 'base' AND ordinal = (SELECT max(ordinal) FROM images WHERE kind = 'base')`,
      "DELETE FROM images WHERE kind = 'base' AND ordinal = 1",
      "DELETE FROM images WHERE kind = 'base' AND ordinal = (SELECT max(ordinal) FROM images WHERE kind = 'base')",
      "UPDATE images SET bytes = zeroblob(length(bytes)) WHERE kind = 'base'",
    ];
    for (const damage of damages) {
      const copy = join(newFolder(), 'store.db');
      for (const ending of ['', '-wal'])
        if (existsSync(file + ending)) copyFileSync(file + ending, copy + ending);
      const database = new driver.DatabaseSync(copy);
      const { changes } = database.prepare(damage).run();
      database.close();
      expect([damage, Number(changes) > 0]).toEqual([damage, true]);
      expect(await loadedFrom(copy, asked)).toEqual({ isSnapshot: false, size: 400_000, has: [false, true] });
    }
  });

  it('does not take the beginning of a snapshot for all of it when its thread dies in between', async () => {
    const { file, first } = await longList(600_000);
    const { spawn, threads } = inThisThread();
    const store = createSqliteStore(file, spawn);
    await store.open();
    const snapshot = (await store.load()).sweeps.get('default')?.image;
    let taken = 0;
    async function* cut(): AsyncGenerator<Uint8Array> {
      for await (const chunk of snapshot?.chunks ?? []) {
        if (taken++ === 0) threads[0]?.end();
        yield chunk;
      }
    }
    async function* nothing(): AsyncGenerator<never> {}
    const reading = numberSetOfSnapshot({ chunks: cut(), since: snapshot?.since ?? nothing() });
    await expect(reading).rejects.toMatchObject({ code: 'store_unavailable' });
    expect(taken).toBeGreaterThan(0);
    await store.close();
    expect(await loadedFrom(file, [first, PERSON])).toEqual({
      ...{ isSnapshot: true, size: 600_000, has: [false, true] },
    });
  });

  it('continues after its thread has died', async () => {
    const file = join(newFolder(), 'store.db');
    const { spawn, threads } = inThisThread();
    const store = createSqliteStore(file, spawn);
    await store.open();
    const reported: string[] = [];
    const { cursor } = await store.load();
    await store.loaded?.();
    store.tail(cursor, {
      onChanges: ({ changes }) => reported.push(...changes.map(({ msisdn }) => msisdn)),
      onCaughtUp() {},
    });
    await store.append([change(PERSON)]);
    const waiting = store.history(PERSON).catch((error: unknown) => error);
    threads[0]?.end();
    expect(await waiting).toMatchObject({ code: 'store_unavailable' });
    expect(await store.append([change('15551230002')])).toMatchObject([{ isNew: true, position: 2 }]);
    expect(threads).toHaveLength(2);
    await expect.poll(() => reported).toEqual([PERSON]);
    expect((await store.history(PERSON)).length).toBe(1);
    await store.close();
  });

  it('puts a file aside whose lists are of another account', async () => {
    const file = join(newFolder(), 'store.db');
    // This store has a real thread, which releases the file when it ends.
    const store = sqliteStore(file);
    expect(await store.open({ accounts: { a: 'one' } })).toBeUndefined();
    await store.append([change(PERSON)]);
    await store.close();
    expect(await store.open({ accounts: { b: 'two' } })).toBeUndefined();
    await store.close();
    const trouble = await store.open({ accounts: { a: 'two' } });
    expect(trouble).toMatchObject({
      kind: 'damaged',
      message: expect.stringContaining("'a' is of another account"),
    });
    expect(await numbersOf(store)).toEqual([PERSON]);
    await store.close();
  });

  it('drops the proofs of another account, whose provider has another list', async () => {
    const file = join(newFolder(), 'store.db');
    const store = sqliteStore(file);
    await store.open({ accounts: { a: 'one' } });
    const optIn = { ...change(PERSON).evidence, direction: 'in', id: 'in' } as const;
    const proof = { optInDate: 1_700_000_000_000, sweep: 7 };
    await store.append([
      { ...change(PERSON), evidence: { ...optIn, proof } },
      { ...change(PERSON), evidence: { ...optIn, id: 'start', kind: 'told', sweep: 7 } },
    ]);
    await store.close();
    expect(await store.open({ accounts: { a: 'two' } })).toMatchObject({ kind: 'damaged' });
    const kept = (await store.history(PERSON)).map(({ evidence }) => evidence);
    expect(kept.map(({ id, direction }) => [id, direction])).toEqual([
      ['in', 'in'],
      ['start', 'in'],
    ]);
    for (const evidence of kept) {
      expect(evidence).not.toHaveProperty('proof');
      expect(evidence).not.toHaveProperty('sweep');
    }
    await store.close();
  });

  it('puts a file aside that could not be read when it was loaded', async () => {
    const file = join(newFolder(), 'store.db');
    const store = storeOf(file);
    await store.open();
    await store.append([change(PERSON)]);
    await store.saveSweep('a', { ...SWEEP, size: 1, numbers: [PERSON] });
    const database = new driver.DatabaseSync(file);
    database.exec("UPDATE images SET bytes = x'00'");
    database.close();
    const { sweeps } = await store.load();
    const numbers = sweeps.get('a')?.numbers ?? [];
    const read = async () => {
      for await (const batch of numbers) expect(batch).toBeDefined();
    };
    await expect(read()).rejects.toMatchObject({ code: 'store_unavailable', message: /image/ });
    expect(await store.open()).toMatchObject({ kind: 'damaged' });
    expect([asides(file).length > 0, await numbersOf(store)]).toEqual([true, [PERSON]]);
    await store.close();
  });

  it.each<[string, (file: string) => void, string[]]>([
    [
      'nothing can be read',
      (file) => {
        writeFileSync(file, Buffer.alloc(8192, 1));
        rmSync(`${file}-wal`, { force: true });
      },
      [],
    ],
    ['only the log can be read', (file) => writeFileSync(file, Buffer.alloc(8192, 1)), [PERSON]],
    ['half is gone', (file) => truncateSync(file, statSync(file).size - 4096), [PERSON]],
  ])('carries evidence over as far as possible: %s', async (_name, damage, expected) => {
    const file = join(newFolder(), 'store.db');
    const store = storeOf(file);
    await store.open();
    await store.append([change(PERSON)]);
    await store.close();
    damage(file);
    expect(await store.open()).toMatchObject({ kind: 'damaged' });
    expect(await numbersOf(store)).toEqual(expected);
    await store.close();
  });

  /** Makes a file whose evidence is only in its log, as after kill -9, and whose first bytes are gone. */
  async function killed(): Promise<string> {
    const folder = newFolder();
    const store = storeOf(join(folder, 'running.db'));
    await store.open();
    await store.append([change(PERSON)]);
    const file = join(folder, 'store.db');
    for (const ending of ['', '-wal']) copyFileSync(join(folder, `running.db${ending}`), file + ending);
    await store.close();
    const bytes = readFileSync(file);
    bytes.fill(7, 0, 8);
    writeFileSync(file, bytes);
    return file;
  }

  it('reads the log of a file whose first bytes are gone', async () => {
    const store = storeOf(await killed());
    expect(await store.open()).toMatchObject({ kind: 'damaged', message: /1 pieces of evidence/ });
    expect(await numbersOf(store)).toEqual([PERSON]);
    await store.close();
  });

  it('follows a link to the file, because its log is beside the file', async () => {
    const file = await killed();
    const link = join(newFolder(), 'link.db');
    symlinkSync(file, link);
    const store = storeOf(link);
    expect(await store.open()).toMatchObject({ kind: 'damaged' });
    expect(await numbersOf(store)).toEqual([PERSON]);
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    await store.close();
    rmSync(file);
    expect(await store.open()).toBeUndefined();
    expect(existsSync(file)).toBe(true);
    await store.close();
  });

  it('finds the log of a file if the process died while it put the file aside', async () => {
    const file = await killed();
    linkSync(file, `${file}.damaged-20260101T000000000Z`);
    renameSync(`${file}-wal`, `${file}.damaged-20260101T000000000Z-wal`);
    const store = storeOf(file);
    expect(await store.open()).toMatchObject({ kind: 'damaged' });
    expect(await numbersOf(store)).toEqual([PERSON]);
    await store.close();
  });

  it('does not replace a file whose evidence could not be carried over', async () => {
    const file = await killed();
    const own: Driver = {
      DatabaseSync: class extends driver.DatabaseSync {
        constructor(path: string) {
          if (path.includes('.reading-')) throw Object.assign(new Error('disk full'), { errcode: 13 });
          super(path);
        }
      },
    };
    const store = createSqliteStore(file, inThisThread(own).spawn);
    await expect(store.open()).rejects.toMatchObject({ code: 'store_unavailable' });
    await store.close();
    const healthy = storeOf(file);
    await healthy.open();
    expect(await numbersOf(healthy)).toEqual([PERSON]);
    expect(readdirSync(dirname(file)).filter((name) => /new-|reading-/.test(name))).toEqual([]);
    await healthy.close();
  });

  it('continues when its folder is back', async () => {
    const folder = join(newFolder(), 'folder');
    const file = join(folder, 'store.db');
    const store = storeOf(file);
    await store.open();
    const { cursor } = await store.load();
    await store.loaded?.();
    store.tail(cursor, { onChanges() {}, onCaughtUp() {} });
    await store.append([change(PERSON)]);
    renameSync(folder, `${folder}-away`);
    writeFileSync(folder, 'something else is there');
    const stored = (msisdn: string) => store.append([change(msisdn)]).then(Boolean, () => false);
    await expect.poll(() => stored('15551230002')).toBe(false);
    rmSync(folder);
    await expect.poll(() => stored('15551230003'), { timeout: 5_000 }).toBe(true);
    await store.close();
    await store.open();
    expect(await numbersOf(store)).toEqual(expect.arrayContaining([PERSON, '15551230003']));
    await store.close();
  });

  it('gives each file that it puts aside a name of its own', async () => {
    const file = join(newFolder(), 'store.db');
    vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2026, 0, 1) });
    try {
      for (let time = 0; time < 2; time++) {
        writeFileSync(file, '');
        const store = storeOf(file);
        expect(await store.open()).toMatchObject({ kind: 'damaged' });
        await store.close();
      }
    } finally {
      vi.useRealTimers();
    }
    expect(asides(file).toSorted()).toEqual([
      'store.db.damaged-20260101T000000000Z',
      'store.db.damaged-20260101T000000000Z-2',
    ]);
  });

  it('makes a new file when the file was moved or removed', async () => {
    const file = join(newFolder(), 'store.db');
    const store = storeOf(file);
    await store.open();
    const troubles: StoreTrouble[] = [];
    const { cursor } = await store.load();
    await store.loaded?.();
    store.tail(cursor, { onChanges() {}, onCaughtUp() {}, onTrouble: (trouble) => troubles.push(trouble) });
    await store.append([change(PERSON)]);
    renameSync(file, `${file}.moved`);
    await store.append([change('15551230002')]);
    for (const ending of ['', '-wal', '-shm']) rmSync(file + ending, { force: true });
    await store.append([change('15551230003')]);
    expect(troubles).toHaveLength(2);
    await store.close();
    await store.open();
    expect(await numbersOf(store)).toEqual([PERSON, '15551230002', '15551230003']);
    await store.close();
  });

  it('saves all numbers of a list, not a delta, after the file was replaced', async () => {
    const file = join(newFolder(), 'store.db');
    const store = storeOf(file);
    await store.open();
    const { cursor } = await store.load();
    await store.loaded?.();
    store.tail(cursor, { onChanges() {}, onCaughtUp() {} });
    const sweep = { ...SWEEP, size: 1, numbers: [PERSON] };
    await store.saveSweep('a', sweep);
    renameSync(file, `${file}.moved`);
    const delta = { added: [], removed: [] };
    expect(await store.saveSweep('a', { ...sweep, number: 2, delta })).toBe(true);
    expect((await store.load()).sweeps.get('a')?.size).toBe(1);
    await store.close();
  });
});

/** Makes a driver that refuses to open files for writing until `isOver` is set. */
function refusing(): Driver & { isOver: boolean } {
  const own = {
    isOver: false,
    DatabaseSync: class extends driver.DatabaseSync {
      constructor(path: string, options?: { readonly readOnly?: boolean }) {
        if (!own.isOver && !path.includes('copy.db') && !path.includes('.new-')) {
          throw Object.assign(new Error('attempt to write a readonly database'), { errcode: 8 });
        }
        super(path, { readOnly: options?.readOnly ?? false });
      }
    },
  };
  return own;
}

describe('a file that cannot be written to', () => {
  it('is read, refuses writes, and is written to again when that is possible', async () => {
    const file = join(newFolder(), 'store.db');
    const before = storeOf(file);
    await before.open();
    await before.append([change(PERSON)]);
    const own = refusing();
    const store = createSqliteStore(file, inThisThread(own).spawn);
    expect(await store.open()).toMatchObject({ kind: 'read_only', message: /it is read-only/ });
    await before.close();
    const { cursor } = await store.load();
    await store.loaded?.();
    expect(await numbersOf(store)).toEqual([PERSON]);
    const refusal = { code: 'store_read_only' };
    await expect(store.append([change('15551230002')])).rejects.toMatchObject(refusal);
    await expect(store.erase(PERSON, { logId: '', lists: new Map() })).rejects.toMatchObject(refusal);
    await expect(store.prune?.(1)).rejects.toMatchObject(refusal);
    await expect(store.lease('a')).rejects.toMatchObject(refusal);
    const sweep = { ...SWEEP, size: 1, numbers: [PERSON] };
    await expect(store.saveSweep('a', sweep)).rejects.toMatchObject(refusal);
    store.tail(cursor, { onChanges() {}, onCaughtUp() {} });
    own.isOver = true;
    const stored = () => store.append([change('15551230002')]).then(Boolean, () => false);
    await expect.poll(stored, { timeout: 10_000 }).toBe(true);
    await store.close();
  }, 20_000);

  it('is neither made nor opened if a folder of its path is a file', async () => {
    const folder = newFolder();
    writeFileSync(join(folder, 'file'), '');
    const store = storeOf(join(folder, 'file', 'store.db'));
    await expect(store.open()).rejects.toMatchObject({ code: 'store_unavailable' });
    mkdirSync(join(folder, 'there'));
    expect(existsSync(join(folder, 'there', 'store.db'))).toBe(false);
    await store.close();
  });
});
