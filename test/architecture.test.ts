/** Who may import whom, and other promises about the sources that no type can make. */

import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../src', import.meta.url));
const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map((path) => path.replaceAll('\\', '/'));

/** The floors of the house, lowest first; rooms on one floor do not import each other, a room may import its own files. */
const floors: readonly (readonly string[])[] = [
  ['errors', 'msisdn', 'clock', 'dates', 'option-fields', 'thread-program'],
  ['optouts', 'options'],
  ['decision'],
  ['gates/channels', 'gates/verified-numbers'],
  [
    'gates/refusal',
    'gates/settling',
    'gates/send-reply',
    'gates/sdk-sends',
    'gates/stand-in',
    'gates/fetch-body',
  ],
  ['gates/judging', 'gates/batch-sieve', 'gates/csv-lines', 'gates/send-endpoints'],
  ['provider', 'webhooks', 'stores', 'gates/express', 'gates/batch', 'gates/batch-stream'],
  ['gates/access'],
  ['gates/sending'],
  ['guard'],
  ['gates/fetch', 'gates/undici', 'gates/vonage-sdk'],
  ['testing', 'index'],
];

/** Files that make up a room although they are not in a folder of its name. */
const rooms: Readonly<Record<string, string>> = {
  acts: 'guard',
  appender: 'guard',
  'carry-over': 'guard',
  'change-counters': 'guard',
  checker: 'guard',
  'clock-skew': 'guard',
  contract: 'guard',
  'duration-warnings': 'guard',
  events: 'guard',
  'import-rows': 'guard',
  inbound: 'guard',
  journal: 'guard',
  lists: 'guard',
  loading: 'guard',
  manage: 'guard',
  manual: 'guard',
  'open-guards': 'guard',
  pending: 'guard',
  permits: 'guard',
  'recent-opt-ins': 'guard',
  records: 'guard',
  saves: 'guard',
  'start-jobs': 'guard',
  status: 'guard',
  sweepers: 'guard',
  unstored: 'guard',
  watch: 'guard',
  'call-hints': 'option-fields',
  'list-options': 'options',
  'option-slips': 'options',
  subscribers: 'guard',
  'store-path': 'options',
  'msisdn-digits': 'msisdn',
  'msisdn-equivalents': 'msisdn',
  'msisdn-plans': 'msisdn',
  'msisdn-readings': 'msisdn',
  'msisdn-trunk': 'msisdn',
  'msisdn-writing': 'msisdn',
  'national-reading': 'msisdn',
  'gates/csv-inner-lines': 'gates/csv-lines',
  'gates/body-readings': 'gates/fetch',
  'gates/body-writing': 'gates/fetch',
  'gates/fetch-recipients': 'gates/fetch',
  'gates/json-source': 'gates/fetch',
  'gates/sdk-parameters': 'gates/sdk-sends',
  'gates/send-parameters': 'gates/send-endpoints',
  'gates/send-recipients': 'gates/send-endpoints',
  'gates/undici-body': 'gates/undici',
  'gates/undici-copy': 'gates/undici',
  'gates/undici-exit': 'gates/undici',
  'gates/undici-gate': 'gates/undici',
  'gates/undici-global': 'gates/undici',
  'gates/undici-handler': 'gates/undici',
  'gates/undici-leaf': 'gates/undici',
  'gates/undici-probe': 'gates/undici',
  'gates/undici-request': 'gates/undici',
};

/** Rooms of the lowest floors that are one stair apart: the first may import the second. */
const stairs: readonly (readonly [string, string])[] = [
  ['option-fields', 'errors'],
  ['options', 'optouts'],
];

/** Imports against the grain, of types alone: a port is where its engine lives, and an error carries its decision. */
const typesOnly: readonly (readonly [string, string])[] = [
  ['errors', 'decision.ts'],
  ['options', 'decision.ts'],
  ['options', 'provider/provider.ts'],
  ['options', 'stores/store.ts'],
];

function roomOf(file: string): string {
  const path = file.replace(/\.ts$/, '');
  const [folder = path] = path.split('/');
  if (folder === 'gates') return rooms[path] ?? path;
  return rooms[folder] ?? folder;
}

const floorOf = (room: string) => floors.findIndex((floor) => floor.includes(room));

