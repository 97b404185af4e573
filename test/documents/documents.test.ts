/** The links of all documents lead somewhere, and their code compiles. */

import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compile } from './compile.ts';
import { blocksOf, documents, headingsOf, linksOf, root, textOf, withoutCode } from './markdown.ts';

const EXTERNAL = /^(?:https?|mailto):/;

/** Why a link of a document leads nowhere; `undefined` for one that leads somewhere. */
function faultOf(path: string, target: string): string | undefined {
  const [file = '', anchor] = target.split('#');
  const found = file === '' ? path : normalize(join(dirname(path), file)).replaceAll('\\', '/');
  if (!existsSync(join(root, found))) return `${target}: there is no ${found}`;
  if (anchor === undefined) return undefined;
  const isHeading = documents.includes(found) && headingsOf(found).some((one) => one.anchor === anchor);
  return isHeading ? undefined : `${target}: ${found} has no such heading`;
}

describe('the documents', () => {
  it('are found', () => {
    expect(documents).toEqual(expect.arrayContaining(['README.md', 'CHANGELOG.md', '.github/SECURITY.md']));
    expect(documents.length).toBeGreaterThan(15);
  });

  it.each(documents)('%s has links that lead somewhere', (path) => {
    const links = linksOf(path).filter((target) => !EXTERNAL.test(target));
    expect(links.flatMap((target) => faultOf(path, target) ?? [])).toEqual([]);
  });

  it.each(documents)('%s has tables without padding', (path) => {
    const rules = textOf(path).match(/^\|[-:| ]+\|$/gm) ?? [];
    expect(rules.filter((rule) => !/^\|(?:---\|)+$/.test(rule))).toEqual([]);
  });

  it.each(documents)('%s names only files that exist', (path) => {
    const folder = join(root, /^(?:examples|src|test)\//.test(path) ? dirname(path) : 'src');
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) => `/${file}`);
    const named = [...withoutCode(textOf(path)).matchAll(/`([\w./-]+\.tsx?)`/g)].map(([, name = '']) => name);
    expect(named.filter((name) => !files.some((file) => file.endsWith(`/${name}`)))).toEqual([]);
  });

  it('name only entry points that the package has', () => {
    const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { exports: object };
    const named = documents.flatMap((path) => [...textOf(path).matchAll(/\bsms-send-guard(\/[a-z-]+)/g)]);
    expect(named.length).toBeGreaterThan(10);
    expect(Object.keys(exports)).toEqual(expect.arrayContaining(named.map(([, entry]) => `.${entry}`)));
  });

  it('have only TypeScript that compiles', { timeout: 120_000 }, () => {
    const files: Record<string, string> = {};
    for (const path of documents) {
      // Its examples are those of docstrings: docstrings.test.ts compiles them.
      if (path === 'docs/reference.md') continue;
      for (const code of blocksOf(path, 'ts')) {
        files[`${path.replaceAll(/[/.]/g, '-')}-${Object.keys(files).length}.ts`] = code;
      }
    }
    expect(Object.keys(files).length).toBeGreaterThan(12);
    expect(compile('documents', files)).toBe('');
  });
});
