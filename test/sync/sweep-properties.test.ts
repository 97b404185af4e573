import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createAgeClock } from '../../src/clock.ts';
import type { Evidence } from '../../src/ledger/evidence.ts';
import { createLedger, type LedgerOptions } from '../../src/ledger/ledger.ts';
import type { ListedRow } from '../../src/ledger/provider-list-types.ts';
import { createNumberSet } from '../../src/number-set/number-set.ts';
import type { PageRequest, ProviderPage, ProviderRow } from '../../src/providers/provider.ts';
import type { SweepOutcome } from '../../src/sync/sweep.ts';
import { createPoller } from '../../src/sync/poller.ts';
import { createFakeClock } from '../fake-clock.ts';
import { ExpectedSweep, Oracle, type Page, type StoredEvidence } from './sweep-oracle.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const DAY = 24 * 60 * MINUTE;
const GRACE = 10 * MINUTE;
/** The most that one sweep adds to the time for which removals are held back: a machine that slept saw no list. */
const LONGEST_STEP = DAY / 2;
const RULES = {
  ...{ clockSlackMs: MINUTE, lagGraceMs: GRACE, shrinkHoldMs: DAY, longestStepMs: LONGEST_STEP },
} satisfies Partial<LedgerOptions>;
const LOG = 'log 1';
const MOST = 260;
/** All people. The last few are on no list, whatever happens. */
const PEOPLE = Array.from({ length: 300 }, (_, id) => id);
const SEED = 20_260_101;
const number = (id: number) => String(15_550_000_000 + id);
const idOf = (msisdn: string) => Number(msisdn) - 15_550_000_000;
type Of<A> = A extends fc.Arbitrary<infer T> ? T : never;
const upTo = (max: number, min = 0) => fc.integer({ min, max });
/** Creates an arbitrary of objects with this `kind`. */
const kind = <K extends string, T>(name: K, fields: { [F in keyof T]: fc.Arbitrary<T[F]> }) =>
  fc.record(fields).map((values) => ({ ...values, kind: name }));

const reader = fc.record({ pageSize: upTo(300, 15), concurrency: upTo(3, 1) });
/** An index in the list, often one of the first few, so that many steps change the same people. */
const listIndex = fc.oneof(upTo(3), upTo(280));
const listChange = fc.oneof(
  kind('join', { from: listIndex, count: fc.oneof(upTo(12), upTo(280)), isInFront: fc.boolean() }),
  kind('leave', { from: listIndex, count: upTo(12) }),
  kind('lose', { kept: fc.constantFrom(0, 0, 0.2, 0.45, 0.55) }),
  kind('return', {}),
);
const EVENTS = ['stop', 'stop', 'phone out', 'import out', 'start', 'resubscribe', 'local in'] as const;
const isOptIn = (event: (typeof EVENTS)[number]) => ['start', 'resubscribe', 'local in'].includes(event);
const recording = kind('record', {
  id: fc.oneof(upTo(5), upTo(PEOPLE.length - 1)),
  event: fc.constantFrom(...EVENTS, 'resubscribe'),
  tick: fc.constantFrom(0, SECOND),
  /** How long ago the act began that is stored now: log entries and sweeps since then. */
  behind: fc.record({ entries: fc.constantFrom(0, 0, 0, 1, 3), sweeps: fc.constantFrom(0, 0, 1) }),
  isDated: fc.boolean(),
});
const restarting = kind('restart', { isKilled: fc.boolean(), reader });
const saving = kind('save', { isKept: fc.boolean() });
const act = fc.oneof(
  ...[listChange, listChange, listChange],
  ...[recording, recording, recording],
  ...[restarting, restarting, saving, kind('accept', {})],
);
const at = upTo(6);
const honest = fc.oneof(kind('none', {}), kind('one-based', {}));
const fault = fc.oneof(
  ...[honest, honest, honest],
  ...[kind('torn', { at }), kind('malformed', { at }), kind('hole', { at }), kind('ignored', {})],
  kind('repeat', { at, times: upTo(2, 1) }),
  kind('unreadable', { at: upTo(280), count: upTo(4, 1) }),
);
/** Which numbers are in two rows of the list, and where the second rows are. */
const copies = fc.constantFrom('none', 'none', 'beside', 'behind', 'all again');
const serving = {
  fault,
  copies,
  /** Whether the list also has rows of people who are opted in. */
  hasIns: fc.boolean(),
  total: fc.constantFrom('all', 'all', 'page', 'none', 'more', 'less'),
  cap: fc.option(upTo(150, 10), { nil: Infinity }),
};
const sweep = kind('sweep', {
  ...serving,
  tick: fc.oneof(upTo(15 * MINUTE, SECOND), upTo(15 * MINUTE, SECOND), upTo(1.2 * DAY, DAY / 4)),
  lag: fc.constantFrom(0, 0, 0, 1, 3),
  isAccepted: fc.constantFrom(false, false, false, true),
  isStoreDown: fc.constantFrom(false, false, false, true),
  during: fc.array(fc.record({ at, act }), { maxLength: 2 }),
});
const story = fc.record({
  trust: fc.boolean(),
  /** Whether the store counts sweeps, failed ones included. */
  hasCounter: fc.boolean(),
  size: upTo(MOST),
  reader,
  steps: fc.array(fc.oneof(act, sweep, sweep), { maxLength: 24 }),
});
type Act = Of<typeof act>;
type Sweep = Of<typeof sweep>;
type Story = Of<typeof story>;
const HONEST: Sweep = {
  ...{
    kind: 'sweep',
    fault: { kind: 'none' },
    copies: 'none',
    hasIns: false,
    total: 'all',
    cap: Infinity,
    tick: 5 * MINUTE,
    lag: 0,
  },
  ...{ isAccepted: false, isStoreDown: false, during: [] },
};

