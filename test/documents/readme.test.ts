/** The README is short, in one order, and quotes what is. */

import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { reasonsOf, unionOf } from './declarations.ts';
import { blocksOf, headingsOf, linksOf, root, tablesOf, textOf, wordsOf } from './markdown.ts';

const README = 'README.md';
const SECTIONS = [
  ...['What it is', 'See it work', 'Install', 'Express', 'Webhooks', 'What is answered when'],
  ...['Guarantees and limits', 'Choosing a store', 'Other ways a send leaves', 'Operating it'],
  ...['Troubleshooting', 'Links'],
];

const { scripts, files } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>;
  files: string[];
};

describe('README.md', () => {
  it('has at most 250 lines and 15,000 bytes', () => {
    expect(textOf(README).trimEnd().split('\n').length).toBeLessThanOrEqual(250);
    expect(statSync(join(root, README)).size).toBeLessThanOrEqual(15_000);
  });

  it('shows code within its first ten lines', () => {
    expect(textOf(README).split('\n').slice(0, 10).join('\n')).toContain('```ts');
  });

  it('has its sections in this order', () => {
    const sections = headingsOf(README).filter(({ level }) => level === 2);
    expect(sections.map(({ title }) => title)).toEqual(SECTIONS);
  });

  it('begins with a table of contents that names each section', () => {
    const [contents = ''] = textOf(README).split('\n## ');
    const entries = [...contents.matchAll(/^- \[(.+)\]\(#(.+)\)$/gm)].map(([, title, anchor]) => ({
      title,
      anchor,
    }));
    const sections = headingsOf(README).filter(({ level }) => level === 2);
    expect(entries).toEqual(sections.map(({ title, anchor }) => ({ title, anchor })));
  });

  it('names scripts that package.json has', () => {
    const commands = blocksOf(README, 'sh').join('');
    const named = [...commands.matchAll(/\bnpm (?:run ([a-z:]+)|(test))\b/g)];
    const names = named.map(([, name, test]) => name ?? test);
    expect(names).toContain('demo');
    expect(Object.keys(scripts)).toEqual(expect.arrayContaining(names));
  });

  it('lists every problem code, and no other', () => {
    const tables = tablesOf(README).filter(({ head }) => head === '`code`');
    const listed = tables.flatMap(({ rows }) => rows.flatMap(([cell]) => wordsOf(cell)));
    expect(new Set(listed)).toEqual(new Set([...reasonsOf(false), ...unionOf('ProblemCode')]));
  });

  it('lists every state, and no other', () => {
    const tables = tablesOf(README).filter(({ head }) => head === 'state');
    const listed = tables.flatMap(({ rows }) => rows.flatMap(([cell]) => wordsOf(cell)));
    expect(listed.toSorted()).toEqual(unionOf('State').toSorted());
  });

  it('links to documents that are in the package, or that only those who change it need', () => {
    const links = linksOf(README).filter((target) => target.startsWith('./'));
    const paths = links.map((target) => target.replace(/^\.\//, '').replace(/#.*$/, ''));
    // Entries of package.json are paths of files and folders, or such patterns as `src/**/README.md`.
    const matches = (path: string, file: string) =>
      new RegExp(`^${file.replaceAll('.', '\\.').replaceAll('**/', '(?:.*/)?')}(?:/|$)`).test(path);
    const isPacked = (path: string) =>
      files.some((file) => matches(path, file)) && !files.some((file) => matches(`!${path}`, file));
    const left = paths.filter((path) => !isPacked(path));
    // The package has the text of the reference in its declarations.
    const ours = /^(?:\.github|examples|test)\/|^docs\/reference\.md$/;
    expect(left.filter((path) => !ours.test(path))).toEqual([]);
  });
});
