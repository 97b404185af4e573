/** Measures the packed package: users download it, and editors read its declarations. */

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { ROOT } from './package.ts';

const run = promisify(execFile);

/** The limit of the package, bytes unpacked. */
const LIMIT = 1_000_000;

interface Packed {
  readonly size: number;
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string; readonly size: number }[];
}

/** @returns a text for everything that is too large or does not belong into the package. */
export async function trySize(say: (line: string) => void): Promise<readonly string[]> {
  const { stdout } = await run('npm', ['pack', '--ignore-scripts', '--dry-run', '--json'], { cwd: ROOT });
  const [packed] = JSON.parse(stdout) as readonly [Packed];
  const declarations = packed.files.filter(({ path }) => path.endsWith('.d.ts'));
  const kB = (bytes: number) => `${Math.round(bytes / 1000)} kB`;
  say(`  ${packed.files.length} files, ${kB(packed.size)} packed, ${kB(packed.unpackedSize)} unpacked`);
  const misplaced = packed.files.filter(
    ({ path }) =>
      !/^(?:dist\/|docs\/|src\/(?:[^/]+\/)*README\.md$|[^/]+$)/.test(path) || path.endsWith('.map'),
  );
  return [
    ...(packed.unpackedSize > LIMIT
      ? [`the package has ${packed.unpackedSize} bytes, more than ${LIMIT}`]
      : []),
    // One file of declarations for each entry point.
    ...(declarations.length === ENTRY_POINTS ? [] : [`${declarations.length} files of declarations`]),
    ...misplaced.map(({ path }) => `${path} does not belong into the package`),
  ];
}

const ENTRY_POINTS = 6;
