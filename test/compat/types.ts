/**
 * Compiles what users write against the declarations of the packed package, strictly and without `skipLibCheck`, by the
 * oldest version of TypeScript that the README names, by some in between and by the newest.
 */

import { execFile } from 'node:child_process';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT, installConsumer } from './package.ts';

const run = promisify(execFile);

const VERSIONS: readonly string[] = ['5.0', '5.4', '5.7', 'latest'];

/** How users resolve modules. The last one has no DOM library, as in most services. */
const SETTINGS: Readonly<Record<string, object>> = {
  nodenext: { module: 'NodeNext', moduleResolution: 'NodeNext' },
  node16: { module: 'Node16', moduleResolution: 'Node16' },
  bundler: { module: 'ESNext', moduleResolution: 'Bundler' },
  'nodenext, no DOM': { module: 'NodeNext', moduleResolution: 'NodeNext', lib: ['ES2022'] },
};

const STRICT = {
  ...{ target: 'ES2022', types: ['node'], noEmit: true, skipLibCheck: false, isolatedModules: true },
  ...{ strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true },
  ...{ noPropertyAccessFromIndexSignature: true, verbatimModuleSyntax: true },
};

/** Compiles; what the compiler says is the result. */
async function compile(compiler: string, folder: string): Promise<string> {
  try {
    await run(process.execPath, [compiler, '-p', folder, '--pretty', 'false'], { cwd: folder });
    return '';
  } catch (error) {
    const { stdout = '', message } = error as Error & { stdout?: string };
    return stdout.trim() || message;
  }
}

/** @returns a text for each version and setting that does not compile. */
export async function tryTypes(say: (line: string) => void): Promise<readonly string[]> {
  const aliasOf = (version: string) => `typescript-${version}`;
  const compilers = VERSIONS.map((version) => `${aliasOf(version)}@npm:typescript@${version}`);
  await using consumer = await installConsumer(['@types/node@20', ...compilers]);
  const { folder } = consumer;
  await copyFile(join(ROOT, 'test/compat/consumer.ts'), join(folder, 'consumer.ts'));
  const misfits: string[] = [];
  for (const version of VERSIONS) {
    const home = join(folder, 'node_modules', aliasOf(version));
    const { version: exact } = JSON.parse(await readFile(join(home, 'package.json'), 'utf8')) as {
      version: string;
    };
    for (const [name, setting] of Object.entries(SETTINGS)) {
      const config = { compilerOptions: { ...STRICT, ...setting }, files: ['consumer.ts'] };
      await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config));
      const said = await compile(join(home, 'bin/tsc'), folder);
      say(`  TypeScript ${exact}, ${name}: ${said === '' ? 'compiles' : 'DOES NOT COMPILE'}`);
      if (said !== '') misfits.push(`TypeScript ${exact}, ${name}:\n${said}`);
    }
  }
  return misfits;
}
