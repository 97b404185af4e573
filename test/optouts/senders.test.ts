import { describe, expect, it, vi } from 'vitest';
import { createSenderLookup } from '../../src/optouts/senders.ts';

describe('the list of a sender', () => {
  const lists = [
    { name: 'alerts', senders: ['+1 415 555 0100', 'Acme'] },
    { name: 'rest', senders: undefined },
  ];

  it('is found in every writing of the sender, as a number too', () => {
    const listOf = createSenderLookup({ lists, resolve: undefined });
    const senders = ['14155550100', 14155550100, '0014155550100', ' ACME ', 'other', 7];
    expect(senders.map(listOf)).toEqual(['alerts', 'alerts', 'alerts', 'alerts', 'rest', 'rest']);
  });

  it.each([
    ['no function', undefined, undefined],
    ['a function', () => 'alerts', undefined],
  ])('is unknown where nothing is said of one: with %s', (_name, resolve, expected) => {
    const listOf = createSenderLookup({ lists, resolve });
    expect([undefined, null, '', {}].map(listOf)).toEqual(Array(4).fill(expected));
  });

  it('is the only one without a sender, where no list names any', () => {
    expect(createSenderLookup({ lists: [{ name: 'all', senders: undefined }], resolve: undefined })('')).toBe(
      'all',
    );
  });

  it('is what a function says of senders that no list names, unless it says nothing', () => {
    const says = vi.fn<(from: string) => unknown>();
    const listOf = createSenderLookup({ lists, resolve: says as (from: string) => string });
    for (const [said, list] of [
      ['offers', 'offers'],
      ['', 'rest'],
      ['*', 'rest'],
      [7, 'rest'],
      [Promise.reject(new Error('late')), 'rest'],
    ]) {
      says.mockReturnValueOnce(said);
      expect(listOf('other')).toBe(list);
    }
    says.mockImplementationOnce(() => {
      throw new Error('no');
    });
    expect([listOf('other'), listOf('Acme')]).toEqual(['rest', 'alerts']);
  });

  it('is not remembered for more than ten thousand senders', () => {
    const listOf = createSenderLookup({ lists, resolve: undefined });
    for (let index = 0; index <= 10_000; index++) expect(listOf(`sender ${index}`)).toBe('rest');
    expect(listOf('acme')).toBe('alerts');
  });
});
