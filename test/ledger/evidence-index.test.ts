import { describe, expect, it } from 'vitest';
import { createEvidenceIndex } from '../../src/ledger/evidence-index.ts';
import { createLedger } from '../../src/ledger/ledger.ts';
import { mergeEvidence } from '../../src/ledger/evidence-rules.ts';
import { HOUR, LEDGER, T, begin, evidence, finish, snapshot, provenIn, sweep, told } from './evidence.ts';
import { columnsOf } from './columns.ts';

const N = '15550000001';
const row = (date: number) => ({ kind: 'out', msisdn: N, date }) as const;

describe('an opt-out that is also on the provider’s list', () => {
  it('keeps what sweeps said about it, also when its record gets more evidence', () => {
    const ledger = createLedger(LEDGER);
    ledger.merge(N, told('out', T, 1));
    sweep(ledger, 1, [row(500)]);
    sweep(ledger, 2, [row(400)]);
    expect(ledger.save().rows).toEqual([{ msisdn: N, sweep: 2, date: 500 }]);
    // The date that manage gave is earlier than that of the row.
    const optIn = provenIn(1, { sweep: 2, optInDate: 450 });
    expect([ledger.merge(N, optIn, 0), ledger.blocks(N), ledger.hasUnsavedChanges]).toEqual([
      true,
      true,
      false,
    ]);
    ledger.replace(N, [told('out', T, 1)]);
    sweep(ledger, 3, [row(600)]);
    expect(ledger.save().rows).toEqual([{ msisdn: N, sweep: 3, date: 600 }]);
  });

  it('continues from the rows in the store, whether they or the opt-out come first', () => {
    const rows = [{ msisdn: N, sweep: 20, date: 19_000 }];
    const stop = evidence({ at: 1_000 });
    const ledgers = [true, false].map((isEarly) => {
      const ledger = createLedger(LEDGER);
      if (isEarly) ledger.merge(N, stop);
      ledger.restore(snapshot(20, [N]), rows);
      if (!isEarly) ledger.merge(N, stop);
      return ledger;
    });
    for (const ledger of ledgers) {
      const run = begin(ledger, 30);
      expect(run.page(columnsOf([row(18_000)])).overruled).toEqual([]);
      finish(run);
      expect([ledger.save().rows, ledger.evidence(N), ledger.firstHand]).toEqual([[], [stop], 1]);
      expect(ledger.listing(N)).toEqual({ list: 'default', source: 'inbound', since: 1_000 });
      expect([...ledger.entries()].length).toBe(1);
    }
  });

  it('replaces an assumed row by the next row', () => {
    const ledger = createLedger(LEDGER);
    sweep(ledger, 1, [N]);
    ledger.merge(N, provenIn(0, { sweep: 0 }), 0);
    ledger.save();
    expect(ledger.blocks(N)).toBe(true);
    sweep(ledger, 2, [row(500)], { began: 1 });
    expect([ledger.blocks(N), ledger.save().rows]).toEqual([false, [{ msisdn: N, sweep: 2, date: 500 }]]);
  });
});

describe('a record', () => {
  it('can have a key that is no msisdn', () => {
    const index = createEvidenceIndex(LEDGER);
    index.set('123', mergeEvidence(undefined, evidence()));
    expect([index.isBlocked('123'), index.isBlocked('124'), index.size]).toEqual([true, undefined, 1]);
    index.delete('123');
    expect([index.isBlocked('123'), index.size]).toEqual([undefined, 0]);
  });

  it('is among all records, and among the other records if it holds an opt-in', () => {
    const index = createEvidenceIndex(LEDGER);
    const record = (direction: 'out' | 'in') => mergeEvidence(undefined, told(direction, T - HOUR, 1));
    index.set(N, record('out'));
    index.set('15550000002', record('in'));
    expect([...index.records()].map(([msisdn]) => msisdn)).toEqual([N, '15550000002']);
    expect([...index.otherRecords()].map(([msisdn]) => msisdn)).toEqual(['15550000002']);
    index.set(N, record('in'));
    expect([...index.records()]).toHaveLength(2);
  });
});
