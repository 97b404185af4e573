import { describe, expect, it } from 'vitest';
import type { Evidence } from '../../src/optouts/change.ts';
import { createLedger, type Ledger, type LedgerOptions } from '../../src/optouts/ledger.ts';
import { createNumberSet } from '../../src/optouts/number-set.ts';
import type { CommitEffect, Removals } from '../../src/optouts/sweep-run.ts';
import type { PartImage } from '../../src/optouts/part-forms.ts';
import { columnsOf } from './columns.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const T = Date.UTC(2026, 0, 1);
const N = '15550000001';
const options: LedgerOptions = {
  ...{ list: 'default', clockSlackMs: MINUTE, lagGraceMs: 10 * MINUTE, shrinkHoldMs: 24 * HOUR },
  trustProviderRemoval: false,
};

let acts = 0;
function fact(direction: 'out' | 'in', at: number, change: Partial<Evidence> = {}): Evidence {
  return { direction, at, clock: 'local', seenAt: at, source: 'manual', id: `act ${acts++}`, ...change };
}

function sweep(
  ledger: Ledger,
  start: number,
  numbers: readonly string[],
  removals: Removals = 'apply',
): CommitEffect {
  const run = ledger.begin(start);
  run.page(columnsOf(numbers.map((msisdn) => ({ kind: 'out', msisdn }))), start);
  const commit = run.commit(removals);
  for (;;) {
    const { done, value } = commit.next();
    if (done) return value;
  }
}

function image(start: number | null, numbers: readonly string[]): PartImage {
  return { start, numbers: createNumberSet(numbers), missingOnce: createNumberSet(), heldSince: null };
}

const many = (count: number) => Array.from({ length: count }, (_, index) => String(15_551_000_000 + index));

describe('an opt-in and an opt-out', () => {
  const provider = { clock: 'provider' } as const;
  it.each([
    ['same clock, later', fact('out', T), fact('in', T + 1), false],
    ['same clock, a tie', fact('out', T), fact('in', T), true],
    ['same clock, earlier', fact('out', T), fact('in', T - 1), true],
    [
      'two clocks, seen before the act',
      fact('out', T, { ...provider, seenAt: T + 5 }),
      fact('in', T + 5),
      false,
    ],
    [
      'two clocks, seen after the act',
      fact('out', T, { ...provider, seenAt: T + 6 }),
      fact('in', T + 5),
      true,
    ],
    [
      'two clocks, slack passed',
      fact('out', T, { ...provider, seenAt: T + HOUR }),
      fact('in', T + MINUTE + 1),
      false,
    ],
    [
      'two clocks, within slack',
      fact('out', T, { ...provider, seenAt: T + HOUR }),
      fact('in', T + MINUTE),
      true,
    ],
  ])('%s', (_name, out, optIn, isBlocked) => {
    for (const order of [
      [out, optIn],
      [optIn, out],
    ]) {
      const ledger = createLedger(options);
      for (const evidence of order) ledger.merge(N, evidence);
      expect(ledger.blocks(N)).toBe(isBlocked);
    }
  });

  it('one act told five times is one change', () => {
    const ledger = createLedger(options);
    const stop = fact('out', T);
    const changes = [0, 1, 2, 3, 4].map((late) => ledger.merge(N, { ...stop, seenAt: T + late }));
    expect(changes).toEqual([true, false, false, false, false]);
  });
});

