/** Changes that a load returns, for any content of the file. */

import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Evidence, OptOutChange } from '../../src/ledger/evidence.ts';
import { changesIn } from '../../src/stores/sqlite/change-columns.ts';
import { loadDriver } from '../../src/stores/sqlite/driver.ts';
import { createEngine, type Engine } from '../../src/stores/sqlite/engine.ts';
import type { LoadedChanges } from '../../src/stores/sqlite/change-log.ts';
import { LOAD_START, type LoadPosition } from '../../src/stores/sqlite/log-cursor.ts';
import { readLogId } from '../../src/stores/sqlite/log-id.ts';
import { withoutPositions } from '../../src/testing/conformance/harness.ts';
import { newFolder } from './folders.ts';

const driver = loadDriver();

function openEngine(): Engine {
  const engine = createEngine(driver, join(newFolder(), 'store.db'));
  engine.open({ accounts: {} });
  return engine;
}

function loaded(engine: Engine, limit: number): OptOutChange[] {
  const all: OptOutChange[] = [];
  for (let from: LoadPosition | undefined = LOAD_START; from !== undefined;) {
    const { columns, others, next }: LoadedChanges = engine.file.log.load(from, limit);
    from = next;
    all.push(...[...changesIn(columns, 3)].flat(), ...others);
  }
  return all;
}

/** A text without NUL: drivers end a text at its first NUL. */
const word = fc.string({ unit: 'binary' }).filter((one) => !one.includes('\0'));
const position = fc.integer({ min: 0, max: 9 });
const change: fc.Arbitrary<OptOutChange> = fc.record(
  {
    list: fc.oneof(fc.constantFrom('*', 'default'), word),
    msisdn: fc.oneof(fc.constantFrom('12345', '999999999999999'), fc.stringMatching(/^[1-9]\d{4,14}$/)),
    evidence: fc.record(
      {
        direction: fc.constantFrom('out' as const, 'in' as const),
        at: fc.oneof(fc.integer(), fc.maxSafeInteger(), fc.constantFrom(1e300, 0.1, 1_234_567_890_123.5)),
        kind: fc.constantFrom('told' as const, 'act' as const, 'stated' as const),
        seenAt: fc.oneof(fc.integer(), fc.maxSafeInteger(), fc.constantFrom(-1e19, 1 / 3)),
        source: fc.constantFrom(...(['provider', 'inbound', 'receipt', 'manual'] as const)),
        id: fc.oneof(fc.uuid(), word, fc.constantFrom('"', '\\', 'a,b', '–', '\u2028')),
        basis: fc.record({ log: fc.constantFrom('00000000-x', 'own'), position }, { noNullPrototype: true }),
        proof: fc.record(
          { optInDate: fc.oneof(fc.constant(null), fc.integer()), sweep: position },
          { noNullPrototype: true },
        ),
        positions: fc.tuple(
          fc.record({ log: fc.constantFrom('00000000-x'), position }, { noNullPrototype: true }),
        ),
      },
      {
        noNullPrototype: true,
        requiredKeys: ['direction', 'at', 'kind', 'seenAt', 'source', 'id'],
      },
    ),
  },
  { noNullPrototype: true },
);

