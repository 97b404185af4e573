/** The package as users get it: packed, and installed beside other packages into a folder of its own. */

import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The root of this repository, from where this file is built to. */
export const ROOT = fileURLToPath(new URL('.', import.meta.resolve('sms-send-guard/package.json')));

/** A folder in which the package and others are installed. It is removed at the end of its scope. */
export interface Consumer extends AsyncDisposable {
  readonly folder: string;
}

/**
 * Packs the package, which has to be built, and installs it with others by npm.
 *
 * @param others what npm takes: `name@version`, or `alias@npm:name@version`.
 */
export async function installConsumer(others: readonly string[]): Promise<Consumer> {
  const folder = await mkdtemp(join(tmpdir(), 'sms-send-guard-compat-'));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    const packing = ['pack', '--ignore-scripts', '--json', '--pack-destination', folder];
    const { stdout } = await run('npm', packing, { cwd: ROOT });
    const [packed] = JSON.parse(stdout) as readonly { filename: string }[];
    await writeFile(
      join(folder, 'package.json'),
      '{ "name": "consumer", "private": true, "type": "module" }',
    );
    const flags = ['--no-audit', '--no-fund', '--no-save', '--ignore-scripts', '--no-package-lock'];
    await run('npm', ['install', ...flags, `./${packed?.filename ?? ''}`, ...others], { cwd: folder });
  } catch (error) {
    await remove();
    throw error;
  }
  return { folder, [Symbol.asyncDispose]: remove };
}
