import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Evidence } from '../../src/optouts/change.ts';
import { createLedger, type Ledger, type ListedNumber } from '../../src/optouts/ledger.ts';
import { createNumberSet } from '../../src/optouts/number-set.ts';
import { Oracle } from './oracle.ts';
import { columnsOf, type Row } from './columns.ts';

const MINUTE = 60_000;
const options = {
  ...{ list: 'default', clockSlackMs: MINUTE, lagGraceMs: 10 * MINUTE, shrinkHoldMs: 24 * 60 * MINUTE },
  trustProviderRemoval: false,
};
const PEOPLE = ['15550000001', '15550000002', '15550000003'];
const START = Date.UTC(2026, 0, 1);
const RUNS = { numRuns: 4_000, seed: 20_260_101 };

function run(ledger: Ledger, rows: readonly Row[], start: number, isComplete: boolean, seenAt = start): void {
  const sweep = ledger.begin(start);
  sweep.page(columnsOf(rows), seenAt);
  if (!isComplete) return sweep.abort();
  const commit = sweep.commit('apply');
  while (!commit.next().done);
}

const person = fc.constantFrom(...PEOPLE);
const tick = fc.oneof(fc.integer({ min: 1, max: 5_000 }), fc.integer({ min: 1, max: 15 * MINUTE }));
/** What is told: how long ago it was, by which clock, and which act it is. Provider times have steps of a second. */
const telling = fc.record({
  kind: fc.constant('tell' as const),
  person,
  direction: fc.constantFrom('out' as const, 'in' as const),
  clock: fc.constantFrom('provider' as const, 'local' as const),
  ago: fc.oneof(
    fc.constant(0),
    fc.integer({ min: -MINUTE, max: 20 * MINUTE }),
    fc.integer({ min: 0, max: 3_000 }),
  ),
  act: fc.integer({ min: 0, max: 5 }),
  tick,
});
const sweeping = fc.record({
  kind: fc.constant('sweep' as const),
  listed: fc.subarray(PEOPLE),
  /** How long before the sweep's start each row is dated; `undefined`: no date. */
  dated: fc.option(fc.integer({ min: 0, max: 20 * MINUTE }), { nil: undefined }),
  isComplete: fc.boolean(),
  tick,
});
/** A webhook that comes again, much later. */
const repeating = fc.record({ kind: fc.constant('repeat' as const), which: fc.nat(), tick });
const restarting = fc.record({ kind: fc.constant('restart' as const), order: fc.nat(), tick });
const command = fc.oneof(
  { arbitrary: telling, weight: 5 },
  { arbitrary: sweeping, weight: 4 },
  { arbitrary: repeating, weight: 1 },
  { arbitrary: restarting, weight: 1 },
);
const story = fc.array(command, { maxLength: 25 });
type Told = { number: string; evidence: Evidence };

/** Plays a story to the ledger and the oracle; `check` is called after every step. */
function play(
  commands: readonly (typeof command extends fc.Arbitrary<infer C> ? C : never)[],
  check: (world: { ledger: Ledger; oracle: Oracle; log: readonly Told[]; now: number }) => void,
): { ledger: Ledger; oracle: Oracle; log: readonly Told[]; now: number } {
  let ledger = createLedger(options);
  const oracle = new Oracle(options);
  const log: Told[] = [];
  const saved = new Map<string, ListedNumber>();
  let now = START;
  const tell = (number: string, evidence: Evidence) => {
    ledger.merge(number, evidence);
    oracle.tell(number, evidence);
    log.push({ number, evidence });
  };
  for (const step of commands) {
    now += step.tick;
    if (step.kind === 'tell') {
      const { direction, clock, ago, act } = step;
      const at = clock === 'local' ? now - Math.max(0, ago) : Math.floor((now - ago) / 1000) * 1000;
      const id = `${clock} ${direction} ${act} ${at}`;
      tell(step.person, { direction, clock, at, seenAt: now, source: 'inbound', id });
    } else if (step.kind === 'repeat') {
      const again = log[step.which % Math.max(1, log.length)];
      if (again) tell(again.number, { ...again.evidence, seenAt: now });
    } else if (step.kind === 'sweep') {
      const date = step.dated === undefined ? undefined : now - step.dated;
      const rows = step.listed.map((msisdn) => ({ kind: 'out' as const, msisdn, date }));
      run(ledger, rows, now, step.isComplete);
      oracle.begin(now);
      for (const number of step.listed) oracle.row(number, now, date ?? now);
      if (step.isComplete) oracle.complete(step.listed, now);
    } else {
      const { start, heldSince, numbers, missingOnce, rows, done } = ledger.save();
      for (const row of rows) saved.set(row.msisdn, row);
      done('kept');
      oracle.restart();
      const next = createLedger(options);
      const restore = () => {
        const image = { numbers: createNumberSet(numbers), missingOnce: createNumberSet(missingOnce) };
        next.restore({ ...image, start, heldSince }, [...saved.values()]);
      };
      const isSweepFirst = step.order % 2 === 0;
      if (isSweepFirst) restore();
      const from = step.order % Math.max(1, log.length);
      for (const { number, evidence } of [...log.slice(from), ...log.slice(0, from)])
        next.merge(number, evidence);
      if (!isSweepFirst) restore();
      ledger = next;
    }
    check({ ledger, oracle, log, now });
  }
  return { ledger, oracle, log, now };
}