describe('sweeps', () => {
  it('block at once, and remove what two complete ones in a row lack', () => {
    const ledger = createLedger(options);
    const run = ledger.begin(T);
    run.page(columnsOf([{ kind: 'out', msisdn: N }]), T);
    expect(ledger.blocks(N)).toBe(true);
    run.abort();
    expect(ledger.blocks(N)).toBe(true);
    sweep(ledger, T + 1, []);
    expect(ledger.blocks(N)).toBe(true);
    sweep(ledger, T + 2, [N]);
    sweep(ledger, T + 3, []);
    expect(ledger.blocks(N)).toBe(true);
    sweep(ledger, T + 4, []);
    expect(ledger.blocks(N)).toBe(false);
  });

  it('remove nothing where a row could not be read', () => {
    const ledger = createLedger(options);
    sweep(ledger, T, [N]);
    for (let index = 1; index < 5; index++) sweep(ledger, T + index, [], 'none');
    expect(ledger.blocks(N)).toBe(true);
    expect(ledger.lastStart).toBe(T + 4);
  });

  it('that began earlier and end later are dropped', () => {
    const ledger = createLedger(options);
    sweep(ledger, T + 10, [N]);
    expect(sweep(ledger, T, [])).toEqual({ status: 'dropped' });
    const first = ledger.begin(T + 20);
    sweep(ledger, T + 30, [N]);
    expect(first.commit('apply').next().value).toEqual({ status: 'dropped' });
    expect(ledger.blocks(N)).toBe(true);
  });

  it.each([
    ['99 that become none', 99, 0, false],
    ['100 that become 50', 100, 50, true],
    ['100 that become 51', 100, 51, false],
    ['50 000 that become 40', 50_000, 40, true],
    ['3 that become none', 3, 0, false],
  ])('%s', (_name, before, after, isHeld) => {
    const ledger = createLedger(options);
    const all = many(before);
    sweep(ledger, T, all);
    expect(sweep(ledger, T + 1, all.slice(0, after))).toMatchObject({ isHeld, removed: 0 });
    expect(sweep(ledger, T + 2, all.slice(0, after))).toMatchObject({
      isHeld,
      removed: isHeld ? 0 : before - after,
    });
  });

  it('held back apply when an operator accepts, or after 24 hours that agree', () => {
    const [accepted, waited, recovered] = [0, 1, 2].map(() => {
      const ledger = createLedger(options);
      sweep(ledger, T, many(200));
      sweep(ledger, T + HOUR, many(10));
      return ledger;
    });
    expect(accepted && sweep(accepted, T + 2 * HOUR, many(10), 'accept')).toMatchObject({ removed: 190 });
    expect(waited && sweep(waited, T + 24 * HOUR, many(10))).toMatchObject({ isHeld: true });
    expect(waited && sweep(waited, T + 25 * HOUR, many(10))).toMatchObject({ isHeld: false, removed: 190 });
    if (recovered) sweep(recovered, T + 2 * HOUR, many(200));
    expect(recovered?.heldSince).toBeNull();
    expect(recovered && sweep(recovered, T + 26 * HOUR, many(10))).toMatchObject({
      isHeld: true,
      removed: 0,
    });
  });

  it('do not release who opted out first-hand, unless the list trusts removals', () => {
    for (const trustProviderRemoval of [false, true]) {
      const ledger = createLedger({ ...options, trustProviderRemoval });
      ledger.merge(N, fact('out', T));
      sweep(ledger, T + HOUR, [N]);
      sweep(ledger, T + 2 * HOUR, []);
      const effect = sweep(ledger, T + 3 * HOUR, []);
      if (effect.status === 'committed') {
        for (const { msisdn, evidence } of effect.optIns) ledger.merge(msisdn, evidence);
      }
      expect(ledger.blocks(N)).toBe(!trustProviderRemoval);
    }
  });

  it('overrule an opt-in only with a newer date, or long after it', () => {
    const ledger = createLedger(options);
    sweep(ledger, T, [N]);
    ledger.merge(N, fact('in', T + HOUR));
    const listed = (start: number, date: number) => {
      const run = ledger.begin(start);
      const { overruled } = run.page(columnsOf([{ kind: 'out', msisdn: N, date }]), start);
      run.abort();
      return [overruled.length, ledger.blocks(N)];
    };
    expect(listed(T + HOUR + 10 * MINUTE, T)).toEqual([0, false]);
    expect(listed(T + HOUR + 10 * MINUTE, T + HOUR + MINUTE)).toEqual([0, false]);
    expect(listed(T + HOUR + 10 * MINUTE, T + HOUR + MINUTE + 1)).toEqual([1, true]);
    ledger.merge(N, fact('in', T + 2 * HOUR));
    expect(ledger.blocks(N)).toBe(false);
    expect(listed(T + 2 * HOUR + 10 * MINUTE + 1, T)).toEqual([1, true]);
  });

  it('prove an opt-in with a row that says so', () => {
    const ledger = createLedger(options);
    ledger.merge(N, fact('out', T, { clock: 'provider' }));
    const run = ledger.begin(T + HOUR);
    const { optIns } = run.page(
      columnsOf([
        { kind: 'in', msisdn: N, date: T + MINUTE },
        { kind: 'in', msisdn: '15550000009', date: T },
      ]),
      T + HOUR,
    );
    expect(optIns).toHaveLength(1);
    for (const { msisdn, evidence } of optIns) ledger.merge(msisdn, evidence);
    expect(ledger.blocks(N)).toBe(false);
  });

  it.each([
    ['was not listed since', [] as string[]],
    ['was only listed before', [N]],
  ])('trusted or not, says nothing about a number that %s', (_name, before) => {
    const ledger = createLedger({ ...options, trustProviderRemoval: true });
    sweep(ledger, T, before);
    ledger.merge(N, fact('out', T + MINUTE));
    for (const start of [T + 2 * MINUTE, T + 3 * MINUTE, T + 4 * MINUTE]) {
      expect(sweep(ledger, start, [])).toMatchObject({ optIns: [] });
    }
    expect(ledger.blocks(N)).toBe(true);
  });
});

