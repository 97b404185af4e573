/** The README says what is: its code compiles, its tables list every code. */

import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const source = (path: string) => readFileSync(join(root, 'src', path), 'utf8');

/** The words of a union of string literals. */
function union(path: string, name: string): string[] {
  const [, body = ''] = new RegExp(`export type ${name} =([^;]+);`).exec(source(path)) ?? [];
  return [...body.matchAll(/'([a-z_]+)'/g)].map(([, word = '']) => word);
}

function section(title: string): string {
  const [, text = ''] = readme.split(`\n## ${title}\n`);
  return text.split('\n## ')[0] ?? '';
}

describe('README.md', () => {
  it('lists every error code, and no other', () => {
    const listed = [...section('Errors').matchAll(/^\| `([a-z_]+)`/gm)].map(([, code]) => code);
    const codes = union('errors.ts', 'ErrorCode');
    expect(codes.length).toBeGreaterThan(15);
    expect(new Set(listed)).toEqual(new Set(codes));
  });

  it('names every anomaly and every problem', () => {
    for (const code of union('sync/sweep.ts', 'AnomalyCode')) expect(readme).toContain(`\`${code}\``);
    for (const code of [
      'opted_out',
      'invalid_number',
      'missing_recipient',
      'too_many_recipients',
      'not_ready',
      ...union('gates/problem.ts', 'ProblemCode'),
    ]) {
      expect(section('In Express')).toContain(`\`${code}\``);
    }
  });

  it('shows code within its first ten lines', () => {
    expect(readme.split('\n').slice(0, 10).join('\n')).toContain('```ts');
  });

  it('has only TypeScript that compiles', { timeout: 120_000 }, () => {
    const blocks = [...readme.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = '']) => code);
    expect(blocks.length).toBeGreaterThan(5);
    const folder = join(root, '.build', 'readme');
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    for (const [index, code] of blocks.entries()) writeFileSync(join(folder, `block-${index}.ts`), code);
    const config = {
      extends: '../../tsconfig.json',
      compilerOptions: {
        noUnusedLocals: false,
        paths: {
          'sms-send-guard': ['../../src/index.ts'],
          'sms-send-guard/undici': ['../../src/gates/undici/interceptor.ts'],
          'sms-send-guard/fetch': ['../../src/gates/fetch/fetch.ts'],
          'sms-send-guard/testing': ['../../src/testing/index.ts'],
          'sms-send-guard/vonage-sdk': ['../../src/gates/vonage-sdk/client.ts'],
        },
      },
      include: ['*.ts'],
    };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
    let printed = '';
    try {
      execFileSync(
        process.execPath,
        [join(root, 'node_modules/typescript/bin/tsc'), '-p', folder, '--pretty', 'false'],
        {
          encoding: 'utf8',
        },
      );
    } catch (error) {
      printed = String((error as { stdout?: string }).stdout);
    }
    expect(printed).toBe('');
  });
});
