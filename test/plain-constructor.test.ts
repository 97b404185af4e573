import { deepStrictEqual } from 'node:assert';
import { inspect } from 'node:util';
import { expect, it } from 'vitest';
import { plainConstructor } from '../src/plain-constructor.ts';

const Pair = plainConstructor(function (this: { left: string; right: number }, left: string, right: number) {
  this.left = left;
  this.right = right;
});

it('creates objects that equal an object literal with the same members', () => {
  const pair = new Pair('a', 1);
  expect(pair).toStrictEqual({ left: 'a', right: 1 });
  deepStrictEqual(pair, { left: 'a', right: 1 });
  expect(Object.getPrototypeOf(pair)).toBe(Object.prototype);
  expect(Object.keys(pair)).toEqual(['left', 'right']);
});

it('creates objects that are printed, cloned and written as JSON like an object literal', () => {
  const pair = new Pair('a', 1);
  expect(inspect(pair)).toBe("{ left: 'a', right: 1 }");
  expect(structuredClone(pair)).toStrictEqual({ left: 'a', right: 1 });
  expect(JSON.stringify(pair)).toBe('{"left":"a","right":1}');
});
