/** Runs the Jest test of the examples against the packed package, in a package of ES modules. */

import { execFile } from 'node:child_process';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT, installConsumer } from './package.ts';

const run = promisify(execFile);

/** @returns what Jest printed if a test failed. */
export async function tryJest(say: (line: string) => void): Promise<readonly string[]> {
  await using consumer = await installConsumer(['jest@30']);
  const { folder } = consumer;
  await copyFile(join(ROOT, 'examples/testing/jest.test.mjs'), join(folder, 'example.test.mjs'));
  const args = [
    '--experimental-vm-modules',
    'node_modules/jest/bin/jest.js',
    ...['--testMatch', '**/*.test.mjs', '--testEnvironment', 'node'],
  ];
  try {
    // Jest prints its report to stderr.
    const { stderr } = await run(process.execPath, args, { cwd: folder });
    const [summary = 'no test ran'] = /^Tests:.*$/m.exec(stderr) ?? [];
    say(`  ${summary}`);
    return summary.includes('1 passed') ? [] : [summary];
  } catch (error) {
    return [String((error as { stderr?: string }).stderr ?? error)];
  }
}
