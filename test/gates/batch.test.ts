import { describe, expect, it, vi } from 'vitest';
import type { Checker, Decision } from '../../src/decision.ts';
import { ConfigError } from '../../src/errors.ts';
import { filterRecipients } from '../../src/gates/batch.ts';

/** A checker for which numbers that start with 1555 are out, and anything but digits is unreadable. */
function checkerOf(): Checker & { report: ReturnType<typeof vi.fn<Checker['report']>> } {
  return {
    decide(to): Decision {
      const base = { state: 'fresh', ageMs: 0 } as const;
      if (typeof to !== 'string' || !/^\d+$/.test(to)) {
        return { allowed: false, reason: 'invalid_number', to: null, list: null, ...base };
      }
      if (to.startsWith('1555')) {
        return {
          allowed: false,
          reason: 'opted_out',
          to,
          list: 'default',
          source: 'provider',
          since: null,
          ...base,
        };
      }
      return { allowed: true, reason: 'not_listed', to, list: 'default', ...base };
    },
    report: vi.fn<Checker['report']>(),
    remindObserving() {},
  };
}

describe('filter', () => {
  it('parts recipients and keeps their order', () => {
    const result = filterRecipients(checkerOf(), [
      '447700900001',
      '15551230001',
      'x',
      '447700900002',
      '',
      '15551230002',
    ]);
    expect(result.allowed).toEqual(['447700900001', '447700900002']);
    expect(result.blocked.map(({ item }) => item)).toEqual(['15551230001', '15551230002']);
    expect(result.invalid).toEqual([
      { item: 'x', index: 2 },
      { item: '', index: 4 },
    ]);
  });

  it('reads the number of each row and hands the rows back as they are', () => {
    const rows = [{ phone: '15551230001' }, { phone: '447700900001' }, { phone: undefined }];
    const result = filterRecipients(checkerOf(), rows, { to: (row) => row.phone });
    expect(result.allowed[0]).toBe(rows[1]);
    expect(result.blocked[0]?.item).toBe(rows[0]);
    expect(result.invalid).toEqual([{ item: rows[2], index: 2 }]);
  });

  it('takes any iterable, once', () => {
    const numbers = new Set(['447700900001', '15551230001']);
    function* generated() {
      yield* numbers;
    }
    expect(filterRecipients(checkerOf(), numbers).allowed).toEqual(['447700900001']);
    expect(filterRecipients(checkerOf(), generated()).allowed).toEqual(['447700900001']);
  });

  it('counts a row whose number cannot be got as invalid', () => {
    const to = () => {
      throw new Error('no such column');
    };
    expect(filterRecipients(checkerOf(), ['a'], { to }).invalid).toEqual([{ item: 'a', index: 0 }]);
  });

  it('asks with the sender and reports each decision', () => {
    const checker = checkerOf();
    const decide = vi.spyOn(checker, 'decide');
    filterRecipients(checker, ['15551230001'], { from: '73737' });
    expect(decide).toHaveBeenCalledWith('15551230001', { from: '73737' });
    expect(checker.report).toHaveBeenCalledWith(expect.objectContaining({ reason: 'opted_out' }), {
      gate: 'filter',
      isObserved: false,
    });
  });

  it.each([
    [() => filterRecipients(checkerOf(), '15551230001' as never)],
    [() => filterRecipients(checkerOf(), null as never)],
    [() => filterRecipients(checkerOf(), 5 as never)],
    [() => filterRecipients(checkerOf(), [], { form: '1' } as never)],
    [() => filterRecipients(checkerOf(), [], { to: 'phone' } as never)],
  ])('refuses what cannot be filtered: %s', (run) => {
    expect(run).toThrow(ConfigError);
  });
});