const answers = (ledger: Ledger) => PEOPLE.map((number) => ledger.blocks(number));

describe('the ledger, whatever happens', { timeout: 120_000 }, () => {
  it('answers as the oracle does, after every step and every restart', () => {
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

  it('releases no first-hand opt-out without an opt-in that beats it', () => {
    fc.assert(
      fc.property(story, (commands) => {
        play(commands, ({ ledger, log }) => {
          for (const number of PEOPLE.filter((one) => !ledger.blocks(one))) {
            const told = log.filter((one) => one.number === number).map(({ evidence }) => evidence);
            const outs = told.filter(({ direction }) => direction === 'out');
            const ins = told.filter(({ direction }) => direction === 'in');
            for (const out of outs) {
              const later = outs.filter(({ clock, at }) => clock === out.clock && at >= out.at);
              const isBeaten = ins.some((optIn) =>
                later.some((one) =>
                  optIn.clock === one.clock ? optIn.at > one.at : one.at < optIn.at + MINUTE,
                ),
              );
              expect(isBeaten).toBe(true);
            }
          }
        });
      }),
      RUNS,
    );
  });

  it('blocks everybody on the last complete list who never opted in', () => {
    fc.assert(
      fc.property(story, (commands) => {
        let last: readonly string[] = [];
        let index = 0;
        play(commands, ({ ledger, log }) => {
          const step = commands[index++];
          if (step?.kind === 'sweep' && step.isComplete) last = step.listed;
          const optedIn = new Set(
            log.filter(({ evidence }) => evidence.direction === 'in').map(({ number }) => number),
          );
          for (const number of last) if (!optedIn.has(number)) expect(ledger.blocks(number)).toBe(true);
        });
      }),
      RUNS,
    );
  });

  it('allows who never opted out and is on no list', () => {
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

  it('allows after a proven opt-in that the provider comes to agree with, and goes on allowing', () => {
    const number = PEOPLE[0] ?? '';
    fc.assert(
      fc.property(story, fc.array(tick, { minLength: 2, maxLength: 8 }), (commands, later) => {
        const { ledger, now } = play(commands, () => undefined);
        // Longer than clocks are apart, so that nothing told before lies after the act.
        let time = now + 2 * MINUTE;
        ledger.merge(number, {
          ...{ direction: 'in', clock: 'local', at: time, seenAt: time, source: 'manual', id: 'the opt-in' },
        });
        expect(ledger.blocks(number)).toBe(false);
        // The list still lags, within its grace.
        run(ledger, [{ kind: 'out', msisdn: number, date: time - 3 * MINUTE }], time + 5 * MINUTE, true);
        expect(ledger.blocks(number)).toBe(false);
        time += 10 * MINUTE;
        for (const wait of later) {
          time += wait;
          run(ledger, [], time, true);
          expect(ledger.blocks(number)).toBe(false);
        }
      }),
      RUNS,
    );
  });

  it('comes to the same answers in any order, with repeats, over any number of processes', () => {
    const facts = fc.array(telling, { maxLength: 12 });
    fc.assert(
      fc.property(facts, fc.array(fc.nat({ max: 999 }), { minLength: 24, maxLength: 24 }), (steps, order) => {
        const { ledger, log } = play(steps, () => undefined);
        const shuffled = [...log, ...log]
          .map((fact, index) => ({ fact, key: order[index] ?? 0 }))
          .toSorted((a, b) => a.key - b.key)
          .map(({ fact }) => fact);
        const other = createLedger(options);
        for (const { number, evidence } of shuffled) other.merge(number, evidence);
        expect(answers(other)).toEqual(answers(ledger));
        // Two processes that each heard a half, then each other's kept evidence.
        const halves = [0, 1].map((half) => {
          const process = createLedger(options);
          for (const { number, evidence } of log.filter((_, index) => index % 2 === half))
            process.merge(number, evidence);
          return process;
        });
        const joined = createLedger(options);
        for (const process of halves) {
          for (const number of PEOPLE)
            for (const evidence of process.evidence(number)) joined.merge(number, evidence);
        }
        expect(answers(joined)).toEqual(answers(ledger));
      }),
      RUNS,
    );
  });
});
