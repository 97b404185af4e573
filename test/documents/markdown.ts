/** Reads the documents of the repository: their headings, links, tables and blocks of code. */

import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

const FOLDERS = ['.github', 'docs', 'examples', 'src', 'test'];

/** The paths of all documents, from the root of the repository. */
export const documents: readonly string[] = [
  ...readdirSync(root),
  ...FOLDERS.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((path) => `${folder}/${path}`),
  ),
]
  .filter((path) => path.endsWith('.md'))
  .map((path) => path.replaceAll('\\', '/'))
  .toSorted();

export const textOf = (path: string): string => readFileSync(join(root, path), 'utf8');

/** A text without its blocks of code. */
export const withoutCode = (text: string): string => text.replaceAll(/^```.*?^```$/gms, '');

/** The blocks of code in a language. */
export function blocksOf(path: string, language: string): readonly string[] {
  const blocks = textOf(path).matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, 'gms'));
  return [...blocks].map(([, code = '']) => code);
}

export interface Heading {
  readonly level: number;
  readonly title: string;
  /** What a link to it has behind the `#`. */
  readonly anchor: string;
}

export function headingsOf(path: string): readonly Heading[] {
  const seen = new Map<string, number>();
  return [...withoutCode(textOf(path)).matchAll(/^(#+) (.+)$/gm)].map(([, marks = '', title = '']) => {
    const slug = title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-');
    const before = seen.get(slug) ?? 0;
    seen.set(slug, before + 1);
    return { level: marks.length, title, anchor: before === 0 ? slug : `${slug}-${before}` };
  });
}

/** The targets of all links, as they are written. */
export function linksOf(path: string): readonly string[] {
  const text = withoutCode(textOf(path)).replaceAll(/<!--.*?-->/gs, '');
  return [...text.matchAll(/\]\(([^()\s]+)\)/g)].map(([, target = '']) => target);
}

export interface Table {
  readonly path: string;
  /** The first cell of its head. */
  readonly head: string;
  readonly rows: readonly (readonly string[])[];
}

const cellsOf = (line: string): readonly string[] =>
  line
    .replace(/^\|/, '')
    .replace(/\|$/, '')
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim());

/** The tables of a document. */
export function tablesOf(path: string): readonly Table[] {
  return [...withoutCode(textOf(path)).matchAll(/^\|.*\n\|[-:| ]+\|\n(?:\|.*\n?)*/gm)].map(([table]) => {
    const [head = '', , ...rows] = table.trimEnd().split('\n');
    return { path, head: cellsOf(head)[0] ?? '', rows: rows.map(cellsOf) };
  });
}

/** The words in code style of a cell. */
export const wordsOf = (cell = ''): readonly string[] =>
  [...cell.matchAll(/`([^`]+)`/g)].map(([, word = '']) => word);
