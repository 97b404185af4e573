/**
 * Simulates whole worlds: a person who texts and phones, a provider with its own clock and list, and processes on one
 * log, each with a wall clock that is wrong and jumps. Messages arrive hours late, twice, or not at all. Processes read
 * the log late, restart, and lose it. A process that has read everything never allows a person whose last wish is to be
 * out. A person who asks once more does not stay blocked.
 */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inboundChange, manualChange } from '../../src/changes/change-factory.ts';
import { createAgeClock } from '../../src/clock.ts';
import { createLists } from '../../src/lists/opt-out-lists.ts';
import { readOptions } from '../../src/options/guard-options.ts';
import type { Evidence, LogPosition, OptOutChange } from '../../src/ledger/evidence.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import type { WebhookChange } from '../../src/webhooks/payload.ts';
import { createFakeClock } from '../fake-clock.ts';
import { HOUR, T, finish } from './evidence.ts';
import { columnsOf } from './columns.ts';

const RUNS = { numRuns: Number(process.env['WORLDS'] ?? 2_500), seed: 20_261_130 };
const N = '15550000001';
const LIST = 'alerts';
const PROCESSES = 3;

const which = fc.nat({ max: PROCESSES - 1 });
const tick = fc.oneof(fc.integer({ min: 1, max: 3_000 }), fc.integer({ min: 1, max: 3 * HOUR }));
const late = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 6 * HOUR }));
const jump = fc.oneof(
  fc.integer({ min: -120, max: 120 }).map((seconds) => seconds * 1_000),
  fc.integer({ min: -3 * 365 * 24, max: 3 * 365 * 24 }).map((hours) => hours * HOUR),
);
const text = fc.record({
  kind: fc.constant('text' as const),
  direction: fc.constantFrom('out' as const, 'out' as const, 'in' as const),
  /** The delay of each delivery, and the process that receives it. Without deliveries the webhook is lost. */
  deliveries: fc.array(fc.record({ late, which }), { maxLength: 3 }),
  tick,
});
const step = fc.oneof(
  { arbitrary: text, weight: 4 },
  { arbitrary: fc.record({ kind: fc.constant('receipt' as const), which, ago: late, tick }), weight: 1 },
  { arbitrary: fc.record({ kind: fc.constant('phoneOut' as const), which, tick }), weight: 1 },
  {
    arbitrary: fc.record({ kind: fc.constant('resubscribe' as const), which, takes: late, tick }),
    weight: 3,
  },
  {
    arbitrary: fc.record({ kind: fc.constant('read' as const), which, entries: fc.nat({ max: 5 }), tick }),
    weight: 4,
  },
  { arbitrary: fc.record({ kind: fc.constant('sweep' as const), which, lag: late, tick }), weight: 3 },
  { arbitrary: fc.record({ kind: fc.constant('jump' as const), which, by: jump, tick }), weight: 2 },
  { arbitrary: fc.record({ kind: fc.constant('restart' as const), which, tick }), weight: 1 },
  { arbitrary: fc.record({ kind: fc.constant('lose' as const), tick }), weight: 1 },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;
const world = fc.record({
  steps: fc.array(step, { minLength: 3, maxLength: 30 }),
  providerSkew: fc.integer({ min: -60, max: 60 }).map((seconds) => seconds * 1_000),
});

interface Process {
  ledger: Ledger;
  /** How many entries of the log it has applied. */
  read: number;
  /** By how much its wall clock is ahead of the true time, ms. */
  wall: number;
}

function createWorld(providerSkew: number) {
  const clock = createFakeClock();
  const config = readOptions({ clock, lists: { [LIST]: { senders: ['73737'], optInByReply: true } } });
  const newLists = () => createLists(config, createAgeClock(clock));
  const newLedger = () => newLists().ensure(LIST).ledger;
  const lists = newLists();
  let now = T;
  let generation = 1;
  let log: OptOutChange[] = [];
  let sweeps = 0;
  let ids = 0;
  /** The true wishes of the person, in order. */
  const truth: ('out' | 'in')[] = [];
  const later: { at: number; run: () => void }[] = [];
  /** The provider's list as it was from each moment on. */
  const listed: { since: number; date: number | undefined }[] = [{ since: -Infinity, date: undefined }];
  const processes = Array.from({ length: PROCESSES }, (): Process => ({
    ledger: newLedger(),
    read: 0,
    wall: 0,
  }));
  const here = (position: number): LogPosition => ({ log: `log ${generation}`, position });
  const providerTime = () => Math.floor((now + providerSkew) / 1_000) * 1_000;
  const at = (index: number) => processes[index] as Process;

  function readLog(process: Process, entries: number): void {
    for (const { msisdn, evidence } of log.slice(process.read, process.read + entries)) {
      process.ledger.merge(msisdn, evidence, now);
    }
    process.read = Math.min(log.length, process.read + entries);
  }

  /** Stores an entry unless its id is known, and merges it in the process. */
  function append(process: Process, { list, msisdn, evidence }: OptOutChange): void {
    const known = log.find(
      ({ evidence: { id, direction } }) => id === evidence.id && direction === evidence.direction,
    );
    const stored = known ?? { list, msisdn, evidence: { ...evidence, positions: [here(log.length + 1)] } };
    if (known === undefined) log.push(stored);
    process.ledger.merge(msisdn, stored.evidence, now);
    if (known === undefined && process.read === log.length - 1) process.read = log.length;
  }

  function deliver(process: Process, event: Partial<WebhookChange>): void {
    const given = {
      msisdn: N,
      sender: '73737',
      source: 'inbound',
      isProven: true,
      direction: 'out',
    } as const;
    const change = inboundChange(
      { ...given, ...event },
      { lists, config, now: now + process.wall, hasJustOptedIn: () => false },
    );
    if (change) append(process, change);
  }

  function act(process: Process, direction: 'out' | 'in', more: Partial<Evidence> = {}): void {
    append(process, manualChange(LIST, N, { direction, ...more }, now + process.wall));
  }

  function resubscribe(process: Process, takes: number): void {
    const basis = here(process.read);
    // The provider acts at once; its answer comes later.
    const optInDate = providerTime();
    listed.push({ since: now, date: undefined });
    later.push({
      at: now + takes,
      run() {
        // If the log was lost meanwhile, the new log has another name: the act beats nothing in it.
        act(process, 'in', { basis, proof: { optInDate, sweep: process.ledger.lastBegun } });
      },
    });
  }

  function sweep(process: Process, lag: number): void {
    const asOf = now - lag;
    const { date } = listed.findLast(({ since }) => since <= asOf) as { date: number | undefined };
    const run = process.ledger.begin({
      ...{ number: ++sweeps, start: now + process.wall, began: now },
      basis: here(process.read),
    });
    run.page(columnsOf(date === undefined ? [] : [{ kind: 'out', msisdn: N, date }]));
    finish(run);
  }

  function restart(process: Process): void {
    const { rows, number, start, heldMs, numbers, missingOnce } = process.ledger.save();
    process.ledger = newLedger();
    for (const { msisdn, evidence } of log) process.ledger.merge(msisdn, evidence);
    process.ledger.restore({ number, start, heldMs, numbers, missingOnce }, rows);
    process.read = log.length;
  }

  /** Loses the log. Each process carries over its evidence, and then reads that of the others. */
  function lose(): void {
    for (const process of processes) readLog(process, Infinity);
    generation++;
    const carriedOver = processes.flatMap(({ ledger }) => ledger.evidence(N));
    log = [];
    for (const evidence of carriedOver) {
      if (
        log.some(({ evidence: { id, direction } }) => id === evidence.id && direction === evidence.direction)
      )
        continue;
      const positions = [here(log.length + 1), ...(evidence.positions ?? [])].slice(0, 2);
      log.push({ list: LIST, msisdn: N, evidence: { ...evidence, positions } });
    }
    for (const process of processes) {
      process.read = 0;
      readLog(process, Infinity);
    }
  }

  function passTo(time: number): void {
    for (;;) {
      later.sort((a, b) => a.at - b.at);
      const next = later[0];
      if (next === undefined || next.at > time) break;
      later.shift();
      now = Math.max(now, next.at);
      next.run();
    }
    now = Math.max(now, time);
  }

  function play(one: Step): void {
    passTo(now + one.tick);
    switch (one.kind) {
      case 'text': {
        const event = { direction: one.direction, at: providerTime(), messageId: `m${ids++}` };
        truth.push(one.direction);
        // This provider acts on STOP, but not on START.
        if (one.direction === 'out') listed.push({ since: now, date: providerTime() });
        for (const { late: delay, which: to } of one.deliveries) {
          later.push({ at: now + delay, run: () => deliver(at(to), event) });
        }
        return;
      }
      case 'receipt':
        deliver(at(one.which), { source: 'receipt', at: providerTime() - one.ago, messageId: `r${ids++}` });
        return;
      case 'phoneOut':
        truth.push('out');
        act(at(one.which), 'out');
        return;
      case 'resubscribe':
        truth.push('in');
        resubscribe(at(one.which), one.takes);
        return;
      case 'read':
        readLog(at(one.which), one.entries);
        return;
      case 'sweep':
        sweep(at(one.which), one.lag);
        return;
      case 'jump':
        at(one.which).wall = one.by;
        return;
      case 'restart':
        restart(at(one.which));
        return;
      case 'lose':
        lose();
        return;
    }
  }

  return {
    play,
    truth,
    processes,
    /** Delivers everything that is on its way. Then all processes read the whole log and the provider's list. */
    settle() {
      passTo(now + 7 * HOUR);
      for (const process of processes) readLog(process, Infinity);
      for (const process of processes) sweep(process, 0);
      // After lagGrace a list that still has the number does not lag: the number really is on it.
      passTo(now + HOUR);
      for (const process of processes) sweep(process, 0);
    },
    askAgain() {
      resubscribe(at(0), 0);
      passTo(now + 1);
      for (const process of processes) readLog(process, Infinity);
      // Two sweeps in a row find that the list agrees.
      for (let time = 0; time < 2; time++) for (const process of processes) sweep(process, 0);
    },
  };
}

describe('worlds with wrong clocks', { timeout: 3_600_000 }, () => {
  it('allow no person who is out, and block no person for ever', () => {
    let [allowed, doubted] = [0, 0];
    fc.assert(
      fc.property(world, ({ steps, providerSkew }) => {
        const { play, truth, processes, settle, askAgain } = createWorld(providerSkew);
        for (const one of steps) play(one);
        settle();
        const answers = () => processes.map(({ ledger }) => ledger.blocks(N));
        if (truth.at(-1) === 'out') expect(answers()).toEqual([true, true, true]);
        else if (answers().includes(true)) doubted++;
        else allowed++;
        askAgain();
        expect(answers()).toEqual([false, false, false]);
      }),
      RUNS,
    );
    // Both outcomes must occur often enough.
    expect([allowed > 100, doubted > 100]).toEqual([true, true]);
  });

  it('lead to the same answer in every process', () => {
    fc.assert(
      fc.property(world, ({ steps, providerSkew }) => {
        const { play, processes, settle } = createWorld(providerSkew);
        for (const one of steps.filter(({ kind }) => kind !== 'sweep' && kind !== 'restart')) play(one);
        settle();
        expect(new Set(processes.map(({ ledger }) => ledger.blocks(N))).size).toBe(1);
      }),
      { ...RUNS, numRuns: 500 },
    );
  });
});
