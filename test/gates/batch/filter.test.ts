import { describe, expect, it, vi } from 'vitest';
import type { BatchChecker, Decision } from '../../../src/decision.ts';
import { ConfigError } from '../../../src/errors.ts';
import { filterRecipients } from '../../../src/gates/batch/filter.ts';

/** A checker for which numbers that start with 1555 are out, and anything but digits is unreadable. */
function checkerOf() {
  const checker = {
    decide(to: unknown): Decision {
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
    permitsEach(recipients, permitted) {
      for (const [index, to] of recipients.entries()) permitted[index] = Number(checker.decide(to).allowed);
    },
    report: vi.fn<BatchChecker['report']>(),
    reportPermitted: vi.fn<BatchChecker['reportPermitted']>(),
    remindObserving() {},
  } satisfies BatchChecker;
  return checker;
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

  it('parts any number of them, and counts what it let pass', () => {
    const checker = checkerOf();
    const recipients = Array.from({ length: 1_000 }, (_, index) =>
      index % 3 === 0 ? 'x' : `${index % 3 === 1 ? 1555 : 4477}${1_000_000 + index}`,
    );
    const { allowed, blocked, invalid } = filterRecipients(checker, recipients);
    expect(allowed).toEqual(recipients.filter((one) => one.startsWith('4477')));
    expect(blocked.map(({ item }) => item)).toEqual(recipients.filter((one) => one.startsWith('1555')));
    expect(invalid.map(({ index }) => index)).toEqual(Array.from({ length: 334 }, (_, index) => index * 3));
    const counted = checker.reportPermitted.mock.calls.reduce((sum, [count]) => sum + count, 0);
    expect([counted, checker.report.mock.calls.length]).toEqual([
      allowed.length,
      blocked.length + invalid.length,
    ]);
  });

  it('goes by the decision where that allows what was not permitted a moment ago', () => {
    const checker = checkerOf();
    const permitsEach = vi.fn<BatchChecker['permitsEach']>();
    const { allowed } = filterRecipients({ ...checker, permitsEach }, ['447700900001', '15551230001']);
    expect(allowed).toEqual(['447700900001']);
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

  it('lets everybody pass where it only observes, and tells whom it would have refused', () => {
    const checker = { ...checkerOf(), remindObserving: vi.fn<BatchChecker['remindObserving']>() };
    const recipients = ['447700900001', '15551230001', 'x', '447700900002'];
    const { allowed, blocked, invalid } = filterRecipients(checker, recipients, { onBlocked: 'observe' });
    expect(allowed).toEqual(recipients);
    expect(blocked.map(({ item }) => item)).toEqual(['15551230001']);
    expect(invalid).toEqual([{ item: 'x', index: 2 }]);
    const how = { gate: 'filter', isObserved: true };
    expect(checker.report).toHaveBeenCalledWith(expect.objectContaining({ reason: 'opted_out' }), how);
    expect(checker.remindObserving).toHaveBeenCalledExactlyOnceWith('filter');
  });

  it('names what takes an async iterable', () => {
    async function* numbers() {
      yield '447700900001';
    }
    expect(() => filterRecipients(checkerOf(), numbers() as never)).toThrow(
      /^recipients: .* filterStream\(\), received an object$/,
    );
  });

  it.each([
    [() => filterRecipients(checkerOf(), '15551230001' as never)],
    [() => filterRecipients(checkerOf(), [], { onBlocked: 'strip' } as never)],
    [() => filterRecipients(checkerOf(), null as never)],
    [() => filterRecipients(checkerOf(), 5 as never)],
    [() => filterRecipients(checkerOf(), [], { form: '1' } as never)],
    [() => filterRecipients(checkerOf(), [], { to: 'phone' } as never)],
  ])('refuses what cannot be filtered: %s', (run) => {
    expect(run).toThrow(ConfigError);
  });
});
