/** Migration of earlier versions: it loses nothing, releases nobody, and reports how many are blocked now. */

import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EMPTY_RECORD, isBlockedByEvidence, mergeEvidence } from '../../src/ledger/evidence-rules.ts';
import type { Evidence, OptOutChange } from '../../src/ledger/evidence.ts';
import { LATEST_TIME } from '../../src/ledger/evidence.ts';
import { copyEvidence } from '../../src/stores/sqlite/carry-over.ts';
import { changesIn } from '../../src/stores/sqlite/change-columns.ts';
import { loadDriver, type Database, type Driver } from '../../src/stores/sqlite/driver.ts';
import { createEngine, type Engine } from '../../src/stores/sqlite/engine.ts';
import { inferBases } from '../../src/stores/sqlite/first-edition-bases.ts';
import { isBlockedByFirstEdition } from '../../src/stores/sqlite/first-edition-rules.ts';
import { createChangeLog, type LoadedChanges } from '../../src/stores/sqlite/change-log.ts';
import { LOAD_START, type LoadPosition } from '../../src/stores/sqlite/log-cursor.ts';
import { readLogId } from '../../src/stores/sqlite/log-id.ts';
import { migrate } from '../../src/stores/sqlite/migration.ts';
import { makeTables } from '../../src/stores/sqlite/schema.ts';
import { createGuard, firstEditionStore } from './fixtures/first-edition.mjs';
import { T0, listed, persons } from './fixtures/persons.mjs';
import { newFolder } from './folders.ts';

const driver = loadDriver();
const silent = { debug() {}, info() {}, warn() {}, error() {} };
const MINUTE = 60_000;
const OPTIONS = { clockSlackMs: MINUTE, lagGraceMs: 10 * MINUTE };

/** Copies the file that commit 800fd32 wrote. @returns the path of the copy */
function copyOfVersion2(): string {
  const file = join(newFolder(), 'store.db');
  copyFileSync(fileURLToPath(new URL('./fixtures/version-2.db', import.meta.url)), file);
  return file;
}

function copyOfVersion1(): string {
  const file = copyOfVersion2();
  change(file, 'DROP TABLE bases; PRAGMA user_version = 1');
  return file;
}

function change(file: string, sql: string): void {
  const database = new driver.DatabaseSync(file);
  database.exec(sql);
  database.close();
}

function openEngine(file: string, own: Driver = driver) {
  const engine = createEngine(own, file);
  const trouble = engine.open({ accounts: { default: 'ours' } });
  return { engine, trouble };
}

function loaded({ file: { log } }: Engine): OptOutChange[] {
  const all: OptOutChange[] = [];
  for (let from: LoadPosition | undefined = LOAD_START; from !== undefined;) {
    const { columns, others, next }: LoadedChanges = log.load(from, 7);
    from = next;
    all.push(...[...changesIn(columns, 3)].flat(), ...others);
  }
  return all;
}

/** Returns whether each person is blocked, by the ledger's rules and the loaded evidence. */
function answers(engine: Engine): Map<string, boolean> {
  const changes = loaded(engine);
  return new Map(
    persons.map(({ name, msisdn, isListed }) => {
      const evidence = changes.filter((one) => one.msisdn === msisdn).map((one) => one.evidence);
      const record = evidence.reduce(mergeEvidence, EMPTY_RECORD);
      return [name, isBlockedByEvidence(record, OPTIONS) ?? isListed];
    }),
  );
}

const expected = (edition: 'before' | 'now') => new Map(persons.map((one) => [one.name, one[edition]]));

function evidenceOf(engine: Engine, name: string): Evidence[] {
  const person = persons.find((one) => one.name === name);
  return engine.file.log
    .history(person?.msisdn ?? '', undefined, undefined)
    .map(({ evidence }) => evidence)
    .toReversed();
}