describe('a load', () => {
  it('returns exactly what was appended', () => {
    const engine = openEngine();
    fc.assert(
      fc.property(fc.array(change, { maxLength: 12 }), fc.integer({ min: 1, max: 9 }), (changes, limit) => {
        engine.file.database.exec('DELETE FROM changes; DELETE FROM entries');
        const log = readLogId(engine.file.database).id;
        // A proof is kept only of an opt-in act, and the number of a sweep only of a START.
        const given = changes.map((one) => {
          const { basis, proof, ...evidence } = one.evidence;
          return {
            ...one,
            evidence: {
              ...evidence,
              ...(basis && { basis: basis.log === 'own' ? { ...basis, log } : basis }),
              ...(proof &&
                evidence.direction === 'in' &&
                (evidence.kind === 'told' ? { sweep: proof.sweep } : { proof })),
            },
          };
        });
        const results = engine.file.log.append(given);
        const positionOf = ({ evidence }: OptOutChange) => evidence.positions?.[0]?.position ?? 0;
        const byAct = (a: OptOutChange, b: OptOutChange) => positionOf(a) - positionOf(b);
        const expected = given.flatMap((one, index): OptOutChange[] => {
          const { isNew = false, position: own = 0 } = results[index] ?? {};
          // An entry that is appended again adds a position in another log that the first one did not have.
          const isKnown = given.filter((_, other) => results[other]?.position === own);
          const former = isKnown.find(({ evidence }) => evidence.positions)?.evidence.positions;
          const positions = [{ log, position: own }, ...(former ?? [])];
          return isNew ? [{ ...one, evidence: { ...one.evidence, positions } }] : [];
        });
        expect(loaded(engine, limit).toSorted(byAct)).toStrictEqual(expected.toSorted(byAct));
      }),
      { numRuns: 300, seed: 20_260_105 },
    );
    engine.close();
  });

  it('counts rows with words of a later version if they may block', () => {
    const engine = openEngine();
    const evidence: Evidence = {
      ...{ direction: 'out', kind: 'act', at: 1, seenAt: 2, source: 'manual', id: 'a' },
    };
    const numbers = [1, 2, 3, 4, 5].map((index) => `1555000000${index}`);
    engine.file.log.append(
      numbers.map((msisdn, index) => ({
        ...{ list: '*', msisdn, evidence: { ...evidence, direction: index === 4 ? 'in' : 'out' } },
      })),
    );
    const { database } = engine.file;
    database.exec("UPDATE changes SET source = 'elsewhere' WHERE msisdn = 15550000001");
    database.exec("UPDATE changes SET kind = 'sundial' WHERE msisdn = 15550000002");
    database.exec("UPDATE changes SET direction = 'up' WHERE msisdn = 15550000003");
    database.exec("UPDATE entries SET kind = 'sundial' WHERE msisdn = 15550000005");
    database.exec(
      "INSERT INTO entries (seq, msisdn, list, type, id, at, kind, seen_at, source, writer) VALUES (99, 15550000004, '*', 'doubtful', 'b', 1, 'told', 1, 'inbound', 'x')",
    );
    const byNumber = new Map(loaded(engine, 2).map((one) => [one.msisdn, withoutPositions(one).evidence]));
    expect(byNumber).toEqual(
      new Map([
        ['15550000001', { ...evidence, source: 'elsewhere' }],
        ['15550000002', evidence],
        ['15550000004', evidence],
        ['15550000005', { ...evidence, direction: 'in', proves: false }],
      ]),
    );
    expect(engine.file.log.history('15550000003', undefined, undefined)).toEqual([]);
    engine.close();
  });

  it.each(['no JSON', 'null', '7', '["a"]', '{"text":5,"at":1,"sender":"12345"}'])(
    'returns evidence whose words cannot be parsed: %s',
    (words) => {
      const engine = openEngine();
      const evidence: Evidence = {
        ...{ direction: 'out', kind: 'told', at: 1, seenAt: 2, source: 'inbound', id: 'a' },
      };
      const stop = { list: '*', msisdn: '15550000001', evidence: { ...evidence, text: 'STOP' } };
      engine.file.log.append([stop]);
      const { id: log } = readLogId(engine.file.database);
      const positions = [{ log, position: 1 }];
      expect(engine.file.log.history(stop.msisdn, undefined, undefined)).toEqual([
        { ...stop, evidence: { ...stop.evidence, positions } },
      ]);
      engine.file.database.prepare('UPDATE changes SET words = ?').run(words);
      const kept = words.includes('sender') ? { ...evidence, sender: '12345' } : evidence;
      const expected = [{ ...stop, evidence: { ...kept, positions } }];
      expect(engine.file.log.history(stop.msisdn, undefined, undefined)).toStrictEqual(expected);
      expect(loaded(engine, 9)).toEqual([{ ...stop, evidence: { ...evidence, positions } }]);
      engine.close();
    },
  );
});
