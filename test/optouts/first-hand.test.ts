import { describe, expect, it } from 'vitest';
import type { Evidence } from '../../src/optouts/change.ts';
import { createFirstHand } from '../../src/optouts/first-hand.ts';
import { createLedger, type Ledger } from '../../src/optouts/ledger.ts';
import { createNumberSet } from '../../src/optouts/number-set.ts';
import { mergeEvidence } from '../../src/optouts/record.ts';
import { columnsOf } from './columns.ts';

const N = '15550000001';
const options = {
  ...{ list: 'default', clockSlackMs: 60_000, lagGraceMs: 600_000, shrinkHoldMs: 86_400_000 },
  trustProviderRemoval: false,
};

function evidence(given: Partial<Evidence> = {}): Evidence {
  return {
    ...{ direction: 'out', at: 1_000, clock: 'local', seenAt: 2_000, source: 'manual' },
    id: 'a',
    ...given,
  };
}

function sweep(ledger: Ledger, start: number, numbers: readonly string[], date = start) {
  const run = ledger.begin(start);
  const { overruled } = run.page(
    columnsOf(numbers.map((msisdn) => ({ kind: 'out', msisdn, date }) as const)),
    start,
  );
  const commit = run.commit('apply');
  for (;;) {
    const { done, value } = commit.next();
    if (done) return { overruled, optIns: value.status === 'committed' ? value.optIns : [] };
  }
}

describe('an opt-out that is also on the provider’s list', () => {
  it('knows what sweeps said about an opt-out, also once there is more to its record', () => {
    const ledger = createLedger(options);
    ledger.merge(N, evidence());
    expect(sweep(ledger, 10_000, [N], 500)).toEqual({ overruled: [], optIns: [] });
    expect(ledger.merge(N, evidence())).toBe(false);
    sweep(ledger, 2_000_000, [N], 400);
    expect(ledger.save().rows).toEqual([{ msisdn: N, start: 2_000_000, date: 500 }]);
    // Goes on being listed long after it was received.
    const optIn = evidence({ direction: 'in', at: 5_000, seenAt: 6_000, id: 'b' });
    expect([ledger.merge(N, optIn), ledger.blocks(N), ledger.hasNews]).toEqual([true, true, false]);
    ledger.replace(N, [evidence()]);
    sweep(ledger, 3_000_000, [N], 600);
    expect(ledger.save().rows).toEqual([{ msisdn: N, start: 3_000_000, date: 600 }]);
  });

  it('lets a removal speak for an opt-out that it listed before, where it is trusted', () => {
    const removed = [false, true].map((trustProviderRemoval) => {
      const ledger = createLedger({ ...options, trustProviderRemoval });
      for (const msisdn of [N, '15550000002']) ledger.merge(msisdn, evidence());
      sweep(ledger, 1_500, [N, '15550000002']);
      sweep(ledger, 2_001, [N], 1_500);
      ledger.save();
      sweep(ledger, 2_002, [N], 1_500);
      expect(ledger.save().rows.map(({ start }) => start)).toEqual(trustProviderRemoval ? [2_002] : []);
      return [2_003, 2_004].flatMap((start) => sweep(ledger, start, []).optIns.map(({ msisdn }) => msisdn));
    });
    expect(removed).toEqual([[], [N]]);
  });

  it('goes on from rows that the store kept, whether they or the opt-out come first', () => {
    const rows = [{ msisdn: N, start: 20_000, date: 19_000 }];
    const image = () => ({
      ...{ start: 20_000, heldSince: null },
      numbers: createNumberSet([N]),
      missingOnce: createNumberSet(),
    });
    const ledgers = [true, false].map((isEarly) => {
      const ledger = createLedger(options);
      if (isEarly) ledger.merge(N, evidence());
      ledger.restore(image(), rows);
      if (!isEarly) ledger.merge(N, evidence());
      return ledger;
    });
    for (const ledger of ledgers) {
      expect(sweep(ledger, 30_000, [N], 18_000).overruled).toEqual([]);
      expect([ledger.save().rows, ledger.evidence(N), ledger.firstHand]).toEqual([[], [evidence()], 1]);
      expect(ledger.listing(N)).toEqual({ list: 'default', source: 'manual', since: 1_000 });
      expect([...ledger.entries()].length).toBe(1);
    }
  });

  it('keeps apart what is only assumed of a row', () => {
    const ledger = createLedger(options);
    sweep(ledger, 10_000, [N]);
    ledger.save();
    ledger.merge(N, evidence({ direction: 'in', at: 9_000, seenAt: 11_000 }));
    ledger.replace(N, [evidence()]);
    expect(ledger.save().rows).toEqual([{ msisdn: N, start: 10_000, date: 10_000 }]);
    // A row that is read takes its place, though it is older.
    sweep(ledger, 20_000, [N], 500);
    expect(ledger.save().rows).toEqual([{ msisdn: N, start: 20_000, date: 500 }]);
  });
});

describe('a record', () => {
  it('of what is no msisdn has a verdict all the same', () => {
    const firstHand = createFirstHand(options);
    firstHand.put('123', mergeEvidence(undefined, evidence()));
    expect([firstHand.verdict('123'), firstHand.verdict('124'), firstHand.size]).toEqual([
      true,
      undefined,
      1,
    ]);
    firstHand.drop('123');
    expect([firstHand.verdict('123'), firstHand.size]).toEqual([undefined, 0]);
  });
});
