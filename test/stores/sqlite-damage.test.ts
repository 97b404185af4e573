/** Damaged, foreign and unwritable store files: the guard starts, reports what is wrong, and overwrites nothing. */

import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createGuard, type Guard, type GuardOptions, type Provider } from '../../src/index.ts';
import { findDriver, type Driver } from '../../src/stores/sqlite/driver.ts';
import { startChild } from './child.ts';
import { newFolder } from './folders.ts';

const { DatabaseSync } = createRequire(import.meta.url)(findDriver()) as Driver;
const silent = { debug() {}, info() {}, warn() {}, error() {} };
const OUT = '15551230001';
const LISTED = '15551230007';
const open: Guard[] = [];
const isRoot = process.getuid?.() === 0;

afterEach(async () => {
  for (const guard of open.splice(0)) await guard.close();
});

async function start(file: string, options: GuardOptions = {}) {
  const guard = createGuard({ logger: silent, store: `sqlite:${file}`, ...options });
  open.push(guard);
  const errors: { code: string; message: string }[] = [];
  guard.on('error', ({ code, message }) => errors.push({ code, message }));
  await guard.ready({ timeout: 2_000 });
  return { guard, errors };
}

const listing = (account: string, rows: readonly string[]): Provider => ({
  account,
  page: async ({ index }) => ({ rows: index === 0 ? [...rows] : [] }),
});

/** Makes a closed store with first-hand opt-outs and a swept list. */
async function filled(): Promise<string> {
  const file = join(newFolder(), 'store.db');
  const { guard } = await start(file, { provider: listing('ours', [LISTED]) });
  await guard.optOut(OUT);
  await guard.import(Array.from({ length: 3_000 }, (_, index) => String(15_552_000_000 + index)));
  await guard.close();
  return file;
}

function change(file: string, sql: string): void {
  const database = new DatabaseSync(file);
  database.exec(sql);
  database.close();
}

/** The files beside the store that were put aside, without their logs. */
function asides(file: string): string[] {
  return readdirSync(dirname(file))
    .filter((name) => name.startsWith(`${basename(file)}.damaged-`) && !/-(?:wal|shm)$/.test(name))
    .map((name) => join(dirname(file), name));
}

describe('a store that cannot be used', () => {
  it.each<[string, (file: string) => void, RegExp]>([
    ['is empty', (file) => writeFileSync(file, ''), /it is empty/],
    ['is cut off within its first bytes', (file) => truncateSync(file, 7), /cut off/],
    ['is no database', (file) => writeFileSync(file, 'x'.repeat(9_000)), /no database/],
    [
      'is cut in half',
      (file) => truncateSync(file, Math.floor(statSync(file).size / 8192) * 4096),
      /pages|malformed/,
    ],
    ['has lost its schema', (file) => change(file, 'DROP TABLE changes'), /./],
    ['belongs to another program', (file) => change(file, 'PRAGMA application_id = 7'), /another program/],
    [
      'has a blob whose bytes were changed',
      (file) =>
        change(file, "UPDATE images SET bytes = CAST(substr(bytes, 1, length(bytes) - 1) || x'7f' AS BLOB)"),
      /checksum|image/,
    ],
    ['has lost the bytes of a blob', (file) => change(file, "UPDATE images SET bytes = x'00'"), /image/],
  ])('is put aside and replaced by a new one if it %s', async (_name, damage, message) => {
    const file = await filled();
    damage(file);
    const before = readFileSync(file);
    const { guard, errors } = await start(file, { provider: listing('ours', [LISTED]) });
    await expect.poll(() => guard.status().state).toBe('fresh');
    const reported = errors.find(({ code }) => code === 'store_damaged');
    const [aside = ''] = asides(file);
    expect(reported?.message).toMatch(message);
    expect(reported?.message).toContain(aside);
    expect(readFileSync(aside)).toEqual(before);
    expect(guard.canSend(LISTED)).toBe(false);
    await guard.optOut('15551230009');
    await guard.close();
    const again = await start(file);
    expect([again.guard.canSend('15551230009'), again.errors]).toEqual([false, []]);
    expect(asides(file)).toHaveLength(1);
  });

  it.each<[string, (file: string) => void]>([
    ['of another account', () => undefined],
    ['with a damaged blob', (file) => change(file, "UPDATE images SET bytes = x'00'")],
  ])('keeps its evidence in the new one: %s', async (_name, damage) => {
    const file = await filled();
    damage(file);
    const { guard, errors } = await start(file, { provider: listing('theirs', []) });
    await expect.poll(() => guard.status().state).toBe('fresh');
    expect(errors.map(({ code }) => code)).toContain('store_damaged');
    expect([guard.canSend(OUT), guard.canSend('15552002999'), guard.canSend('15559999999')]).toEqual([
      ...[false, false, true],
    ]);
  });

  it('passes on neither list nor age if it is of another account', async () => {
    const file = await filled();
    const down: Provider = { account: 'theirs', page: () => Promise.reject(new Error('down')) };
    const { guard, errors } = await start(file, { provider: down });
    expect(errors.find(({ code }) => code === 'store_damaged')?.message).toMatch(
      /'default' is of another account/,
    );
    expect(guard.check(LISTED)).toMatchObject({ allowed: false, reason: 'not_ready', state: 'starting' });
    expect(guard.check(OUT).reason).toBe('opted_out');
  });

  it('may get further lists of the same account', async () => {
    const file = await filled();
    const lists = {
      default: { provider: listing('ours', [LISTED]) },
      more: { senders: ['1'], provider: listing('new', []) },
    };
    const { errors } = await start(file, { lists });
    expect(errors).toEqual([]);
    expect(asides(file)).toEqual([]);
  });

  it('passes on the evidence that can still be read if a quarter of it is gone', async () => {
    const file = await filled();
    truncateSync(file, Math.floor((statSync(file).size * 3) / 4 / 4096) * 4096);
    const { guard, errors } = await start(file);
    const message = errors.find(({ code }) => code === 'store_damaged')?.message ?? '';
    expect(Number(/(\d+) pieces of evidence/.exec(message)?.[1])).toBeGreaterThan(100);
    expect(guard.canSend(OUT)).toBe(false);
  });
});

