import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRow } from '../../src/sync/row.ts';

const START = Date.UTC(2026, 0, 1);
const N = '15558937009';
const DATE = Date.UTC(2014, 5, 27, 18, 31, 33);

describe('parseRow', () => {
  it.each([
    ['a string', N, { kind: 'out', msisdn: N }],
    ['a number', 15558937009, { kind: 'out', msisdn: N }],
    ['a row as published', { msisdn: N, 'opt-in': 'false', 'opt-out': 'true' }, { kind: 'out', msisdn: N }],
    [
      'a row with a run of spaces in its date',
      { msisdn: N, 'opt-in': 'false', 'opt-out': 'true', 'opt-out-date': '2014-06-27      18:31:33' },
      { kind: 'out', msisdn: N, date: DATE },
    ],
    ['boolean flags', { msisdn: N, optIn: false, optOut: true }, { kind: 'out', msisdn: N }],
    ['flags in capitals', { msisdn: N, 'opt-out': ' TRUE ' }, { kind: 'out', msisdn: N }],
    [
      'an opt-in',
      { msisdn: N, 'opt-in': 'true', 'opt-out': 'false', 'opt-in-date': '2014-06-27 18:31:33' },
      { kind: 'in', msisdn: N, date: DATE },
    ],
    ['an opt-in without a date', { msisdn: N, optIn: true, optOut: false }, { kind: 'in', msisdn: N }],
    ['opt-in alone', { msisdn: N, optIn: true }, { kind: 'out', msisdn: N, doubt: 'flags_missing' }],
    ['no flags', { msisdn: N }, { kind: 'out', msisdn: N, doubt: 'flags_missing' }],
    [
      'null flags',
      { msisdn: N, optIn: null, optOut: '' },
      { kind: 'out', msisdn: N, doubt: 'flags_missing' },
    ],
    [
      'two true flags',
      { msisdn: N, optIn: true, optOut: true },
      { kind: 'out', msisdn: N, doubt: 'flags_contradict' },
    ],
    [
      'two false flags',
      { msisdn: N, optIn: 'false', optOut: 'false' },
      { kind: 'out', msisdn: N, doubt: 'flags_contradict' },
    ],
    [
      'unreadable flags',
      { msisdn: N, optIn: 'maybe', optOut: 7 },
      { kind: 'out', msisdn: N, doubt: 'flags_unreadable' },
    ],
    [
      'one unreadable flag',
      { msisdn: N, optIn: true, optOut: 0 },
      { kind: 'out', msisdn: N, doubt: 'flags_unreadable' },
    ],
    // One unreadable flag is enough for a doubt, even if the other flag decides.
    ...(
      [
        [{ optIn: 'maybe', optOut: true }, 'flags_unreadable'],
        [{ optIn: 'maybe', optOut: false }, 'flags_unreadable'],
        [{ optIn: 'maybe' }, 'flags_unreadable'],
        [{ optIn: false, optOut: 'maybe' }, 'flags_unreadable'],
        [{ optOut: 'maybe' }, 'flags_unreadable'],
        [{ optIn: 1, optOut: 'TRUE' }, 'flags_unreadable'],
        [{ optIn: 'FALSE', optOut: 'False' }, 'flags_contradict'],
        [{ optIn: ' True ', optOut: 'TRUE' }, 'flags_contradict'],
        [{ optIn: false }, 'flags_missing'],
        [{ optOut: false }, 'flags_contradict'],
      ] as const
    ).map(([flags, doubt]): [string, unknown, object] => [
      `flags ${JSON.stringify(flags)}`,
      { msisdn: N, ...flags },
      { kind: 'out', msisdn: N, doubt },
    ]),
    [
      'an unreadable date',
      { msisdn: N, optOut: true, optOutDate: 'yesterday' },
      { kind: 'out', msisdn: N, doubt: 'date_unreadable' },
    ],
    [
      'a date after the start of the sweep',
      { msisdn: N, optOut: true, optOutDate: START + 1 },
      { kind: 'out', msisdn: N },
    ],
    [
      'a date at the start of the sweep',
      { msisdn: N, optOut: true, optOutDate: START },
      { kind: 'out', msisdn: N, date: START },
    ],
    ['no number', { 'opt-out': 'true' }, { kind: 'unreadable' }],
    ['an unreadable number', { msisdn: 'abc', 'opt-out': 'true' }, { kind: 'unreadable' }],
    ['null', null, { kind: 'unreadable' }],
    ['a proxy that throws', throwingProxy(), { kind: 'unreadable' }],
  ])('parses %s', (_name, row, expected) => {
    expect(parseRow(row, START)).toEqual(expected);
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.anything({ withNullPrototype: true, withDate: true }), (row) => {
        expect(['out', 'in', 'unreadable']).toContain(parseRow(row, START).kind);
      }),
    );
  });
});

function throwingProxy(): object {
  return new Proxy(
    {},
    {
      get() {
        throw new Error('no');
      },
    },
  );
}
