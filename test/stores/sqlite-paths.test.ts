/** Paths that do not lead to a regular file, and files that other users of the machine can read or change. */

import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { createServer, type Server } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createGuard, type Guard } from '../../src/index.ts';
import { findDriver, type Driver } from '../../src/stores/sqlite/driver.ts';
import { newFolder } from './folders.ts';

const { DatabaseSync } = createRequire(import.meta.url)(findDriver()) as Driver;
const silent = { debug() {}, info() {}, warn() {}, error() {} };
const PERSON = '15551230001';
const isRoot = process.getuid?.() === 0;
const open: Guard[] = [];
const servers: Server[] = [];

afterEach(async () => {
  for (const guard of open.splice(0)) await guard.close();
  for (const server of servers.splice(0)) server.close();
});

async function start(file: string) {
  const guard = createGuard({ logger: silent, store: `sqlite:${file}` });
  open.push(guard);
  const errors: { code: string; message: string }[] = [];
  const warnings: { code: string; message: string }[] = [];
  guard.on('error', (error) => errors.push(error));
  guard.on('warn', (warning) => warnings.push(warning));
  await guard.ready({ timeout: 5_000 });
  return { guard, errors, warnings };
}

const makeFifo = (path: string) => execFileSync('mkfifo', [path]);

async function makeSocket(path: string): Promise<void> {
  const server = createServer();
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(path, resolve));
}

/** Each makes something at `path` that will stand at `target`. */
const kinds: readonly (readonly [string, (path: string, target: string) => unknown, RegExp])[] = [
  ['a folder', (path) => mkdirSync(path), /a folder/],
  ['a FIFO', makeFifo, /a FIFO/],
  ['a socket', makeSocket, /a socket/],
  ['a link to a device', (path) => symlinkSync('/dev/null', path), /a device/],
  ['a link to a folder', (path) => symlinkSync(newFolder(), path), /a folder/],
  [
    'a link to a FIFO',
    (path) => {
      const fifo = join(newFolder(), 'fifo');
      makeFifo(fifo);
      symlinkSync(fifo, path);
    },
    /a FIFO/,
  ],
  ['a link to itself', (path, target) => symlinkSync(target, path), /a link that leads back to itself/],
];

describe('a path that does not lead to a regular file', () => {
  it.each(kinds)('is refused and left as it is: %s', async (_name, make, kind) => {
    const file = join(newFolder(), 'store.db');
    await make(file, file);
    const before = lstatSync(file).ino;
    expect(() => createGuard({ store: `sqlite:${file}` })).toThrow(
      expect.objectContaining({
        ...{ name: 'ConfigError', code: 'invalid_option', key: 'store' },
        message: expect.stringMatching(kind),
      }),
    );
    expect([readdirSync(dirname(file)), lstatSync(file).ino]).toEqual([['store.db'], before]);
  });

  it.each(['/dev/null', '/dev/full', '/dev/tty', '/', '/dev'])('is refused: %s', (path) => {
    expect(() => createGuard({ store: `sqlite:${path}` })).toThrow(
      expect.objectContaining({ code: 'invalid_option' }),
    );
  });

  it.each(['-wal', '-shm', '-journal', '.lock'])(
    'is refused if a file beside the store is none: %s',
    (ending) => {
      const file = join(newFolder(), 'store.db');
      makeFifo(file + ending);
      expect(() => createGuard({ store: `sqlite:${file}` })).toThrow(/is a FIFO, not a regular file/);
      expect(lstatSync(file + ending).isFIFO()).toBe(true);
    },
  );

  it.each(kinds)(
    'is not opened if it replaces an open store, and nothing is lost: %s',
    async (_name, make, kind) => {
      const file = join(newFolder(), 'store.db');
      const { guard, errors } = await start(file);
      await guard.optOut(PERSON);
      // Made elsewhere: the guard makes a new file as soon as it sees that there is none.
      const made = join(newFolder(), 'made');
      await make(made, file);
      renameSync(file, `${file}.away`);
      renameSync(made, file);
      const before = lstatSync(file).ino;
      await expect.poll(() => errors.find(({ code }) => code === 'store_unavailable')?.message).toMatch(kind);
      await expect(guard.optOut('15551230002')).rejects.toMatchObject({
        code: 'store_unavailable',
        message: expect.stringMatching(kind),
      });
      expect([guard.canSend(PERSON), guard.canSend('15551230002')]).toEqual([false, false]);
      expect(lstatSync(file).ino).toBe(before);
      rmSync(file, { recursive: true });
      await expect
        .poll(() =>
          guard.optOut('15551230003').then(
            () => 'kept',
            () => 'refused',
          ),
        )
        .toBe('kept');
      await guard.close();
      const again = await start(file);
      expect([PERSON, '15551230003'].map((number) => again.guard.canSend(number))).toEqual([false, false]);
    },
  );
});

