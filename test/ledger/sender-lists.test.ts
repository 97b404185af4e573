/** The list of a sender: the forms of a sender, unknown senders, and the cache. */

import { setImmediate } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { canonicalSender, createSenderLookup } from '../../src/ledger/sender-lists.ts';

const NEWS = { name: 'news', senders: ['+1 (555) 100-2000', '34567', 'ACME News'] };
const CODES = { name: 'codes', senders: ['15551003000'] };
const REST = { name: 'rest', senders: undefined };

describe('the canonical form of a sender', () => {
  it.each([
    ['15551002000', '15551002000'],
    ['+15551002000', '15551002000'],
    ['0015551002000', '15551002000'],
    ['+1 (555) 100-2000', '15551002000'],
    ['1.555.100/2000', '15551002000'],
    [' 15551002000\n', '15551002000'],
    ['34567', '34567'],
    // Two zeros stand for a plus only at the start. One zero never does.
    ['15551000000', '15551000000'],
    ['034567', '034567'],
  ])('is digits for a number: %j is %j', (given, written) => {
    expect(canonicalSender(given)).toBe(written);
  });

  it.each([
    ['ACME', 'acme'],
    [' Acme ', 'acme'],
    ['ACME-News 24/7', 'acme-news 24/7'],
    ['7Eleven', '7eleven'],
    ['Route 66', 'route 66'],
    ['00 Agents', '00 agents'],
    ['', ''],
    ['+', '+'],
  ])('is lower case for a sender id: %j is %j', (given, written) => {
    expect(canonicalSender(given)).toBe(written);
  });
});

describe('the list of a sender', () => {
  it.each([
    ['15551002000', 'news'],
    ['+1-555-100-2000', 'news'],
    [15_551_002_000, 'news'],
    [34_567, 'news'],
    ['acme news', 'news'],
    ['ACME NEWS ', 'news'],
    ['0015551003000', 'codes'],
  ])('is found by any form of the sender: %j is on %s', (from, list) => {
    expect(createSenderLookup({ lists: [NEWS, CODES] })(from)).toBe(list);
    expect(createSenderLookup({ lists: [REST, NEWS, CODES] })(from)).toBe(list);
  });

  it('is the list without senders if no list names the sender, and unknown if there is none', () => {
    expect(createSenderLookup({ lists: [REST, NEWS] })('15559999999')).toBe('rest');
    expect(createSenderLookup({ lists: [NEWS, CODES] })('15559999999')).toBeUndefined();
    expect(createSenderLookup({ lists: [] })('15559999999')).toBeUndefined();
  });

  it.each([[undefined], [null], [''], [{}], [true], [['34567']]])(
    'is unknown for a value that is no sender, %j, unless the only list has no senders',
    (from) => {
      expect(createSenderLookup({ lists: [REST] })(from)).toBe('rest');
      expect(createSenderLookup({ lists: [REST, NEWS] })(from)).toBeUndefined();
      expect(createSenderLookup({ lists: [NEWS] })(from)).toBeUndefined();
      const resolve = vi.fn(() => 'brand');
      expect(createSenderLookup({ lists: [REST], resolve })(from)).toBeUndefined();
      expect(resolve).not.toHaveBeenCalled();
    },
  );
});

describe('a function that names the list', () => {
  it('is called, with the sender as given, only for senders that no list names', () => {
    const resolve = vi.fn((from: string) => `brand of ${from}`);
    const lookup = createSenderLookup({ lists: [NEWS, REST], resolve });
    expect([lookup('345-67'), lookup(' ACME '), lookup(15_559)]).toEqual([
      'news',
      'brand of  ACME ',
      'brand of 15559',
    ]);
    expect(resolve.mock.calls).toEqual([[' ACME '], ['15559']]);
  });

  it('is called each time, because brands come and go', () => {
    const answers = ['one', 'two', undefined, 'three'];
    const lookup = createSenderLookup({ lists: [NEWS], resolve: () => answers.shift() });
    expect([lookup('X'), lookup('X'), lookup('X'), lookup('X')]).toEqual(['one', 'two', undefined, 'three']);
  });

  const noList: readonly unknown[] = [undefined, null, '', '*', 7, {}, ['news'], Promise.resolve('a')];
  it.each(noList.map((answer) => [answer]))('names no list by %j: the sender is like any other', (answer) => {
    const resolve = () => answer as string;
    expect(createSenderLookup({ lists: [NEWS, REST], resolve })('X')).toBe('rest');
    expect(createSenderLookup({ lists: [NEWS], resolve })('X')).toBeUndefined();
  });

  it('names no list if it throws', () => {
    const resolve = () => {
      throw new Error('no such brand');
    };
    expect(createSenderLookup({ lists: [NEWS, REST], resolve })('X')).toBe('rest');
    expect(createSenderLookup({ lists: [NEWS], resolve })('X')).toBeUndefined();
  });

  it('names no list if its promise rejects, and the rejection is handled', async () => {
    const onRejection = vi.fn();
    process.on('unhandledRejection', onRejection);
    const resolve = (() => Promise.reject(new Error('down'))) as unknown as () => string;
    expect(createSenderLookup({ lists: [NEWS, REST], resolve })('X')).toBe('rest');
    await setImmediate();
    process.off('unhandledRejection', onRejection);
    expect(onRejection).not.toHaveBeenCalled();
  });
});

describe('the cache of senders', () => {
  /** Looks senders up. @returns the size of the cache after each sender that was put in. */
  function sizesFor(asked: Iterable<string>, lists = [REST, NEWS]): readonly number[] {
    const lookup = createSenderLookup({ lists });
    const sizes: number[] = [];
    const { set } = Map.prototype;
    const spy = vi.spyOn(Map.prototype, 'set').mockImplementation(function (
      this: Map<unknown, unknown>,
      ...entry
    ) {
      set.apply(this, entry);
      sizes.push(this.size);
      return this;
    });
    for (const from of asked) lookup(from);
    spy.mockRestore();
    return sizes;
  }

  it('has each sender once', () => {
    expect(sizesFor(['a', 'b', 'a', '34567', 'b', '34567', 'a'])).toEqual([1, 2, 3]);
  });

  it('has no sender of more than 64 characters', () => {
    expect(sizesFor(['x'.repeat(64), 'y'.repeat(65), '1'])).toEqual([1, 2]);
  });

  it('has ten thousand senders at most', () => {
    const many = Array.from({ length: 10_002 }, (_, index) => `sender ${index}`);
    const sizes = sizesFor(many);
    expect(Math.max(...sizes)).toBe(10_000);
    expect(sizes.slice(-3)).toEqual([10_000, 1, 2]);
  });

  it('has unknown senders too', () => {
    expect(sizesFor(['x', 'x', '34567', '34567', 'x'], [NEWS])).toEqual([1, 2]);
    const lookup = createSenderLookup({ lists: [NEWS] });
    expect(['x', 'x', '34567', '34567'].map(lookup)).toEqual([undefined, undefined, 'news', 'news']);
  });
});
