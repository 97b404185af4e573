/**
 * Finds type declarations by their names, in whatever file of `src/` they are: the members of interfaces and the words
 * of unions. It reads text and knows as much of TypeScript as the public types of this package need.
 */

import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './markdown.ts';

const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter((path) =>
  path.endsWith('.ts'),
);

/** All sources without comments. */
export const sources: readonly string[] = files.map((path) =>
  readFileSync(join(root, 'src', path), 'utf8')
    .replaceAll(/\/\*\*?[\s\S]*?\*\//g, '')
    .replaceAll(/(^|\s)\/\/[^\n]*/g, '$1'),
);

const OPENING = '({[';
const CLOSING = ')}]';

/** Splits text at a character that is in no brackets. Ends at the bracket that closes the text. */
function splitAt(text: string, separator: string): readonly string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at);
    if (OPENING.includes(char)) depth++;
    else if (CLOSING.includes(char)) depth--;
    if (depth < 0) return [...parts, text.slice(start, at)];
    if (depth === 0 && char === separator) {
      parts.push(text.slice(start, at));
      start = at + 1;
    }
  }
  return [...parts, text.slice(start)];
}

interface Declaration {
  /** What is between the name and the body of an interface. */
  readonly head: string;
  readonly body: string;
}

/** @throws Error for a name that is declared nowhere, or twice. */
function declarationOf(name: string): Declaration {
  const found = sources.flatMap((source): Declaration[] => {
    const start = new RegExp(`^(?:export )?(?:interface ${name}\\b|type ${name}(?:<[^=]*>)? =)`, 'm').exec(
      source,
    );
    if (start === null) return [];
    const rest = source.slice(start.index + start[0].length);
    if (!start[0].includes('interface')) return [{ head: '', body: splitAt(rest, ';')[0] ?? '' }];
    const open = rest.indexOf('{');
    return [{ head: rest.slice(0, open), body: rest.slice(open + 1) }];
  });
  const [only, ...others] = found;
  if (only === undefined || others.length > 0) {
    throw new Error(`${name} is declared ${found.length} times in src`);
  }
  return only;
}

/** The words of a union of string literals. */
export function unionOf(name: string): readonly string[] {
  return wordsIn(declarationOf(name).body);
}

const wordsIn = (text: string) => [...text.matchAll(/'([^']+)'/g)].map(([, word = '']) => word);

const MEMBER = /^\s*(?:readonly\s+)?([A-Za-z]\w*)\??\s*(?:<[^>]*>\s*)?([:(])\s*\|?\s*/;

/** The members of an object type, given what is behind its opening bracket. Of an object inside it `a.b`. */
function membersIn(body: string): readonly string[] {
  return splitAt(body, ';').flatMap((member) => {
    const [start, name, mark] = MEMBER.exec(member) ?? [];
    if (start === undefined || name === undefined) return [];
    const type = member.slice(start.length);
    if (mark === '(' || !type.startsWith('{')) return [name];
    return membersIn(type.slice(1)).map((inner) => `${name}.${inner}`);
  });
}

/** The members of an interface, those that it inherits whole or by `Pick` included. */
export function membersOf(name: string): readonly string[] {
  const { head, body } = declarationOf(name);
  const [, mapped] = /\bkeyof (\w+)\]/.exec(body) ?? [];
  if (mapped !== undefined && head === '') return membersOf(mapped);
  // Behind the parameters of a generic type.
  const [, inherited = ''] = /^(?:<.*>)?\s*extends (.*)$/s.exec(head) ?? [];
  const picked = [...inherited.matchAll(/\bPick<\w+, ([^>]*)>/g)].flatMap(([, keys = '']) => wordsIn(keys));
  const whole = inherited.replaceAll(/\w+<[^>]*>/g, '').match(/\w+/g) ?? [];
  const known = whole.filter((parent) => parent !== 'AsyncDisposable');
  return [...new Set([...known.flatMap(membersOf), ...picked, ...membersIn(body)])];
}

/** The options that the methods of an interface take as objects written there, as `method.option`. */
export function inlineOptionsOf(name: string): readonly string[] {
  return splitAt(declarationOf(name).body, ';').flatMap((member) => {
    const [, method] = /^\s*(\w+)/.exec(member) ?? [];
    const [, options] = /\boptions\??:\s*\{([^}]*)\}/.exec(member) ?? [];
    if (method === undefined || options === undefined) return [];
    return membersIn(options).map((option) => `${method}.${option}`);
  });
}

/** The words that a member of a type can be, whose type is a union of words. */
export function wordsOfMember(type: string, member: string): readonly string[] {
  return wordsOfMemberIn(declarationOf(type).body, member);
}

const wordsOfMemberIn = (body: string, member: string) =>
  wordsIn(new RegExp(`\\b${member}: ([^;]+);`).exec(body)?.[1] ?? '');

/** The words that the member `reason` of decisions can be. */
export function reasonsOf(allowed: boolean): readonly string[] {
  const kinds = declarationOf('Decision').body.split(/\|\s*\{/);
  return kinds
    .filter((kind) => kind.includes(`allowed: ${allowed}`))
    .flatMap((kind) => wordsOfMemberIn(kind, 'reason'));
}

/** The words that follow a pattern in the sources. */
export function wordsAfter(pattern: RegExp): readonly string[] {
  return sources.flatMap((source) => [...source.matchAll(pattern)].map(([, word = '']) => word));
}
