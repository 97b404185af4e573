import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Evidence } from '../../src/ledger/evidence.ts';
import { toNumber } from '../../src/msisdn/digits.ts';
import { createLedger } from '../../src/ledger/ledger.ts';
import { EMPTY_RECORD, mergeListed, sinceOf, type Listed } from '../../src/ledger/evidence-rules.ts';
import { createCompactEvidence, type CompactEvidence } from '../../src/ledger/compact-evidence.ts';

const RUNS = { numRuns: 2_000, seed: 20_260_103 };
const N = '15550000001';

const anyNumber = fc
  .tuple(fc.integer({ min: 1, max: 9 }), fc.stringMatching(/^\d{4,14}$/))
  .map(([first, rest]) => `${first}${rest}`);
/** So few numbers that they repeat, and so many that they collide. */
const crowd = fc.integer({ min: 15_550_000_000, max: 15_550_000_040 }).map(String);
const longest = fc.integer({ min: 999_999_999_999_990, max: 999_999_999_999_999 }).map(String);
const number = fc.oneof(crowd, longest, anyNumber);
const position = (log: string) =>
  fc.record(
    { log: fc.constant(log), position: fc.integer({ min: 1, max: 2 ** 45 }) },
    { noNullPrototype: true },
  );
const optOut: fc.Arbitrary<Evidence> = fc.record(
  {
    direction: fc.constant('out' as const),
    at: fc.oneof(fc.integer({ min: 0, max: 2 ** 45 }), fc.double()),
    kind: fc.constantFrom('told' as const, 'act' as const, 'stated' as const),
    seenAt: fc.oneof(fc.integer({ min: 0, max: 2 ** 45 }), fc.double()),
    source: fc.constantFrom(...(['provider', 'inbound', 'receipt', 'manual'] as const)),
    id: fc.oneof(fc.uuid(), fc.stringMatching(/^[A-Za-z0-9_-]{22}$/), fc.string()),
    positions: fc.oneof(
      fc.tuple(position('log 2')),
      fc.tuple(position('log 2'), position('log 1')),
      fc.tuple(position('log 1')),
    ),
  },
  { noNullPrototype: true, requiredKeys: ['direction', 'at', 'kind', 'seenAt', 'source', 'id'] },
);
const time = fc.oneof(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 2 ** 45 }), fc.double());
const listed: fc.Arbitrary<Listed> = fc.record(
  { sweep: fc.integer({ min: 0, max: 2 ** 45 }), date: fc.option(time.filter((one) => !Number.isNaN(one))) },
  { noNullPrototype: true },
);
const acts = fc.array(
  fc.oneof(
    {
      arbitrary: fc.record({
        act: fc.constant('set' as const),
        number,
        optOut,
        listed: fc.option(listed, { nil: undefined }),
      }),
      weight: 3,
    },
    { arbitrary: fc.record({ act: fc.constant('list' as const), number, listed }), weight: 3 },
    { arbitrary: fc.record({ act: fc.constant('delete' as const), number }), weight: 2 },
  ),
  { maxLength: 120 },
);

function evidence(given: Partial<Evidence> = {}): Evidence {
  return {
    ...{ direction: 'out', at: 1_000, kind: 'act', seenAt: 2_000, source: 'manual' },
    id: 'a',
    ...given,
  };
}

function expectSame(
  compact: CompactEvidence,
  model: ReadonlyMap<string, Evidence>,
  rows: ReadonlyMap<string, Listed | undefined>,
): void {
  expect(compact.size).toBe(model.size);
  const numbers = [...compact].toSorted((a, b) => (a.msisdn < b.msisdn ? -1 : 1));
  const expected = [...model]
    .map(([msisdn, kept]) => ({ msisdn, source: kept.source, since: sinceOf(kept) }))
    .toSorted((a, b) => (a.msisdn < b.msisdn ? -1 : 1));
  expect(numbers).toStrictEqual(expected);
  for (const [msisdn, kept] of model) {
    expect(compact.hasNumber(toNumber(msisdn))).toBe(true);
    expect(compact.get(msisdn)).toStrictEqual(kept);
    expect(compact.listed(msisdn)).toStrictEqual(rows.get(msisdn));
    expect(compact.standingOptOut(msisdn)).toStrictEqual({
      msisdn,
      source: kept.source,
      since: sinceOf(kept),
    });
  }
}