describe('a tie', () => {
  it('of two acts of one millisecond counts from the later that was received, in any order', () => {
    const outs = ['b', 'a', 'c'].map((id) => fact('out', T, { clock: 'provider', seenAt: T + 5, id }));
    for (const order of [outs, outs.toReversed()]) {
      const ledger = createLedger(options);
      for (const one of order) ledger.merge(N, one);
      expect(ledger.evidence(N).map(({ id }) => id)).toEqual(['a', 'b', 'c']);
    }
  });

  it('of very many keeps a bounded number of them, and blocks', () => {
    const ledger = createLedger(options);
    for (let index = 0; index < 1_000; index++) ledger.merge(N, fact('out', T, { seenAt: T + index }));
    expect(ledger.evidence(N).length).toBeLessThan(20);
    ledger.merge(N, fact('in', T + 998, { clock: 'provider' }));
    expect(ledger.blocks(N)).toBe(true);
  });
});

describe('a sweep that is overtaken', () => {
  const row = (msisdn: string) => ({ kind: 'out', msisdn }) as const;

  it('by a later one changes nothing any more', () => {
    const ledger = createLedger(options);
    const early = ledger.begin(T);
    const late = ledger.begin(T + 1);
    expect(early.page(columnsOf([row(N)]), T)).toMatchObject({ added: 0, fresh: 0 });
    expect(early.commit('apply').next().value).toEqual({ status: 'dropped' });
    early.abort();
    expect(late.page(columnsOf([row(N)]), T)).toMatchObject({ added: 1, fresh: 1 });
    expect(late.commit('apply').next().value).toMatchObject({ status: 'committed', size: 1 });
  });

  it('by a saved one while it commits removes nothing more', () => {
    const ledger = createLedger(options);
    const numbers = many(50_000);
    sweep(ledger, T, numbers);
    const run = ledger.begin(T + 1);
    run.page(columnsOf(numbers.slice(1).map(row)), T + 1);
    const commit = run.commit('apply');
    expect(commit.next().done).toBe(false);
    expect(ledger.restore(image(T + 2, [N]), [])).toBe(true);
    expect(commit.next().value).toEqual({ status: 'dropped' });
    expect([ledger.listedByProvider, ledger.blocks(N)]).toEqual([50_001, true]);
  });

  it('by a saved one that began earlier goes on, and loses nothing that it has shown', () => {
    const ledger = createLedger(options);
    const run = ledger.begin(T + 10);
    run.page(columnsOf([row(N)]), T + 10);
    expect(ledger.restore(image(T, many(5)), [])).toBe(true);
    expect(ledger.blocks(N)).toBe(true);
    run.page(columnsOf(many(5).map(row)), T + 11);
    expect(run.commit('apply').next().value).toMatchObject({ status: 'committed', size: 6 });
  });

  it('older than what is known is not restored', () => {
    const ledger = createLedger(options);
    expect(ledger.restore(image(null, []), [])).toBe(true);
    sweep(ledger, T, [N]);
    expect(ledger.restore(image(null, []), [])).toBe(false);
    expect(ledger.restore(image(T - 1, []), [])).toBe(false);
    expect(ledger.blocks(N)).toBe(true);
  });

  it('a number that a restored sweep lacks stays for one more, as after a sweep of our own', () => {
    const ledger = createLedger(options);
    sweep(ledger, T, [N]);
    expect(ledger.restore(image(T + 1, []), [])).toBe(true);
    expect(ledger.blocks(N)).toBe(true);
    expect(ledger.restore(image(T + 2, []), [])).toBe(true);
    expect(ledger.blocks(N)).toBe(false);
  });
});

