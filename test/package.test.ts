/** The public names, as a list: a change here is a change for users. */

import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { builtFile, builtProgram, root } from './built.ts';

const { exports } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { exports: object };

/** The entry points as the package has them, and what each exports. */
const entries: Readonly<Record<string, readonly string[]>> = {
  '.': [
    ...['ConfigError', 'GuardError', 'ProviderError', 'SendBlockedError', 'StoreError', 'WebhookError'],
    ...['createGuard', 'findSendBlocked', 'isSendBlocked', 'memoryStore', 'vonage'],
  ],
  './fetch': ['guardFetch', 'webhooksFetch'],
  './sqlite': ['sqliteStore'],
  './testing': ['createTestGuard', 'signedWebhook', 'startSimulator', 'storeConformance'],
  './undici': ['guardDispatcher', 'installGlobalGuard', 'verifyGlobalGuard'],
  './vonage-sdk': ['guardVonage'],
};

/** The names of every entry point, as a program finds them that has the package installed: by name, and built. */
function namesBy(load: string): unknown {
  const paths = JSON.stringify(Object.keys(entries));
  const script = `(async () => {
    const names = {};
    for (const path of ${paths}) names[path] = Object.keys(await ${load}('sms-send-guard' + path.slice(1))).sort();
    console.log(JSON.stringify(names));
  })()`;
  const flags = ['--disable-warning=ExperimentalWarning', '--input-type=commonjs', '-e', script];
  return JSON.parse(execFileSync(process.execPath, flags, { cwd: root, encoding: 'utf8' }));
}

/** The modules that a built file imports, directly or not: paths of files, and names of others. */
function importsFrom(file: string, found = new Set<string>()): Set<string> {
  if (found.has(file)) return found;
  found.add(file);
  const statements = readFileSync(file, 'utf8').matchAll(
    /^(?:import|export)\s+(?:[^'";]*?\sfrom\s+)?'([^']+)'/gm,
  );
  for (const [, name = ''] of statements) {
    if (name.startsWith('.')) importsFrom(join(dirname(file), name), found);
    else found.add(name);
  }
  return found;
}

describe('the package', () => {
  it('has these entry points and no others', () => {
    expect(Object.keys(exports).toSorted()).toEqual([...Object.keys(entries), './package.json'].toSorted());
  });

  it.each(['import', 'require'])('exports these names by %s() and no others', (load) => {
    expect(namesBy(load)).toEqual(entries);
  });

  it('loads nothing but Node’s modules in the thread of its store, above all no metadata of numbers', () => {
    const imported = importsFrom(builtFile('stores/sqlite/worker.js'));
    const packages = [...imported].filter((name) => !name.startsWith('node:') && !name.startsWith('/'));
    expect(packages).toEqual([]);
    expect([...imported]).toEqual(
      expect.arrayContaining(['node:crypto', builtFile('stores/sqlite/engine.js')]),
    );
  });

  it('declares nothing that TypeScript has only since 5.7', () => {
    const files = readdirSync(builtProgram('types'), { recursive: true, encoding: 'utf8' });
    const declarations = files.filter((file) => file.endsWith('.d.ts'));
    expect(declarations.length).toBeGreaterThan(50);
    const generic = /\b(?:Uint8|Int8|Uint16|Int16|Uint32|Int32|Float32|Float64|BigInt64|BigUint64)Array</;
    const newer = declarations.filter((file) =>
      generic.test(readFileSync(builtProgram(`types/${file}`), 'utf8')),
    );
    expect(newer).toEqual([]);
  });
});
