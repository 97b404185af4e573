/**
 * Files that are removed, cut off or overwritten under running processes, then kill -9: the next process knows
 * everything that was acknowledged.
 */

import {
  closeSync,
  copyFileSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createGuard, type Guard } from '../../src/index.ts';
import { startChild, type ChildGuard } from './child.ts';
import { newFolder } from './folders.ts';

const open: Guard[] = [];

afterEach(async () => {
  for (const guard of open.splice(0)) await guard.close();
});

async function start(file: string): Promise<Guard> {
  const logger = { debug() {}, info() {}, warn() {}, error() {} };
  const guard = createGuard({ logger, store: `sqlite:${file}` });
  open.push(guard);
  await guard.ready();
  return guard;
}

type Damage = (file: string) => void;

/** The path of an earlier copy of the log, like one from a backup. It is made after the first changes. */
const earlierCopy = (file: string) => `${file}.earlier-wal`;

function overwrite(file: string, bytes: number): void {
  const descriptor = openSync(file, 'r+');
  writeSync(descriptor, Buffer.alloc(bytes, 0x5a), 0, bytes, 0);
  closeSync(descriptor);
}

const ofLog: readonly (readonly [string, Damage])[] = [
  ['-wal removed', (file) => rmSync(`${file}-wal`)],
  ['-wal emptied', (file) => truncateSync(`${file}-wal`, 0)],
  [
    '-wal cut in the middle',
    (file) => truncateSync(`${file}-wal`, Math.floor(statSync(`${file}-wal`).size / 2)),
  ],
  ['-wal cut within its last page', (file) => truncateSync(`${file}-wal`, statSync(`${file}-wal`).size - 9)],
  ['-wal replaced by an earlier copy', (file) => renameSync(earlierCopy(file), `${file}-wal`)],
  [
    '-wal overwritten with an earlier copy',
    (file) => writeFileSync(`${file}-wal`, readFileSync(earlierCopy(file))),
  ],
  [
    '-wal replaced by an empty file',
    (file) => {
      rmSync(`${file}-wal`);
      writeFileSync(`${file}-wal`, '');
    },
  ],
  ['-shm removed', (file) => rmSync(`${file}-shm`)],
  [
    '-wal and -shm removed',
    (file) => {
      rmSync(`${file}-wal`);
      rmSync(`${file}-shm`);
    },
  ],
];

const ofDatabase: readonly (readonly [string, Damage])[] = [
  ['file emptied', (file) => truncateSync(file, 0)],
  ['file cut in half', (file) => truncateSync(file, Math.floor(statSync(file).size / 8_192) * 4_096)],
  ['first page overwritten', (file) => overwrite(file, 4_096)],
  ['first pages overwritten', (file) => overwrite(file, Math.min(statSync(file).size, 40_960))],
  [
    'unusable file renamed over it',
    (file) => {
      writeFileSync(`${file}.other`, 'x'.repeat(9_000));
      renameSync(`${file}.other`, file);
    },
  ],
  [
    'empty file renamed over it',
    (file) => {
      writeFileSync(`${file}.other`, '');
      renameSync(`${file}.other`, file);
    },
  ],
  ['file removed', (file) => rmSync(file)],
  [
    'file, -wal and -shm removed',
    (file) => {
      for (const ending of ['', '-wal', '-shm']) rmSync(file + ending);
    },
  ],
];

const damages = [...ofLog, ...ofDatabase];
/** One damage for each way of repair, for tests with more processes. */
const ofEachKind = damages.filter(([name]) =>
  /^(?:-wal removed|-wal emptied|-wal overwritten|-wal replaced by an empty|first pages|unusable|file removed)/.test(
    name,
  ),
);
let nextNumber = 15_550_000_000;

/** Sends STOPs one after the other. @returns the numbers that were acknowledged */
async function stops(child: ChildGuard, count: number): Promise<string[]> {
  const acknowledged: string[] = [];
  for (let sent = 0; sent < count; sent++) {
    const number = String(nextNumber++);
    if ((await child.stop(number)) === 200) acknowledged.push(number);
  }
  return acknowledged;
}