describe('a file of an earlier version', () => {
  it('gives the answers of the table of persons in that version', async () => {
    const guard = createGuard({ logger: silent, store: firstEditionStore(copyOfVersion2()) });
    await guard.ready({ timeout: 5_000 });
    const found = new Map(persons.map(({ name, msisdn }) => [name, !guard.canSend(msisdn)]));
    await guard.close();
    expect(found).toEqual(expected('before'));
  });

  it.each([
    ['1', copyOfVersion1],
    ['2', copyOfVersion2],
  ])(
    'of version %s still blocks whom it blocked, and reports how many it blocks in addition',
    (_version, copy) => {
      const file = copy();
      const { engine, trouble } = openEngine(file);
      expect(answers(engine)).toEqual(expected('now'));
      const changed = persons.filter(({ before, now }) => now && !before).length;
      expect(trouble).toMatchObject({
        kind: 'migrated',
        message: expect.stringContaining(`${changed} numbers are blocked now`),
      });
      engine.close();
      const again = openEngine(file);
      expect(again.trouble).toBeUndefined();
      expect(answers(again.engine)).toEqual(expected('now'));
      again.engine.close();
    },
  );

  it('loses no entry and no id', () => {
    const { engine } = openEngine(copyOfVersion2());
    const given = persons.flatMap(({ msisdn, entries }) =>
      entries.map(({ evidence: { direction, id, seenAt } }) => ({
        ...{ list: 'default', msisdn },
        evidence: { direction, id, seenAt, kind: 'told', at: 1, source: 'inbound' } as const,
      })),
    );
    const results = engine.file.log.append(given);
    expect(results.map(({ isNew }) => isNew)).toEqual(given.map(() => false));
    expect(results.map(({ firstSeenAt }) => firstSeenAt)).toEqual(given.map((one) => one.evidence.seenAt));
    expect(new Set(results.map(({ position }) => position)).size).toBe(given.length);
    const [phone] = evidenceOf(engine, 'phone');
    expect(phone).toMatchObject({ kind: 'act', reason: 'by phone, Ann', source: 'manual' });
    engine.close();
  });

  it.each<[string, Partial<Evidence>[]]>([
    ['STOP, START', [{ kind: 'told' }, { kind: 'told', direction: 'in' }]],
    [
      'STOP dated 1970, START',
      [
        { kind: 'told', direction: 'in' },
        { kind: 'told', at: LATEST_TIME },
      ],
    ],
    ['undated STOP, lifted', [{ kind: 'act' }, { kind: 'act', direction: 'in' }]],
    ['phone, undated START', [{ kind: 'act' }, { kind: 'told', direction: 'in', proves: false }]],
    [
      'day imported, START on that day',
      [
        { kind: 'told', direction: 'in' },
        { kind: 'stated', at: T0 - 600 * MINUTE + 86_400_000 - 1 },
      ],
    ],
    ['minute imported, START later', [{ kind: 'stated', at: T0 + MINUTE }, { kind: 'told' }]],
    [
      'STOP, row of the list that says in',
      [{ kind: 'told' }, { kind: 'told', direction: 'in', source: 'provider', proves: false }],
    ],
  ])('gets the kinds and times of this version: %s', (name, kinds) => {
    const { engine } = openEngine(copyOfVersion2());
    expect(evidenceOf(engine, name)).toMatchObject(kinds);
    engine.close();
  });

  it('has opt-ins by removals from the provider’s list as acts without a basis', () => {
    const { engine } = openEngine(copyOfVersion2());
    const optIn = evidenceOf(engine, 'phone, removed by the provider').find((one) => one.direction === 'in');
    expect(optIn).toMatchObject({ kind: 'act', source: 'provider' });
    expect(optIn).not.toHaveProperty('basis');
    expect(optIn).not.toHaveProperty('proves');
    engine.close();
  });

  it('keeps its sweeps in order, with their rows', () => {
    const { engine } = openEngine(copyOfVersion2());
    const { sweeps } = engine.file;
    const heads = new Map(sweeps.heads().map((head) => [head.list, head]));
    const head = heads.get('default');
    const number = head?.number ?? 0;
    expect(head).toMatchObject({ start: T0 + 300_000, ageMs: 90_000, heldMs: 0, size: listed.length + 1 });
    const row = persons.find(({ name }) => name === 'STOP, on the list');
    expect(head?.rows).toEqual([{ msisdn: row?.msisdn, sweep: number, date: null }]);
    expect(heads.get('other')).toMatchObject({ number: 0, start: null, heldMs: null });
    expect([...sweeps.missing('default')].flatMap((some) => [...some])).toEqual([15_551_239_001]);
    expect(number).toBeGreaterThan(0);
    expect(engine.nextSweep()).toBeGreaterThan(number);
    expect(sweeps.isOlder({ list: 'default', number })).toBe(false);
    expect(sweeps.isOlder({ list: 'default', number: number - 1 })).toBe(true);
    engine.close();
  });

  it('is migrated by one of two processes that open it at once', () => {
    const file = copyOfVersion2();
    let others = 0;
    const racing: Driver = {
      DatabaseSync: class extends driver.DatabaseSync {
        override exec(sql: string): void {
          // Now this process has read the version and does not have the lock yet.
          if (sql === 'BEGIN IMMEDIATE' && others++ === 0) openEngine(file).engine.close();
          super.exec(sql);
        }
      },
    };
    const { engine, trouble } = openEngine(file, racing);
    expect([others > 0, trouble]).toEqual([true, undefined]);
    expect(answers(engine)).toEqual(expected('now'));
    engine.close();
  });

  it('stays as it is if the migration fails', () => {
    const file = copyOfVersion2();
    change(file, 'DROP TABLE listed_rows');
    const database = new driver.DatabaseSync(file);
    expect(() => migrate(database)).toThrow(/listed_rows/);
    expect(database.prepare('PRAGMA user_version').get()).toEqual({ user_version: 2 });
    expect(database.prepare("SELECT name FROM sqlite_master WHERE name = 'entries'").all()).toEqual([]);
    database.close();
  });

  it('passes on its evidence, with acts that have seen nothing, if it is too damaged for a migration', () => {
    const file = copyOfVersion2();
    change(file, 'DROP TABLE listed_rows');
    const { engine, trouble } = openEngine(file);
    expect(trouble?.kind).toBe('damaged');
    const found = answers(engine);
    for (const { name, before, isListed } of persons) {
      if (before && !isListed) expect([name, found.get(name)]).toEqual([name, true]);
    }
    expect(found.get('STOP, lifted by an operator')).toBe(true);
    expect(found.get('STOP, START')).toBe(false);
    engine.close();
  });

  it('passes on the bases of its acts with its evidence if it is put aside', () => {
    const file = copyOfVersion2();
    const engine = createEngine(driver, file);
    expect(engine.open({ accounts: { default: 'theirs' } })?.kind).toBe('damaged');
    expect(answers(engine).get('STOP, lifted by an operator')).toBe(false);
    expect(answers(engine).get('phone, lifted 30 s later')).toBe(true);
    engine.close();
  });
});