describe('the compact evidence', () => {
  it('answers as a Map does, after any sequence of changes', () => {
    fc.assert(
      fc.property(acts, (steps) => {
        const compact = createCompactEvidence();
        const model = new Map<string, Evidence>();
        const rows = new Map<string, Listed | undefined>();
        for (const step of steps) {
          if (step.act === 'set') {
            expect(compact.set(step.number, step.optOut, step.listed)).toBe(true);
            model.set(step.number, step.optOut);
            rows.set(step.number, step.listed);
          } else if (step.act === 'list') {
            const before = rows.get(step.number);
            const after = mergeListed({ ...EMPTY_RECORD, listed: before }, step.listed).listed;
            const isKept = model.has(step.number);
            expect(compact.noteListed(step.number, step.listed)).toBe(
              isKept ? before === undefined || after?.date !== before.date : undefined,
            );
            if (isKept) rows.set(step.number, after);
          } else {
            compact.delete(step.number);
            model.delete(step.number);
            rows.delete(step.number);
            expect([compact.hasNumber(toNumber(step.number)), compact.get(step.number)]).toEqual([
              false,
              undefined,
            ]);
          }
        }
        expectSame(compact, model, rows);
      }),
      RUNS,
    );
  });

  it('grows and closes gaps with many numbers of every length', () => {
    const compact = createCompactEvidence();
    const model = new Map<string, Evidence>();
    for (let index = 0; index < 60_000; index++) {
      const msisdn = String(10 ** (4 + (index % 11)) + index);
      const kept = evidence({ at: index, id: index % 3 === 0 ? randomUUID() : `act ${index}` });
      compact.set(msisdn, kept);
      if (index % 2 === 0) compact.noteListed(msisdn, { sweep: index, date: index + 1 });
      model.set(msisdn, kept);
    }
    for (const msisdn of [...model.keys()].filter((_, index) => index % 3 === 1)) {
      compact.delete(msisdn);
      model.delete(msisdn);
    }
    expect(compact.size).toBe(model.size);
    const wrong = [...model].filter(([msisdn, { at, id }]) => {
      const kept = compact.get(msisdn);
      const date = at % 2 === 0 ? at + 1 : undefined;
      return kept?.at !== at || kept.id !== id || compact.listed(msisdn)?.date !== date;
    });
    expect(wrong).toEqual([]);
    expect([...compact].length).toBe(model.size);
  });

  it('keeps two numbers with the same id apart', () => {
    const compact = createCompactEvidence();
    const id = randomUUID();
    compact.set(N, evidence({ id, at: 1 }));
    compact.set('15550000002', evidence({ id, at: 2 }));
    expect([compact.get(N)?.id, compact.get('15550000002')?.id, compact.get(N)?.at]).toEqual([id, id, 1]);
  });

  it.each([
    ['words', N, { text: 'STOP' }],
    ['a reason', N, { reason: 'by phone' }],
    ['a sender', N, { sender: '12345' }],
    ['a message id', N, { messageId: 'm1' }],
    ['an unknown source', N, { source: 'elsewhere' as Evidence['source'] }],
    ['an unknown kind', N, { kind: 'rumour' as Evidence['kind'] }],
    ['evidence that proves nothing', N, { proves: false as const }],
    ['a basis', N, { basis: { log: 'log', position: 1 } }],
    ['a key that is no msisdn', 'abc', {}],
  ])('does not keep %s', (_name, msisdn, given) => {
    const compact = createCompactEvidence();
    expect([compact.set(msisdn, evidence(given)), compact.size, compact.hasNumber(toNumber(msisdn))]).toEqual(
      [false, 0, false],
    );
  });

  it('does not keep an assumed row', () => {
    const compact = createCompactEvidence();
    expect(compact.set(N, evidence(), { sweep: 1, date: 1, isAssumed: true })).toBe(false);
    expect([
      compact.hasNumber(toNumber(N)),
      compact.listed(N),
      compact.noteListed(N, { sweep: 1, date: 1 }),
    ]).toEqual([false, undefined, undefined]);
  });

  it('keeps positions of 255 logs, and rejects evidence of any further log', () => {
    const compact = createCompactEvidence();
    const kept = Array.from({ length: 300 }, (_, index) =>
      compact.set(
        String(15_550_000_000 + index),
        evidence({ positions: [{ log: `log ${index}`, position: index }] }),
      ),
    );
    expect(kept.filter(Boolean)).toHaveLength(255);
    expect(compact.get('15550000254')?.positions).toEqual([{ log: 'log 254', position: 254 }]);
  });

  it('tolerates changes while it is iterated', () => {
    const compact = createCompactEvidence();
    const numbers = Array.from({ length: 2_000 }, (_, index) => String(15_550_000_000 + index));
    for (const msisdn of numbers) compact.set(msisdn, evidence());
    const seen: string[] = [];
    for (const { msisdn } of compact) {
      seen.push(msisdn);
      compact.delete(msisdn);
      compact.delete(numbers[(numbers.indexOf(msisdn) + 1) % numbers.length] ?? '');
    }
    expect(compact.size).toBe(0);
    expect(new Set(seen).size).toBe(seen.length);
  });
});

