/**
 * Builds what tests run outside of vitest: the package (`dist`), which threads and child processes load, and the
 * examples (`.build`). Node 20 does not run TypeScript.
 */

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('..', import.meta.url));
const inputs = [
  ...['src', 'examples', 'test/bench', 'test/compat'],
  ...[
    'package.json',
    'package-lock.json',
    'tsconfig.json',
    'tsconfig.build.json',
    'tsconfig.types.json',
    'tsconfig.examples.json',
  ],
];
const outputs = ['dist/index.js', 'dist/stores/sqlite/worker.js', '.build/examples/demo.js'];
/** Describes the last build. */
const stamp = join(root, '.build', 'stamp.txt');

/** Hashes the names and contents of all inputs. */
function hashInputs(): string {
  const hash = createHash('sha256');
  for (const input of inputs) {
    const path = join(root, input);
    const files = statSync(path).isDirectory()
      ? readdirSync(path, { recursive: true, encoding: 'utf8' }).toSorted()
      : [''];
    for (const file of files) {
      const own = join(path, file);
      if (statSync(own).isFile()) hash.update(`\0${input}/${file}\0`).update(readFileSync(own));
    }
  }
  return hash.digest('hex');
}

/** Describes the sources and the outputs, so that a build by another command is noticed too. */
function currentStamp(): string {
  const times = outputs.map((output) => {
    const path = join(root, output);
    return existsSync(path) ? statSync(path).mtimeMs : 0;
  });
  return [hashInputs(), ...times].join('\n');
}

async function buildOnce(): Promise<void> {
  const isUpToDate = existsSync(stamp) && readFileSync(stamp, 'utf8') === currentStamp();
  if (isUpToDate) return;
  for (const script of ['build', 'demo:build']) {
    await promisify(execFile)('npm', ['run', '--silent', script], { cwd: root }).catch((error: unknown) => {
      const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
      throw new Error(`npm run ${script} has failed\n${stdout}${stderr}`);
    });
  }
  mkdirSync(join(root, '.build'), { recursive: true });
  writeFileSync(stamp, currentStamp());
}

let building: Promise<void> | undefined;

/** Builds unless everything is up to date. Several callers share one build. */
export function buildForTests(): Promise<void> {
  building ??= buildOnce();
  return building;
}
