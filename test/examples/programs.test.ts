/** Every example program, as a user runs it: it exits with 0 and prints only steps that came out as they say. */

import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { storeConformance } from '../../src/testing/index.ts';
import { mirroredStore } from '../../examples/own-store/mirrored-store.ts';
import { silent } from '../../examples/story.ts';
import { createGuard, memoryStore } from '../../src/index.ts';
import { builtProgram, root } from '../built.ts';

const run = promisify(execFile);
/** Examples with a test file of their own: they need a Redis, run processes of their own, or are no program. */
const withOwnTests = ['bullmq-worker', 'cluster', 'express-service', 'two-brands', 'testing'];
const folders = readdirSync(`${root}examples`, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);
const programs = folders.filter((name) => !withOwnTests.includes(name));

describe('the example programs', () => {
  it('are all tested: here, or in a file of their own', () => {
    expect(programs.length).toBeGreaterThanOrEqual(10);
    const withoutProgram = programs.filter((name) => !existsSync(`${root}examples/${name}/main.ts`));
    expect(withoutProgram).toEqual([]);
    for (const name of withOwnTests) expect(folders).toContain(name);
  });

  it.each(programs)('%s does what it says', async (name) => {
    // Rejects if the program does not exit with 0.
    const { stdout, stderr } = await run(process.execPath, [builtProgram(`examples/${name}/main.js`)]);
    const lines = stdout.trimEnd().split('\n');
    expect(lines.length).toBeGreaterThanOrEqual(3);
    expect(lines.filter((line) => !line.startsWith('ok '))).toEqual([]);
    expect(stderr).toBe('');
  });

  it('tests of a user pass in node:test', async () => {
    const { stdout } = await run(process.execPath, ['--test', builtProgram('examples/testing/node-test.js')]);
    expect(stdout).toMatch(/^# pass 1$/m);
  });
});

describe('the store of the example', () => {
  it.each(storeConformance.map((test) => [test.name, test] as const))('%s', async (_name, test) => {
    const store = mirroredStore(memoryStore(), async () => undefined);
    await test.run(async () => ({ store, reopen: async () => store }));
  });

  it('does not acknowledge a change that could not be mirrored, and mirrors it later', async () => {
    let isDown = true;
    const mirrored: string[] = [];
    const store = mirroredStore(memoryStore(), async (changes) => {
      if (isDown) throw new Error('the audit log is down');
      mirrored.push(...changes.map(({ msisdn }) => msisdn));
    });
    await using guard = createGuard({ store, logger: silent });
    await guard.ready();
    await expect(guard.optOut('15551230001')).rejects.toThrow('store');
    expect(guard.canSend('15551230001')).toBe(false);
    isDown = false;
    await guard.optOut('15551230002');
    await expect.poll(() => mirrored.toSorted()).toEqual(['15551230001', '15551230002']);
  });
});
