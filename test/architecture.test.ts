/** Who may import whom, and other promises about the sources that no type can make. */

import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../src', import.meta.url));
const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map((path) => path.replaceAll('\\', '/'));

/**
 * The order of the sources, lowest first: a file imports files of earlier entries, or of its own entry. A folder stands
 * for the files in it that have no entry of their own.
 */
const order: readonly string[] = [
  ...['msisdn/', 'number-set/', 'clock.ts', 'dates.ts', 'plain-constructor.ts'],
  'ledger/',
  ...['decision.ts', 'errors.ts', 'send-blocked.ts', 'threads/'],
  ...['options/call-hints.ts', 'options/fields.ts'],
  ...['providers/', 'stores/', 'webhooks/'],
  'sync/',
  ...[
    'gates/guard-access.ts',
    'gates/vonage-api/',
    'gates/problem.ts',
    'gates/recipient-check.ts',
    'gates/settling.ts',
  ],
  ...['gates/batch/', 'gates/express.ts', 'gates/send.ts'],
  ...['gates/fetch/', 'gates/undici/', 'gates/vonage-sdk/'],
  ...['options/', 'events.ts', 'options/duration-warnings.ts'],
  ...['lists/', 'changes/', 'lists/status.ts'],
  ...['list-sync.ts', 'open-guards.ts', 'guard-api.ts', 'guard.ts'],
  ...['testing/', 'index.ts'],
];

/** The index of a file's entry in `order`; -1 if it has none. */
function levelOf(file: string): number {
  const entries = order.filter((entry) => (entry.endsWith('/') ? file.startsWith(entry) : file === entry));
  const longest = entries.reduce((best, entry) => (entry.length > best.length ? entry : best), '');
  return order.indexOf(longest);
}

interface Import {
  readonly file: string;
  readonly target: string;
}

function importsOf(file: string): Import[] {
  const source = readFileSync(join(root, file), 'utf8');
  return [...source.matchAll(/^(?:import|export)\s+(?:type\s+)?(?:[^'";]*?\sfrom\s+)?'([^']+)'/gm)].map(
    ([, target = '']) => ({
      file,
      target: target.startsWith('.') ? normalize(join(dirname(file), target)).replaceAll('\\', '/') : target,
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

  it.each(files)('%s has a place in the order', (file) => {
    expect(levelOf(file)).toBeGreaterThanOrEqual(0);
  });

  it.each(order)('%s stands for some file', (entry) => {
    expect(files.filter((file) => order[levelOf(file)] === entry)).not.toEqual([]);
  });

  it.each(inner.map(({ file, target }) => [file, target] as const))('%s may import %s', (file, target) => {
    expect(levelOf(target)).toBeLessThanOrEqual(levelOf(file));
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
    undici: (file) => file.startsWith('providers/vonage/') || file.startsWith('gates/undici/'),
    express: () => false,
    '@photostructure/sqlite': (file) => file.startsWith('stores/sqlite/'),
    'node:sqlite': (file) => file.startsWith('stores/sqlite/'),
    jose: (file) => file === 'webhooks/signature.ts',
    'libphonenumber-js': (file) => file.startsWith('msisdn/'),
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

  it('only the clock, the SQLite store and the test tools read the machine’s clocks', () => {
    const readers = files.filter(
      (file) =>
        !file.startsWith('testing/') &&
        !file.startsWith('stores/sqlite/') &&
        /\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(|\bhrtime\b/.test(
          readFileSync(join(root, file), 'utf8'),
        ),
    );
    expect(readers).toEqual(['clock.ts']);
  });
});

it('names files and folders after what they hold', () => {
  const banned = /^(utils?|helpers?|types?|lib|common|misc)$/;
  const names = files.flatMap((file) => relative('', file).replace(/\.ts$/, '').split('/'));
  expect(names.filter((name) => banned.test(name))).toEqual([]);
});
