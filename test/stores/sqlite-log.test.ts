/** The log of a store file: how it is followed, renewed and pruned, and a file of a later version. */

import { readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Evidence, OptOutChange } from '../../src/ledger/evidence.ts';
import {
  EMPTY_RECORD,
  isBlockedByEvidence,
  mergeEvidence,
  type Listed,
} from '../../src/ledger/evidence-rules.ts';
import { loadDriver } from '../../src/stores/sqlite/driver.ts';
import { createEngine, type Engine } from '../../src/stores/sqlite/engine.ts';
import { createChangeLog } from '../../src/stores/sqlite/change-log.ts';
import { readLogId, renewLog } from '../../src/stores/sqlite/log-id.ts';
import { readTail } from '../../src/stores/sqlite/tail-messages.ts';
import type { LogCursor } from '../../src/stores/sqlite/log-cursor.ts';
import { makeTables } from '../../src/stores/sqlite/schema.ts';
import { newFolder } from './folders.ts';

const driver = loadDriver();
const HOUR = 3_600_000;
const T = 1_767_225_600_000;

function openEngine(file = join(newFolder(), 'store.db'), now: () => number = Date.now): Engine {
  const engine = createEngine(driver, file, now);
  engine.open({ accounts: {} });
  return engine;
}

let ids = 0;
function entry(fields: Partial<Evidence> = {}, msisdn = '15550000001'): OptOutChange {
  const evidence: Evidence = {
    ...{ direction: 'out', kind: 'act', at: T, seenAt: T, source: 'manual', id: `e${++ids}` },
    ...fields,
  };
  return { list: '*', msisdn, evidence };
}

/** Reads all entries after a cursor. @returns them, and the cursor after them */
function entriesAfter({ file }: Engine, cursor: LogCursor) {
  const changes: OptOutChange[] = [];
  const logs: string[] = [];
  const messages = readTail(file, cursor);
  for (;;) {
    const next = messages.next();
    if (next.done) return { changes, logs, cursor: next.value };
    changes.push(...next.value.changes);
    logs.push(next.value.logId);
  }
}

const idOf = ({ file }: Engine) => readLogId(file.database).id;

