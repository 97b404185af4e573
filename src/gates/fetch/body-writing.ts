/**
 * Writes changes of a parsed body back into its text. Parts that did not change keep their text: a number that
 * JavaScript would round stays as it was written. Pure.
 */

import { readJsonSource, type JsonNode } from './json-source.ts';

/**
 * Writes JSON that has been changed.
 *
 * @param text the JSON before the change.
 * @param after the parsed value after the change.
 * @throws TypeError if a number would be rounded, or if `after` cannot be written as JSON.
 */
export function rewriteJson(text: string, after: unknown): string {
  const source = readJsonSource(text);
  const textOf = (node: JsonNode) => text.slice(node.start, node.end);
  const rounded = new Set(roundedNumbers(source, textOf));

  function write(node: JsonNode, value: unknown): string {
    if (isSame(node, value)) return textOf(node);
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
    const nodes = new Map(members.map(({ name, node: member }) => [name, member]));
    const written = kept.map((name) => {
      const member = nodes.get(name);
      return `${JSON.stringify(name)}:${member ? write(member, value[name]) : writeNew(value[name])}`;
    });
    return `{${written.join(',')}}`;
  }

  /** Writes an array. Items that are still there, in their order, keep their text. */
  function writeArray(items: readonly JsonNode[], values: readonly unknown[]): string {
    let next = 0;
    const texts = values.map((value, index) => {
      let candidate = next;
      while (candidate < items.length && !isSame(items[candidate] as JsonNode, value)) candidate++;
      const item = items[candidate];
      if (item === undefined) {
        // If the length is the same, an item may have been changed in place: it is compared with the old one there.
        const before = values.length === items.length ? items[index] : undefined;
        return before === undefined ? writeNew(value) : write(before, value);
      }
      next = candidate + 1;
      return textOf(item);
    });
    return `[${texts.join(',')}]`;
  }

  function writeNew(value: unknown): string {
    const written = JSON.stringify(value) as string | undefined;
    if (written === undefined) throw new TypeError('setTo wrote a value that is no JSON');
    if (numbersIn(JSON.parse(written)).some((number) => rounded.has(number))) {
      throw new TypeError('setTo wrote a number that JavaScript has rounded: leave it where it is');
    }
    return written;
  }

  return text.slice(0, source.start) + write(source, after) + text.slice(source.end);
}

type Members = NonNullable<JsonNode['members']>;

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !('toJSON' in value);
}

/** Whether a value equals the value that `JSON.parse` made of a node. */
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
  const byLast = new Map(node.members.map(({ name, node: member }) => [name, member]));
  return (
    Object.keys(value).length === byLast.size &&
    [...byLast].every(([name, member]) => Object.hasOwn(value, name) && isSame(member, value[name]))
  );
}

/** Returns the rounded values of the numbers in a text that JavaScript rounds. */
function roundedNumbers(node: JsonNode, textOf: (node: JsonNode) => string): readonly number[] {
  const children = [...(node.items ?? []), ...(node.members ?? []).map((member) => member.node)];
  const inChildren = children.flatMap((child) => roundedNumbers(child, textOf));
  const { value } = node;
  if (typeof value !== 'number') return inChildren;
  const digits = textOf(node)
    .replace(/[eE].*$/, '')
    .replaceAll(/[^\d]/g, '')
    .replace(/^0+/, '');
  return digits.length > 15 && textOf(node) !== String(value) ? [...inChildren, value] : inChildren;
}

function numbersIn(value: unknown): readonly number[] {
  if (typeof value === 'number') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(numbersIn) : [];
}

/** The values of a form. A name that occurs more than once has an array. */
export type FormValues = Readonly<Record<string, string | readonly string[]>>;

/**
 * Parses a form.
 *
 * @param nameOf maps the names in the form to the names of the result.
 */
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
 * @param text the form before the change.
 * @param after the values after the change. A value that is no string is converted to one.
 * @param nameOf the mapping of names with which the form was parsed.
 */
export function rewriteForm(text: string, after: unknown, nameOf: (name: string) => string): string {
  const before = readForm(text, nameOf);
  const entries = Object.entries(after as Record<string, unknown>);
  const changed = new Map(entries.filter(([name, value]) => !isEqual(before[name], value)));
  const kept = new Set(entries.map(([name]) => name));
  const parts = text.split('&').flatMap((part) => {
    const [pair] = new URLSearchParams(part);
    if (pair === undefined) return [];
    const name = nameOf(pair[0]);
    if (!kept.has(name)) return [];
    if (!changed.has(name)) return [part];
    const value = changed.get(name);
    // The first part of a changed name gets all of its values, the other parts are removed.
    changed.set(name, []);
    return formPairs(pair[0], value);
  });
  const added = [...changed].filter(([name]) => !Object.hasOwn(before, name));
  return [...parts, ...added.flatMap(([name, value]) => formPairs(name, value))].join('&');
}

function isEqual(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function formPairs(name: string, value: unknown): readonly string[] {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  return values.map((one) => new URLSearchParams([[name, String(one)]]).toString());
}
