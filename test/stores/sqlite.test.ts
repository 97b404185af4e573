import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createGuard, type Guard, type GuardOptions, type Provider } from '../../src/index.ts';
import { findDriver, loadDriver } from '../../src/stores/sqlite/driver.ts';
import { sqliteStore } from '../../src/stores/sqlite/sqlite-store.ts';
import { storeConformance } from '../../src/testing/store-conformance.ts';
import { newFolder } from './folders.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const OUT = '15551230001';
const CLEAN = '15551239999';
const open: Guard[] = [];

afterEach(async () => {
  for (const guard of open.splice(0)) await guard.close();
});

/** Starts a guard with a store in a file, and waits until it is ready. */
async function start(file: string, options: GuardOptions = {}): Promise<Guard> {
  const guard = createGuard({ logger: silent, store: `sqlite:${file}`, ...options });
  open.push(guard);
  await guard.ready({ timeout: 2_000 });
  return guard;
}

const listing = (...rows: string[]): Provider => ({
  account: 'ours',
  page: async ({ index }) => ({ rows: index === 0 ? rows : [] }),
});
const down: Provider = { account: 'ours', page: () => Promise.reject(new Error('down')) };

describe('sqlite store', () => {
  it.each(storeConformance.map((test) => [test.name, test] as const))('%s', async (_name, test) => {
    const file = join(newFolder(), 'store.db');
    await test.run(async () => ({
      store: sqliteStore(file),
      reopen: async () => sqliteStore(file),
      another: async () => sqliteStore(file),
    }));
  });

  it('gives files and new folders modes that only the owner can use', async () => {
    const folder = join(newFolder(), 'new', 'folder');
    const guard = await start(join(folder, 'store.db'));
    await guard.optOut(OUT);
    const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);
    expect([
      mode(folder),
      ...['', '-wal', '-shm'].map((ending) => mode(join(folder, `store.db${ending}`))),
    ]).toEqual([...['700', '600', '600', '600']]);
  });

  it('does not change the mode of an existing folder', async () => {
    const folder = join(newFolder(), 'there');
    mkdirSync(folder, { mode: 0o750 });
    await start(join(folder, 'store.db'));
    expect(statSync(folder).mode & 0o777).toBe(0o750);
  });

  it('needs an SQLite, and says how to install one', () => {
    const missing = () => {
      throw new Error('not found');
    };
    expect(findDriver(20, () => 'found')).toBe('@photostructure/sqlite');
    expect(() => findDriver(20, missing)).toThrow(/npm install @photostructure\/sqlite/);
    expect(() => findDriver(22, missing)).toThrow(expect.objectContaining({ code: 'invalid_option' }));
    expect(findDriver(24, () => 'found')).toBe('@photostructure/sqlite');
    expect(findDriver(24, missing)).toBe('node:sqlite');
    expect(findDriver(26, missing)).toBe('node:sqlite');
    expect(() => sqliteStore('')).toThrow(expect.objectContaining({ code: 'invalid_option' }));
  });
});

describe('a restart', () => {
  it('without the provider blocks what was blocked, with the age since the last sweep', async () => {
    const file = join(newFolder(), 'store.db');
    const first = await start(file, { provider: listing(OUT, '15551230002') });
    expect(first.status().state).toBe('fresh');
    await first.optOut('15551230003', { reason: 'by phone' });
    await first.optOut('15551230004');
    await first.resubscribe('15551230004', { localOnly: true });
    // The provider still lists this number: a local opt-in does not release it.
    await first.resubscribe('15551230002', { localOnly: true });
    await first.close();
    const closedAt = Date.now();
    const again = await start(file, { provider: down });
    expect(again.status().state).toBe('restored');
    const numbers = [OUT, '15551230002', '15551230003', '15551230004', CLEAN];
    expect(numbers.map((number) => again.canSend(number))).toEqual([false, false, false, true, true]);
    const { ageMs, lists } = again.status();
    expect(ageMs).toBeGreaterThanOrEqual(closedAt - Date.now());
    expect(lists['default']).toMatchObject({
      size: 2,
      lastSweep: first.status().lists['default']?.lastSweep,
    });
    expect(await again.history('15551230003')).toMatchObject([
      { reason: 'by phone', direction: 'out', list: '*' },
    ]);
  });

  it('keeps what an incomplete sweep added', async () => {
    const file = join(newFolder(), 'store.db');
    const torn: Provider = {
      page: async ({ index }) => {
        if (index > 0) throw new Error('down');
        return { rows: [OUT] };
      },
    };
    const first = await start(file, { provider: torn });
    expect(first.check(OUT).reason).toBe('opted_out');
    await first.close();
    const again = await start(file, { provider: down });
    expect(again.check(OUT)).toMatchObject({ reason: 'opted_out', state: 'starting' });
  });

  it('still knows the numbers that a second sweep in a row would remove', async () => {
    const file = join(newFolder(), 'store.db');
    let rows = [OUT, '15551230002'];
    const provider: Provider = { page: async ({ index }) => ({ rows: index === 0 ? rows : [] }) };
    const first = await start(file, { provider });
    rows = [OUT];
    await first.refresh();
    await first.close();
    const again = await start(file, { provider });
    await expect.poll(() => again.canSend('15551230002')).toBe(true);
    expect(again.canSend(OUT)).toBe(false);
  });
});

