/**
 * A process of commit 800fd32 has a file open while this version writes to it. Whatever is written, that process must
 * allow no number that this version blocks.
 */

import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { LATEST_TIME, type Evidence, type OptOutChange } from '../../src/ledger/evidence.ts';
import { EMPTY_RECORD, isBlockedByEvidence, mergeEvidence } from '../../src/ledger/evidence-rules.ts';
import { loadDriver } from '../../src/stores/sqlite/driver.ts';
import { createEngine, type Engine } from '../../src/stores/sqlite/engine.ts';
import { readLogId } from '../../src/stores/sqlite/log-id.ts';
import { readTail } from '../../src/stores/sqlite/tail-messages.ts';
import { startChild, type ChildGuard } from './child.ts';
import { firstEditionStore } from './fixtures/first-edition.mjs';
import { T0, persons } from './fixtures/persons.mjs';
import { newFolder } from './folders.ts';

const MINUTE = 60_000;
const OPTIONS = { clockSlackMs: MINUTE, lagGraceMs: 10 * MINUTE };
const MARKER = '15559990001';
const LIST = 'default';

let ids = 0;
function evidence(fields: Partial<Evidence>): Evidence {
  return {
    ...{ direction: 'out', kind: 'told', at: T0, seenAt: T0, source: 'inbound', id: `e${++ids}` },
    ...fields,
  };
}

/** Opens a file of version 2 with a process of that version and with an engine. */
async function openInBothEditions() {
  const file = join(newFolder(), 'store.db');
  copyFileSync(fileURLToPath(new URL('./fixtures/version-2.db', import.meta.url)), file);
  const old = await startChild({ file }, [], 'first-edition');
  const engine = createEngine(loadDriver(), file);
  engine.open({ accounts: { [LIST]: 'ours' } });
  return { file, old, engine };
}

/** Waits until the other process has read everything that is in the file. */
async function settle(engine: Engine, old: ChildGuard, marker: string): Promise<void> {
  engine.file.log.append([{ list: LIST, msisdn: marker, evidence: evidence({}) }]);
  await expect.poll(() => old.ask('canSend', { numbers: [marker] }), { interval: 10 }).toEqual([false]);
}

/** Returns whether this version blocks a number first-hand. */
function isBlocked(engine: Engine, msisdn: string): boolean {
  const record = engine.file.log
    .history(msisdn, undefined, undefined)
    .map((one) => one.evidence)
    .reduce(mergeEvidence, EMPTY_RECORD);
  return isBlockedByEvidence(record, OPTIONS) === true;
}

const numberOf = (name: string) => persons.find((one) => one.name === name)?.msisdn ?? '';
const basis = (engine: Engine, position: number) => ({ log: readLogId(engine.file.database).id, position });

/** Returns entries to write about a person who is in the file already. */
type Write = (engine: Engine) => Partial<Evidence>[];
const act = { kind: 'act', source: 'manual' } as const;