const digits = (set: Iterable<string> | undefined) => [...(set ?? [])].toSorted();

describe('another process’s sweep', () => {
  const news = (start: number | null, change: object = {}) => ({
    ...{ start, added: [], removed: [], heldSince: null },
    ...change,
  });

  it('adds and removes at once, and is refused where it is older', () => {
    const ledger = createLedger(options);
    expect(ledger.follow(news(null, { added: [Number(N)] }), [])).toBe(true);
    expect([ledger.blocks(N), ledger.lastStart]).toEqual([true, null]);
    expect(ledger.follow(news(T, { removed: [Number(N)], heldSince: T }), [])).toBe(true);
    expect([ledger.blocks(N), ledger.lastStart, ledger.heldSince]).toEqual([false, T, T]);
    // A part of the news says nothing about it.
    ledger.follow(news(T, { heldSince: undefined }), []);
    expect(ledger.heldSince).toBe(T);
    expect(ledger.follow(news(T - 1, { removed: [Number(N)] }), [])).toBe(false);
    expect(ledger.lastStart).toBe(T);
  });

  it('that is older adds all the same, and takes nothing away that a newer one of ours lists', () => {
    const ledger = createLedger(options);
    const [other = ''] = many(1);
    sweep(ledger, T, [N]);
    ledger.save().done('kept');
    expect(ledger.follow(news(T - 1, { added: [Number(other)], removed: [Number(N)] }), [])).toBe(false);
    expect([ledger.blocks(N), ledger.blocks(other), ledger.hasNews]).toEqual([true, true, true]);
    // The store, which took it away, gets it again.
    expect(digits(ledger.save().delta?.added)).toEqual([N]);
  });

  it('that is newer does not take away what the sweep being read has shown', () => {
    const ledger = createLedger(options);
    sweep(ledger, T, [N]);
    ledger.save().done('kept');
    const run = ledger.begin(T + 1);
    run.page(columnsOf([{ kind: 'out', msisdn: N }]), T + 1);
    ledger.follow(news(T + 2, { removed: [Number(N)] }), []);
    expect([ledger.blocks(N), digits(ledger.save().delta?.added)]).toEqual([true, [N]]);
    run.abort();
    ledger.follow(news(T + 3, { removed: [Number(N)] }), []);
    expect(ledger.blocks(N)).toBe(false);
  });

  it('that refuses ours undoes what ours took away, until a sweep of both lacks it', () => {
    const ledger = createLedger(options);
    sweep(ledger, T, [N]);
    ledger.save().done('kept');
    for (const start of [T + 1, T + 2]) sweep(ledger, start, []);
    expect(ledger.blocks(N)).toBe(false);
    ledger.save().done('refused');
    expect(ledger.blocks(N)).toBe(true);
    sweep(ledger, T + 3, []);
    expect(ledger.blocks(N)).toBe(false);
  });

  it('tells what it lacked, and which rows outweigh an opt-in', () => {
    const ledger = createLedger(options);
    sweep(ledger, T, [N]);
    ledger.merge(N, fact('in', T + 1));
    expect(ledger.blocks(N)).toBe(false);
    const missingOnce = { numbers: [Number(N)], isFirst: true, isLast: true };
    ledger.follow(news(T + HOUR, { missingOnce }), [{ msisdn: N, start: T + HOUR, date: T + HOUR }]);
    expect(ledger.blocks(N)).toBe(true);
    expect(sweep(ledger, T + 2 * HOUR, [])).toMatchObject({ removed: 1 });
  });

  it('tells what it lacked in parts, which count together with the last one', () => {
    const [a = '', b = '', c = ''] = many(3);
    const part = (msisdn: string, isFirst: boolean, isLast: boolean) => ({
      missingOnce: { numbers: [Number(msisdn)], isFirst, isLast },
    });
    const told = (...parts: ReturnType<typeof part>[]) => {
      const ledger = createLedger(options);
      sweep(ledger, T, [a, b, c]);
      for (const [index, one] of parts.entries()) {
        ledger.follow(news(index === parts.length - 1 ? T + 1 : T, one), []);
      }
      sweep(ledger, T + 2, []);
      return [a, b, c].map((msisdn) => ledger.blocks(msisdn));
    };
    expect(told(part(a, true, false), part(b, false, true))).toEqual([false, false, true]);
    // Its teller died in the middle: what it had told is told again, or is not so any more.
    expect(told(part(a, true, false), part(b, true, false), part(c, false, true))).toEqual([
      true,
      false,
      false,
    ]);
    expect(told(part(a, true, false), part(b, false, false))).toEqual([true, true, true]);
  });

  it('tells rows that count whatever else is too old by now', () => {
    const ledger = createLedger(options);
    sweep(ledger, T, [N]);
    ledger.merge(N, fact('in', T + 1));
    sweep(ledger, T + 3, [N]);
    expect(ledger.blocks(N)).toBe(false);
    ledger.follow(news(T + 2), [{ msisdn: N, start: T + 2, date: T + HOUR }]);
    expect([ledger.blocks(N), ledger.lastStart]).toEqual([true, T + 3]);
  });
});