describe('any content of a file of an earlier version', () => {
  /** Returns the statements that make the tables of version 2. */
  function tablesOfVersion2(): string {
    const database = new driver.DatabaseSync(copyOfVersion2());
    const made = database
      .prepare("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'")
      .all();
    database.close();
    return `${made.map(({ sql }) => String(sql)).join(';\n')}; PRAGMA user_version = 2`;
  }

  it('releases nobody by the migration, which counts whom it blocks', () => {
    const tables = tablesOfVersion2();
    const minute = fc.integer({ min: 0, max: 25 }).map((count) => T0 + count * MINUTE + 7);
    const row = fc.record({
      person: fc.integer({ min: 0, max: 2 }),
      direction: fc.constantFrom('out', 'in'),
      clock: fc.constantFrom('provider', 'local'),
      source: fc.constantFrom('inbound', 'manual', 'manual', 'provider', 'receipt'),
      isUuid: fc.boolean(),
      at: fc.oneof(minute, minute, fc.constantFrom(0, T0 - 36_000_000, T0 + 60_000_000)),
      seenAt: minute,
      writer: fc.constantFrom('a', 'a', 'b'),
    });
    let released = 0;
    fc.assert(
      fc.property(fc.array(row, { maxLength: 14 }), fc.boolean(), (given, isOrdered) => {
        const rows = isOrdered ? given.toSorted((a, b) => a.seenAt - b.seenAt) : given;
        const database = new driver.DatabaseSync(':memory:');
        database.exec(tables);
        const insert = database.prepare(
          `INSERT INTO changes (msisdn, list, direction, id, at, clock, seen_at, source, writer)
           VALUES (?, 'a', ?, ?, ?, ?, ?, ?, ?)`,
        );
        for (const [index, one] of rows.entries()) {
          const id = one.isUuid
            ? `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`
            : `id ${index}`;
          const { direction, at, clock, seenAt, source, writer } = one;
          insert.run(one.person, direction, id, at, clock, seenAt, source, writer);
        }
        const migration = migrate(database);
        const log = createChangeLog(database, 'x', () => T0);
        let blocked = 0;
        for (const person of [0, 1, 2]) {
          const before = isBlockedByFirstEdition(
            rows.filter((one) => one.person === person),
            undefined,
          );
          const evidence = log.history(String(person), undefined, undefined).map((one) => one.evidence);
          const after = isBlockedByEvidence(evidence.reduce(mergeEvidence, EMPTY_RECORD), OPTIONS);
          if (before === true) expect(after).toBe(true);
          if (before !== true && after === true) blocked++;
          if (before === false && after === undefined) released++;
        }
        expect(migration?.blocked).toBe(blocked);
        const kept = database
          .prepare('SELECT (SELECT count(*) FROM changes) + (SELECT count(*) FROM entries) AS count')
          .get();
        expect(kept).toEqual({ count: rows.length });
        database.close();
      }),
      { numRuns: 500, seed: 20_261_130 },
    );
    // Some opt-ins still count.
    expect(released).toBeGreaterThan(50);
  });
});

