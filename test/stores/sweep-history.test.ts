import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadDriver } from '../../src/stores/sqlite/driver.ts';
import { createEngine, type Engine } from '../../src/stores/sqlite/engine.ts';
import { decode } from '../../src/stores/sqlite/number-blobs.ts';
import type { SweepHead } from '../../src/stores/sqlite/sweep-reader.ts';
import { newFolder } from './folders.ts';

const MINUTE = 60_000;
const T = 1_767_225_600_000;
const [A, B, C] = [15_551_230_001, 15_551_230_002, 15_551_230_003];

const NOTHING = { logId: '', lists: new Map<string, number>() };

interface Step {
  readonly added?: readonly number[];
  readonly removed?: readonly number[];
  readonly missing?: readonly number[];
}

const headAt = (start: number, size: number, list = 'default'): SweepHead => ({
  ...{ list, number: start, start, ageMs: 0, heldMs: null, size },
});

/** Makes a file whose sweeps are saved at the time at which they began. */
function history() {
  let now = T;
  let saves = 0;
  let size = 0;
  const engine = createEngine(loadDriver(), join(newFolder(), 'store.db'), () => now);
  engine.open({ accounts: {} });
  return {
    engine,
    at(time: number) {
      now = time;
    },
    save({ added = [], removed = [], missing = [] }: Step, list = 'default') {
      const token = `save ${saves++}`;
      const { sweeps } = engine.file;
      for (const [kind, numbers] of Object.entries({ added, removed, missing })) {
        if (numbers.length > 0) sweeps.stage(token, kind as 'added', Float64Array.from(numbers));
      }
      size += added.length - removed.length;
      expect(engine.saveSweep(token, headAt(now, size, list), [], false)).toBe(true);
    },
    prune(olderThan: number) {
      return [...engine.file.sweepHistory.prune(olderThan)].reduce((sum, removed) => sum + removed, 0);
    },
  };
}

const spansOf = ({ file }: Engine, number: number) =>
  file.sweepHistory.spans(String(number), undefined).map(({ firstSeenAt }) => firstSeenAt - T);

const listed = ({ file }: Engine) =>
  [...file.sweeps.numbers('default')].flatMap((batch) => [...batch]).toSorted((a, b) => a - b);

/** Every number in a blob, of any kind. */
function written({ file }: Engine): number[] {
  const blobs = file.database.prepare('SELECT bytes FROM images').all();
  return [...new Set(blobs.flatMap(({ bytes }) => [...decode(bytes)]))].toSorted((a, b) => a - b);
}

/** The list according to its snapshot and the changes after it; `undefined` without a snapshot. */
function listedBySnapshot({ file: { snapshots } }: Engine): number[] | undefined {
  if (!snapshots.has('default')) return undefined;
  const [chunk = new Uint8Array()] = [...snapshots.chunks('default')].flat();
  const numbers = new Set(new Float64Array(chunk.slice().buffer));
  for (const { kind, numbers: some } of snapshots.since('default')) {
    for (const one of some) {
      if (kind === 'added') numbers.add(one);
      else numbers.delete(one);
    }
  }
  return [...numbers].toSorted((a, b) => a - b);
}

const newestSweep = ({ file: { database } }: Engine) =>
  Number(database.prepare('SELECT max(seq) AS seq FROM sweeps').get()?.['seq']);

