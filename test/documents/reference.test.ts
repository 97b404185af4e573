/**
 * Every option, code, event and reason in the code stands in a document, and every one in the documents is in the code.
 * A table whose first head cell is a type in code style, such as `GuardOptions`, is compared with that type.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { inlineOptionsOf, membersOf, reasonsOf, unionOf, wordsAfter, wordsOfMember } from './declarations.ts';
import { documents, root, tablesOf, wordsOf } from './markdown.ts';

const tables = documents.flatMap(tablesOf);

/** The words in the first cells of all tables with that head. */
function documented(head: string): ReadonlySet<string> {
  const found = tables.filter((table) => table.head === head);
  expect(
    found.map(({ path }) => path),
    `the table of ${head}`,
  ).toHaveLength(1);
  return new Set(found.flatMap(({ rows }) => rows.flatMap(([cell]) => wordsOf(cell).slice(0, 1))));
}

/** Types whose members are words that users write or read. */
const INTERFACES = [
  ...['CheckOptions', 'CsvStreamOptions', 'FilterOptions', 'GuardFetchOptions', 'GuardOptions'],
  ...['GuardVonageOptions', 'ImportOptions', 'ListOptions', 'MiddlewareOptions', 'PolicyOptions'],
  ...['RefreshOptions', 'RowStreamOptions', 'SendOptions', 'UndiciGuardOptions', 'VonageOptions'],
  ...['WebhooksOptions', 'SimulatorOptions', 'TestGuardOptions', 'WebhookSpec'],
  ...['Guard', 'GuardStatus', 'ListStatus'],
  ...['KeywordPack', 'Provider', 'SendRule', 'Store', 'WebhookEvent'],
];
const UNIONS: Readonly<Record<string, () => readonly string[]>> = {
  GuardEvents: () => membersOf('GuardEvents').map((member) => member.replace(/\..*$/, '')),
  ErrorCode: () => unionOf('ErrorCode'),
  AnomalyCode: () => unionOf('AnomalyCode'),
  KeywordRule: () => unionOf('KeywordRule'),
  State: () => unionOf('State'),
  ProblemCode: () => [...reasonsOf(false), ...unionOf('ProblemCode')],
  'Decision.reason': () => [...reasonsOf(true), ...reasonsOf(false)],
};

/** Codes that are written where they are emitted. Those of the store are made of the troubles of its port. */
function warnCodes(): ReadonlySet<string> {
  const others = new Set(['ErrorCode', 'AnomalyCode', 'ProblemCode'].flatMap(unionOf));
  const written = wordsAfter(/\bcode: '([a-z_]+)'/g).filter((code) => !others.has(code));
  const told = wordsAfter(/\bwarn\(\s*'([a-z_]+)'/g);
  const ofStore = wordsOfMember('StoreTrouble', 'kind').map((kind) => `store_${kind}`);
  expect(ofStore).toContain('store_migrated');
  return new Set([...written, ...told, ...ofStore.filter((code) => !others.has(code))]);
}

describe('the reference', () => {
  it.each(INTERFACES)('lists every member of %s, and no other', (name) => {
    const members = membersOf(name);
    expect(members.length).toBeGreaterThan(0);
    expect(documented(`\`${name}\``)).toEqual(new Set(members));
  });

  it.each(Object.entries(UNIONS))('lists every word of %s, and no other', (name, words) => {
    expect(words().length).toBeGreaterThan(3);
    expect(documented(`\`${name}\``)).toEqual(new Set(words()));
  });

  it('lists every warn code, and no other', () => {
    expect(documented('`warn` code')).toEqual(warnCodes());
  });

  it('lists every option that the calls of a guard declare themselves, and no other', () => {
    const [table] = tables.filter(({ head }) => head === 'call');
    const listed = table?.rows.map(([call, option]) => `${wordsOf(call)[0]}.${wordsOf(option)[0]}`);
    expect(listed?.toSorted()).toEqual(inlineOptionsOf('Guard').toSorted());
  });

  it('names each code by which a gate makes a guard not ready', () => {
    const row = tables
      .find(({ head }) => head === '`GuardStatus`')
      ?.rows.find(([cell]) => cell === '`reasons`');
    const codes = wordsAfter(/\baddObstacle\('([a-z_]+)'/g);
    expect(codes).not.toEqual([]);
    expect(wordsOf(row?.[1])).toEqual(expect.arrayContaining([...codes]));
  });

  it('has a table for every type of options that the package exports', () => {
    const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      exports: Record<string, string | { default: string }>;
    };
    const entries = Object.values(exports).flatMap((entry) =>
      typeof entry === 'string' ? [] : entry.default,
    );
    const exported = entries.flatMap((file) => {
      const path = file.replace('./dist/', 'src/').replace(/\.js$/, '.ts');
      const source = readFileSync(join(root, path), 'utf8');
      const names = source.match(/(?:^export interface \w+Options\b|^export (?:type )?\{[^}]*\})/gm) ?? [];
      return names.flatMap((name) => name.match(/\b\w+Options\b/g) ?? []);
    });
    expect(exported).toContain('GuardOptions');
    // Lists by name, each of them ListOptions.
    const wanted = exported.filter((name) => name !== 'ListsOptions');
    expect(INTERFACES).toEqual(expect.arrayContaining(wanted));
  });

  it('compares every table that is headed by a type', () => {
    const types = tables.flatMap(({ head }) => /^`([A-Z]\w+(?:\.\w+)?)`$/.exec(head)?.[1] ?? []);
    expect(types.toSorted()).toEqual([...INTERFACES, ...Object.keys(UNIONS)].toSorted());
  });
});
