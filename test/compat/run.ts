/**
 * Tries the packed package with other versions of what users have beside it. The versions come from the registry into a
 * temporary folder: they are no dependencies of this repository, whose own they would get in the way of.
 *
 * The name of a part runs it alone. Exits with 1 if anything does not fit.
 */

import { tryJest } from './jest.ts';
import { trySize } from './size.ts';
import { tryTypes } from './types.ts';
import { tryUndici } from './undici.ts';

/** Runs a part. @returns what does not fit, as text for people; nothing if all is well. */
type Part = (say: (line: string) => void) => Promise<readonly string[]>;

const parts: Readonly<Record<string, Part>> = {
  size: trySize,
  types: tryTypes,
  jest: tryJest,
  undici: tryUndici,
};

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !Object.hasOwn(parts, name));
if (unknown.length > 0)
  throw new Error(`expected ${Object.keys(parts).join(', ')}, not ${unknown.join(', ')}`);

const say = (line: string): void => void process.stdout.write(`${line}\n`);
for (const [name, run] of Object.entries(parts)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  say(`${name}:`);
  const misfits = await run(say);
  for (const misfit of misfits) say(misfit);
  if (misfits.length > 0) process.exitCode = 1;
}