/** Returns the list with the second rows. */
function withCopies(list: readonly number[], where: Sweep['copies']): number[] {
  const twice = list.filter((one) => where === 'all again' || (where !== 'none' && one % 5 < 2));
  if (where === 'beside') return list.flatMap((one) => (one % 5 < 2 ? [one, one] : [one]));
  return [...list, ...twice];
}

/**
 * Creates a provider whose list changes, a poller that sweeps it, a store, and an oracle that gets the same input.
 * `isCheckedOften`: the oracle's answers are also compared during sweeps.
 */
function createWorld(
  { trust, hasCounter, size, reader: first }: Omit<Story, 'steps'>,
  isCheckedOften = false,
) {
  const clock = createFakeClock();
  const oracle = new Oracle({ trustsRemoval: trust, ...RULES });
  const evidence: (readonly [string, Evidence])[] = [];
  const stored = {
    numbers: createNumberSet(),
    missingOnce: [] as string[],
    rows: new Map<string, ListedRow>(),
  };
  let times: { number: number; start: number | null; heldMs: number | null } | undefined;
  let position = 0;
  let counter = 0;
  let list = PEOPLE.slice(0, size);
  let listBeforeLoss = list;
  const pastLists = [list];
  const listedSince = new Map<number, number>();
  let serve: (index: number, size: number) => Promise<ProviderPage>;
  let canStore = true;
  let running = boot(first);

  function boot({ pageSize, concurrency }: Of<typeof reader>) {
    let isOver = false;
    const ledger = createLedger({
      ...RULES,
      ...{ list: 'default', trustProviderRemoval: trust },
    });
    for (const [msisdn, entry] of evidence) ledger.merge(msisdn, entry);
    if (times) {
      const sets = {
        numbers: createNumberSet(stored.numbers),
        missingOnce: createNumberSet(stored.missingOnce),
      };
      ledger.restore({ ...sets, ...times }, [...stored.rows.values()]);
    }
    const store = (msisdn: string, entry: Evidence) => {
      const positioned = { ...entry, positions: [{ log: LOG, position: ++position }] };
      evidence.push([msisdn, positioned]);
      ledger.merge(msisdn, positioned, clock.monotonic());
    };
    const save = (isKept: boolean) => {
      const { number: last, start, heldMs, numbers, missingOnce, delta, rows, done } = ledger.save();
      if (isKept) {
        stored.numbers.addBatch([...(delta?.added ?? numbers)].map(Number));
        stored.numbers.deleteBatch([...(delta?.removed ?? [])].map(Number));
        stored.missingOnce = [...missingOnce];
        for (const row of rows) stored.rows.set(row.msisdn, row);
        times = { number: last, start, heldMs };
        oracle.save();
      }
      done(isKept ? 'kept' : 'failed');
    };
    const page = ({ index, size: wanted }: PageRequest) => serve(index, wanted);
    const poller = createPoller(
      {
        ...{ list: 'default', everyMs: 5 * MINUTE, jitter: 0, timeoutMs: MINUTE, maxPages: 1_000 },
        ...{ pageSize, concurrency },
      },
      {
        ...{
          ledger,
          clock,
          ageClock: createAgeClock(clock),
          applied: () => ({ log: LOG, position }),
          random: () => 0.5,
        },
        provider: { page },
        requestLease: hasCounter
          ? async () => ({
              isHeld: () => true,
              release: async () => undefined,
              nextSweep: async () => ++counter,
            })
          : undefined,
        notReadyError: () => undefined,
        async keepOptIns(changes) {
          if (isOver || !canStore) throw new Error('the store is down');
          for (const { msisdn, evidence: proof } of changes) store(msisdn, proof);
        },
        saveSweep: () => (isOver ? undefined : save(true)),
        ...{ onOutcome: () => undefined, onAnomaly: () => undefined, onError: () => undefined },
      },
    );
    const end = () => {
      isOver = true;
      void poller.stop();
    };
    return { ledger, poller, store, save, end };
  }

  function replaceList(next: readonly number[]): void {
    for (const one of next) if (!list.includes(one)) listedSince.set(one, clock.now());
    list = next.slice(0, MOST);
    pastLists.push(list);
  }

  function record({ id, event, behind, isDated }: Of<typeof recording>): void {
    const now = clock.now();
    const direction = isOptIn(event) ? 'in' : 'out';
    const kinds = { stop: 'told', start: 'told', 'import out': 'stated' } as const;
    const evidenceKind = event in kinds ? kinds[event as keyof typeof kinds] : 'act';
    const basis = Math.max(0, position - behind.entries);
    const sweepNumber = Math.max(0, running.ledger.lastBegun - behind.sweeps);
    const proof = { sweep: sweepNumber, optInDate: isDated ? now : null };
    const common = { direction, kind: evidenceKind, at: now, source: 'inbound' } as const;
    running.store(number(id), {
      ...{ ...common, seenAt: now, id: `${direction} ${position}` },
      ...(direction === 'in' && evidenceKind === 'act' ? { basis: { log: LOG, position: basis } } : {}),
      ...(event === 'resubscribe' ? { proof } : {}),
    });
    oracle.record(id, {
      ...{ direction, kind: evidenceKind, at: now, position, applied: clock.monotonic() },
      ...(direction === 'in' && evidenceKind === 'act' ? { basis } : {}),
      ...(event === 'resubscribe' ? { proof } : {}),
    } satisfies StoredEvidence);
  }

  function perform(step: Act): void {
    const { length } = list;
    if (step.kind === 'join') {
      const joining = PEOPLE.slice(step.from, Math.min(step.from + step.count, 290)).filter(
        (one) => !list.includes(one),
      );
      replaceList(step.isInFront ? [...joining, ...list] : [...list, ...joining]);
    } else if (step.kind === 'leave') {
      replaceList(list.toSpliced(step.from % Math.max(1, length), step.count));
    } else if (step.kind === 'lose') {
      listBeforeLoss = list;
      replaceList(list.slice(0, Math.floor(length * step.kept)));
    } else if (step.kind === 'return') {
      replaceList(listBeforeLoss);
    } else if (step.kind === 'record') {
      clock.skip(step.tick);
      record(step);
    } else if (step.kind === 'save') {
      running.save(step.isKept);
    } else if (step.kind === 'restart') {
      // The rows of a running sweep are not in the store yet: a kill may lose them. So they are saved before.
      if (!step.isKilled || current !== undefined) running.save(true);
      running.end();
      oracle.restart();
      running = boot(step.reader);
      current = undefined;
    } else if (step.kind === 'accept' && current !== undefined) {
      void running.poller.sweep({ acceptShrink: true });
    }
  }

  function pageOf(step: Sweep, listNow: readonly number[], index: number, wanted: number): Page | 'torn' {
    const { fault: pageFault } = step;
    const per = Math.min(wanted, step.cap);
    const rows: (number | string | { readonly optedIn: number })[] = withCopies(listNow, step.copies);
    for (const optedIn of step.hasIns ? PEOPLE : []) {
      // Every tenth person, unless the person is on the list.
      if (optedIn % 10 === 7 && !listNow.includes(optedIn)) rows.push({ optedIn });
    }
    for (let one = 0; pageFault.kind === 'unreadable' && one < pageFault.count; one++) {
      rows.splice((pageFault.at * (one + 1)) % (rows.length + 1), 0, `x${one}`);
    }
    let from = index * per;
    if ('at' in pageFault && pageFault.kind !== 'unreadable' && index >= pageFault.at) {
      if (pageFault.kind === 'repeat') from = Math.max(pageFault.at, index - pageFault.times) * per;
      else if (index > pageFault.at) from = index * per;
      else if (pageFault.kind === 'hole') from = Infinity;
      else return 'torn';
    } else if (pageFault.kind === 'one-based') from = Math.max(0, index - 1) * per;
    else if (pageFault.kind === 'ignored') from = 0;
    const served = rows.slice(from, from + per);
    const { length } = rows;
    const totals = { all: length, page: served.length, none: undefined, more: length + 3, less: length - 3 };
    return {
      ids: served.flatMap((one) =>
        typeof one === 'number' ? [one] : typeof one === 'string' ? [] : [one.optedIn],
      ),
      outs: served.filter((one) => typeof one === 'number'),
      rows: served.map((one) => (typeof one === 'string' ? one : rowOf(one))),
      total: totals[step.total],
    };
  }

  /** Returns a row. Half of the opted-out rows are a number alone, the others have a date. */
  function rowOf(one: number | { readonly optedIn: number }): ProviderRow {
    if (typeof one !== 'number') {
      const { optedIn } = one;
      // An opt-in date after an opt-out of the same sweep would count. So people who can join the list have none.
      const dated = optedIn >= 290 ? { optInDate: clock.now() } : {};
      return { msisdn: number(optedIn), optIn: true, optOut: false, ...dated };
    }
    const msisdn = number(one);
    return one % 2 === 0 ? msisdn : { msisdn, optOut: true, optIn: false, optOutDate: listedSince.get(one) };
  }

  let current: ExpectedSweep | undefined;
  let lastSweep: ExpectedSweep | undefined;

  function take(page: Page | 'torn'): void {
    if (current === undefined) return;
    const { start } = current;
    for (const one of current.take(page)) {
      const date = one % 2 === 0 ? undefined : listedSince.get(one);
      oracle.row(one, current, date === undefined || date > start ? undefined : date);
    }
  }

  async function run(step: Sweep): Promise<SweepOutcome | undefined> {
    clock.skip(step.tick);
    canStore = !step.isStoreDown;
    const next = Math.max(oracle.lastBegun + 1, hasCounter ? counter + 1 : 0);
    const expected = new ExpectedSweep({
      ...{ number: next, start: clock.now(), began: clock.monotonic(), basis: position },
    });
    current = expected;
    const outdated = step.lag === 0 ? undefined : pastLists.at(Math.max(0, pastLists.length - 1 - step.lag));
    const answers: (Page | 'torn')[] = [];
    const listsBefore = pastLists.length;
    let taken = 0;
    let { isAccepted } = step;
    let earlier: Promise<unknown> = Promise.resolve();
    // Pages are answered one after the other, even if several are requested at a time.
    serve = (index, wanted) => {
      const answer = earlier.then(() => answerPage(index, wanted));
      earlier = answer.catch(() => undefined);
      return answer;
    };
    async function answerPage(index: number, wanted: number): Promise<ProviderPage> {
      await nextTurn();
      if (current !== expected) throw new Error('the sweep has ended');
      // The pages before this one have been read.
      while (taken < index && expected.state === 'open') take(answers[taken++] ?? 'torn');
      if (isCheckedOften) check();
      for (const { at: when, act: duringAct } of step.during) {
        if (when !== index || current !== expected) continue;
        isAccepted ||= duringAct.kind === 'accept';
        perform(duringAct);
        if (isCheckedOften) check();
      }
      const page = pageOf(step, outdated ?? list, index, wanted);
      answers[index] = page;
      if (page !== 'torn') return { rows: page.rows, total: page.total };
      if (step.fault.kind === 'malformed') return {} as ProviderPage;
      throw new Error('down');
    }
    const swept = running.poller.sweep({ acceptShrink: step.isAccepted });
    oracle.begin(next);
    const outcome = await swept;
    if (current !== expected) return undefined;
    while (taken < answers.length && (expected.state === 'open' || expected.hasEmptyLastPage))
      take(answers[taken++] ?? 'torn');
    const isListChanged = pastLists.length > listsBefore;
    const mayFail = expected.state === 'doubtful' && isListChanged;
    if (expected.state === 'open' || expected.state === 'failed') expect(outcome.status).toBe('failed');
    else if (mayFail && outcome.status === 'failed') expect(outcome.error.code).toBe('provider_incomplete');
    else if (expected.unreadable > 0) {
      oracle.completeUnreadable(expected);
      expect(outcome).toMatchObject({ status: 'complete', removed: 0 });
    } else complete(expected, isAccepted, outcome);
    current = undefined;
    lastSweep = expected;
    return outcome;
  }

  function complete(completed: ExpectedSweep, isAccepted: boolean, outcome: SweepOutcome): void {
    const { released, firstBasis: basis, ...expected } = oracle.complete(completed, isAccepted, canStore);
    expect(outcome).toMatchObject(expected);
    for (const id of released) {
      oracle.record(id, {
        ...{ direction: 'in', kind: 'act', at: completed.start, position: 0, applied: clock.monotonic() },
        ...(basis === undefined ? {} : { basis }),
        proof: { sweep: completed.number, optInDate: null },
      });
    }
  }

  function check(): void {
    const { ledger } = running;
    const wrong = PEOPLE.filter(
      (one) =>
        ledger.blocks(number(one)) !== oracle.blocks(one) ||
        ledger.isListedByProvider(number(one)) !== oracle.missed.has(one),
    );
    expect(wrong).toEqual([]);
  }

  return {
    oracle,
    run,
    perform,
    check,
    get list() {
      return list;
    },
    /** The last sweep that was not ended by a restart. */
    get lastSweep() {
      return lastSweep;
    },
    blocked: () => [...running.ledger.entries()].map(({ msisdn }) => idOf(msisdn)).toSorted((a, b) => a - b),
    isBlocked: (one: number) => running.ledger.blocks(number(one)),
    isListed: (one: number) => running.ledger.isListedByProvider(number(one)),
  };
}