describe('a store of a later version', () => {
  it('is left as it is: its opt-outs block, and nothing is stored', async () => {
    const file = await filled();
    change(file, 'PRAGMA user_version = 99');
    const before = readFileSync(file);
    const { guard, errors } = await start(file);
    expect(errors.map(({ code }) => code)).toContain('store_newer');
    expect(guard.canSend(OUT)).toBe(false);
    await expect(guard.optOut('15551230009')).rejects.toMatchObject({ code: 'store_newer' });
    expect(guard.canSend('15551230009')).toBe(false);
    await guard.close();
    expect([readFileSync(file), asides(file)]).toEqual([before, []]);
  });
});

describe('a store that is replaced while it is open', () => {
  it('loses nothing that was acknowledged', async () => {
    const file = await filled();
    const { guard, errors } = await start(file);
    await guard.optOut('15551230010');
    const moved = join(newFolder(), 'moved.db');
    execFileSync('mv', [file, moved]);
    await guard.optOut('15551230011');
    await expect.poll(() => errors.map(({ code }) => code)).toContain('store_damaged');
    expect(existsSync(file)).toBe(true);
    await guard.close();
    const again = await start(file);
    const numbers = [OUT, '15551230010', '15551230011', '15552000000'];
    expect(numbers.map((number) => again.guard.canSend(number))).toEqual([false, false, false, false]);
  });
});

describe.runIf(isRoot)('a store that cannot be written to (needs root, to run as another user)', () => {
  const NOBODY = 65_534;

  it('is read: its opt-outs block, and webhooks are answered 503', async () => {
    const file = await filled();
    chmodSync(dirname(file), 0o555);
    for (const ending of ['', '-wal', '-shm']) if (existsSync(file + ending)) chmodSync(file + ending, 0o444);
    const child = await startChild({ file, uid: NOBODY });
    expect(child.started.errors.map(({ code }) => code)).toContain('store_read_only');
    expect(await child.ask('canSend', { numbers: [OUT, '15559999999'] })).toEqual([false, true]);
    expect(await child.stop('15551230009')).toBe(503);
    expect(await child.ask('optOut', { number: '15551230009' })).toBe('store_read_only');
    expect(await child.ask('canSend', { numbers: ['15551230009'] })).toEqual([false]);
    expect(asides(file)).toEqual([]);
  });

  it('starts and allows nothing if it cannot be read either, until it can', async () => {
    const file = await filled();
    chmodSync(dirname(file), 0o700);
    const child = await startChild({ file, uid: NOBODY, timeout: '1s' });
    expect(child.started.state).toBe('starting');
    expect(child.started.errors[0]).toMatchObject({ code: 'store_unavailable' });
    expect(await child.ask('canSend', { numbers: ['15559999999'] })).toEqual([false]);
    expect(await child.stop('15551230009')).toBe(503);
    chmodSync(dirname(file), 0o777);
    for (const ending of ['', '-wal', '-shm']) {
      if (existsSync(file + ending)) chownSync(file + ending, NOBODY, NOBODY);
    }
    await expect.poll(() => child.stop('15551230009'), { timeout: 10_000, interval: 200 }).toBe(200);
    expect(await child.ask('canSend', { numbers: [OUT, '15559999999'] })).toEqual([false, true]);
  }, 30_000);
});

describe.runIf(isRoot)('a disk that is full (needs root, to mount a small one)', () => {
  it('refuses webhooks, keeps blocking, and stores again when there is room', async () => {
    const disk = join(newFolder(), 'disk');
    mkdirSync(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m,mode=0755', 'tmpfs', disk]);
    try {
      const file = join(disk, 'store.db');
      const child = await startChild({ file });
      expect(await child.stop('15551230001')).toBe(200);
      const filler = join(disk, 'filler');
      writeFileSync(filler, '');
      fillUp(filler);
      const stopped: string[] = [];
      let refused = '';
      for (let index = 0; refused === '' && index < 2_000; index++) {
        const number = String(15_553_000_000 + index);
        const status = await child.stop(number);
        if (status === 200) stopped.push(number);
        else {
          expect(status).toBe(503);
          refused = number;
        }
      }
      expect(refused).not.toBe('');
      expect(await child.ask('canSend', { numbers: [refused, '15551230001'] })).toEqual([false, false]);
      truncateSync(filler, 0);
      expect(await child.stop(refused)).toBe(200);
      await child.kill();
      const again = await startChild({ file });
      const numbers = ['15551230001', refused, ...stopped];
      expect(await again.ask<boolean[]>('canSend', { numbers })).toEqual(numbers.map(() => false));
      expect([again.started.errors, asides(file)]).toEqual([[], []]);
      await again.kill();
    } finally {
      execFileSync('umount', ['-l', disk]);
    }
  }, 60_000);

  function fillUp(filler: string): void {
    try {
      for (;;) appendFileSync(filler, Buffer.alloc(4_096));
    } catch (error) {
      expect((error as NodeJS.ErrnoException).code).toBe('ENOSPC');
    }
  }
});