describe('evidence', () => {
  it('says when sweeps first and last listed a number', async () => {
    const file = join(newFolder(), 'store.db');
    let rows = [OUT];
    const provider: Provider = { page: async ({ index }) => ({ rows: index === 0 ? rows : [] }) };
    const guard = await start(file, { provider });
    const sweepAt = () => guard.status().lists['default']?.lastSweep ?? Number.NaN;
    const first = sweepAt();
    await guard.refresh();
    const second = sweepAt();
    const listed = (lastSeenAt: number) => [
      expect.objectContaining({
        source: 'provider',
        direction: 'out',
        at: first,
        lastSeenAt,
        list: 'default',
      }),
    ];
    await expect.poll(() => guard.history(OUT)).toEqual(listed(second));
    rows = [CLEAN];
    await guard.refresh();
    await expect.poll(() => guard.history(OUT)).toEqual(listed(second));
    await guard.refresh();
    await expect.poll(() => guard.canSend(OUT)).toBe(true);
    expect(await guard.history(OUT)).toEqual(listed(second));
    // `close` waits for the save of the last sweep.
    await guard.close();
    rows = [OUT];
    const again = await start(file, { provider });
    await expect.poll(async () => (await again.history(OUT)).length).toBe(2);
    expect(await again.history('15551230003')).toEqual([]);
  });

  it('is pruned, except for what blocks', async () => {
    const file = join(newFolder(), 'store.db');
    const guard = await start(file);
    for (let time = 0; time < 3; time++) {
      await guard.optOut(OUT, { reason: `call ${time}` });
      await guard.resubscribe(OUT, { list: '*', localOnly: true });
    }
    await guard.optOut(OUT, { reason: 'the last call' });
    expect(await guard.prune({ olderThan: new Date(Date.now() + 1_000) })).toEqual({ removed: 0 });
    // Every id is kept for four days: make the entries older.
    const database = new (loadDriver().DatabaseSync)(file);
    for (const table of ['changes', 'entries']) {
      database.exec(`UPDATE ${table} SET seen_at = seen_at - ${97 * 3_600_000}`);
    }
    database.close();
    expect(await guard.prune({ olderThan: '98h' })).toEqual({ removed: 0 });
    expect(await guard.prune({ olderThan: new Date(Date.now() + 1_000) })).toEqual({ removed: 5 });
    expect(await guard.history(OUT)).toMatchObject([{ reason: 'the last call' }, { direction: 'in' }]);
    await guard.close();
    const again = await start(file);
    expect(again.canSend(OUT)).toBe(false);
  });

  it('loses its words when a person is erased, and still blocks', async () => {
    const file = join(newFolder(), 'store.db');
    const guard = await start(file);
    await guard.optOut(OUT, { reason: 'Ann called' });
    await guard.erase(OUT);
    await guard.close();
    const again = await start(file);
    expect([again.canSend(OUT), JSON.stringify(await again.history(OUT)).includes('Ann')]).toEqual([
      false,
      false,
    ]);
  });
});