/** Runs the steps of a story and calls `check` after each. */
async function play(
  { steps, ...given }: Story,
  check: (world: ReturnType<typeof createWorld>, step: Act | Sweep, outcome?: SweepOutcome) => void,
  isCheckedOften = false,
) {
  const world = createWorld(given, isCheckedOften);
  for (const step of steps) {
    const outcome = step.kind === 'sweep' ? await world.run(step) : undefined;
    if (step.kind !== 'sweep') world.perform(step);
    check(world, step, outcome);
  }
  return world;
}

/** Checks a property for random values. */
const always = <T>(numRuns: number, given: fc.Arbitrary<T>, holds: (value: T) => Promise<void>) =>
  fc.assert(fc.asyncProperty(given, holds), { numRuns, seed: SEED });

describe('sweeps', { timeout: 240_000 }, () => {
  it('block the same numbers as the oracle, on every page and after every step', () =>
    always(800, story, async (given) => {
      await play(given, (world) => world.check(), true);
    }));

  it('remove nothing if they fail, are ended by a restart or have an unreadable row', () =>
    always(300, story, async (given) => {
      let before: readonly number[] = [];
      await play(given, (world, step, outcome) => {
        const canRemove = outcome?.status === 'complete' && outcome.unreadable === 0;
        const acts = step.kind === 'sweep' ? step.during.map(({ act: one }) => one) : [step];
        const optedIn = acts.flatMap((one) => (one.kind === 'record' && isOptIn(one.event) ? [one.id] : []));
        const after = new Set([...world.blocked(), ...optedIn]);
        if (!canRemove) expect(before.filter((one) => !after.has(one))).toEqual([]);
        before = world.blocked();
      });
    }));

  it('are complete only if they read all of a list that did not change and announced its count', () =>
    always(500, fc.record({ size: upTo(280), reader, serving: fc.record(serving) }), async (given) => {
      const { fault: what, total: count } = given.serving;
      const world = createWorld({ trust: false, hasCounter: false, ...given });
      const outcome = await world.run({ ...HONEST, ...given.serving });
      const isHonest =
        what.kind === 'none' || what.kind === 'one-based' || (what.kind === 'repeat' && what.times === 1);
      // If the second rows of all numbers make the same pages once more, they cannot be told from repeated pages.
      const isPlain =
        isHonest && !(given.serving.copies === 'all again' && (world.lastSweep?.repeated ?? 0) > 0);
      if (isPlain && count !== 'more') expect(outcome?.status).toBe('complete');
      if (outcome?.status === 'complete' && (count === 'all' || isPlain))
        expect(world.blocked()).toEqual(world.list);
    }));

  const moving = fc.record({
    ...{ size: upTo(MOST - 40), reader, isThere: fc.boolean(), count: upTo(40, 1), from: upTo(290), at },
    serving: fc.record({
      ...serving,
      fault: fc.constant({ kind: 'none' } as const),
      // A person who joins would leave the opted-in rows: a list that changes without another count looks complete.
      hasIns: fc.constant(false),
      total: fc.constant('all'),
    }),
  });
  it('are complete only if they read all of a list that grew or shrank while it was read', () =>
    always(
      1_500,
      moving,
      async ({ size, reader: settings, isThere, count, from, at: when, serving: how }) => {
        const world = createWorld({ trust: false, hasCounter: false, size, reader: settings });
        const before = world.list;
        const moves: Act = isThere
          ? { kind: 'leave', from, count }
          : { kind: 'join', from: 280 - count, count, isInFront: from % 2 === 0 };
        const outcome = await world.run({ ...HONEST, ...how, during: [{ at: when, act: moves }] });
        if (outcome?.status !== 'complete') return;
        const blocked = new Set(world.blocked());
        const missed = world.list.filter((one) => !blocked.has(one));
        expect(missed.filter((one) => before.includes(one))).toEqual([]);
        // People who joined after the last page was read are in no announced count.
        const isCounted = world.lastSweep?.announced === withCopies(world.list, how.copies).length;
        if (isCounted) expect(missed).toEqual([]);
      },
    ));

  const waiting = fc.record({ tick: upTo(DAY / 10, SECOND), fault, isRestart: fc.boolean() });
  const loss = fc.oneof(upTo(MOST, 2), fc.constantFrom(99, 100, 101)).chain((size) => {
    const half = Math.ceil(size / 2);
    const lost = fc.oneof(upTo(size), fc.constantFrom(half - 1, half));
    const waits = fc.array(waiting, { maxLength: 8 });
    return fc.record({ size: fc.constant(size), lost, reader, waits, isAccepted: fc.boolean() });
  });
  it('hold back removals of half of a list of 100 until they are accepted or a day has passed', () =>
    always(300, loss, async ({ size, lost, reader: settings, waits, isAccepted }) => {
      const world = createWorld({ trust: false, hasCounter: false, size, reader: settings });
      await world.run(HONEST);
      const all = world.blocked();
      world.perform({ kind: 'leave', from: 0, count: lost });
      await world.run(HONEST);
      expect(world.blocked()).toEqual(all);
      if (size < 100 || lost * 2 < size) {
        await world.run(HONEST);
        expect(world.blocked()).toEqual(world.list);
        return;
      }
      // Each complete sweep adds the time since the sweep before in this process, up to LONGEST_STEP.
      let left = DAY;
      let since: number | undefined = 0;
      async function watch(step: Sweep): Promise<void> {
        if (since !== undefined) since += step.tick;
        const outcome = await world.run(step);
        if (outcome?.status !== 'complete') return;
        if (outcome.unreadable === 0) left -= Math.min(since ?? 0, LONGEST_STEP);
        since = 0;
      }
      for (const { isRestart, ...wait } of waits) {
        if (isRestart) {
          world.perform({ kind: 'restart', isKilled: true, reader: settings });
          since = undefined;
        }
        await watch({ ...HONEST, ...wait });
        expect(world.blocked()).toEqual(all);
      }
      if (!isAccepted) {
        await watch({ ...HONEST, tick: 3 * DAY });
        while (left > 1) await watch({ ...HONEST, tick: Math.min(left - 1, LONGEST_STEP) });
      }
      expect(world.blocked()).toEqual(all);
      await world.run({ ...HONEST, tick: 1, isAccepted });
      expect(world.blocked()).toEqual(world.list);
    }));

  it('unblock no first-hand opt-out, unless removals are trusted and the list had the number since', () =>
    always(300, story, async (given) => {
      const out = (one: Act): Act =>
        one.kind === 'record' && isOptIn(one.event) ? { ...one, event: 'stop' } : one;
      const steps = given.steps.map((step) =>
        step.kind === 'sweep'
          ? { ...step, during: step.during.map((one) => ({ ...one, act: out(one.act) })) }
          : out(step),
      );
      await play({ ...given, steps }, (world) => {
        const optedOut = [...world.oracle.evidence.keys()].filter(
          (one) => !given.trust || !world.oracle.wasListedSince(one),
        );
        expect(optedOut.filter((one) => !world.isBlocked(one))).toEqual([]);
      });
    }));

  it('block after a restart every number that they would have blocked without it', () =>
    always(300, story, async (given) => {
      const stays = (one: Act) => one.kind !== 'restart' && one.kind !== 'save';
      const steps = given.steps.flatMap((step): Story['steps'] => {
        if (step.kind !== 'sweep') return stays(step) ? [step] : [];
        return [{ ...step, during: step.during.filter(({ act: one }) => stays(one)) }];
      });
      const killed = { kind: 'restart', isKilled: true, reader: given.reader } as const;
      const restarted = steps.flatMap((step) => [step, killed]);
      const statesOf = async (played: Story) => {
        const states: { isComplete?: boolean; blocked: readonly number[] }[] = [];
        await play(played, (world, step, outcome) => {
          if (step === killed) return;
          const isComplete = outcome === undefined ? {} : { isComplete: outcome.status === 'complete' };
          states.push({ ...isComplete, blocked: world.blocked() });
        });
        return states;
      };
      const [without, withRestarts] = [
        await statesOf({ ...given, steps }),
        await statesOf({ ...given, steps: restarted }),
      ];
      for (const [index, { isComplete, blocked }] of without.entries()) {
        const state = withRestarts[index];
        expect(state?.isComplete).toBe(isComplete);
        const blockedAfterRestart = new Set(state?.blocked);
        expect(blocked.filter((one) => !blockedAfterRestart.has(one))).toEqual([]);
      }
    }));

  it('have the same result with restarts as without, if there are no opt-ins and nothing is held back', () =>
    always(300, story, async (given) => {
      const plain = (one: Act): Act[] => {
        if (one.kind === 'record') return [isOptIn(one.event) ? { ...one, event: 'stop' } : one];
        return one.kind === 'restart' || one.kind === 'save' ? [] : [one];
      };
      const steps = given.steps.flatMap((step): Story['steps'] => {
        if (step.kind !== 'sweep') return plain(step);
        const during = step.during.flatMap(({ at: when, act: one }) =>
          plain(one).map((plainAct) => ({ at: when, act: plainAct })),
        );
        return [{ ...step, during, isAccepted: true }];
      });
      const killed = { kind: 'restart', isKilled: true, reader: given.reader } as const;
      const restarted = steps.flatMap((step) => [step, killed]);
      const resultOf = async (played: Story) => {
        const outcomes: unknown[] = [];
        const world = await play({ ...played, trust: false }, (_, step, outcome) => {
          if (step.kind === 'sweep') outcomes.push(outcome?.status === 'failed' ? 'failed' : outcome);
        });
        return [...outcomes, world.blocked()];
      };
      expect(await resultOf({ ...given, steps: restarted })).toEqual(await resultOf({ ...given, steps }));
    }));

  it('block exactly the list and the first-hand opt-outs once the list no longer changes', () =>
    always(300, story, async (given) => {
      const world = await play(given, () => undefined);
      for (let time = 0; time < (given.trust ? 3 : 2); time++) {
        await world.run({ ...HONEST, tick: 2 * GRACE, isAccepted: true });
      }
      const blocked = PEOPLE.filter((one) => world.list.includes(one) || world.oracle.isFirstHand(one));
      expect(world.blocked()).toEqual(blocked);
      expect(PEOPLE.filter((one) => world.isListed(one))).toEqual(world.list.toSorted((a, b) => a - b));
    }));
});