describe('the basis of an act of an earlier version', () => {
  type Entry = readonly [writer: string, seenAt: number, act?: 'act', at?: number];

  /** Infers the bases of entries. @returns them by position */
  function bases(entries: readonly Entry[]): Record<number, number | null> {
    const database = new driver.DatabaseSync(':memory:');
    makeTables(database);
    const insert = database.prepare(
      `INSERT INTO changes (msisdn, list, direction, id, at, clock, seen_at, source, writer)
       VALUES (?, 'a', ?, 'x', ?, 'local', ?, 'manual', ?)`,
    );
    for (const [index, [writer, seenAt, act, at = seenAt]] of entries.entries()) {
      insert.run(15_550_000_001 + index, act ? 'in' : 'out', at * 1_000, seenAt * 1_000, writer);
    }
    inferBases(database);
    const rows = database.prepare("SELECT seq, basis FROM changes WHERE direction = 'in'").all();
    database.close();
    return Object.fromEntries(rows.map(({ seq, basis }) => [seq, basis])) as Record<number, number | null>;
  }

  /** The same, written down directly from the rule. Times in seconds. */
  function byTheRule(entries: readonly Entry[]): Record<number, number> {
    const found: Record<number, number> = {};
    for (const [index, [writer, seenAt, act, at = seenAt]] of entries.entries()) {
      if (!act) continue;
      const isLate = ([other, seen]: Entry) => seen > Math.min(seenAt, at) - (other === writer ? 60 : 600);
      const first = entries.slice(0, index).findIndex(isLate);
      found[index + 1] = first === -1 ? index : first;
    }
    return found;
  }

  it.each<[string, readonly Entry[], Record<number, number>]>([
    ['nothing if no entry is before it', [['a', 0, 'act']], { 1: 0 }],
    [
      'an entry of its own process of a minute before',
      [
        ['a', 0],
        ['a', 60, 'act'],
      ],
      { 2: 1 },
    ],
    [
      'no entry of its own process of less than a minute before',
      [
        ['a', 1],
        ['a', 60, 'act'],
      ],
      { 2: 0 },
    ],
    [
      'an entry of another process of ten minutes before',
      [
        ['b', 0],
        ['a', 600, 'act'],
      ],
      { 2: 1 },
    ],
    [
      'no entry of another process of less than ten minutes before',
      [
        ['b', 1],
        ['a', 600, 'act'],
      ],
      { 2: 0 },
    ],
    [
      'nothing after an entry that was too late',
      [
        ['a', 0],
        ['b', 500],
        ['a', 1],
        ['a', 600, 'act'],
      ],
      { 4: 1 },
    ],
    [
      'nothing after an entry whose clock was ahead',
      [
        ['a', 9_999],
        ['a', 1],
        ['a', 600, 'act'],
      ],
      { 3: 0 },
    ],
    [
      'no entry that came after it began',
      [
        ['a', 0],
        ['a', 100],
        ['a', 600, 'act', 120],
      ],
      { 3: 1 },
    ],
    [
      'an entry of its own process after one of another process of long before',
      [
        ['b', 0],
        ['a', 500],
        ['a', 600, 'act'],
      ],
      { 3: 2 },
    ],
  ])('covers %s', (_name, entries, found) => {
    expect(bases(entries)).toEqual(found);
    expect(byTheRule(entries)).toEqual(found);
  });

  it('follows the rule for any order and any clocks', () => {
    let state = 20_260_101;
    const random = (below: number) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    for (let run = 0; run < 150; run++) {
      let now = 0;
      const entries = Array.from({ length: 1 + random(40) }, (): Entry => {
        now += random(10) === 0 ? random(2_000) - 900 : random(90);
        const writer = ['a', 'b', 'c'][random(3)] as string;
        return random(3) === 0 ? [writer, now, 'act', now - random(3) * 40] : [writer, now];
      });
      expect(bases(entries)).toEqual(byTheRule(entries));
    }
  });
});