describe('a log that is renewed', () => {
  it('has a name that sorts after that of the log before, and of any other', () => {
    const engine = openEngine();
    const names = [idOf(engine)];
    names.push(renewLog(engine.file.database).id);
    names.push(renewLog(engine.file.database, { after: '00000041-0123456789abcdef' }).id);
    names.push(renewLog(engine.file.database, { after: names[0] }).id);
    expect(names.toSorted()).toEqual(names);
    expect(names[2]).toMatch(/^00000042-[\da-f]{16}$/);
    expect(new Set([idOf(openEngine()), ...names]).size).toBe(5);
    engine.close();
  });

  it('keeps positions; those of the former log only as far as they are known to be the same', () => {
    const engine = openEngine();
    const former = idOf(engine);
    const basis = { log: former, position: 1 };
    engine.file.log.append([
      entry({ id: 'a' }),
      entry({ id: 'b', direction: 'in', basis }),
      entry({ id: 'c' }),
    ]);
    const positions = () =>
      Object.fromEntries(
        engine.file.log
          .history('15550000001', undefined, undefined)
          .map(({ evidence }) => [evidence.id, evidence.positions]),
      );
    const { id } = renewLog(engine.file.database, { sharedUntil: 2 });
    expect(positions()).toEqual({
      a: [
        { log: id, position: 1 },
        { log: former, position: 1 },
      ],
      b: [
        { log: id, position: 2 },
        { log: former, position: 2 },
      ],
      c: [{ log: id, position: 3 }],
    });
    const last = renewLog(engine.file.database).id;
    expect(positions()).toEqual({
      a: [{ log: last, position: 1 }],
      b: [{ log: last, position: 2 }],
      c: [{ log: last, position: 3 }],
    });
    // The act is in this file, and so is what it had seen: its basis has the same position in the new log.
    const [optIn] = engine.file.log
      .history('15550000001', undefined, undefined)
      .filter((one) => one.evidence.basis);
    expect(optIn?.evidence.basis).toEqual({ log: last, position: 1 });
    // The basis of an act that began before the renewal still means the former log.
    const [late] = engine.file.log.append([
      entry({ id: 'd', direction: 'in', basis: { log: former, position: 3 } }),
    ]);
    expect(late).toMatchObject({ position: 4, logId: last });
    const kept = engine.file.log
      .history('15550000001', undefined, undefined)
      .find((one) => one.evidence.id === 'd');
    expect(kept?.evidence.basis).toEqual({ log: former, position: 3 });
    engine.close();
  });

  it('is read from its beginning by every process that follows it, with the entries of that process', () => {
    const one = openEngine();
    const path = one.file.database.prepare('PRAGMA database_list').get()?.['file'] as string;
    const other = openEngine(path);
    one.file.log.append([entry({ id: 'own' })]);
    other.file.log.append([entry({ id: 'theirs', direction: 'in' })]);
    const before = entriesAfter(one, one.end());
    expect(before.changes).toEqual([]);
    const { id } = renewLog(other.file.database);
    const after = entriesAfter(one, before.cursor);
    expect(after.changes.map(({ evidence }) => [evidence.id, evidence.positions])).toEqual([
      ['own', [{ log: id, position: 1 }]],
      ['theirs', [{ log: id, position: 2 }]],
    ]);
    expect([after.logs, after.cursor.log, after.cursor.changes]).toEqual([[id], id, 2]);
    one.file.log.append([entry()]);
    expect(entriesAfter(one, after.cursor).changes).toEqual([]);
    for (const engine of [one, other]) engine.close();
  });

  it('begins in the file that replaces a moved one, with the evidence of that one', () => {
    const first = openEngine();
    const path = first.file.database.prepare('PRAGMA database_list').get()?.['file'] as string;
    const former = idOf(first);
    const [kept] = first.file.log.append([entry({ text: 'STOP' })]);
    renameSync(path, join(newFolder(), 'moved.db'));
    const fault = first.fault();
    expect(fault?.kind).toBe('moved');
    if (fault) expect(first.repair({ accounts: {} }, fault).isWhole).toBe(false);
    expect(first.fault()).toBeUndefined();
    expect(idOf(first) > former).toBe(true);
    const [carried] = first.file.log.history('15550000001', undefined, undefined);
    expect(carried?.evidence).toMatchObject({
      text: 'STOP',
      positions: [{ log: idOf(first) }, { log: former, position: kept?.position }],
    });
    first.close();
  });
});

describe('new entries of both tables', () => {
  it('are read in the order of the log, some at a time', () => {
    const one = openEngine();
    const path = one.file.database.prepare('PRAGMA database_list').get()?.['file'] as string;
    const other = openEngine(path);
    const cursor = one.end();
    const entries = Array.from({ length: 5_000 }, (_, index) =>
      entry({ id: `n${index}`, direction: index % 3 === 0 ? 'in' : 'out' }, String(15_550_000_000 + index)),
    );
    other.file.log.append(entries);
    const read = entriesAfter(one, cursor);
    expect(read.changes.map(({ evidence }) => evidence.id)).toEqual(
      entries.map(({ evidence }) => evidence.id),
    );
    expect(read.logs.length).toBe(3);
    expect(read.cursor).toEqual(one.end());
    for (const engine of [one, other]) engine.close();
  });
});