const writes: readonly [what: string, person: string, write: Write][] = [
  // The old process knows an opt-in of half an hour later.
  ['a STOP that arrives late', 'STOP, lifted by an operator', () => [{ at: T0 + 3 * MINUTE }]],
  ['a STOP without a date', 'STOP, lifted by an operator', () => [{ at: LATEST_TIME }]],
  ['a STOP received before a later opt-in', 'STOP, START', () => [{ at: T0 + 61 * MINUTE, seenAt: T0 }]],
  ['an opt-out of a clock that is behind', 'phone, lifted by an operator', () => [{ ...act, at: T0 }]],
  [
    'an opt-out of a clock that is behind the provider’s',
    'STOP, START',
    () => [{ ...act, at: T0, seenAt: T0 + 50 * MINUTE }],
  ],
  [
    'an import with a date',
    'phone, lifted by an operator',
    () => [{ kind: 'stated', source: 'manual', at: T0 - 9_000 * MINUTE }],
  ],
  ['a receipt', 'STOP, lifted by an operator', () => [{ source: 'receipt', at: T0 - 9_000 * MINUTE }]],
  // The old process compares the times of these with those of opt-outs.
  [
    'an opt-in that had not seen the opt-out',
    'phone',
    () => [{ ...act, direction: 'in', at: T0 + 999 * MINUTE }],
  ],
  [
    'an opt-in whose basis is before the opt-out',
    'STOP',
    (engine) => [{ ...act, direction: 'in', at: T0 + 999 * MINUTE, basis: basis(engine, 0) }],
  ],
  [
    'an opt-in whose basis is of another log',
    'STOP',
    () => [{ ...act, direction: 'in', at: T0 + 999 * MINUTE, basis: { log: '00000000-x', position: 999 } }],
  ],
  ['START after an operator’s opt-out', 'phone', () => [{ direction: 'in', at: T0 + 999 * MINUTE }]],
  ['START that proves nothing', 'STOP', () => [{ direction: 'in', at: T0 + 999 * MINUTE, proves: false }]],
  [
    'an opt-in that proves nothing',
    'phone',
    () => [{ ...act, direction: 'in', at: T0 + 999 * MINUTE, proves: false }],
  ],
  [
    'a STOP and an opt-in that began before it',
    'lifted, on no list',
    (engine) => [
      { at: T0 + 44 * MINUTE },
      { ...act, direction: 'in', at: T0 + 99 * MINUTE, basis: basis(engine, 1) },
    ],
  ],
  [
    'a proven opt-in that had not seen the STOP',
    'STOP, on the list',
    () => [
      {
        ...act,
        direction: 'in',
        at: T0 + 99 * MINUTE,
        source: 'provider',
        proof: { optInDate: null, sweep: 0 },
      },
    ],
  ],
];

