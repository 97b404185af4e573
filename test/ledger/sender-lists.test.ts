/** Which list a sender belongs to, by rule: how senders are written, who is unknown, and what is remembered. */

import { setImmediate } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { canonicalSender, createSenderLookup } from '../../src/ledger/sender-lists.ts';

const NEWS = { name: 'news', senders: ['+1 (555) 100-2000', '34567', 'ACME News'] };
const CODES = { name: 'codes', senders: ['15551003000'] };
const REST = { name: 'rest', senders: undefined };

describe('a sender is written one way', () => {
  it.each([
    ['15551002000', '15551002000'],
    ['+15551002000', '15551002000'],
    ['0015551002000', '15551002000'],
    ['+1 (555) 100-2000', '15551002000'],
    ['1.555.100/2000', '15551002000'],
    [' 15551002000\n', '15551002000'],
    ['34567', '34567'],
    // Only in front do two zeros stand for a plus, and one never does.
    ['15551000000', '15551000000'],
    ['034567', '034567'],
  ])('a number: %j is %j', (given, written) => {
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
  ])('a sender id: %j is %j', (given, written) => {
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
  ])('that names it in any form: %j is of %s', (from, list) => {
    expect(createSenderLookup({ lists: [NEWS, CODES] })(from)).toBe(list);
    expect(createSenderLookup({ lists: [REST, NEWS, CODES] })(from)).toBe(list);
  });

  it('is that of every other sender where no list names it, and unknown without one', () => {
    expect(createSenderLookup({ lists: [REST, NEWS] })('15559999999')).toBe('rest');
    expect(createSenderLookup({ lists: [NEWS, CODES] })('15559999999')).toBeUndefined();
    expect(createSenderLookup({ lists: [] })('15559999999')).toBeUndefined();
  });

  it.each([[undefined], [null], [''], [{}], [true], [['34567']]])(
    'is unknown for what is no sender, %j, unless there is only one list',
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
  it('is asked, with the sender as given, only about senders that no list names', () => {
    const resolve = vi.fn((from: string) => `brand of ${from}`);
    const lookup = createSenderLookup({ lists: [NEWS, REST], resolve });
    expect([lookup('345-67'), lookup(' ACME '), lookup(15_559)]).toEqual([
      'news',
      'brand of  ACME ',
      'brand of 15559',
    ]);
    expect(resolve.mock.calls).toEqual([[' ACME '], ['15559']]);
  });

  it('is asked each time: brands come and go', () => {
    const answers = ['one', 'two', undefined, 'three'];
    const lookup = createSenderLookup({ lists: [NEWS], resolve: () => answers.shift() });
    expect([lookup('X'), lookup('X'), lookup('X'), lookup('X')]).toEqual(['one', 'two', undefined, 'three']);
  });

  const noList: readonly unknown[] = [undefined, null, '', '*', 7, {}, ['news'], Promise.resolve('a')];
  it.each(noList.map((answer) => [answer]))('names none by %j: the sender is like any other', (answer) => {
    const resolve = () => answer as string;
    expect(createSenderLookup({ lists: [NEWS, REST], resolve })('X')).toBe('rest');
    expect(createSenderLookup({ lists: [NEWS], resolve })('X')).toBeUndefined();
  });

  it('names none where it throws', () => {
    const resolve = () => {
      throw new Error('no such brand');
    };
    expect(createSenderLookup({ lists: [NEWS, REST], resolve })('X')).toBe('rest');
    expect(createSenderLookup({ lists: [NEWS], resolve })('X')).toBeUndefined();
  });

  it('names none where its promise rejects, and the rejection disturbs nobody', async () => {
    const heard = vi.fn();
    process.on('unhandledRejection', heard);
    const resolve = (() => Promise.reject(new Error('down'))) as unknown as () => string;
    expect(createSenderLookup({ lists: [NEWS, REST], resolve })('X')).toBe('rest');
    await setImmediate();
    process.off('unhandledRejection', heard);
    expect(heard).not.toHaveBeenCalled();
  });
});

describe('what is remembered of senders', () => {
  /** Asks about senders; the sizes that the memory had when each was put in. */
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

  it('is each sender once', () => {
    expect(sizesFor(['a', 'b', 'a', '34567', 'b', '34567', 'a'])).toEqual([1, 2, 3]);
  });

  it('is none that is longer than any real one', () => {
    expect(sizesFor(['x'.repeat(64), 'y'.repeat(65), '1'])).toEqual([1, 2]);
  });

  it('is ten thousand of them at most', () => {
    const many = Array.from({ length: 10_002 }, (_, index) => `sender ${index}`);
    const sizes = sizesFor(many);
    expect(Math.max(...sizes)).toBe(10_000);
    expect(sizes.slice(-3)).toEqual([10_000, 1, 2]);
  });

  it('is also that a sender is unknown', () => {
    expect(sizesFor(['x', 'x', '34567', '34567', 'x'], [NEWS])).toEqual([1, 2]);
    const lookup = createSenderLookup({ lists: [NEWS] });
    expect(['x', 'x', '34567', '34567'].map(lookup)).toEqual([undefined, undefined, 'news', 'news']);
  });
});