describe('prune', () => {
  /** Prunes entries that are older than four days. @returns the ids that are gone */
  function pruned(entries: readonly OptOutChange[], now = T + 97 * HOUR): string[] {
    const engine = openEngine(undefined, () => now);
    engine.file.log.append(entries);
    for (let after: number | undefined = 0; after !== undefined;) {
      ({ after } = engine.file.log.prune(now + HOUR, after));
    }
    const left = engine.file.database
      .prepare('SELECT id FROM changes UNION ALL SELECT id FROM entries')
      .all()
      .map(({ id }) => id);
    engine.close();
    return entries.map(({ evidence }) => evidence.id).filter((id) => !left.includes(id));
  }
  const log = '00000000-x';
  const at = (position: number) => [{ log, position }];
  const told = { kind: 'told', source: 'inbound' } as const;
  const optIn = { direction: 'in' } as const;

  it.each<[string, OptOutChange[], string[]]>([
    ['an earlier act', [entry({ id: 'a' }), entry({ id: 'b' })], ['a']],
    [
      'an act with a position in another log, if a later act has none there',
      [entry({ id: 'a', positions: at(1) }), entry({ id: 'b' })],
      ['a'],
    ],
    [
      'no act without a position in another log, if the later act has one there',
      [entry({ id: 'a' }), entry({ id: 'b', positions: at(1) })],
      [],
    ],
    [
      'no act with a larger position in another log than the later act',
      [entry({ id: 'a', positions: at(2) }), entry({ id: 'b', positions: at(1) })],
      [],
    ],
    [
      'no message with a later time',
      [entry({ ...told, id: 'a', at: 2 }), entry({ ...told, id: 'b', at: 1 })],
      [],
    ],
    [
      'a message with the same time',
      [entry({ ...told, id: 'a', at: 1 }), entry({ ...told, id: 'b', at: 1 })],
      ['a'],
    ],
    ['no message because of an act', [entry({ ...told, id: 'a', at: 1 }), entry({ id: 'b', at: 1 })], []],
    [
      'no dated row of an import',
      [entry({ id: 'a', kind: 'stated' }), entry({ id: 'b', kind: 'stated' })],
      [],
    ],
    [
      'no dated row of an import that was erased',
      [entry({ id: 'a', kind: 'stated', proves: false }), entry({ id: 'b' })],
      [],
    ],
    [
      'evidence that proves nothing',
      [entry({ id: 'a', proves: false }), entry({ ...optIn, id: 'b', proves: false })],
      ['a', 'b'],
    ],
    [
      'no act because of evidence that proves nothing',
      [entry({ id: 'a' }), entry({ id: 'b', proves: false })],
      ['b'],
    ],
    [
      'no opt-in that had seen more than the later one',
      [
        entry({ ...optIn, id: 'a', basis: { log, position: 2 } }),
        entry({ ...optIn, id: 'b', basis: { log, position: 1 } }),
      ],
      [],
    ],
    [
      'no opt-in that had seen another log than the later one',
      [
        entry({ ...optIn, id: 'a', basis: { log, position: 2 } }),
        entry({ ...optIn, id: 'b', basis: { log: 'y', position: 3 } }),
      ],
      [],
    ],
    [
      'an opt-in that had seen no more than the later one',
      [
        entry({ ...optIn, id: 'a', basis: { log, position: 1 } }),
        entry({ ...optIn, id: 'b', basis: { log, position: 1 } }),
      ],
      ['a'],
    ],
    [
      'no proven opt-in because of one that is not proven',
      [entry({ ...optIn, id: 'a', proof: { optInDate: 1, sweep: 1 } }), entry({ ...optIn, id: 'b' })],
      [],
    ],
    [
      'no opt-in that is proven with a date because of one without a date',
      [
        entry({ ...optIn, id: 'a', proof: { optInDate: 2, sweep: 1 } }),
        entry({ ...optIn, id: 'b', proof: { optInDate: null, sweep: 1 } }),
      ],
      [],
    ],
    [
      'no opt-in that is proven after a later sweep than the other',
      [
        entry({ ...optIn, id: 'a', proof: { optInDate: 2, sweep: 2 } }),
        entry({ ...optIn, id: 'b', proof: { optInDate: 2, sweep: 1 } }),
      ],
      [],
    ],
    [
      'an opt-in, if the later one is proven at least as well',
      [
        entry({ ...optIn, id: 'a', proof: { optInDate: 2, sweep: 2 } }),
        entry({ ...optIn, id: 'b', proof: { optInDate: 3, sweep: 2 } }),
      ],
      ['a'],
    ],
    [
      'nothing because of an entry of another number',
      [entry({ id: 'a' }), entry({ id: 'b' }, '15550000002')],
      [],
    ],
  ])('deletes %s', (_name, entries, gone) => {
    expect(pruned(entries)).toEqual(gone);
  });

  it('changes no answer from blocked to allowed, now or after later evidence', () => {
    const position = fc.integer({ min: 0, max: 4 });
    const positions = fc.tuple(fc.record({ log: fc.constantFrom('00000000-x', '00000000-y'), position }));
    const fields = fc.record(
      {
        direction: fc.constantFrom('out' as const, 'in' as const),
        kind: fc.constantFrom(...(['act', 'act', 'act', 'told', 'told', 'stated'] as const)),
        at: fc.integer({ min: 0, max: 6 }),
        proves: fc.constant(false as const),
        positions,
        basis: fc.record({ log: fc.constantFrom('00000000-x', '00000000-y', 'own'), position }),
        proof: fc.record({ optInDate: fc.option(fc.integer({ min: 0, max: 3 })), sweep: position }),
      },
      { requiredKeys: ['direction', 'kind', 'at'] },
    );
    let now = T;
    const database = new driver.DatabaseSync(':memory:');
    makeTables(database);
    const changeLog = createChangeLog(database, 'this process', () => now);
    const own = readLogId(database).id;
    const answerOf = (evidence: readonly Evidence[], listed: Listed | undefined) =>
      isBlockedByEvidence(
        { ...evidence.reduce(mergeEvidence, EMPTY_RECORD), listed },
        { clockSlackMs: 1, lagGraceMs: 0 },
      );
    fc.assert(
      fc.property(
        fc.array(fields, { maxLength: 6 }),
        fields,
        fc.option(fc.record({ sweep: position, date: fc.integer({ min: 0, max: 3 }) })),
        (given, later, listed) => {
          database.exec(
            "DELETE FROM changes; DELETE FROM entries; UPDATE sqlite_sequence SET seq = 0 WHERE name = 'changes'",
          );
          const ownIn = ({ basis, proof, ...rest }: typeof later): Partial<Evidence> => ({
            ...rest,
            ...(basis && { basis: basis.log === 'own' ? { ...basis, log: own } : basis }),
            ...(proof && rest.direction === 'in' && { proof }),
          });
          changeLog.append(given.map((one) => entry(ownIn(one))));
          const evidence = () =>
            changeLog.history('15550000001', undefined, undefined).map((one) => one.evidence);
          const before = evidence();
          now = T + 97 * HOUR;
          changeLog.prune(now, 0);
          now = T;
          const after = evidence();
          const { evidence: added } = entry({ ...ownIn(later), positions: [{ log: own, position: 99 }] });
          for (const more of [[], [added]]) {
            const answers = [before, after].map((one) => answerOf([...one, ...more], listed ?? undefined));
            // A pruned log may block more than before, never less.
            if (answers[0] !== answers[1]) expect([answers[0], answers[1]]).toEqual([false, undefined]);
          }
        },
      ),
      { numRuns: 3_000, seed: 20_261_130 },
    );
    database.close();
  });

  it('keeps every id for four days', () => {
    const entries = [entry({ id: 'a' }), entry({ id: 'b' }), entry({ id: 'c', proves: false })];
    expect(pruned(entries, T + 96 * HOUR)).toEqual([]);
    expect(pruned(entries, T + 96 * HOUR + 1)).toEqual(['a', 'c']);
  });

  it('prunes a large file in steps', () => {
    const engine = openEngine(undefined, () => T + 97 * HOUR);
    const entries = Array.from({ length: 12_000 }, (_, index) =>
      entry(index % 2 === 0 ? { proves: false } : {}, String(15_550_000_000 + (index >> 2))),
    );
    engine.file.log.append(entries);
    const removed: number[] = [];
    for (let after: number | undefined = 0; after !== undefined;) {
      const step: { removed: number; after: number | undefined } = engine.file.log.prune(T + HOUR, after);
      removed.push(step.removed);
      ({ after } = step);
    }
    expect(removed.reduce((sum, one) => sum + one, 0)).toBe(9_000);
    expect(removed.length).toBeGreaterThan(2);
    engine.close();
  });
});