async function codesOf(child: ChildGuard): Promise<string[]> {
  const { errors } = await child.ask<{ errors: { code: string }[] }>('status');
  return errors.map(({ code }) => code);
}

/** Returns the numbers that a new process allows, of numbers that must be blocked. */
async function allowedOf(file: string, numbers: readonly string[]): Promise<string[]> {
  const child = await startChild({ file });
  const allowed = await child.ask<boolean[]>('canSend', { numbers });
  await child.kill();
  return numbers.filter((_, index) => allowed[index]);
}

/** Starts a process with some changes, the first of them also in an earlier copy of the log. */
async function running(count = 12): Promise<{ file: string; child: ChildGuard; known: string[] }> {
  const file = join(newFolder(), 'store.db');
  const child = await startChild({ file });
  const known = await stops(child, 3);
  copyFileSync(`${file}-wal`, earlierCopy(file));
  known.push(...(await stops(child, count - 3)));
  expect(known).toHaveLength(count);
  return { file, child, known };
}

describe('a store that was damaged while it was open', () => {
  it.each(damages)('loses nothing acknowledged: %s, then changes, then kill -9', async (_name, damage) => {
    const { file, child, known } = await running();
    damage(file);
    const later = await stops(child, 5);
    expect(later.length).toBeGreaterThan(0);
    expect(await codesOf(child)).toContain('store_damaged');
    // While the first still runs, a second one blocks them too.
    expect(await allowedOf(file, [...known, ...later])).toEqual([]);
    await child.kill();
    expect(await allowedOf(file, [...known, ...later])).toEqual([]);
  });

  it.each(ofEachKind)(
    'loses nothing acknowledged: %s while nothing is written, then kill -9',
    async (_name, damage) => {
      const { file, child, known } = await running();
      damage(file);
      await expect.poll(() => codesOf(child)).toContain('store_damaged');
      await expect.poll(() => allowedOf(file, known)).toEqual([]);
      await child.kill();
      expect(await allowedOf(file, known)).toEqual([]);
    },
  );

  it.each(damages)('loses nothing acknowledged: %s, then close()', async (_name, damage) => {
    const file = join(newFolder(), 'store.db');
    const guard = await start(file);
    await guard.optOut('15551230001');
    copyFileSync(`${file}-wal`, earlierCopy(file));
    const known = Array.from({ length: 12 }, (_, index) => String(15_551_230_001 + index));
    for (const number of known) await guard.optOut(number);
    damage(file);
    await guard.close();
    const again = await start(file);
    expect(known.filter((number) => again.canSend(number))).toEqual([]);
  });

  it.each(ofEachKind)(
    'loses nothing acknowledged: %s under two processes that write, then kill -9',
    async (_name, damage) => {
      const { file, child: a, known } = await running();
      const b = await startChild({ file });
      known.push(...(await stops(b, 3)));
      const storms = Promise.all([a, b, a, b].map((child) => stops(child, 15)));
      await expect
        .poll(async () => (await a.ask<boolean[]>('canSend', { numbers: [String(nextNumber - 8)] }))[0])
        .toBe(false);
      damage(file);
      const later = (await storms).flat();
      later.push(...(await stops(a, 3)), ...(await stops(b, 3)));
      await Promise.all([a.kill(), b.kill()]);
      expect(await allowedOf(file, [...known, ...later])).toEqual([]);
    },
  );

  it.each<[number, number]>([
    [3, 4_096],
    [12, 4_096],
    [12, 40_960],
    [25, 40_960],
  ])(
    'loses nothing acknowledged: %d changes, the first %d bytes overwritten, kill -9 at once',
    async (count, bytes) => {
      const { file, child, known } = await running(count);
      overwrite(file, bytes);
      await child.kill();
      expect(await allowedOf(file, known)).toEqual([]);
    },
  );

  it('loses nothing acknowledged: the file emptied, kill -9 at once', async () => {
    const { file, child, known } = await running();
    truncateSync(file, 0);
    await child.kill();
    expect(await allowedOf(file, known)).toEqual([]);
  });
});
