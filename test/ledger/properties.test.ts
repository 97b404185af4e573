import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Evidence, LogPosition } from '../../src/ledger/evidence.ts';
import { createLedger, type Ledger } from '../../src/ledger/ledger.ts';
import type { ListedRow } from '../../src/ledger/provider-list-types.ts';
import { createNumberSet } from '../../src/number-set/number-set.ts';
import { LEDGER, MINUTE, T, begin, finish } from './evidence.ts';
import { Oracle } from './oracle.ts';
import { columnsOf } from './columns.ts';

const PEOPLE = ['15550000001', '15550000002', '15550000003'];
const RUNS = { numRuns: 4_000, seed: 20_260_101 };

const person = fc.constantFrom(...PEOPLE);
const tick = fc.oneof(fc.integer({ min: 1, max: 5_000 }), fc.integer({ min: 1, max: 15 * MINUTE }));
/** How far our wall clock is off, ms: it may be wrong by minutes or by years. */
const wall = fc.oneof(
  fc.integer({ min: -20 * MINUTE, max: 20 * MINUTE }),
  fc.integer({ min: -2 * 365 * 24 * 60, max: 2 * 365 * 24 * 60 }).map((minutes) => minutes * MINUTE),
);
const telling = fc.record({
  kind: fc.constant('tell' as const),
  person,
  evidence: fc.constantFrom('told' as const, 'act' as const, 'act' as const, 'stated' as const),
  direction: fc.constantFrom('out' as const, 'in' as const),
  ago: fc.oneof(fc.constant(0), fc.integer({ min: -3_000, max: 20 * MINUTE })),
  wall,
  /** How many entries the act's basis lies before the newest one. */
  basis: fc.oneof(fc.constant(0), fc.nat({ max: 4 })),
  isProven: fc.boolean(),
  /** By how many sweeps the proof is behind, and how long before now the list's clock dated it, ms. */
  proof: fc.record({ sweep: fc.nat({ max: 2 }), date: fc.option(fc.nat({ max: 20 * MINUTE })) }),
  tick,
});
const sweeping = fc.record({
  kind: fc.constant('sweep' as const),
  listed: fc.subarray(PEOPLE),
  /** How long before the sweep's start each row is dated, ms; `undefined` for rows without a date. */
  dated: fc.option(fc.integer({ min: 0, max: 20 * MINUTE }), { nil: undefined }),
  isComplete: fc.boolean(),
  tick,
});
/** A message that comes again, possibly much later. It is recognised by its id. */
const repeating = fc.record({ kind: fc.constant('repeat' as const), which: fc.nat(), wall, tick });
const restarting = fc.record({ kind: fc.constant('restart' as const), order: fc.nat(), tick });
/** The store's log is lost. The process carries its evidence over into another log, in some order. */
const losing = fc.record({ kind: fc.constant('lose' as const), order: fc.nat(), tick });
const command = fc.oneof(
  { arbitrary: telling, weight: 6 },
  { arbitrary: sweeping, weight: 4 },
  { arbitrary: repeating, weight: 1 },
  { arbitrary: restarting, weight: 1 },
  { arbitrary: losing, weight: 1 },
);
const story = fc.array(command, { maxLength: 25 });
type Command = typeof command extends fc.Arbitrary<infer C> ? C : never;
type Entry = { number: string; evidence: Evidence };
interface World {
  readonly ledger: Ledger;
  readonly oracle: Oracle;
  readonly log: readonly Entry[];
  readonly mono: number;
}

