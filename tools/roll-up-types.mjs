/**
 * Rolls the declarations of each entry point up into one file beside its code. Reads `.build/types`, where
 * tsconfig.types.json puts the declarations of every source. What the main entry point exports is declared there only:
 * the other entry points import it by the package's name, so that each type has one declaration.
 */

import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { declarations as complete, exports, extract, name, root } from './extractor.mjs';

const entries = Object.values(exports).flatMap(({ types }) => types ?? []);
const main = exports['.'].types;

/** A copy for the other entry points, in which the public names come from the package. */
const partial = join(root, '.build/types-of-entries');
/**
 * The name under which that copy imports the package: api-extractor takes a package's own name for a part of the package,
 * and would declare everything again.
 */
const standIn = `${name}-main`;

/** The names that the main entry point exports. */
function publicNames() {
  const text = readFileSync(join(complete, 'index.d.ts'), 'utf8');
  const lists = [...text.matchAll(/export (?:type )?\{([^}]*)\}/g)].map(([, list]) => list);
  return new Set(lists.flatMap((list) => list.split(',').map((one) => one.trim().replace(/^type /, ''))));
}

/** Replaces imports of public names from files by imports from the package. */
function importPublicNames(file, names) {
  const path = join(partial, file);
  const text = readFileSync(path, 'utf8');
  const changed = text.replace(/^import (?:type )?\{([^}]*)\} from '(\.[^']*)';$/gm, (_, list, from) => {
    const all = list.split(',').map((one) => one.trim().replace(/^type /, ''));
    const [ours, others] = [all.filter((one) => names.has(one)), all.filter((one) => !names.has(one))];
    return [
      ...(ours.length > 0 ? [`import type { ${ours.join(', ')} } from '${standIn}';`] : []),
      ...(others.length > 0 ? [`import type { ${others.join(', ')} } from '${from}';`] : []),
    ].join('\n');
  });
  writeFileSync(path, changed);
}

/** Rolls one entry point up. @throws Error if api-extractor finds a fault */
function rollUp(entry) {
  const source = join(entry === main ? complete : partial, relative('dist', entry));
  const target = join(root, entry);
  extract(source, { dtsRollup: { enabled: true, untrimmedFilePath: target } });
  const text = readFileSync(target, 'utf8');
  writeFileSync(target, text.replaceAll(`'${standIn}'`, `'${name}'`));
}

rmSync(partial, { recursive: true, force: true });
cpSync(complete, partial, { recursive: true });
const names = publicNames();
for (const file of readdirSync(partial, { recursive: true, encoding: 'utf8' })) {
  if (file.endsWith('.d.ts')) importPublicNames(file, names);
}
rollUp(main);
const standInFolder = join(partial, 'node_modules', standIn);
mkdirSync(standInFolder, { recursive: true });
cpSync(join(root, main), join(standInFolder, 'index.d.ts'));
writeFileSync(
  join(standInFolder, 'package.json'),
  JSON.stringify({ name: standIn, version: '0.0.0', types: './index.d.ts' }),
);
for (const entry of entries) if (entry !== main) rollUp(entry);
