/** The warnings of a guard at its start: durations that are probably in seconds, and too many guards. */

import { execFileSync } from 'node:child_process';
import { describe, expect, it, vi } from 'vitest';
import { createGuard, type Guard, type GuardOptions, type Provider } from '../../src/index.ts';
import { root } from '../built.ts';
import { settle } from '../fake-clock.ts';

const provider: Provider = { page: async () => ({ rows: [] }) };
const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** Returns the warnings of a guard with these options: those that a listener gets, and those in the log. */
async function warningsOf(options: GuardOptions): Promise<{ heard: string[]; logged: string[] }> {
  const warn = vi.fn<(details: object, message: string) => void>();
  const guard = createGuard({ ...options, logger: { ...silent, warn } });
  const heard: string[] = [];
  guard.on('warn', ({ code, message }) => heard.push(`${code}: ${message}`));
  await settle();
  await guard.close();
  return {
    heard,
    logged: warn.mock.calls.map(([details, message]) => `${(details as { code: string }).code}: ${message}`),
  };
}

describe('durations', () => {
  it.each<[string, GuardOptions, RegExp[]]>([
    [
      'seconds as a number',
      { refresh: { every: 300 } },
      [/^refresh_fast: refresh\.every is 300 ms.*'300s'$/],
    ],
    [
      'just under ten seconds',
      { refresh: { every: '9999ms' } },
      [/^refresh_fast: refresh\.every is 9999 ms/],
    ],
    ['ten seconds', { refresh: { every: 10_000 } }, []],
    ['the defaults', {}, []],
    ['maxAge in seconds', { maxAge: 86_400 }, [/^short_duration: maxAge is 86400 ms.*'86400s'$/]],
    ['staleAfter in seconds', { staleAfter: 900 }, [/^short_duration: staleAfter is 900 ms.*'900s'$/]],
    [
      'a timeout in seconds',
      { refresh: { timeout: 30 } },
      [/^short_duration: refresh\.timeout is 30 ms.*'30s'$/],
    ],
    [
      'everything in seconds',
      { refresh: { every: 300, timeout: 30 }, maxAge: 86_400 },
      [/^refresh_fast/, /^short_duration: refresh\.timeout/],
    ],
    [
      'ages of an hour and a poll each hour',
      { refresh: { every: '1h' }, staleAfter: '1h', maxAge: '1h' },
      [],
    ],
  ])('are checked: %s', async (_name, options, expected) => {
    const { heard, logged } = await warningsOf({ provider, ...options });
    expect(heard).toHaveLength(expected.length);
    for (const [index, pattern] of expected.entries()) expect(heard[index]).toMatch(pattern);
    expect(logged).toEqual(heard);
  });

  it('are not checked for ages if there is no provider', async () => {
    expect((await warningsOf({ maxAge: 900, refresh: { timeout: 30 } })).heard).toEqual([]);
    expect((await warningsOf({ refresh: { every: 300 } })).heard).toHaveLength(1);
  });
});

describe('many guards', () => {
  const opened: Guard[] = [];
  const heard: string[] = [];
  function open(count: number): void {
    for (let index = 0; index < count; index++) {
      const guard = createGuard({ logger: silent });
      guard.on('warn', ({ code, message }) => heard.push(`${code}: ${message}`));
      opened.push(guard);
    }
  }
  const close = (count: number) => Promise.all(opened.splice(0, count).map((guard) => guard.close()));

  it('are reported once, when the eleventh opens; closed ones do not count', async () => {
    open(10);
    await close(5);
    open(5);
    await settle();
    expect(heard).toEqual([]);
    open(1);
    await settle();
    expect(heard).toEqual([
      expect.stringMatching(/^many_guards: 11 guards are open .*one guard per process.*close\(\)/),
    ]);
    open(3);
    await close(6);
    open(6);
    await settle();
    expect(heard).toHaveLength(1);
  });

  it('are reported again after all of them were closed', async () => {
    await close(Infinity);
    open(11);
    await settle();
    expect(heard).toHaveLength(2);
    await close(Infinity);
  });

  it('do not include those that could not be created', () => {
    for (let index = 0; index < 20; index++) {
      expect(() => createGuard({ store: 'memory' })).toThrow(/did you mean/);
    }
    const { open: counted } = (globalThis as unknown as Record<symbol, { open: Set<unknown> }>)[
      Symbol.for('sms-send-guard.openGuards')
    ] as { open: Set<unknown> };
    expect(counted.size).toBe(0);
  });

  /** Runs a program with the built package. @returns its output, parsed as JSON. */
  function run(script: string, ...flags: string[]): unknown {
    const program = [...flags, '--input-type=module', '-e', script];
    return JSON.parse(execFileSync(process.execPath, program, { cwd: root, encoding: 'utf8' }));
  }

  it('are counted across two copies of the package', () => {
    const script = `
      import { cpSync, rmSync, mkdirSync } from 'node:fs';
      rmSync('.build/second-copy', { recursive: true, force: true });
      mkdirSync('.build/second-copy', { recursive: true });
      cpSync('dist', '.build/second-copy/dist', { recursive: true });
      const copies = [await import('./dist/index.js'), await import('./.build/second-copy/dist/index.js')];
      const warned = [];
      const logger = (copy) => ({ debug() {}, info() {}, error() {}, warn: (details) => warned.push(copy + details.code) });
      const guards = Array.from({ length: 12 }, (_, i) => copies[i % 2].createGuard({ logger: logger(i % 2) }));
      await new Promise(setImmediate);
      console.log(JSON.stringify([copies[0].createGuard !== copies[1].createGuard, warned]));
      for (const guard of guards) await guard.close();`;
    expect(run(script)).toEqual([true, ['0many_guards']]);
  });

  it('are not kept in memory by the count', () => {
    const script = `
      import { createGuard } from './dist/index.js';
      const silent = { debug() {}, info() {}, warn() {}, error() {} };
      // These timers are not kept, so that only the count could keep the guards.
      const clock = { now: Date.now, monotonic: () => performance.now(), setTimeout: () => 0, clearTimeout() {} };
      for (let index = 0; index < 300; index++) {
        createGuard({ clock, logger: silent });
        if (index % 50 === 49) await new Promise((resolve) => setTimeout(resolve, 1));
      }
      let left;
      for (let tries = 0; tries < 50; tries++) {
        await new Promise((resolve) => setTimeout(resolve, 1));
        gc();
        await createGuard({ logger: silent }).close();
        left = globalThis[Symbol.for('sms-send-guard.openGuards')].open.size;
        if (left < 30) break;
      }
      console.log(left < 30);`;
    expect(run(script, '--expose-gc')).toBe(true);
  });

  it('are not reported if globals are frozen', () => {
    const script = `
      import { createGuard } from './dist/index.js';
      Object.preventExtensions(globalThis);
      const guard = createGuard();
      console.log(JSON.stringify(await guard.ready()));
      await guard.close();`;
    expect(run(script)).toBe('fresh');
  });
});