describe('what has to be saved', () => {
  it('is everything first, then what changed since the last save that was kept', () => {
    const ledger = createLedger(options);
    const [a = '', b = '', c = ''] = many(3);
    sweep(ledger, T, [a, b]);
    const first = ledger.save();
    expect([first.delta, digits(first.numbers), first.start]).toEqual([undefined, [a, b], T]);
    first.done('kept');
    for (const start of [T + 1, T + 2]) sweep(ledger, start, [b, c]);
    const refused = ledger.save();
    expect([digits(refused.delta?.added), digits(refused.delta?.removed)]).toEqual([[c], [a]]);
    refused.done('failed');
    for (const start of [T + 3, T + 4]) sweep(ledger, start, [a, b]);
    const second = ledger.save();
    expect([digits(second.delta?.added), digits(second.delta?.removed)]).toEqual([[a], [c]]);
    second.done('kept');
    expect([...(ledger.save().delta?.added ?? [])]).toEqual([]);
  });

  it.each(['failed', 'refused'] as const)('is everything again where the first was %s', (outcome) => {
    const ledger = createLedger(options);
    sweep(ledger, T, [N]);
    ledger.save().done(outcome);
    expect(ledger.save().delta).toBeUndefined();
  });

  it('holds the rows of people who opted in, and of others where the date is news', () => {
    const ledger = createLedger(options);
    const [a = '', b = ''] = many(2);
    ledger.merge(a, fact('in', T - 1));
    ledger.merge(b, fact('out', T - 1));
    const rowsOf = () => ledger.save().rows.map(({ msisdn }) => msisdn);
    const dated = (start: number) => {
      const run = ledger.begin(start);
      run.page(columnsOf([a, b].map((msisdn) => ({ kind: 'out', msisdn, date: T - HOUR }) as const)), start);
      expect([...run.commit('apply')]).toEqual([]);
    };
    dated(T);
    const first = ledger.save();
    expect(first.rows).toEqual([a, b].map((msisdn) => ({ msisdn, start: T, date: T - HOUR })));
    first.done('kept');
    dated(T + 1);
    const second = ledger.save();
    expect(second.rows.map(({ msisdn }) => msisdn)).toEqual([a]);
    second.done('failed');
    // What is erased leaves what the list said.
    ledger.replace(a, []);
    expect(rowsOf()).toEqual([a]);
    dated(T + 2);
    ledger.merge(a, fact('in', T + 3));
    dated(T + 4);
    for (const start of [T + 5, T + 6]) sweep(ledger, start, []);
    expect(ledger.prune(T + HOUR)).toBe(1);
    expect(rowsOf()).toEqual([]);
  });
});

