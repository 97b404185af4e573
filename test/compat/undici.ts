/**
 * Runs the checks of `undici-cell.ts` for every Node version that is supported and every version of undici that runs on
 * it, and prints how many passed in each cell. It fetches undici 8 and the Node versions by npm into a folder of its own.
 * `COMPAT_SECONDS` bounds the time, default 600: it is a minute of work for one core.
 */

import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ORDERS = ['guard first', 'fetch first', 'own agent', 'redirect', 'retry'];
const NODES = ['20', '22', '24', '26'];
/** The first Node version that undici 8 runs on. */
const UNDICI_8_NODE = [22, 19];
/** All of it may take that long, and one process, ms. */
const LIMIT_MS = Number(process.env['COMPAT_SECONDS'] ?? 600) * 1000;
const RUN_LIMIT_MS = 60_000;
const AT_ONCE = 4;

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '..', '..', '..');
const cell = join(here, 'undici-cell.js');

interface Run {
  readonly node: { readonly name: string; readonly binary: string };
  readonly undici: string;
  readonly order: string;
}

function run(file: string, args: readonly string[], timeout: number): Promise<string> {
  return new Promise((resolve) => {
    execFile(file, args, { cwd: root, timeout, encoding: 'utf8' }, (error, stdout, stderr) => {
      const why = /^\w*Error.*$/m.exec(stderr)?.[0] ?? '';
      resolve(error === null ? stdout : `${stdout}${why}\n`);
    });
  });
}

function install(
  folder: string,
  timeout: number,
): { readonly nodes: Run['node'][]; readonly undici8: string } {
  writeFileSync(join(folder, 'package.json'), '{"private":true}');
  const packages = [...NODES.map((version) => `node${version}@npm:node@${version}`), 'undici@8'];
  execFileSync('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error', ...packages], {
    cwd: folder,
    timeout,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const nodes = NODES.map((version) => {
    const binary = join(folder, 'node_modules', `node${version}`, 'bin', 'node');
    return { name: execFileSync(binary, ['--version'], { encoding: 'utf8' }).trim(), binary };
  });
  return { nodes, undici8: join(folder, 'node_modules', 'undici') };
}

/** Whether undici 8 runs on a version such as `v22.19.0`. */
function runsUndici8(version: string): boolean {
  const [major = 0, minor = 0] = version.slice(1).split('.').map(Number);
  const [firstMajor = 0, firstMinor = 0] = UNDICI_8_NODE;
  return major > firstMajor || (major === firstMajor && minor >= firstMinor);
}

/** Runs all cells in a folder. @returns what failed. */
async function tryIn(folder: string, say: (line: string) => void): Promise<readonly string[]> {
  const endsAt = performance.now() + LIMIT_MS;
  const left = () => Math.max(1, Math.round(endsAt - performance.now()));
  const { nodes, undici8 } = install(folder, left());
  const own = ['undici5', 'undici6', 'undici'].map((name) => join(root, 'node_modules', name));
  const runs: Run[] = nodes.flatMap((node) =>
    [...own, ...(runsUndici8(node.name) ? [undici8] : [])].flatMap((undici) =>
      ORDERS.map((order) => ({ node, undici, order })),
    ),
  );
  const faults: string[] = [];
  const passed = new Map<string, number>();
  const waiting = [...runs];
  async function work(): Promise<void> {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { node, undici, order } = next;
      const name = `Node ${node.name}, undici ${undici === undici8 ? '8' : (/\d$/.exec(undici)?.[0] ?? '7')}`;
      if (performance.now() > endsAt) {
        faults.push(`${name}: ${order}: not run, the time was over`);
        continue;
      }
      const args = ['--no-warnings', cell, undici, order];
      const printed = await run(node.binary, args, Math.min(left(), RUN_LIMIT_MS));
      const [, count] = /^ok (\d+)$/m.exec(printed) ?? [];
      passed.set(name, (passed.get(name) ?? 0) + Number(count ?? 0));
      for (const line of printed.split('\n').filter((one) => one !== '' && !/^ok \d+$/.test(one))) {
        faults.push(`${name}: ${line}`);
      }
      if (count === undefined) faults.push(`${name}: ${order}: it did not end`);
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  for (const [name, count] of passed) say(`${name}: ${count} checks passed`);
  return faults;
}

/** Tries the global guard with each version of Node and undici. @returns what failed. */
export async function tryUndici(say: (line: string) => void): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'undici-compat-'));
  try {
    return await tryIn(folder, say);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