describe('a file that lacks what its log needs', () => {
  it('restores the counter of positions from its rows', () => {
    const engine = openEngine();
    engine.file.log.append([entry(), entry({ direction: 'in' })]);
    engine.file.database.exec('DELETE FROM sqlite_sequence');
    expect(engine.file.log.append([entry()])).toMatchObject([{ isNew: true, position: 3 }]);
    engine.file.database.exec('UPDATE sqlite_sequence SET seq = 1');
    expect(engine.file.log.append([entry({ direction: 'in' })])).toMatchObject([
      { isNew: true, position: 4 },
    ]);
    engine.close();
  });

  it('is put aside without a log id, and its evidence is carried over', () => {
    const engine = openEngine();
    engine.file.log.append([entry({ id: 'a' })]);
    engine.file.database.exec("DELETE FROM meta WHERE key = 'log'");
    expect(engine.open({ accounts: {} })).toMatchObject({
      kind: 'damaged',
      message: expect.stringContaining('which log'),
    });
    expect(engine.file.log.history('15550000001', undefined, undefined)).toMatchObject([
      { evidence: { id: 'a', positions: [{ log: idOf(engine) }, { log: '00000000-unknown', position: 1 }] } },
    ]);
    engine.close();
  });
});

describe('the evidence before an entry', () => {
  it('is reduced to what outweighs the rest if there is much of it', () => {
    const engine = openEngine();
    const { log } = engine.file;
    log.append(
      Array.from({ length: 65 }, (_, index) => entry({ id: `o${index}`, kind: 'told', at: 1_000 - index })),
    );
    const [result] = log.append([entry()], { wantsBefore: true });
    expect(result?.before?.map(({ id }) => id).toSorted()).toEqual(['o0', 'o64']);
    engine.close();
  });

  it('has no words; for a known entry it is the evidence before its first write', () => {
    const engine = openEngine();
    const { log } = engine.file;
    const [first, second] = [entry({ id: 'a', text: 'STOP, Ann' }), entry({ id: 'b' })];
    log.append([first, second]);
    const [again] = log.append([second], { wantsBefore: true });
    expect(again).toMatchObject({ isNew: false, before: [{ id: 'a' }] });
    expect(again?.before).toHaveLength(1);
    expect(again?.before?.[0]).not.toHaveProperty('text');
    engine.close();
  });
});

