/** The package inside a bundle: it runs, and says what is missing instead of asking for something that is there. */

import { execFileSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import webpack, { type Configuration } from 'webpack';
import { root } from './built.ts';

/** Outside of the repository, so that no bundler reads its configuration. */
const folder = mkdtempSync(join(tmpdir(), 'sms-send-guard-bundles-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const DEPENDENCIES = ['jose', 'libphonenumber-js', 'lru-cache', 'undici', '@photostructure/sqlite'];

/** A program that uses a guard in memory, a long list, and a guard on a file. */
const PROGRAM = `
import { createGuard, vonage } from 'sms-send-guard';
import { startSimulator } from 'sms-send-guard/testing';

const said = { warnings: [] };
const quiet = { debug() {}, info() {}, error() {} };
const logger = { ...quiet, warn: ({ code }, message) => code === 'memory_store' || said.warnings.push(code + ': ' + message) };

async function main() {
  const memory = createGuard({ logger });
  await memory.ready();
  await memory.optOut('15551230001');
  said.memory = [memory.canSend('15551230001'), memory.canSend('15551230002')];
  await memory.close();

  const optOuts = Array.from({ length: 30_000 }, (_, index) => String(15550000000 + 3 * index));
  const simulator = await startSimulator({ optOuts, apiKey: 'key', apiSecret: 'secret' });
  const provider = vonage({ apiKey: 'key', apiSecret: 'secret', baseUrl: simulator.url });
  const long = createGuard({ provider, logger });
  await long.ready();
  await long.refresh();
  said.long = [long.status().lists.default.size, long.canSend(optOuts[29_999])];
  await long.close();
  await simulator.close();

  const file = createGuard({ store: 'sqlite:' + process.argv[2], logger });
  await file.ready();
  await file.optOut('15551230001');
  said.file = [file.canSend('15551230001'), file.canSend('15551230002')];
  await file.close();
}

main().catch((error) => (said.error = { name: error.name, key: error.key, message: error.message }))
  .then(() => console.log(JSON.stringify(said)));
`;

function installInto(home: string): void {
  for (const name of DEPENDENCIES) {
    mkdirSync(dirname(join(home, 'node_modules', name)), { recursive: true });
    symlinkSync(join(root, 'node_modules', name), join(home, 'node_modules', name));
  }
}

beforeAll(() => {
  installInto(folder);
  const own = join(folder, 'node_modules/sms-send-guard');
  cpSync(join(root, 'dist'), join(own, 'dist'), { recursive: true });
  cpSync(join(root, 'package.json'), join(own, 'package.json'));
  writeFileSync(join(folder, 'main.js'), PROGRAM);
});

/** Bundles with esbuild. @returns the bundle. */
async function withEsbuild(
  format: 'cjs' | 'esm',
  options: { external?: string[]; minify?: boolean } = {},
): Promise<string> {
  const outfile = join(
    folder,
    `esbuild-${format}-${Object.keys(options).join('-')}`,
    format === 'cjs' ? 'main.cjs' : 'main.mjs',
  );
  // What esbuild's documentation gives for dependencies that call require() in a module.
  const banner =
    "import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);";
  await build({
    ...{ entryPoints: ['main.js'], absWorkingDir: folder, outfile, format, ...options },
    ...{ bundle: true, platform: 'node', target: 'node20', logLevel: 'silent' },
    ...(format === 'esm' ? { banner: { js: banner } } : {}),
  });
  return outfile;
}

/** Bundles with webpack. @returns the bundle, and what webpack complained of. */
async function withWebpack(options: Configuration): Promise<{ file: string; complaints: unknown[] }> {
  const isModule = options.experiments?.outputModule === true;
  const path = join(folder, `webpack-${isModule ? 'module' : 'commonjs'}-${String(options.mode)}`);
  const filename = isModule ? 'main.mjs' : 'main.cjs';
  const output = { path, filename, ...(isModule ? { module: true, chunkFormat: 'module' } : {}) };
  const stats = await new Promise<webpack.StatsCompilation>((resolve, reject) => {
    webpack({ ...options, context: folder, entry: './main.js', target: 'node20', output }, (error, done) => {
      if (error || done === undefined) reject(error ?? new Error('webpack said nothing'));
      else resolve(done.toJson({ all: false, errors: true, warnings: true }));
    });
  });
  return { file: join(path, filename), complaints: [...(stats.errors ?? []), ...(stats.warnings ?? [])] };
}

function run(file: string): Record<string, unknown> {
  const store = join(mkdtempSync(join(folder, 'store-')), 'optouts.db');
  const flags = ['--disable-warning=ExperimentalWarning', file, store];
  return JSON.parse(
    execFileSync(process.execPath, flags, { cwd: dirname(file), encoding: 'utf8' }),
  ) as Record<string, unknown>;
}

const COMPLETE = { warnings: [], memory: [false, true], long: [30_000, false], file: [false, true] };
/** As far as one comes without the program of the store's thread. */
const WITHOUT_THREAD = {
  warnings: [],
  memory: [false, true],
  long: [30_000, false],
  error: {
    name: 'ConfigError',
    key: 'store',
    message: expect.stringMatching(
      /leave the package sms-send-guard external.*esbuild.*webpack.*serverExternalPackages/,
    ),
  },
};

describe('a bundle of esbuild', () => {
  it.each(['cjs', 'esm'] as const)(
    'as %s runs, and says that the package has to be external',
    async (format) => {
      const said = run(await withEsbuild(format));
      expect(said).toEqual(WITHOUT_THREAD);
      expect(JSON.stringify(said)).not.toContain('npm install');
    },
  );

  it('is not misled by a worker.js of the user beside it', async () => {
    const file = await withEsbuild('esm', { minify: true });
    writeFileSync(
      join(dirname(file), 'worker.js'),
      "require('node:fs').writeFileSync(__filename + '.ran', '');",
    );
    expect(run(file)).toEqual(WITHOUT_THREAD);
    expect(readdirSync(dirname(file)).toSorted()).toEqual(['main.mjs', 'worker.js']);
  });

  it.each(['cjs', 'esm'] as const)('as %s does everything where the package is external', async (format) => {
    expect(run(await withEsbuild(format, { external: ['sms-send-guard'] }))).toEqual(COMPLETE);
  });
});

describe('a bundle of webpack', { timeout: 120_000 }, () => {
  it.each<[string, Configuration]>([
    ['commonjs, for production', { mode: 'production', optimization: { minimize: false } }],
    [
      'a module, for development',
      { mode: 'development', devtool: false, experiments: { outputModule: true } },
    ],
  ])('%s, does everything where the package is still installed', async (_what, options) => {
    const { file, complaints } = await withWebpack(options);
    expect(complaints).toEqual([]);
    expect(run(file)).toEqual(COMPLETE);
  });

  it('says that the package has to be external, where the package is not installed', async () => {
    const { file } = await withWebpack({ mode: 'none' });
    const elsewhere = mkdtempSync(join(tmpdir(), 'sms-send-guard-moved-'));
    try {
      installInto(elsewhere);
      const moved = join(elsewhere, 'app/main.cjs');
      cpSync(dirname(file), dirname(moved), { recursive: true });
      // The folder that it was built in is gone.
      renameSync(folder, `${folder}-away`);
      try {
        mkdirSync(folder);
        expect(run(moved)).toEqual(WITHOUT_THREAD);
      } finally {
        rmSync(folder, { recursive: true });
        renameSync(`${folder}-away`, folder);
      }
    } finally {
      rmSync(elsewhere, { recursive: true, force: true });
    }
  });
});