/** Plays a story to the ledger and the oracle, and calls `check` after every step. */
function play(commands: readonly Command[], check: (world: World) => void): World {
  let ledger = createLedger(LEDGER);
  const oracle = new Oracle(LEDGER);
  let log: Entry[] = [];
  const saved = new Map<string, ListedRow>();
  let mono = 0;
  let generation = 1;
  let position = 0;
  let sweeps = 0;
  let ids = 0;
  const here = (index: number): LogPosition => ({ log: `log ${generation}`, position: index });

  function tell(number: string, evidence: Evidence): void {
    const stored = { ...evidence, positions: [here(++position)] };
    ledger.merge(number, stored, mono);
    oracle.tell(number, stored, mono);
    log.push({ number, evidence: stored });
  }

  function newEvidence(step: typeof telling extends fc.Arbitrary<infer C> ? C : never): Evidence {
    const { direction, ago, isProven, proof } = step;
    const kind = direction === 'in' && step.evidence === 'stated' ? 'told' : step.evidence;
    const seenAt = T + mono + step.wall;
    // The provider's clock is independent of ours, and has steps of one second.
    const time = Math.floor((T + mono - ago) / 1_000) * 1_000;
    const common = { direction, kind, seenAt, id: `id ${ids++}`, source: 'inbound' as const };
    if (kind !== 'act') return { ...common, at: time };
    if (direction === 'out') return { ...common, at: seenAt };
    const basis = here(Math.max(0, position - step.basis));
    const optInDate = proof.date === null ? null : T + mono - proof.date;
    const proven = isProven ? { proof: { optInDate, sweep: Math.max(0, sweeps - proof.sweep) } } : {};
    return { ...common, at: seenAt, basis, ...proven };
  }

  function restart(order: number): void {
    const { number, start, heldMs, numbers, missingOnce, rows, done } = ledger.save();
    for (const row of rows) saved.set(row.msisdn, row);
    done('kept');
    oracle.restart();
    const next = createLedger(LEDGER);
    const restore = () => {
      const sets = { numbers: createNumberSet(numbers), missingOnce: createNumberSet(missingOnce) };
      next.restore({ ...sets, number, start, heldMs }, [...saved.values()]);
    };
    const isSweepFirst = order % 2 === 0;
    if (isSweepFirst) restore();
    const from = order % Math.max(1, log.length);
    for (const entry of [...log.slice(from), ...log.slice(0, from)]) next.merge(entry.number, entry.evidence);
    if (!isSweepFirst) restore();
    ledger = next;
  }

  /** Loses the log. The evidence in memory is carried over with its old position; the rest is gone. */
  function lose(order: number): void {
    generation++;
    position = 0;
    const entries = PEOPLE.flatMap((number) =>
      ledger.evidence(number).map((evidence): Entry => ({ number, evidence })),
    );
    const from = order % Math.max(1, entries.length);
    log = [...entries.slice(from), ...entries.slice(0, from)].map(({ number, evidence }) => ({
      number,
      evidence: { ...evidence, positions: [here(++position), ...(evidence.positions ?? [])].slice(0, 2) },
    }));
    for (const { number, evidence } of log) ledger.merge(number, evidence);
    for (const number of PEOPLE) {
      oracle.told.set(
        number,
        log.filter((one) => one.number === number).map(({ evidence }) => evidence),
      );
      if (oracle.told.get(number)?.length === 0) oracle.told.delete(number);
    }
  }

  for (const step of commands) {
    mono += step.tick;
    if (step.kind === 'tell') tell(step.person, newEvidence(step));
    else if (step.kind === 'repeat') {
      const again = log[step.which % Math.max(1, log.length)];
      // The store knows the id, and the first copy counts.
      if (again) ledger.merge(again.number, again.evidence, mono);
    } else if (step.kind === 'sweep') {
      const number = ++sweeps;
      const date = step.dated === undefined ? undefined : T + mono - step.dated;
      const rows = step.listed.map((msisdn) => ({ kind: 'out' as const, msisdn, date }));
      oracle.begin(number);
      const run = begin(ledger, number, mono);
      run.page(columnsOf(rows));
      for (const one of step.listed) oracle.row(one, { sweep: number, began: mono, date });
      if (step.isComplete) finish(run);
      else run.abort();
      if (step.isComplete) oracle.complete(step.listed, number);
    } else if (step.kind === 'restart') restart(step.order);
    else lose(step.order);
    check({ ledger, oracle, log, mono });
  }
  return { ledger, oracle, log, mono };
}

const answers = (ledger: Ledger) => PEOPLE.map((number) => ledger.blocks(number));

