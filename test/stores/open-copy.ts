/** Makes a copy of the built package that every user of the machine may read. */

import { chmodSync, cpSync, readFileSync, readdirSync } from 'node:fs';
import { join, sep } from 'node:path';
import { root } from '../built.ts';
import { newFolder } from './folders.ts';

const OWN_PREBUILD = `${process.platform}-${process.arch}`;

interface Manifest {
  readonly name: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

const manifestOf = (folder: string) =>
  JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;

/** Copies the package, its dependencies and a program of this folder. @returns the path of the program */
export function copyForEverybody(program: string): string {
  const folder = newFolder();
  const { name, ...own } = manifestOf(root);
  const modules = join(folder, 'node_modules');
  for (const part of ['package.json', 'dist']) {
    cpSync(join(root, part), join(modules, name, part), { recursive: true });
  }
  const wanted = Object.keys({ ...own.dependencies, ...own.peerDependencies });
  for (const needed of wanted) {
    const from = join(root, 'node_modules', needed);
    cpSync(from, join(modules, needed), { recursive: true, filter: isForThisMachine });
    for (const next of Object.keys(manifestOf(from).dependencies ?? {})) {
      if (!wanted.includes(next)) wanted.push(next);
    }
  }
  const copy = join(folder, 'program.mjs');
  cpSync(program, copy);
  for (const path of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    chmodSync(join(folder, path), 0o755);
  }
  return copy;
}

/** Returns `false` for the binaries of other systems. */
function isForThisMachine(path: string): boolean {
  const [, prebuild] = path.split(`${sep}prebuilds${sep}`);
  return prebuild === undefined || prebuild.startsWith(OWN_PREBUILD);
}