describe('a snapshot', () => {
  it('is due when much was added and removed since the last one', () => {
    const { engine, at, save } = history();
    const due = () => engine.file.snapshots.dueAt('default');
    save({ added: [A] });
    expect(due()).toBeUndefined();
    for (let saves = 0; saves < 100; saves++) {
      at(T + 2 * saves + 1);
      save({ removed: [A] });
      at(T + 2 * saves + 2);
      save({ added: [A] });
    }
    expect(due()).toBe(newestSweep(engine));
    engine.file.snapshots.commit('default', 'base', newestSweep(engine));
    expect(due()).toBeUndefined();
    at(T + MINUTE);
    save({ added: Array.from({ length: 120_000 }, (_, index) => C + 1_000_000 * index) });
    expect(due()).toBe(newestSweep(engine));
  });

  it('survives an opening, as sweeps that count do; what was staged an hour ago and never committed is deleted', () => {
    const { engine, at, save } = history();
    const tokens = () =>
      engine.file.database
        .prepare('SELECT DISTINCT token FROM images ORDER BY token')
        .all()
        .map(({ token }) => token);
    save({ added: [A] });
    engine.file.snapshots.stage('base', 0, [new Uint8Array([1])]);
    engine.file.snapshots.commit('default', 'base', newestSweep(engine));
    engine.file.snapshots.stage('base of nobody', 0, [new Uint8Array([2])]);
    engine.file.sweeps.stage('sweep of nobody', 'added', Float64Array.of(B));
    at(T + 59 * MINUTE);
    engine.file.sweeps.stage('under way', 'added', Float64Array.of(C));
    engine.open({ accounts: {} });
    expect(tokens()).toEqual(['base', 'base of nobody', 'save 0', 'sweep of nobody', 'under way']);
    at(T + 61 * MINUTE);
    engine.open({ accounts: {} });
    expect(tokens()).toEqual(['base', 'save 0', 'under way']);
    engine.close();
  });

  it('survives a restart, and is deleted when a full save replaces the list', () => {
    const { engine, at, save } = history();
    save({ added: [A] });
    const { snapshots } = engine.file;
    snapshots.stage('base', 0, [new Uint8Array([1]), new Uint8Array([2])]);
    snapshots.stage('base', 2, [new Uint8Array([3])]);
    snapshots.commit('default', 'base', newestSweep(engine));
    at(T + 24 * 60 * MINUTE);
    engine.open({ accounts: {} });
    expect([...engine.file.snapshots.chunks('default')].flat().map(([byte]) => byte)).toEqual([1, 2, 3]);
    engine.file.sweeps.stage('full', 'added', Float64Array.of(B));
    engine.file.sweeps.heads();
    const before = newestSweep(engine);
    engine.saveSweep('full', headAt(T + 24 * 60 * MINUTE, 1), [], true);
    expect(engine.file.snapshots.has('default')).toBe(false);
    engine.file.snapshots.commit('default', 'late', before);
    expect(engine.file.snapshots.has('default')).toBe(false);
  });
});

