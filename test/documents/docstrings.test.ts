/**
 * Every exported name has a docstring, with an example where a user starts. The reference is written from them. Reads
 * the models of the entry points that tools/write-reference.mjs makes of the declarations.
 */

import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { builtProgram } from '../built.ts';
import { compile } from './compile.ts';
import { root, textOf } from './markdown.ts';

interface Item {
  readonly kind: string;
  readonly name: string;
  readonly docComment?: string;
  readonly members?: readonly Item[];
}

const written = builtProgram('reference.md');
execFileSync(process.execPath, [join(root, 'tools/write-reference.mjs'), written]);
const models = builtProgram('reference');

/** The exported names of each entry point. */
const entryPoints = readdirSync(models)
  .filter((file) => file.endsWith('.api.json'))
  .map((file) => {
    const model = JSON.parse(readFileSync(join(models, file), 'utf8')) as { members: [{ members: Item[] }] };
    const name = file.replace('.api.json', '');
    return {
      path: name === 'main' ? 'sms-send-guard' : `sms-send-guard/${name}`,
      items: model.members[0].members,
    };
  });
const items = entryPoints.flatMap((entry) => entry.items);

/** The methods of the guard, each with a name that says so. */
const methods = items
  .filter(({ name }) => name === 'Guard')
  .flatMap(({ members = [] }) => members)
  .map((method) => ({ ...method, name: `guard.${method.name}` }));
/** What a user calls or creates. */
const values = items.filter(({ kind }) => ['Class', 'Function', 'Variable'].includes(kind));
const starts = [...values, ...methods];

const examplesOf = ({ docComment = '' }: Item): readonly string[] =>
  docComment
    .replaceAll(/^\s*\* ?/gm, '')
    .split(/^@/m)
    .filter((section) => section.startsWith('example'))
    .map((section) =>
      section
        .replace(/^example/, '')
        .replace(/\/\s*$/, '')
        .trim(),
    );

describe('the docstrings', () => {
  it('are found', () => {
    expect(entryPoints.map(({ path }) => path)).toHaveLength(6);
    expect(items.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['createGuard', 'SendRule', 'Guard']),
    );
    expect(methods.map(({ name }) => name)).toEqual(expect.arrayContaining(['guard.canSend', 'guard.close']));
  });

  it('are there for every exported name', () => {
    const missing = items.filter(({ docComment = '' }) => !/\w/.test(docComment));
    expect(missing.map(({ name }) => name)).toEqual([]);
  });

  it('have an example for every function, class and value, and for every method of a guard', () => {
    const missing = starts.filter((item) => examplesOf(item).every((example) => example === ''));
    expect(missing.map(({ name }) => name)).toEqual([]);
  });

  it('have examples that compile', { timeout: 120_000 }, () => {
    const globals = entryPoints.flatMap(({ path, items: exported }) =>
      exported
        .filter((item) => values.includes(item))
        .map(({ name }) => `  const ${name}: typeof import('${path}').${name};`),
    );
    const files: Record<string, string> = {
      'globals.d.ts': GLOBALS.replace('// exports', globals.join('\n')),
    };
    for (const item of [...items, ...methods]) {
      for (const code of examplesOf(item)) files[`${item.name}-${Object.keys(files).length}.ts`] = code;
    }
    expect(Object.keys(files).length).toBeGreaterThan(35);
    expect(compile('docstrings', files)).toBe('');
  });
});

/** What examples use without saying where it is from. */
const GLOBALS = `
import type { Application, json } from 'express';
import type { Guard } from 'sms-send-guard';

declare global {
  const guard: Guard;
  const app: Application;
  const body: string;
  const express: { json: typeof json };
  const createReadStream: typeof import('node:fs').createReadStream;
  const createWriteStream: typeof import('node:fs').createWriteStream;
  const Readable: typeof import('node:stream').Readable;
  const pipeline: typeof import('node:stream/promises').pipeline;
  const Agent: typeof import('undici').Agent;
  const interceptors: typeof import('undici').interceptors;
  const request: typeof import('undici').request;
  const Vonage: typeof import('@vonage/server-sdk').Vonage;
  function sendText(msisdn: string): Promise<void>;
  function test(name: string, run: () => unknown): void;
  // exports
}
`;

it('docs/reference.md is what npm run docs:reference writes', () => {
  expect(textOf('docs/reference.md')).toBe(readFileSync(written, 'utf8'));
});