describe('two guards that use one file', () => {
  it('apply each other’s opt-outs, opt-ins and erasures', async () => {
    const file = join(newFolder(), 'store.db');
    const [a, b] = [await start(file), await start(file)];
    const onOptOut = vi.fn<(event: { msisdn: string }) => void>();
    b.on('optOut', onOptOut);
    await a.optOut(OUT);
    await expect.poll(() => b.canSend(OUT), { timeout: 250, interval: 5 }).toBe(false);
    await b.resubscribe(OUT);
    await expect.poll(() => a.canSend(OUT), { timeout: 250, interval: 5 }).toBe(true);
    await a.optOut('15551230002', { reason: 'Ann' });
    await expect.poll(() => b.canSend('15551230002'), { timeout: 250, interval: 5 }).toBe(false);
    await a.erase('15551230002');
    await expect.poll(() => b.canSend('15551230002'), { timeout: 250, interval: 5 }).toBe(false);
    expect(onOptOut.mock.calls.map(([{ msisdn }]) => msisdn)).toEqual([OUT, '15551230002']);
  });

  it('lose no opt-out to an erasure by the guard that has not read it yet', async () => {
    const file = join(newFolder(), 'store.db');
    const [a, b] = [await start(file), await start(file)];
    const numbers = Array.from({ length: 10 }, (_, index) => String(15_554_000_000 + index));
    for (const number of numbers) {
      await b.optOut(number, { reason: 'Ann' });
      await a.erase(number);
      await b.erase(number);
      await b.optOut(number);
    }
    const blocked = (guard: Guard) => numbers.map((number) => guard.canSend(number));
    await expect.poll(() => blocked(a)).toEqual(numbers.map(() => false));
    expect(blocked(b)).toEqual(numbers.map(() => false));
    await Promise.all([a.close(), b.close()]);
    const again = await start(file);
    expect(blocked(again)).toEqual(numbers.map(() => false));
    const words = await Promise.all(
      numbers.map(async (number) => JSON.stringify(await again.history(number))),
    );
    expect(words.filter((history) => history.includes('Ann'))).toEqual([]);
  });

  it('block what either has seen if both sweep at the same time', async () => {
    const file = join(newFolder(), 'store.db');
    let both = [OUT];
    const provider = (own: string): Provider => ({
      page: async ({ index }) => ({ rows: index === 0 ? [...both, own] : [] }),
    });
    const a = await start(file, { provider: provider('15551230021') });
    const b = await start(file, { provider: provider('15551230022') });
    for (let time = 0; time < 5; time++) {
      both = [...both, String(15_555_000_000 + time)];
      await Promise.all([a.refresh(), b.refresh()]);
    }
    for (const guard of [a, b]) {
      await expect.poll(() => both.map((number) => guard.canSend(number))).toEqual(both.map(() => false));
    }
    await Promise.all([a.close(), b.close()]);
    const again = await start(file, { provider: down });
    expect(both.map((number) => again.canSend(number))).toEqual(both.map(() => false));
  });

  it('do not take the file from each other if they have two accounts: the second is refused, with the reason', async () => {
    const file = join(newFolder(), 'store.db');
    const a = await start(file, { provider: { ...listing(OUT), account: 'one' } });
    const errors: { code: string; message: string }[] = [];
    const b = createGuard({
      ...{ logger: silent, store: `sqlite:${file}` },
      provider: { ...listing(OUT), account: 'two-of-b' },
    });
    open.push(b);
    b.on('error', (error) => errors.push(error));
    await expect.poll(() => b.status().store.lastErrorCode).toBe('store_other_account');
    expect(errors[0]).toMatchObject({
      code: 'store_other_account',
      message: expect.stringMatching(/list 'default' is of another account.*file of its own/),
    });
    // The account may be an API key: it must not be in a message.
    expect(errors.filter(({ message }) => /one'|two-of-b/.test(message))).toEqual([]);
    await expect(b.optOut(CLEAN)).rejects.toMatchObject({ code: 'store_other_account' });
    expect(b.status().store.lastErrorCode).toBe('store_other_account');
    expect([b.canSend(CLEAN), b.canSend('15551239998')]).toEqual([false, false]);
    await a.optOut('15551230002');
    expect(a.status().store).toMatchObject({ isOpen: true, lastErrorCode: null });
    // The first guard may only be restarting: the second must not take the file in that moment.
    await a.close();
    const tries = errors.length;
    await expect.poll(() => errors.length, { timeout: 20_000 }).toBeGreaterThan(tries + 1);
    const again = await start(file, { provider: { ...listing(OUT), account: 'one' } });
    expect(again.canSend('15551230002')).toBe(false);
    expect(readdirSync(dirname(file)).filter((name) => name.includes('damaged'))).toEqual([]);
  });

  it('share one sweep: the other guard applies it without asking the provider', async () => {
    const file = join(newFolder(), 'store.db');
    let rows = [OUT];
    const provider = {
      page: vi.fn<Provider['page']>(async ({ index }) => ({ rows: index === 0 ? rows : [] })),
    };
    const a = await start(file, { provider });
    const calls = provider.page.mock.calls.length;
    const idle: Provider = { page: vi.fn<Provider['page']>(() => Promise.reject(new Error('not asked'))) };
    const b = await start(file, { provider: idle });
    expect([b.status().state, b.canSend(OUT)]).toEqual(['restored', false]);
    rows = [OUT, CLEAN];
    await a.refresh();
    await expect
      .poll(() => b.check(CLEAN), { interval: 5 })
      .toMatchObject({ reason: 'opted_out', state: 'fresh' });
    rows = [CLEAN];
    await a.refresh();
    await a.refresh();
    await expect.poll(() => b.canSend(OUT), { interval: 5 }).toBe(true);
    expect(idle.page).not.toHaveBeenCalled();
    expect(provider.page.mock.calls.length).toBe(calls + 6);
    expect(b.status().lists['default']).toMatchObject({ isFollowing: true, size: 1 });
    await a.close();
    await expect.poll(() => b.status().lists['default']?.isFollowing, { timeout: 10_000 }).toBe(false);
  }, 20_000);
});
