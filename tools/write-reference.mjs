/**
 * Writes the reference of every exported name from the docstrings: to `docs/reference.md`, or to the file that is given.
 * Reads `.build/types`, where tsconfig.types.json puts the declarations of every source. The model of each entry point,
 * as api-extractor makes it, is left in `.build/reference`.
 */

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { declarations, exports, extract, name, root } from './extractor.mjs';

const models = join(root, '.build/reference');
const target = resolve(process.argv[2] ?? join(root, 'docs/reference.md'));

/** The groups of an entry point, and the kinds of exports in them. */
const GROUPS = [
  ['Functions', 'Function'],
  ['Values', 'Variable'],
  ['Classes', 'Class'],
  ['Types', 'Interface', 'TypeAlias'],
];

/** The title of a paragraph of each block tag. */
const TITLES = { '@returns': 'Returns ', '@throws': 'Throws ' };

/** Reads the exports of each entry point. */
function readEntryPoints() {
  rmSync(models, { recursive: true, force: true });
  mkdirSync(models, { recursive: true });
  const entries = Object.entries(exports).filter(([, { types }]) => types !== undefined);
  return entries.map(([path, { types }]) => {
    const apiJsonFilePath = join(models, `${path.replace(/^\.\/?/, '') || 'main'}.api.json`);
    extract(join(declarations, relative('dist', types)), { docModel: { enabled: true, apiJsonFilePath } });
    const { members } = JSON.parse(readFileSync(apiJsonFilePath, 'utf8'));
    return { title: join(name, path), items: members[0].members };
  });
}

/** Splits a docstring into its text and its block tags: `{ tag, text }`, the text first, with the tag `''`. */
function sectionsOf(docComment) {
  const lines = docComment
    .replace(/^\/\*\*|\*\/\s*$/g, '')
    .split('\n')
    .map((line) => line.replace(/^\s*\* ?/, '').trimEnd());
  const sections = [{ tag: '', lines: [] }];
  for (const line of lines) {
    // A tag of one line stands after the text, as in "Reads a row. @throws Error".
    const [, before, tag, after] =
      /^(.*?)\s*(?<!\{)(@(?:param|returns|throws|example))\b\s*(.*)$/.exec(line) ?? [];
    if (tag === undefined) sections.at(-1).lines.push(line);
    else {
      if (before !== '') sections.at(-1).lines.push(before);
      sections.push({ tag, lines: [after] });
    }
  }
  return sections.map((section) => ({ tag: section.tag, text: section.lines.join('\n').trim() }));
}

/** Joins the lines of each paragraph and each item of a list. */
function unwrap(text) {
  return text.replaceAll(/([^\n])\n(?!\n|- )/g, '$1 ');
}

/** Writes text in which `{@link Name}` becomes a link to an exported name. */
function linked(text, anchors) {
  return text.replaceAll(/\{@link (\w+)\}/g, (_, word) =>
    anchors.has(word) ? `[\`${word}\`](#${anchors.get(word)})` : `\`${word}\``,
  );
}

/** Writes a docstring as paragraphs. */
function paragraphsOf(docComment, anchors) {
  return sectionsOf(docComment ?? '').flatMap(({ tag, text }) => {
    if (text === '') return [];
    if (tag === '@example') return ['```ts\n' + text + '\n```'];
    const prose = linked(unwrap(text), anchors);
    // The model has a dash before the names of options, and one behind those of parameters.
    if (tag === '@param') return [prose.replace(/^(?:- )?(\S+)\s+(?:- )?/, '- `$1`: ')];
    return [`${TITLES[tag] ?? ''}${prose}`];
  });
}

const signatureOf = ({ excerptTokens }) =>
  excerptTokens
    .map(({ text }) => text)
    .join('')
    .replace(/^export (?:declare )?/, '')
    .trim();

const indent = (text) => text.replaceAll(/^(?=.)/gm, '  ');

/** Writes a member of an interface or class as an item of a list. */
function memberItem(member, anchors) {
  const signature = signatureOf(member)
    .replace(/;$/, '')
    .replace(/^readonly /, '')
    .replaceAll(/\/\*\*.*?\*\//gs, '')
    .replaceAll(/\s+/g, ' ');
  const [first = '', ...others] = paragraphsOf(member.docComment, anchors);
  const item = `- \`${signature}\`${first === '' ? '' : `: ${first}`}`;
  return [item, ...others.map(indent)].join('\n\n');
}

/** Writes the signature of a function or type. That of an interface or class is only its name and what it extends. */
function signatureBlock(item) {
  if (item.members === undefined) return ['```ts\n' + signatureOf(item) + '\n```'];
  const [, base] = /\bextends (.+)$/s.exec(signatureOf(item)) ?? [];
  return base === undefined ? [] : [`Extends \`${base.replaceAll(/\s+/g, ' ')}\`.`];
}

/** Writes an exported name. Overloads of a function follow one another. */
function itemText(item, anchors) {
  const members = (item.members ?? [])
    .filter(({ kind }) => kind !== 'Constructor')
    .map((member) => memberItem(member, anchors));
  const text = [...signatureBlock(item), ...paragraphsOf(item.docComment, anchors)];
  return [`#### ${item.name}`, ...text, ...(members.length > 0 ? [members.join('\n')] : [])].join('\n\n');
}

const anchorOf = (heading) => heading.toLowerCase().replaceAll(/[^\w-]/g, '');

function entryPointText({ title, items }, anchors) {
  const groups = GROUPS.flatMap(([heading, ...kinds]) => {
    const own = items.filter(({ kind }) => kinds.includes(kind));
    return own.length === 0 ? [] : [`### ${heading}`, ...own.map((item) => itemText(item, anchors))];
  });
  return [`## ${title}`, ...groups].join('\n\n');
}

function contentsLine({ title, items }, anchors) {
  const names = items.map((item) => `[${item.name}](#${anchors.get(item.name)})`);
  return `- [\`${title}\`](#${anchorOf(title)}): ${[...new Set(names)].join(', ')}`;
}

const entryPoints = readEntryPoints();
const names = entryPoints.flatMap(({ items }) => items.map((item) => item.name));
const anchors = new Map(names.map((one) => [one, anchorOf(one)]));
const text = [
  '# Reference',
  'Every exported name, by entry point, with its docstring. `npm run docs:reference` writes this file from the sources. The options in tables are in [options.md](./options.md), codes and events in [codes.md](./codes.md).',
  entryPoints.map((one) => contentsLine(one, anchors)).join('\n'),
  ...entryPoints.map((one) => entryPointText(one, anchors)),
].join('\n\n');
const config = await resolveConfig(join(root, 'docs/reference.md'));
writeFileSync(target, await format(text, { ...config, parser: 'markdown' }));