describe('a file of a later version', () => {
  it('is left as it is: its opt-outs are read, and nothing is written', () => {
    const engine = openEngine();
    const path = engine.file.database.prepare('PRAGMA database_list').get()?.['file'] as string;
    engine.file.log.append([
      entry({ id: 'out' }),
      entry({ id: 'in', direction: 'in' }),
      entry({}, '15550000002'),
    ]);
    engine.file.database.exec('PRAGMA user_version = 4');
    engine.close();
    const bytes = readFileSync(path);
    expect(engine.open({ accounts: { default: 'another' } })).toMatchObject({
      kind: 'newer',
      message: expect.stringContaining('version 4, which is newer than 3'),
    });
    expect([engine.file.isReadOnly, engine.file.isNewer, engine.fault()]).toEqual([true, true, undefined]);
    expect(engine.isWorthReopening).toBe(false);
    const kept = engine.file.log.history('15550000001', undefined, undefined);
    expect(kept.map(({ evidence }) => [evidence.direction, evidence.kind])).toEqual([['out', 'act']]);
    engine.close();
    expect(readFileSync(path)).toEqual(bytes);
  });

  it('gives no evidence if it stores opt-outs differently', () => {
    const engine = openEngine();
    engine.file.log.append([entry()]);
    engine.file.database.exec('ALTER TABLE changes RENAME TO evidence; PRAGMA user_version = 4');
    expect(engine.open({ accounts: {} })?.kind).toBe('newer');
    expect(engine.file.log.history('15550000001', undefined, undefined)).toEqual([]);
    expect(engine.file.sweeps.heads()).toEqual([]);
    engine.close();
  });
});