interface Import {
  readonly file: string;
  readonly target: string;
  readonly isTypeOnly: boolean;
}

function importsOf(file: string): Import[] {
  const source = readFileSync(join(root, file), 'utf8');
  return [...source.matchAll(/^(?:import|export)\s+(type\s+)?(?:[^'";]*?\sfrom\s+)?'([^']+)'/gm)].map(
    ([, type, target = '']) => ({
      file,
      target: target.startsWith('.') ? normalize(join(dirname(file), target)).replaceAll('\\', '/') : target,
      isTypeOnly: type !== undefined,
    }),
  );
}

const imports = files.flatMap(importsOf);
const inner = imports.filter(({ target }) => target.endsWith('.ts'));

describe('who may import whom', () => {
  it('finds the sources and their imports', () => {
    expect(files.length).toBeGreaterThan(20);
    expect(inner.length).toBeGreaterThan(60);
  });

  it.each(files)('%s has a place in the house', (file) => {
    expect(floorOf(roomOf(file))).toBeGreaterThanOrEqual(0);
  });

  it.each(inner.map((one) => [`${one.file} imports ${one.target}`, one] as const))('%s', (_name, one) => {
    const [from, to] = [roomOf(one.file), roomOf(one.target)];
    const isNamed = (pairs: readonly (readonly [string, string])[], target: string) =>
      pairs.some(([a, b]) => a === from && b === target);
    const isAllowed =
      from === to ||
      floorOf(to) < floorOf(from) ||
      isNamed(stairs, to) ||
      (one.isTypeOnly && isNamed(typesOnly, one.target));
    expect(isAllowed, `${from} must not import ${to}`).toBe(true);
  });
});

it('no files import each other in a circle, not even for types', () => {
  // Only files between two files of a circle, or in one, import some that are left and are imported by some.
  let left = inner;
  for (let before = Infinity; left.length < before;) {
    before = left.length;
    const importers = new Set(left.map(({ file }) => file));
    const targets = new Set(left.map(({ target }) => target));
    left = left.filter(({ file, target }) => targets.has(file) && importers.has(target));
  }
  expect(left.map(({ file, target }) => `${file} imports ${target}`)).toEqual([]);
});

describe('what only some files know', () => {
  const owners: Readonly<Record<string, (file: string) => boolean>> = {
    undici: (file) => file.startsWith('provider/') || /^gates\/undici\b/.test(file),
    express: () => false,
    '@photostructure/sqlite': (file) => file.startsWith('stores/sqlite'),
    'node:sqlite': (file) => file.startsWith('stores/sqlite'),
    jose: (file) => file === 'webhooks/signature.ts',
    'libphonenumber-js': (file) =>
      ['msisdn.ts', 'msisdn-plans.ts', 'msisdn-readings.ts', 'national-reading.ts'].includes(file),
  };
  it.each(Object.entries(owners))('%s', (library, isOwner) => {
    const strangers = imports
      .filter(
        ({ target, file }) => (target === library || target.startsWith(`${library}/`)) && !isOwner(file),
      )
      .map(({ file }) => file);
    expect(strangers).toEqual([]);
  });

  it('the simulator imports nothing but itself and node', () => {
    const witnesses = (file: string) =>
      file.startsWith('testing/simulator/') || file === 'testing/signed-webhook.ts';
    const foreign = imports
      .filter(({ file }) => witnesses(file))
      .filter(({ target }) => !target.startsWith('node:') && !witnesses(target));
    expect(foreign).toEqual([]);
  });

  it('only the clock, and stores that speak with other processes, read the machine’s clocks', () => {
    const readers = files.filter(
      (file) =>
        !file.startsWith('testing/') &&
        !file.startsWith('stores/sqlite') &&
        /\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(|\bhrtime\b/.test(
          readFileSync(join(root, file), 'utf8'),
        ),
    );
    expect(readers).toEqual(['clock.ts']);
  });
});

it('the folders are named after rooms', () => {
  const banned = /^(utils?|helpers?|types?|lib|common|misc)$/;
  const names = files.flatMap((file) => relative('', file).replace(/\.ts$/, '').split('/'));
  expect(names.filter((name) => banned.test(name))).toEqual([]);
});