describe('a late opt-in of somebody whom only the provider lists', () => {
  const started = { clock: 'provider', source: 'inbound' } as const;

  it('does not beat a row that may be newer, until the row is seen again', () => {
    const ledger = createLedger(options);
    sweep(ledger, T, [N]);
    ledger.merge(N, fact('in', T - 1, { ...started, seenAt: T + MINUTE }));
    expect(ledger.blocks(N)).toBe(true);
    const run = ledger.begin(T + 2 * MINUTE);
    run.page(columnsOf([{ kind: 'out', msisdn: N, date: T - HOUR }]), T + 2 * MINUTE);
    expect(ledger.blocks(N)).toBe(false);
  });

  it('beats a row of a sweep before it', () => {
    const ledger = createLedger(options);
    sweep(ledger, T, [N]);
    ledger.merge(N, fact('in', T + 1, { ...started, seenAt: T + MINUTE }));
    expect(ledger.blocks(N)).toBe(false);
  });
});

describe('opt-in rows', () => {
  const inRow = (msisdn: string, date?: number) => ({ kind: 'in', msisdn, date }) as const;

  it('count once, need a date, and are numbers that the sweep has shown', () => {
    const ledger = createLedger(options);
    sweep(ledger, T, [N]);
    const run = ledger.begin(T + HOUR);
    expect(run.page(columnsOf([inRow(N)]), T + HOUR)).toMatchObject({ fresh: 1, optIns: [] });
    const [change] = run.page(columnsOf([inRow(N, T + 1)]), T + HOUR).optIns;
    expect(change).toMatchObject({ msisdn: N, evidence: { direction: 'in', at: T + 1, clock: 'provider' } });
    if (change) ledger.merge(N, change.evidence);
    expect(run.page(columnsOf([inRow(N, T + 1)]), T + HOUR)).toMatchObject({ fresh: 0, optIns: [] });
    expect(run.distinct).toBe(1);
    expect(ledger.blocks(N)).toBe(false);
  });

  it('of somebody who is both in and out is one number', () => {
    const ledger = createLedger(options);
    const run = ledger.begin(T);
    const effect = run.page(columnsOf([{ kind: 'out', msisdn: N }, inRow(N, T - 1)]), T);
    expect([effect.fresh, run.distinct]).toEqual([1, 1]);
  });
});

describe('what is forgotten', () => {
  it('an opt-in that nothing needs, after the replay window; never an opt-out', () => {
    const ledger = createLedger(options);
    ledger.merge(N, fact('in', T));
    ledger.merge('15550000002', fact('out', T));
    ledger.merge('15550000003', fact('in', T));
    sweep(ledger, T, ['15550000003']);
    expect(ledger.prune(T)).toBe(0);
    expect(ledger.prune(T + 1)).toBe(1);
    expect(ledger.prune(T + 10_000 * HOUR)).toBe(0);
    expect(ledger.blocks('15550000002')).toBe(true);
  });
});
