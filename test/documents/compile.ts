/** Compiles TypeScript of documents and docstrings, as strictly as the sources. */

import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './markdown.ts';

/**
 * Compiles programs, each a module of its own.
 *
 * @param name the folder of `.build` that they are written to. It is emptied before.
 * @param files the programs by file name, such as `one.ts` or `globals.d.ts`.
 * @returns what the compiler prints: nothing if there is no error.
 */
export function compile(name: string, files: Readonly<Record<string, string>>): string {
  const folder = join(root, '.build', name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const [file, code] of Object.entries(files))
    writeFileSync(join(folder, file), `${code}\nexport {};\n`);
  const { compilerOptions } = JSON.parse(readFileSync(join(root, 'tsconfig.json'), 'utf8')) as {
    compilerOptions: { paths: Record<string, string[]> };
  };
  const paths = Object.fromEntries(
    Object.entries(compilerOptions.paths).map(([entry, [target = '']]) => [entry, [`../../${target}`]]),
  );
  const config = {
    extends: '../../tsconfig.json',
    compilerOptions: { noUnusedLocals: false, paths },
    include: ['*.ts'],
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
  const tsc = [join(root, 'node_modules/typescript/bin/tsc'), '-p', folder, '--pretty', 'false'];
  try {
    return execFileSync(process.execPath, tsc, { encoding: 'utf8' });
  } catch (error) {
    return String((error as { stdout?: string }).stdout);
  }
}