describe('a ledger with compact evidence', () => {
  const options = {
    ...{ list: 'default', clockSlackMs: 60_000, lagGraceMs: 600_000, shrinkHoldMs: 86_400_000 },
    ...{ longestStepMs: 600_000, trustProviderRemoval: false },
  };
  const ids = ['6c84fb90-12c4-11e1-840d-7b25c5ee775a', 'AAAAAAAAAAAAAAAAAAAAAA', 'a'];

  it.each(ids)('recognises an act by its id, %s', (id) => {
    const ledger = createLedger(options);
    expect(ledger.merge(N, evidence({ id }))).toBe(true);
    expect(ledger.merge(N, evidence({ id, seenAt: 3_000 }))).toBe(false);
    expect(ledger.evidence(N)).toEqual([evidence({ id })]);
    const positions = [{ log: 'log', position: 7 }];
    // The positions are kept, but it is the same act and no change.
    expect(ledger.merge(N, evidence({ id, positions }))).toBe(false);
    expect(ledger.evidence(N)).toEqual([evidence({ id, positions })]);
    expect(ledger.merge(N, evidence({ id: `${id}b`, kind: 'told' }))).toBe(true);
    expect(ledger.evidence(N).length).toBe(2);
    expect(ledger.firstHand).toBe(1);
  });

  it('lists each number once, also if its record grows meanwhile', () => {
    const ledger = createLedger(options);
    const numbers = Array.from({ length: 500 }, (_, index) => String(15_550_000_000 + index));
    for (const msisdn of numbers) ledger.merge(msisdn, evidence());
    const seen: string[] = [];
    for (const { msisdn } of ledger.entries()) {
      seen.push(msisdn);
      for (const grows of [msisdn, numbers[(numbers.indexOf(msisdn) + 250) % 500] ?? '']) {
        ledger.merge(grows, evidence({ id: 'b', at: 500, kind: 'told' }));
      }
    }
    expect(seen.toSorted()).toEqual(numbers);
    expect(ledger.firstHand).toBe(500);
  });

  it('replaces evidence by evidence with words, and by none', () => {
    const ledger = createLedger(options);
    ledger.merge(N, evidence());
    ledger.replace(N, [evidence({ text: 'STOP' })]);
    expect([ledger.evidence(N), ledger.firstHand]).toEqual([[evidence({ text: 'STOP' })], 1]);
    ledger.replace(N, []);
    expect([ledger.blocks(N), ledger.evidence(N), ledger.firstHand]).toEqual([false, [], 0]);
    ledger.merge(N, evidence());
    ledger.replace(N, []);
    expect([ledger.blocks(N), ledger.evidence(N), ledger.firstHand]).toEqual([false, [], 0]);
  });
});

it('keeps both positions of any number of carried-over opt-outs', () => {
  const compact = createCompactEvidence();
  const known = { direction: 'out', kind: 'told', at: 1, seenAt: 2, source: 'inbound' } as const;
  const carried = (index: number): Evidence => {
    const positions = [{ log: 'log 2', position: index + 1 }];
    const former = { log: 'log 1', position: index + 7 };
    // Some were first stored in the new log.
    return { ...known, id: randomUUID(), positions: index % 3 === 0 ? positions : [...positions, former] };
  };
  const given = Array.from({ length: 20_000 }, (_, index) => ({
    msisdn: String(15_550_000_000 + index),
    optOut: carried(index),
  }));
  for (const { msisdn, optOut: one } of given) expect(compact.set(msisdn, one, undefined)).toBe(true);
  for (const { msisdn } of given.filter((_, index) => index % 5 === 0)) compact.delete(msisdn);
  const kept = given.filter((_, index) => index % 5 !== 0);
  expect(kept.filter(({ msisdn, optOut: one }) => !isSame(compact.get(msisdn), one))).toEqual([]);
});

const isSame = (one: unknown, other: unknown) =>
  JSON.stringify(sorted(one)) === JSON.stringify(sorted(other));
const sorted = (value: unknown) => Object.entries(value ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1));
