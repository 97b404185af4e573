/** Measures the packed package: users download it, and editors read its declarations. */

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { ROOT } from './package.ts';

const run = promisify(execFile);

/** The limit of the library, which is code and declarations: 1 MB unpacked. Documents are printed apart. */
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
  const library = packed.files
    .filter(({ path }) => path.startsWith('dist/'))
    .reduce((sum, { size }) => sum + size, 0);
  say(`  ${packed.files.length} files, ${kB(packed.size)} packed, ${kB(packed.unpackedSize)} unpacked`);
  say(`  library ${kB(library)}, documents ${kB(packed.unpackedSize - library)}`);
  const misplaced = packed.files.filter(
    ({ path }) =>
      !/^(?:dist\/|docs\/|src\/(?:[^/]+\/)*README\.md$|[^/]+$)/.test(path) || path.endsWith('.map'),
  );
  return [
    ...(library > LIMIT ? [`the library has ${library} bytes, more than ${LIMIT}`] : []),
    // One file of declarations for each entry point.
    ...(declarations.length === ENTRY_POINTS ? [] : [`${declarations.length} files of declarations`]),
    ...misplaced.map(({ path }) => `${path} does not belong into the package`),
  ];
}

const ENTRY_POINTS = 6;