const modeOf = (path: string) => (statSync(path).mode & 0o7777).toString(8);

describe('a store that other users can read or change', () => {
  it.each([0o644, 0o604, 0o666, 0o664, 0o755])(
    'with mode %o gets mode 0600, with all files beside it',
    async (mode) => {
      const file = join(newFolder(), 'store.db');
      const before = await start(file);
      await before.guard.optOut(PERSON);
      await before.guard.close();
      writeFileSync(`${file}.damaged-20260101T000000000Z`, Buffer.alloc(9_000));
      execFileSync('cp', [file, `${file}.damaged-20260102T000000000Z`]);
      const beside = ['', '.lock', '.damaged-20260102T000000000Z'];
      for (const ending of beside) chmodSync(file + ending, mode);
      const { guard, warnings } = await start(file);
      await guard.optOut('15551230002');
      const all = [...beside, '-wal', '-shm'];
      expect(all.map((ending) => modeOf(file + ending))).toEqual(all.map(() => '600'));
      expect(warnings).toEqual([]);
      expect(guard.canSend(PERSON)).toBe(false);
    },
  );

  it('keeps its mode, with a warning, if its group shares it on purpose', async () => {
    const file = join(newFolder(), 'store.db');
    await (await start(file)).guard.close();
    chmodSync(file, 0o660);
    const { warnings } = await start(file);
    expect(modeOf(file)).toBe('660');
    await expect
      .poll(() =>
        warnings.map(({ code, message }) => [code, /open to its group \(mode 0660\)/.test(message)]),
      )
      .toContainEqual(['store_exposed', true]);
  });

  it.runIf(isRoot)('keeps its mode, with a warning, if it belongs to another user (needs root)', async () => {
    const file = join(newFolder(), 'store.db');
    await (await start(file)).guard.close();
    chmodSync(file, 0o644);
    chownSync(file, 65_534, 65_534);
    const { warnings } = await start(file);
    expect(modeOf(file)).toBe('644');
    await expect
      .poll(() => warnings.map(({ message }) => message))
      .toContainEqual(expect.stringMatching(/mode 0644.*another user/));
  });

  it('keeps its mode if it is of another program, also when it is put aside', async () => {
    const file = join(newFolder(), 'store.db');
    const foreign = new DatabaseSync(file);
    foreign.exec('CREATE TABLE theirs (a)');
    foreign.close();
    chmodSync(file, 0o644);
    const first = await start(file);
    expect(first.errors.map(({ code }) => code)).toEqual(['store_damaged']);
    await first.guard.close();
    await start(file);
    const asides = readdirSync(dirname(file)).filter((name) => name.startsWith(`${basename(file)}.damaged-`));
    expect(asides.map((name) => modeOf(join(dirname(file), name)))).toEqual(['644']);
    expect(modeOf(file)).toBe('600');
  });

  it.each([0o777, 0o757, 0o773])('gives a folder of its own with mode %o the mode 0700', async (mode) => {
    const folder = join(newFolder(), 'own');
    mkdirSync(folder);
    chmodSync(folder, mode);
    const { warnings } = await start(join(folder, 'store.db'));
    expect([modeOf(folder), warnings]).toEqual(['700', []]);
  });

  it.each<[string, number]>([
    ['a folder with other files', 0o777],
    ['a folder like /tmp', 0o1777],
    ['a folder that a group shares', 0o2770],
  ])('warns about %s and does not change it', async (name, mode) => {
    const folder = join(newFolder(), 'shared');
    mkdirSync(folder);
    if (name.includes('other files')) writeFileSync(join(folder, 'package.json'), '{}');
    chmodSync(folder, mode);
    const { warnings } = await start(join(folder, 'store.db'));
    expect(modeOf(folder)).toBe(mode.toString(8));
    await expect.poll(() => warnings.map(({ code }) => code)).toEqual(['store_exposed']);
    expect(warnings[0]?.message).toContain(folder);
  });

  it.each([0o755, 0o750, 0o700])(
    'does not warn about a folder with mode %o, to which no other user may write',
    async (mode) => {
      const folder = join(newFolder(), 'project');
      mkdirSync(folder);
      chmodSync(folder, mode);
      const { guard, warnings } = await start(join(folder, 'store.db'));
      await guard.optOut(PERSON);
      expect([modeOf(folder), warnings.filter(({ code }) => code === 'store_exposed')]).toEqual([
        mode.toString(8),
        [],
      ]);
      expect(existsSync(join(folder, 'store.db'))).toBe(true);
    },
  );
});