describe('evidence that is carried over into another file', () => {
  const optOut = (msisdn: string, id: string): OptOutChange => ({
    ...{ list: 'default', msisdn },
    evidence: { direction: 'out', kind: 'act', at: 1, seenAt: 2, source: 'manual', id, text: 'STOP' },
  });
  const optIn = (msisdn: string, id: string, log: string, position: number): OptOutChange => ({
    ...{ list: 'default', msisdn },
    evidence: {
      ...{ direction: 'in', kind: 'act', at: 1, seenAt: 2, source: 'manual', id },
      basis: { log, position },
    },
  });
  const isBlocked = (engine: Engine, msisdn: string) => {
    const evidence = loaded(engine).flatMap((one) => (one.msisdn === msisdn ? [one.evidence] : []));
    return isBlockedByEvidence(evidence.reduce(mergeEvidence, EMPTY_RECORD), OPTIONS);
  };
  const idOf = (database: Database) => readLogId(database).id;

  it('keeps its position, its basis and its words, in a newer log', () => {
    const source = openEngine(join(newFolder(), 'store.db')).engine;
    const log = idOf(source.file.database);
    source.file.log.append([optOut('15550000001', 'a'), optOut('15550000002', 'b')]);
    source.file.log.append([optIn('15550000001', 'c', log, 1), optIn('15550000002', 'd', log, 1)]);
    const target = openEngine(join(newFolder(), 'store.db')).engine;
    target.file.log.append([optOut('15550000009', 'z')]);
    expect(copyEvidence(source.file.database, target.file.database)).toBe(4);
    const own = idOf(target.file.database);
    expect(own > log).toBe(true);
    const [carried] = target.file.log
      .history('15550000002', undefined, undefined)
      .filter((one) => one.evidence.id === 'b');
    expect(carried?.evidence).toMatchObject({
      text: 'STOP',
      positions: [{ log: own }, { log, position: 2 }],
    });
    expect([isBlocked(target, '15550000001'), isBlocked(target, '15550000002')]).toEqual([undefined, true]);
    // A second time all of it is known, and the log stays.
    expect(copyEvidence(source.file.database, target.file.database)).toBe(0);
    expect(idOf(target.file.database)).toBe(own);
    for (const engine of [source, target]) engine.close();
  });

  it('is not mistaken for the entry at the same position if it is from a copy that continued on its own', () => {
    const file = join(newFolder(), 'store.db');
    const first = openEngine(file).engine;
    const log = idOf(first.file.database);
    first.file.log.append([optOut('15550000001', 'a')]);
    first.close();
    const copy = join(newFolder(), 'store.db');
    copyFileSync(file, copy);
    const [one, other] = [openEngine(file).engine, openEngine(copy).engine];
    // Both continue from position 1. This act has seen the entry at position 2 in one file, and not that in the other.
    one.file.log.append([optOut('15550000002', 'b'), optIn('15550000003', 'c', log, 2)]);
    other.file.log.append([optOut('15550000003', 'd')]);
    for (const [source, target] of [
      [one, other],
      [other, one],
    ] as const) {
      const both = openEngine(join(newFolder(), 'store.db')).engine;
      for (const from of [source, target]) copyEvidence(from.file.database, both.file.database);
      expect(isBlocked(both, '15550000003')).toBe(true);
      both.close();
    }
    copyEvidence(one.file.database, other.file.database);
    expect(isBlocked(other, '15550000003')).toBe(true);
    expect(idOf(other.file.database) > log).toBe(true);
    for (const engine of [one, other]) engine.close();
  });
});
