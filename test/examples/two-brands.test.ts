/** The two brands as a user runs them: the built program. */

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { builtProgram } from '../built.ts';

const program = builtProgram('examples/two-brands/main.js');

it('two brands: every step comes out as it says', async () => {
  // Rejects where it does not exit with 0.
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [program]);
  const lines = stdout.trimEnd().split('\n').slice(1);
  expect(lines).toHaveLength(7);
  expect(lines.filter((line) => !line.startsWith('ok '))).toEqual([]);
  expect(lines[1]).toMatch(/STOP to one sender of Acme +Bolt, 15550002221$/);
  expect(stderr).toBe('');
});