describe('the history of listings', () => {
  it('forgets a listing that ended long ago, and none that holds', () => {
    const { engine, at, save, prune } = history();
    save({ added: [A, B] });
    at(T + 10 * MINUTE);
    save({ removed: [A, B] });
    at(T + 20 * MINUTE);
    save({ added: [B] });
    at(T + 30 * MINUTE);
    expect([spansOf(engine, A), spansOf(engine, B)]).toEqual([[0], [20 * MINUTE, 0]]);
    expect(prune(T + 10 * MINUTE)).toBe(0);
    expect(prune(T + 11 * MINUTE)).toBe(2);
    expect([spansOf(engine, A), spansOf(engine, B)]).toEqual([[], [20 * MINUTE]]);
    expect([listed(engine), written(engine)]).toEqual([[B], [B]]);
  });

  it('keeps a listing for a minute after it ended, for processes that have not read the end', () => {
    const { engine, at, save, prune } = history();
    save({ added: [A] });
    at(T + 1);
    save({ removed: [A] });
    expect(prune(T + MINUTE)).toBe(0);
    at(T + 1 + MINUTE + 1);
    expect(prune(T + MINUTE)).toBe(1);
    expect(spansOf(engine, A)).toEqual([]);
  });

  it('keeps of an erased person only the listing that holds', () => {
    const { engine, at, save } = history();
    save({ added: [A, B, C] });
    at(T + 10 * MINUTE);
    save({ removed: [A, B] });
    at(T + 20 * MINUTE);
    save({ added: [B] });
    at(T + 30 * MINUTE);
    for (const number of [A, B]) engine.erase(String(number), NOTHING);
    expect([spansOf(engine, A), spansOf(engine, B), spansOf(engine, C)]).toEqual([[], [20 * MINUTE], [0]]);
    expect([listed(engine), written(engine)]).toEqual([
      [B, C],
      [B, C],
    ]);
  });

  it('hides a listing of an erased person that ended in the last minute, and deletes it a minute later', () => {
    const { engine, at, save } = history();
    save({ added: [A, C] });
    at(T + 1);
    save({ removed: [A] });
    engine.erase(String(A), NOTHING);
    expect([spansOf(engine, A), written(engine)]).toEqual([[], [A, C]]);
    at(T + MINUTE + 2);
    engine.tidy();
    expect([spansOf(engine, A), written(engine), listed(engine)]).toEqual([[], [C], [C]]);
  });

  it('shows the new listing of an erased person who is listed again', () => {
    const { engine, at, save } = history();
    save({ added: [A, C] });
    at(T + 10 * MINUTE);
    save({ removed: [A] });
    engine.erase(String(A), NOTHING);
    at(T + 20 * MINUTE);
    save({ added: [A] });
    at(T + 30 * MINUTE);
    save({ removed: [A] });
    engine.tidy();
    expect(spansOf(engine, A)).toEqual([20 * MINUTE]);
  });

  it('does not change the list, whatever is forgotten', () => {
    const number = fc.integer({ min: 0, max: 5 }).map((offset) => A + offset);
    const act = fc.oneof(
      {
        weight: 5,
        arbitrary: fc.record({ kind: fc.constant('flip' as const), numbers: fc.uniqueArray(number) }),
      },
      {
        weight: 1,
        arbitrary: fc.record({ kind: fc.constant('prune' as const), ago: fc.integer({ min: 0, max: 9 }) }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('erase' as const), number }) },
      {
        weight: 2,
        arbitrary: fc.constantFrom(
          { kind: 'begin a snapshot' as const },
          { kind: 'end a snapshot' as const },
        ),
      },
    );
    fc.assert(
      fc.property(fc.array(act, { maxLength: 30 }), (acts) => {
        const { engine, at, save, prune } = history();
        const isListed = new Set<number>();
        let spans: { number: number; from: number; until: number }[] = [];
        save({ added: [C + 100] });
        let now = T;
        let snapshot = { seq: newestSweep(engine), numbers: [C + 100] };
        for (const [index, one] of acts.entries()) {
          at((now += 2 * MINUTE));
          if (one.kind === 'flip') {
            const [removed, added] = [true, false].map((is) =>
              one.numbers.filter((flipped) => isListed.has(flipped) === is),
            );
            save({ added: added ?? [], removed: removed ?? [] });
            for (const flipped of added ?? []) {
              isListed.add(flipped);
              spans.push({ number: flipped, from: now, until: Infinity });
            }
            for (const flipped of removed ?? []) isListed.delete(flipped);
            spans = spans.map((span) =>
              removed?.includes(span.number) && span.until === Infinity ? { ...span, until: now } : span,
            );
          } else if (one.kind === 'prune') {
            const olderThan = now - one.ago * MINUTE;
            prune(olderThan);
            spans = spans.filter(({ until }) => until >= Math.min(olderThan, now - MINUTE));
          } else if (one.kind === 'begin a snapshot') {
            snapshot = { seq: newestSweep(engine), numbers: [...isListed, C + 100] };
          } else if (one.kind === 'end a snapshot') {
            const chunk = new Uint8Array(Float64Array.from(snapshot.numbers).buffer);
            engine.file.snapshots.stage(`base ${index}`, 0, [chunk]);
            engine.file.snapshots.commit('default', `base ${index}`, snapshot.seq);
          } else {
            engine.erase(String(one.number), NOTHING);
            spans = spans.filter((span) => span.number !== one.number || span.until === Infinity);
          }
          expect(listed(engine)).toEqual([...isListed, C + 100].toSorted((a, b) => a - b));
          expect(listedBySnapshot(engine) ?? listed(engine)).toEqual(listed(engine));
          for (let offset = 0; offset <= 5; offset++) {
            const own = spans.filter((span) => span.number === A + offset).map(({ from }) => from - T);
            expect(spansOf(engine, A + offset)).toEqual(own.toReversed());
          }
        }
        engine.close();
      }),
      { numRuns: 100, seed: 20_261_124 },
    );
  });
});