describe('the ledger, whatever happens', { timeout: 120_000 }, () => {
  it('answers as the oracle does, after every step, every restart and every lost log', () => {
    fc.assert(
      fc.property(story, (commands) => {
        play(commands, ({ ledger, oracle }) => {
          expect(answers(ledger)).toEqual(PEOPLE.map((number) => oracle.blocked(number)));
          for (const number of PEOPLE) {
            expect(ledger.listing(number) !== undefined).toBe(ledger.blocks(number));
            expect(ledger.isListedByProvider(number)).toBe(oracle.listed.has(number));
          }
          const listed = [...ledger.entries()].map(({ msisdn }) => msisdn);
          expect(listed.toSorted()).toEqual(PEOPLE.filter((number) => oracle.blocked(number)));
        });
      }),
      RUNS,
    );
  });

  it('never allows a number that the full history blocks, in which each opt-out is weighed for itself', () => {
    fc.assert(
      fc.property(story, (commands) => {
        play(commands, ({ ledger, oracle }) => {
          for (const number of PEOPLE.filter((one) => !ledger.blocks(one))) {
            expect(oracle.blocked(number, oracle.isBeaten(number))).toBe(false);
          }
        });
      }),
      RUNS,
    );
  });

  it('blocks every number of the last complete sweep for which manage proved no opt-in', () => {
    fc.assert(
      fc.property(story, (commands) => {
        let last: readonly string[] = [];
        let index = 0;
        const proven = new Set<string>();
        play(commands, ({ ledger, log }) => {
          const step = commands[index++];
          if (step?.kind === 'sweep' && step.isComplete) last = step.listed;
          for (const { number, evidence } of log) if (evidence.proof) proven.add(number);
          for (const number of last) if (!proven.has(number)) expect(ledger.blocks(number)).toBe(true);
        });
      }),
      RUNS,
    );
  });

  it('allows a number that never opted out and is on no list', () => {
    const innocent = PEOPLE[0] ?? '';
    fc.assert(
      fc.property(story, (commands) => {
        const kept = commands.filter(
          (step) =>
            !(step.kind === 'sweep' && step.listed.includes(innocent)) &&
            !(step.kind === 'tell' && step.person === innocent && step.direction === 'out'),
        );
        play(kept, ({ ledger }) => expect(ledger.blocks(innocent)).toBe(false));
      }),
      RUNS,
    );
  });

  it('allows a number after a proven opt-in, and still allows it when the provider agrees', () => {
    const number = PEOPLE[0] ?? '';
    fc.assert(
      fc.property(story, fc.array(tick, { minLength: 2, maxLength: 8 }), (commands, later) => {
        // The numbers of the sweeps so far are at most the length of the story.
        const { ledger, log, mono } = play(commands, () => undefined);
        const positions = log.flatMap(({ evidence }) => evidence.positions ?? []);
        const newest = positions.reduce<LogPosition | undefined>(
          (best, one) =>
            best === undefined || one.log > best.log || (one.log === best.log && one.position > best.position)
              ? one
              : best,
          undefined,
        );
        const basis = newest ?? { log: 'log 1', position: 0 };
        const known = { direction: 'in', kind: 'act', source: 'manual', id: 'the opt-in' } as const;
        const proof = { optInDate: null, sweep: ledger.lastBegun };
        let now = mono + 1;
        ledger.merge(number, { ...known, at: T, seenAt: T, basis, proof }, now);
        expect(ledger.blocks(number)).toBe(false);
        // The list still lags, but within lagGrace.
        const lagging = begin(ledger, 101, now + 5 * MINUTE);
        lagging.page(columnsOf([{ kind: 'out', msisdn: number, date: T }]));
        finish(lagging);
        expect(ledger.blocks(number)).toBe(false);
        now += 10 * MINUTE;
        for (const [index, wait] of later.entries()) {
          now += wait;
          finish(begin(ledger, 102 + index, now));
          expect(ledger.blocks(number)).toBe(false);
        }
      }),
      RUNS,
    );
  });

  it('gives the same answers in any order, with repeats, over several processes', () => {
    const tellings = fc.array(telling, { maxLength: 12 });
    fc.assert(
      fc.property(
        tellings,
        fc.array(fc.nat({ max: 999 }), { minLength: 24, maxLength: 24 }),
        (steps, order) => {
          const { ledger, log } = play(steps, () => undefined);
          const shuffled = [...log, ...log]
            .map((entry, index) => ({ entry, key: order[index] ?? 0 }))
            .toSorted((a, b) => a.key - b.key)
            .map(({ entry }) => entry);
          const other = createLedger(LEDGER);
          for (const { number, evidence } of shuffled) other.merge(number, evidence);
          expect(answers(other)).toEqual(answers(ledger));
          // Two processes merge one half each, and a third one merges what both have kept.
          const halves = [0, 1].map((half) => {
            const process = createLedger(LEDGER);
            for (const { number, evidence } of log.filter((_, index) => index % 2 === half))
              process.merge(number, evidence);
            return process;
          });
          const joined = createLedger(LEDGER);
          for (const process of halves) {
            for (const number of PEOPLE)
              for (const evidence of process.evidence(number)) joined.merge(number, evidence);
          }
          expect(answers(joined)).toEqual(answers(ledger));
          // The evidence that is kept about a number is bounded.
          for (const number of PEOPLE) expect(ledger.evidence(number).length).toBeLessThanOrEqual(11);
        },
      ),
      RUNS,
    );
  });
});
