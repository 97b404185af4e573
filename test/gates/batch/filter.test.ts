import { describe, expect, it, vi } from 'vitest';
import type { BatchChecker } from '../../../src/decision.ts';
import { ConfigError } from '../../../src/errors.ts';
import { filterRecipients } from '../../../src/gates/batch/filter.ts';
import { createFakeChecker } from '../fake-checker.ts';

describe('filter', () => {
  it('splits recipients and keeps their order', () => {
    const result = filterRecipients(createFakeChecker(), [
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

  it('gets the number of each row by to, and returns the rows themselves', () => {
    const rows = [{ phone: '15551230001' }, { phone: '447700900001' }, { phone: undefined }];
    const result = filterRecipients(createFakeChecker(), rows, { to: (row) => row.phone });
    expect(result.allowed[0]).toBe(rows[1]);
    expect(result.blocked[0]?.item).toBe(rows[0]);
    expect(result.invalid).toEqual([{ item: rows[2], index: 2 }]);
  });

  it('splits any number of recipients, and counts the allowed ones', () => {
    const checker = createFakeChecker();
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

  it('uses the later decision if it allows a number that was not permitted before', () => {
    const checker = createFakeChecker();
    const permitsEach = vi.fn<BatchChecker['permitsEach']>();
    const { allowed } = filterRecipients({ ...checker, permitsEach }, ['447700900001', '15551230001']);
    expect(allowed).toEqual(['447700900001']);
  });

  it('accepts any iterable, and iterates it once', () => {
    const numbers = new Set(['447700900001', '15551230001']);
    function* generated() {
      yield* numbers;
    }
    expect(filterRecipients(createFakeChecker(), numbers).allowed).toEqual(['447700900001']);
    expect(filterRecipients(createFakeChecker(), generated()).allowed).toEqual(['447700900001']);
  });

  it('puts an item among the invalid ones if to throws', () => {
    const to = () => {
      throw new Error('no such column');
    };
    expect(filterRecipients(createFakeChecker(), ['a'], { to }).invalid).toEqual([{ item: 'a', index: 0 }]);
  });

  it('checks with the sender and reports each refusal', () => {
    const checker = createFakeChecker();
    filterRecipients(checker, ['15551230001'], { from: '73737' });
    expect(checker.decide).toHaveBeenCalledWith('15551230001', { from: '73737' });
    expect(checker.report).toHaveBeenCalledWith(expect.objectContaining({ reason: 'opted_out' }), {
      gate: 'filter',
      isObserved: false,
    });
  });

  it('allows every item if it only observes, and reports those that would be refused', () => {
    const checker = createFakeChecker();
    const recipients = ['447700900001', '15551230001', 'x', '447700900002'];
    const { allowed, blocked, invalid } = filterRecipients(checker, recipients, { onBlocked: 'observe' });
    expect(allowed).toEqual(recipients);
    expect(blocked.map(({ item }) => item)).toEqual(['15551230001']);
    expect(invalid).toEqual([{ item: 'x', index: 2 }]);
    const options = { gate: 'filter', isObserved: true };
    expect(checker.report).toHaveBeenCalledWith(expect.objectContaining({ reason: 'opted_out' }), options);
    expect(checker.remindObserving).toHaveBeenCalledExactlyOnceWith('filter');
  });

  it('refers to filterStream for an async iterable', () => {
    async function* numbers() {
      yield '447700900001';
    }
    expect(() => filterRecipients(createFakeChecker(), numbers() as never)).toThrow(
      /^recipients: .* filterStream\(\), received an object$/,
    );
  });

  it.each([
    [() => filterRecipients(createFakeChecker(), '15551230001' as never)],
    [() => filterRecipients(createFakeChecker(), [], { onBlocked: 'strip' } as never)],
    [() => filterRecipients(createFakeChecker(), null as never)],
    [() => filterRecipients(createFakeChecker(), 5 as never)],
    [() => filterRecipients(createFakeChecker(), [], { form: '1' } as never)],
    [() => filterRecipients(createFakeChecker(), [], { to: 'phone' } as never)],
  ])('refuses invalid options and recipients: %s', (run) => {
    expect(run).toThrow(ConfigError);
  });
});