describe('a process of the first edition that has the file open', () => {
  it.each(writes)('does not allow the number: %s (%s)', async (_what, person, write) => {
    const { old, engine } = await openInBothEditions();
    const msisdn = numberOf(person);
    const entries = write(engine).map((fields): OptOutChange => ({
      list: LIST,
      msisdn,
      evidence: evidence(fields),
    }));
    engine.file.log.append(entries);
    await settle(engine, old, MARKER);
    expect(isBlocked(engine, msisdn)).toBe(true);
    expect(await old.ask('canSend', { numbers: [msisdn, '15558880000'] })).toEqual([false, true]);
    engine.close();
  });

  it('allows no number that this version blocks, whatever is written', async () => {
    const { old, engine } = await openInBothEditions();
    let state = 20_261_130;
    const random = (below: number) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    const pick = <T>(some: readonly T[]) => some[random(some.length)] as T;
    const before = await old.ask<boolean[]>('canSend', { numbers: persons.map(({ msisdn }) => msisdn) });
    // Numbers that this version blocks only since the migration: that process still allows them.
    const doubtful = new Set(persons.filter((one) => one.now && !one.before).map(({ msisdn }) => msisdn));
    for (let round = 0; round < 6; round++) {
      for (let count = 0; count < 40; count++) {
        const kind = pick(['told', 'act', 'stated'] as const);
        const direction = kind === 'stated' ? 'out' : pick(['out', 'in'] as const);
        const one = evidence({
          ...{ kind, direction, source: pick(['inbound', 'receipt', 'manual'] as const) },
          at: pick([T0 + random(400) * MINUTE - 100 * MINUTE, LATEST_TIME, 0, -1e13]),
          seenAt: T0 + random(400) * MINUTE,
          ...(kind === 'act' ? { basis: basis(engine, random(120)) } : {}),
          ...(random(6) === 0 ? { proves: false as const } : {}),
        });
        const { msisdn } = pick(persons);
        engine.file.log.append([{ list: LIST, msisdn, evidence: one }]);
        if (direction === 'out' && one.proves !== false) doubtful.delete(msisdn);
      }
      await settle(engine, old, String(15_559_990_001 + round));
      const allowed = await old.ask<boolean[]>('canSend', { numbers: persons.map(({ msisdn }) => msisdn) });
      const wrong = persons.filter(
        ({ msisdn }, index) => isBlocked(engine, msisdn) && allowed[index] && !doubtful.has(msisdn),
      );
      expect(wrong.map(({ name }) => name)).toEqual([]);
      // It still allows numbers without an opt-out.
      expect(allowed.filter((is, index) => is && before[index]).length > 0 || round > 0).toBe(true);
    }
    engine.close();
  });

  it('writes entries that this version reads: opt-outs block, opt-ins have seen nothing', async () => {
    const { old, engine } = await openInBothEditions();
    engine.file.log.append([{ list: LIST, msisdn: '15557770001', evidence: evidence({ direction: 'in' }) }]);
    const cursor = engine.end();
    await old.ask('optOut', { number: '15557770001' });
    await old.ask('resubscribe', { number: numberOf('STOP') });
    expect(await old.ask('canSend', { numbers: ['15557770001', numberOf('STOP')] })).toEqual([false, true]);
    expect([isBlocked(engine, '15557770001'), isBlocked(engine, numberOf('STOP'))]).toEqual([true, true]);
    const read = [...readTail(engine.file, cursor)].flatMap(({ changes }) => changes);
    expect(read.map((one) => [one.msisdn, one.evidence.kind, one.evidence.basis])).toEqual(
      expect.arrayContaining([
        ['15557770001', 'act', undefined],
        [numberOf('STOP'), 'act', undefined],
      ]),
    );
    const positions = read.map((one) => one.evidence.positions?.[0]?.position ?? 0);
    expect(Math.min(...positions)).toBeGreaterThan(cursor.changes);
    const [next] = engine.file.log.append([{ list: LIST, msisdn: MARKER, evidence: evidence({}) }]);
    expect(next?.position).toBeGreaterThan(Math.max(...positions));
    engine.close();
  });

  it('applies an erasure, and blocks whom this version blocks', async () => {
    const { old, engine } = await openInBothEditions();
    const [blocked, free] = [numberOf('phone'), numberOf('STOP, lifted by an operator')];
    const { log, changes: position } = engine.end();
    engine.erase(blocked, { logId: log, lists: new Map() });
    engine.erase(free, { logId: log, lists: new Map([[LIST, position]]) });
    await settle(engine, old, MARKER);
    expect(await old.ask('canSend', { numbers: [blocked, free] })).toEqual([false, true]);
    expect(JSON.stringify(await old.ask('history', { number: blocked }))).not.toContain('Ann');
    engine.close();
  });

  it('saves sweeps, which get numbers when this version reads them', async () => {
    const file = join(newFolder(), 'store.db');
    const old = firstEditionStore(file);
    await old.open();
    const sweep = { missingOnce: [], heldSince: null, rows: [], delta: undefined };
    const row = { msisdn: MARKER, start: 2_000, date: 2_000 };
    await old.saveSweep(LIST, { ...sweep, start: 1_000, size: 1, numbers: [MARKER] });
    const engine = createEngine(loadDriver(), file);
    expect(engine.open({ accounts: {} })).toBeUndefined();
    const [first] = engine.file.sweeps.heads();
    const lease = engine.nextSweep();
    expect(lease).toBeGreaterThan(first?.number ?? Infinity);
    const delta = { added: [], removed: [] };
    expect(
      await old.saveSweep(LIST, { ...sweep, start: 2_000, size: 1, numbers: [MARKER], rows: [row], delta }),
    ).toBe(true);
    const cursor = { ...engine.end(), sweeps: 1 };
    const read = [...readTail(engine.file, cursor)].flatMap(({ sweeps }) => sweeps);
    const last = read.at(-1);
    expect(last).toMatchObject({ start: 2_000, heldMs: null });
    expect(read.flatMap(({ rows }) => rows)).toEqual([{ msisdn: MARKER, sweep: last?.number, date: null }]);
    expect(last?.number).toBeGreaterThan(lease);
    // A sweep of this version that began before is refused; a later one is kept.
    const head = { list: LIST, start: 3_000, ageMs: 0, heldMs: null, size: 1 };
    engine.file.sweeps.heads();
    expect(engine.saveSweep('one', { ...head, number: lease }, [], false)).toBe(false);
    expect(engine.saveSweep('two', { ...head, number: engine.nextSweep() }, [], false)).toBe(true);
    await old.close();
    engine.close();
  });
});
