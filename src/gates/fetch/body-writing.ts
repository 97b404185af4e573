/**
 * Writes changes of a body back into its text. What did not change keeps its bytes: a number that JavaScript would round
 * stays as it was written. Pure.
 */

import { readJsonSource, type JsonNode } from './json-source.ts';

/**
 * Writes JSON that has been changed.
 *
 * @param text as it was.
 * @param after what it is to say.
 * @throws TypeError where a number would be rounded, or `after` is no JSON.
 */
export function rewriteJson(text: string, after: unknown): string {
  const source = readJsonSource(text);
  const written = (node: JsonNode) => text.slice(node.start, node.end);
  const rounded = new Set(roundedIn(source, written));

  function write(node: JsonNode, value: unknown): string {
    if (isSame(node, value)) return written(node);
    if (node.members !== undefined && isPlain(value)) return writeObject(node, node.members, value);
    if (node.items !== undefined && Array.isArray(value)) return writeArray(node.items, value);
    return writeNew(value);
  }

  function writeObject(node: JsonNode, members: Members, value: Readonly<Record<string, unknown>>): string {
    const names = new Set(members.map(({ name }) => name));
    const kept = Object.keys(value).filter((name) => value[name] !== undefined);
    if (kept.length === names.size && kept.every((name) => names.has(name))) {
      let [end, result] = [node.start, ''];
      for (const { name, node: member } of members) {
        result += text.slice(end, member.start) + write(member, value[name]);
        ({ end } = member);
      }
      return result + text.slice(end, node.end);
    }
    const known = new Map(members.map(({ name, node: member }) => [name, member]));
    const made = kept.map((name) => {
      const member = known.get(name);
      return `${JSON.stringify(name)}:${member ? write(member, value[name]) : writeNew(value[name])}`;
    });
    return `{${made.join(',')}}`;
  }

  /** The items that are left keep their text. */
  function writeArray(items: readonly JsonNode[], values: readonly unknown[]): string {
    let next = 0;
    const texts = values.map((value, index) => {
      let at = next;
      while (at < items.length && !isSame(items[at] as JsonNode, value)) at++;
      const item = items[at];
      if (item === undefined) {
        // One that was changed in place is compared with itself.
        const before = values.length === items.length ? items[index] : undefined;
        return before === undefined ? writeNew(value) : write(before, value);
      }
      next = at + 1;
      return written(item);
    });
    return `[${texts.join(',')}]`;
  }

  function writeNew(value: unknown): string {
    const made = JSON.stringify(value) as string | undefined;
    if (made === undefined) throw new TypeError('setTo wrote a value that is no JSON');
    if (numbersIn(JSON.parse(made)).some((number) => rounded.has(number))) {
      throw new TypeError('setTo wrote a number that JavaScript has rounded: leave it where it is');
    }
    return made;
  }

  return text.slice(0, source.start) + write(source, after) + text.slice(source.end);
}

type Members = NonNullable<JsonNode['members']>;

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !('toJSON' in value);
}

/** Whether a value is what `JSON.parse` made of a node. */
function isSame(node: JsonNode, value: unknown): boolean {
  if (node.items !== undefined) {
    const { items } = node;
    return (
      Array.isArray(value) &&
      value.length === items.length &&
      items.every((item, index) => isSame(item, value[index]))
    );
  }
  if (node.members === undefined) return Object.is(node.value, value);
  if (!isPlain(value)) return false;
  const last = new Map(node.members.map(({ name, node: member }) => [name, member]));
  return (
    Object.keys(value).length === last.size &&
    [...last].every(([name, member]) => Object.hasOwn(value, name) && isSame(member, value[name]))
  );
}

/** The numbers of a text that JavaScript rounds, as it reads them. */
function roundedIn(node: JsonNode, written: (node: JsonNode) => string): readonly number[] {
  const inner = [...(node.items ?? []), ...(node.members ?? []).map((member) => member.node)];
  const below = inner.flatMap((one) => roundedIn(one, written));
  const { value } = node;
  if (typeof value !== 'number') return below;
  const digits = written(node)
    .replace(/[eE].*$/, '')
    .replaceAll(/[^\d]/g, '')
    .replace(/^0+/, '');
  return digits.length > 15 && written(node) !== String(value) ? [...below, value] : below;
}

function numbersIn(value: unknown): readonly number[] {
  if (typeof value === 'number') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(numbersIn) : [];
}

/** What a form says: a name that occurs more than once has an array. */
export type FormValues = Readonly<Record<string, string | readonly string[]>>;

/** Reads a form. */
export function readForm(text: string, nameOf: (name: string) => string): FormValues {
  const values = new Map<string, string | string[]>();
  for (const [written, value] of new URLSearchParams(text)) {
    const name = nameOf(written);
    const before = values.get(name);
    if (Array.isArray(before)) before.push(value);
    else values.set(name, before === undefined ? value : [before, value]);
  }
  return Object.fromEntries(values);
}

/**
 * Writes a form that has been changed.
 *
 * @param text as it was.
 * @param after what it is to say; a value of another type than string is written as one.
 */
export function rewriteForm(text: string, after: unknown, nameOf: (name: string) => string): string {
  const before = readForm(text, nameOf);
  const wanted = Object.entries(after as Record<string, unknown>);
  const changed = new Map(wanted.filter(([name, value]) => !isEqual(before[name], value)));
  const kept = new Set(wanted.map(([name]) => name));
  const parts = text.split('&').flatMap((part) => {
    const [pair] = new URLSearchParams(part);
    if (pair === undefined) return [];
    const name = nameOf(pair[0]);
    if (!kept.has(name)) return [];
    if (!changed.has(name)) return [part];
    const value = changed.get(name);
    // Further parts of that name add nothing.
    changed.set(name, []);
    return pairs(pair[0], value);
  });
  const added = [...changed].filter(([name]) => !Object.hasOwn(before, name));
  return [...parts, ...added.flatMap(([name, value]) => pairs(name, value))].join('&');
}

function isEqual(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function pairs(name: string, value: unknown): readonly string[] {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  return values.map((one) => new URLSearchParams([[name, String(one)]]).toString());
}
