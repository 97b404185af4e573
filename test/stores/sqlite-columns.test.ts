/** What a load brings, whatever is in the file. */

import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Evidence, OptOutChange } from '../../src/optouts/change.ts';
import { changesIn } from '../../src/stores/sqlite/columns.ts';
import { loadDriver } from '../../src/stores/sqlite/driver.ts';
import { createEngine, type Engine } from '../../src/stores/sqlite/engine.ts';
import { newFolder } from './folders.ts';

const driver = loadDriver();

function openEngine(): Engine {
  const engine = createEngine(driver, join(newFolder(), 'store.db'));
  engine.open({ accounts: {} });
  return engine;
}

function loaded(engine: Engine, limit: number): OptOutChange[] {
  const all: OptOutChange[] = [];
  for (let after = 0; ;) {
    const { columns, others, seq } = engine.file.log.load(after, limit);
    if (seq === after) return all;
    after = seq;
    all.push(...[...changesIn(columns, 3)].flat(), ...others);
  }
}

/** Drivers end a text at its first NUL. */
const word = fc.string({ unit: 'binary' }).filter((one) => !one.includes('\0'));
const change: fc.Arbitrary<OptOutChange> = fc.record(
  {
    list: fc.oneof(fc.constantFrom('*', 'default'), word),
    msisdn: fc.oneof(fc.constantFrom('12345', '999999999999999'), fc.stringMatching(/^[1-9]\d{4,14}$/)),
    evidence: fc.record(
      {
        direction: fc.constantFrom('out' as const, 'in' as const),
        at: fc.oneof(fc.integer(), fc.maxSafeInteger(), fc.constantFrom(1e300, 0.1, 1_234_567_890_123.5)),
        clock: fc.constantFrom('provider' as const, 'local' as const),
        seenAt: fc.oneof(fc.integer(), fc.maxSafeInteger(), fc.constantFrom(-1e19, 1 / 3)),
        source: fc.constantFrom(...(['provider', 'inbound', 'receipt', 'manual'] as const)),
        id: fc.oneof(fc.uuid(), word, fc.constantFrom('"', '\\', 'a,b', '–', '\u2028')),
      },
      { noNullPrototype: true },
    ),
  },
  { noNullPrototype: true },
);

describe('what is loaded', () => {
  it('is what was appended, to the letter and the last bit', () => {
    const engine = openEngine();
    fc.assert(
      fc.property(fc.array(change, { maxLength: 12 }), fc.integer({ min: 1, max: 9 }), (changes, limit) => {
        engine.file.database.exec('DELETE FROM changes');
        const isNew = engine.file.log.append(changes);
        const byAct = (a: OptOutChange, b: OptOutChange) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);
        const expected = changes.filter((_, index) => isNew[index]);
        expect(loaded(engine, limit).toSorted(byAct)).toStrictEqual(expected.toSorted(byAct));
      }),
      { numRuns: 300, seed: 20_260_105 },
    );
    engine.close();
  });

  it('is what is there, where a row has words that nobody knows', () => {
    const engine = openEngine();
    const evidence: Evidence = {
      ...{ direction: 'out', at: 1, clock: 'local', seenAt: 2, source: 'manual', id: 'a' },
    };
    const given = ['15550000001', '15550000002', '15550000003', '15550000004'].map((msisdn) => ({
      ...{ list: '*', msisdn, evidence },
    }));
    engine.file.log.append(given);
    const { database } = engine.file;
    database.exec("UPDATE changes SET source = 'elsewhere' WHERE msisdn = 15550000001");
    database.exec("UPDATE changes SET clock = 'sundial' WHERE msisdn = 15550000002");
    database.exec("UPDATE changes SET direction = 'up' WHERE msisdn = 15550000003");
    const byNumber = new Map(loaded(engine, 2).map((one) => [one.msisdn, one.evidence]));
    expect(byNumber).toEqual(
      new Map([
        ['15550000001', { ...evidence, source: 'elsewhere' }],
        ['15550000002', { ...evidence, clock: 'sundial' }],
        ['15550000003', { ...evidence, direction: 'up' }],
        ['15550000004', evidence],
      ]),
    );
    engine.close();
  });

  it.each(['no JSON', 'null', '7', '["a"]', '{"text":5,"at":1,"sender":"12345"}'])(
    'goes on where words are bent: %s',
    (words) => {
      const engine = openEngine();
      const evidence: Evidence = {
        ...{ direction: 'out', at: 1, clock: 'local', seenAt: 2, source: 'inbound', id: 'a' },
      };
      const told = { list: '*', msisdn: '15550000001', evidence: { ...evidence, text: 'STOP' } };
      engine.file.log.append([told]);
      expect(engine.file.log.history(told.msisdn, undefined, undefined)).toEqual([told]);
      engine.file.database.prepare('UPDATE changes SET words = ?').run(words);
      const kept = words.includes('sender') ? { ...evidence, sender: '12345' } : evidence;
      const expected = [{ ...told, evidence: kept }];
      expect(engine.file.log.history(told.msisdn, undefined, undefined)).toStrictEqual(expected);
      expect(loaded(engine, 9)).toEqual([{ ...told, evidence }]);
      engine.close();
    },
  );
});
