import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { createAgeClock } from '../../src/clock.ts';
import type { Evidence } from '../../src/ledger/evidence.ts';
import { createLedger, type LedgerOptions } from '../../src/ledger/ledger.ts';
import type { ListedRow } from '../../src/ledger/provider-list-types.ts';
import { createNumberSet } from '../../src/number-set/number-set.ts';
import type { PageRequest, ProviderPage, ProviderRow } from '../../src/providers/provider.ts';
import type { SweepOutcome } from '../../src/sync/sweep.ts';
import { createPoller } from '../../src/sync/poller.ts';
import { createFakeClock } from '../fake-clock.ts';
import { Oracle, Reading, type Fact, type Page } from './sweep-oracle.ts';
import { replying, threadHere } from './threads.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const DAY = 24 * 60 * MINUTE;
const GRACE = 10 * MINUTE;
/** A machine that slept longer has not watched the list. */
const LONGEST_STEP = DAY / 2;
const RULES = {
  ...{ clockSlackMs: MINUTE, lagGraceMs: GRACE, shrinkHoldMs: DAY, longestStepMs: LONGEST_STEP },
} satisfies Partial<LedgerOptions>;
const LOG = 'log 1';
const MOST = 260;
/** Everybody there is; the last few are on no list, whatever happens. */
const PEOPLE = Array.from({ length: 300 }, (_, id) => id);
const SEED = 20_260_101;
const number = (id: number) => String(15_550_000_000 + id);
const idOf = (msisdn: string) => Number(msisdn) - 15_550_000_000;
type Of<A> = A extends fc.Arbitrary<infer T> ? T : never;
const upTo = (max: number, min = 0) => fc.integer({ min, max });
/** An arbitrary that says what kind of thing it is. */
const kind = <K extends string, T>(name: K, fields: { [F in keyof T]: fc.Arbitrary<T[F]> }) =>
  fc.record(fields).map((values) => ({ ...values, kind: name }));

const reader = fc.record({ pageSize: upTo(300, 15), concurrency: upTo(3, 1) });
/** Often the first few, so that much happens to the same people. */
const place = fc.oneof(upTo(3), upTo(280));
const change = fc.oneof(
  kind('join', { from: place, count: fc.oneof(upTo(12), upTo(280)), isInFront: fc.boolean() }),
  kind('leave', { from: place, count: upTo(12) }),
  kind('lose', { kept: fc.constantFrom(0, 0, 0.2, 0.45, 0.55) }),
  kind('return', {}),
);
const FACTS = ['stop', 'stop', 'phone out', 'import out', 'start', 'resubscribe', 'local in'] as const;
const isOptIn = (fact: (typeof FACTS)[number]) => ['start', 'resubscribe', 'local in'].includes(fact);
const telling = kind('tell', {
  id: fc.oneof(upTo(5), upTo(PEOPLE.length - 1)),
  fact: fc.constantFrom(...FACTS, 'resubscribe'),
  tick: fc.constantFrom(0, SECOND),
  /** How long ago, by the log and by sweeps, the act began that is stored now. */
  behind: fc.record({ entries: fc.constantFrom(0, 0, 0, 1, 3), sweeps: fc.constantFrom(0, 0, 1) }),
  isDated: fc.boolean(),
});
const restarting = kind('restart', { isKilled: fc.boolean(), reader });
const saving = kind('save', { isKept: fc.boolean() });
const act = fc.oneof(
  ...[change, change, change],
  ...[telling, telling, telling],
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
/** Which numbers the list holds in two rows, and where the second row is. */
const copies = fc.constantFrom('none', 'none', 'beside', 'behind', 'all again');
const serving = {
  fault,
  copies,
  /** Whether it also holds people who are opted in. */
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
  /** Whether the store counts sweeps, those that came to nothing included. */
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

function withCopies(list: readonly number[], where: Sweep['copies']): number[] {
  const twice = list.filter((one) => where === 'all again' || (where !== 'none' && one % 5 < 2));
  if (where === 'beside') return list.flatMap((one) => (one % 5 < 2 ? [one, one] : [one]));
  return [...list, ...twice];
}

/** Whether pages are read in a thread, from the first one on. */
let isThreaded = false;

/** A provider whose list changes, a guard's part that sweeps it, and a store; the oracle looks on. */
function createWorld({ trust, hasCounter, size, reader: first }: Omit<Story, 'steps'>, isWatched = false) {
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
  let whole = list;
  const past = [list];
  const since = new Map<number, number>();
  let serve: (index: number, size: number) => Promise<ProviderPage>;
  let canKeep = true;
  let running = boot(first);

  function boot({ pageSize, concurrency }: Of<typeof reader>) {
    let isOver = false;
    const ledger = createLedger({
      ...RULES,
      ...{ list: 'default', trustProviderRemoval: trust },
    });
    for (const [msisdn, told] of evidence) ledger.merge(msisdn, told);
    if (times) {
      const sets = {
        numbers: createNumberSet(stored.numbers),
        missingOnce: createNumberSet(stored.missingOnce),
      };
      ledger.restore({ ...sets, ...times }, [...stored.rows.values()]);
    }
    const store = (msisdn: string, told: Evidence) => {
      const kept = { ...told, positions: [{ log: LOG, position: ++position }] };
      evidence.push([msisdn, kept]);
      ledger.merge(msisdn, kept, clock.monotonic());
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
        ...{ pageSize, concurrency, threadFromRows: 0 },
      },
      {
        ...{
          ledger,
          clock,
          ageClock: createAgeClock(clock),
          applied: () => ({ log: LOG, position }),
          random: () => 0.5,
        },
        provider: isThreaded ? replying(page) : { page },
        spawnThread: threadHere().spawn,
        requestLease: hasCounter
          ? async () => ({
              isHeld: () => true,
              release: async () => undefined,
              nextSweep: async () => ++counter,
            })
          : undefined,
        notReadyError: () => undefined,
        async keepOptIns(changes) {
          if (isOver || !canKeep) throw new Error('the store is down');
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
    for (const one of next) if (!list.includes(one)) since.set(one, clock.now());
    list = next.slice(0, MOST);
    past.push(list);
  }

  function tell({ id, fact, behind, isDated }: Of<typeof telling>): void {
    const now = clock.now();
    const direction = isOptIn(fact) ? 'in' : 'out';
    const kinds = { stop: 'told', start: 'told', 'import out': 'stated' } as const;
    const what = fact in kinds ? kinds[fact as keyof typeof kinds] : 'act';
    const basis = Math.max(0, position - behind.entries);
    const sweepNumber = Math.max(0, running.ledger.lastBegun - behind.sweeps);
    const proof = { sweep: sweepNumber, optInDate: isDated ? now : null };
    const known = { direction, kind: what, at: now, source: 'inbound' } as const;
    running.store(number(id), {
      ...{ ...known, seenAt: now, id: `${direction} ${position}` },
      ...(direction === 'in' && what === 'act' ? { basis: { log: LOG, position: basis } } : {}),
      ...(fact === 'resubscribe' ? { proof } : {}),
    });
    oracle.tell(id, {
      ...{ direction, kind: what, at: now, position, applied: clock.monotonic() },
      ...(direction === 'in' && what === 'act' ? { basis } : {}),
      ...(fact === 'resubscribe' ? { proof } : {}),
    } satisfies Fact);
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
      whole = list;
      replaceList(list.slice(0, Math.floor(length * step.kept)));
    } else if (step.kind === 'return') {
      replaceList(whole);
    } else if (step.kind === 'tell') {
      clock.skip(step.tick);
      tell(step);
    } else if (step.kind === 'save') {
      running.save(step.isKept);
    } else if (step.kind === 'restart') {
      // What a sweep in flight has shown is not in the store yet: a kill may lose it.
      if (!step.isKilled || reading !== undefined) running.save(true);
      running.end();
      oracle.restart();
      running = boot(step.reader);
      reading = undefined;
    } else if (step.kind === 'accept' && reading !== undefined) {
      void running.poller.sweep({ acceptShrink: true });
    }
  }

  function pageOf(step: Sweep, listNow: readonly number[], index: number, wanted: number): Page | 'torn' {
    const { fault: what } = step;
    const per = Math.min(wanted, step.cap);
    const rows: (number | string | { readonly optedIn: number })[] = withCopies(listNow, step.copies);
    for (const optedIn of step.hasIns ? PEOPLE : []) {
      // Every tenth of those who are on no list.
      if (optedIn % 10 === 7 && !listNow.includes(optedIn)) rows.push({ optedIn });
    }
    for (let one = 0; what.kind === 'unreadable' && one < what.count; one++) {
      rows.splice((what.at * (one + 1)) % (rows.length + 1), 0, `x${one}`);
    }
    let from = index * per;
    if ('at' in what && what.kind !== 'unreadable' && index >= what.at) {
      if (what.kind === 'repeat') from = Math.max(what.at, index - what.times) * per;
      else if (index > what.at) from = index * per;
      else if (what.kind === 'hole') from = Infinity;
      else return 'torn';
    } else if (what.kind === 'one-based') from = Math.max(0, index - 1) * per;
    else if (what.kind === 'ignored') from = 0;
    const shown = rows.slice(from, from + per);
    const { length } = rows;
    const totals = { all: length, page: shown.length, none: undefined, more: length + 3, less: length - 3 };
    return {
      ids: shown.flatMap((one) =>
        typeof one === 'number' ? [one] : typeof one === 'string' ? [] : [one.optedIn],
      ),
      outs: shown.filter((one) => typeof one === 'number'),
      rows: shown.map((one) => (typeof one === 'string' ? one : rowOf(one))),
      total: totals[step.total],
    };
  }

  /** Half of the rows are a number alone, the others say since when. */
  function rowOf(one: number | { readonly optedIn: number }): ProviderRow {
    if (typeof one !== 'number') {
      const { optedIn } = one;
      // A date that is later than an opt-out in the same sweep would count: nobody who joins the list has one.
      const dated = optedIn >= 290 ? { optInDate: clock.now() } : {};
      return { msisdn: number(optedIn), optIn: true, optOut: false, ...dated };
    }
    const msisdn = number(one);
    return one % 2 === 0 ? msisdn : { msisdn, optOut: true, optIn: false, optOutDate: since.get(one) };
  }

  let reading: Reading | undefined;
  let lastReading: Reading | undefined;

  function take(page: Page | 'torn'): void {
    if (reading === undefined) return;
    const { start } = reading;
    for (const one of reading.take(page)) {
      const date = one % 2 === 0 ? undefined : since.get(one);
      oracle.row(one, reading, date === undefined || date > start ? undefined : date);
    }
  }

  async function run(step: Sweep): Promise<SweepOutcome | undefined> {
    clock.skip(step.tick);
    canKeep = !step.isStoreDown;
    const next = Math.max(oracle.lastBegun + 1, hasCounter ? counter + 1 : 0);
    const own = new Reading({
      ...{ number: next, start: clock.now(), began: clock.monotonic(), basis: position },
    });
    reading = own;
    const behind = step.lag === 0 ? undefined : past.at(Math.max(0, past.length - 1 - step.lag));
    const answers: (Page | 'torn')[] = [];
    const pastBefore = past.length;
    let taken = 0;
    let { isAccepted } = step;
    let earlier: Promise<unknown> = Promise.resolve();
    // Pages are answered one after the other, however many are asked for at a time.
    serve = (index, wanted) => {
      const answer = earlier.then(() => answerPage(index, wanted));
      earlier = answer.catch(() => undefined);
      return answer;
    };
    async function answerPage(index: number, wanted: number): Promise<ProviderPage> {
      await nextTurn();
      // A page before it that was asked for earlier goes to the thread and back meanwhile.
      for (let turn = 0; isThreaded && turn < 12; turn++) await nextTurn();
      if (reading !== own) throw new Error('nobody waits for it');
      // Those before this one have been read.
      while (taken < index && own.state === 'open') take(answers[taken++] ?? 'torn');
      if (isWatched) check();
      for (const { at: when, act: what } of step.during) {
        if (when !== index || reading !== own) continue;
        isAccepted ||= what.kind === 'accept';
        perform(what);
        if (isWatched) check();
      }
      const page = pageOf(step, behind ?? list, index, wanted);
      answers[index] = page;
      if (page !== 'torn') return { rows: page.rows, total: page.total };
      if (step.fault.kind === 'malformed') return {} as ProviderPage;
      throw new Error('down');
    }
    const swept = running.poller.sweep({ acceptShrink: step.isAccepted });
    oracle.begin(next);
    const outcome = await swept;
    if (reading !== own) return undefined;
    while (taken < answers.length && (own.state === 'open' || own.isOverAtEmptyPage))
      take(answers[taken++] ?? 'torn');
    const isMoved = past.length > pastBefore;
    const isOpen = own.state === 'doubtful' && isMoved;
    if (own.state === 'open' || own.state === 'failed') expect(outcome.status).toBe('failed');
    else if (isOpen && outcome.status === 'failed') expect(outcome.error.code).toBe('provider_incomplete');
    else if (own.unreadable > 0) {
      oracle.completeUnreadable(own);
      expect(outcome).toMatchObject({ status: 'complete', removed: 0 });
    } else complete(own, isAccepted, outcome);
    reading = undefined;
    lastReading = own;
    return outcome;
  }

  function complete(own: Reading, isAccepted: boolean, outcome: SweepOutcome): void {
    const { released, firstBasis: basis, ...expected } = oracle.complete(own, isAccepted, canKeep);
    expect(outcome).toMatchObject(expected);
    for (const id of released) {
      oracle.tell(id, {
        ...{ direction: 'in', kind: 'act', at: own.start, position: 0, applied: clock.monotonic() },
        ...(basis === undefined ? {} : { basis }),
        proof: { sweep: own.number, optInDate: null },
      });
    }
  }

  function check(): void {
    const { ledger } = running;
    const wrong = PEOPLE.filter(
      (one) =>
        ledger.blocks(number(one)) !== oracle.blocks(one) ||
        ledger.isListedByProvider(number(one)) !== oracle.lacked.has(one),
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
    /** The last sweep that no restart ended. */
    get lastReading() {
      return lastReading;
    },
    blocked: () => [...running.ledger.entries()].map(({ msisdn }) => idOf(msisdn)).toSorted((a, b) => a - b),
    isBlocked: (one: number) => running.ledger.blocks(number(one)),
    isListed: (one: number) => running.ledger.isListedByProvider(number(one)),
  };
}

async function play(
  { steps, ...given }: Story,
  check: (world: ReturnType<typeof createWorld>, step: Act | Sweep, outcome?: SweepOutcome) => void,
  isWatched = false,
) {
  const world = createWorld(given, isWatched);
  for (const step of steps) {
    const outcome = step.kind === 'sweep' ? await world.run(step) : undefined;
    if (step.kind !== 'sweep') world.perform(step);
    check(world, step, outcome);
  }
  return world;
}

/** Runs a property over random stories, or whatever else is given. */
const always = <T>(numRuns: number, given: fc.Arbitrary<T>, holds: (value: T) => Promise<void>) =>
  fc.assert(fc.asyncProperty(given, holds), { numRuns: isThreaded ? numRuns / 4 : numRuns, seed: SEED });

describe.each([
  ['here', false],
  ['in a thread', true],
])('sweeps whose pages are read %s, whatever happens,', { timeout: 240_000 }, (_name, isInThread) => {
  beforeAll(() => {
    isThreaded = isInThread;
  });

  it('answer as the oracle does, on every page and after every act', () =>
    always(800, story, async (given) => {
      await play(given, (world) => world.check(), true);
    }));

  it('remove nothing where they fail, are torn by a restart or meet an unreadable row', () =>
    always(300, story, async (given) => {
      let before: readonly number[] = [];
      await play(given, (world, step, outcome) => {
        const isSure = outcome?.status === 'complete' && outcome.unreadable === 0;
        const acts = step.kind === 'sweep' ? step.during.map(({ act: one }) => one) : [step];
        const optedIn = acts.flatMap((one) => (one.kind === 'tell' && isOptIn(one.fact) ? [one.id] : []));
        const after = new Set([...world.blocked(), ...optedIn]);
        if (!isSure) expect(before.filter((one) => !after.has(one))).toEqual([]);
        before = world.blocked();
      });
    }));

  it('are complete only where they showed all of a list that stood still and counted itself', () =>
    always(500, fc.record({ size: upTo(280), reader, serving: fc.record(serving) }), async (given) => {
      const { fault: what, total: count } = given.serving;
      const world = createWorld({ trust: false, hasCounter: false, ...given });
      const outcome = await world.run({ ...HONEST, ...given.serving });
      const isHonest =
        what.kind === 'none' || what.kind === 'one-based' || (what.kind === 'repeat' && what.times === 1);
      // Where the second rows of all numbers make the same pages once more, nobody can tell them from a repetition.
      const isPlain =
        isHonest && !(given.serving.copies === 'all again' && (world.lastReading?.repeated ?? 0) > 0);
      if (isPlain && count !== 'more') expect(outcome?.status).toBe('complete');
      if (outcome?.status === 'complete' && (count === 'all' || isPlain))
        expect(world.blocked()).toEqual(world.list);
    }));

  const moving = fc.record({
    ...{ size: upTo(MOST - 40), reader, isThere: fc.boolean(), count: upTo(40, 1), from: upTo(290), at },
    serving: fc.record({
      ...serving,
      fault: fc.constant({ kind: 'none' } as const),
      // Whoever joins would leave the rows behind: a list that moves without another count looks complete.
      hasIns: fc.constant(false),
      total: fc.constant('all'),
    }),
  });
  it('are complete only where they showed all of a list that grew or shrank while it was read', () =>
    always(
      1_500,
      moving,
      async ({ size, reader: settings, isThere, count, from, at: when, serving: how }) => {
        const world = createWorld({ trust: false, hasCounter: false, size, reader: settings });
        const whole = world.list;
        const moves: Act = isThere
          ? { kind: 'leave', from, count }
          : { kind: 'join', from: 280 - count, count, isInFront: from % 2 === 0 };
        const outcome = await world.run({ ...HONEST, ...how, during: [{ at: when, act: moves }] });
        if (outcome?.status !== 'complete') return;
        const blocked = new Set(world.blocked());
        const missed = world.list.filter((one) => !blocked.has(one));
        expect(missed.filter((one) => whole.includes(one))).toEqual([]);
        // Who came behind the last page that was read is in no count.
        const isCounted = world.lastReading?.announced === withCopies(world.list, how.copies).length;
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
  it('hold a list of 100 that would lose half until that is accepted or a day has passed', () =>
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
      // Each complete sweep adds the time since the one before in this process, but for what it slept through.
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

  it('release nobody who opted out first-hand, unless removals are trusted and the list had the number since', () =>
    always(300, story, async (given) => {
      const out = (one: Act): Act =>
        one.kind === 'tell' && isOptIn(one.fact) ? { ...one, fact: 'stop' } : one;
      const steps = given.steps.map((step) =>
        step.kind === 'sweep'
          ? { ...step, during: step.during.map((one) => ({ ...one, act: out(one.act) })) }
          : out(step),
      );
      await play({ ...given, steps }, (world) => {
        const told = [...world.oracle.facts.keys()].filter(
          (one) => !given.trust || !world.oracle.wasListedSince(one),
        );
        expect(told.filter((one) => !world.isBlocked(one))).toEqual([]);
      });
    }));

  it('block after a restart whoever they would have blocked without it', () =>
    always(300, story, async (given) => {
      const stays = (one: Act) => one.kind !== 'restart' && one.kind !== 'save';
      const steps = given.steps.flatMap((step): Story['steps'] => {
        if (step.kind !== 'sweep') return stays(step) ? [step] : [];
        return [{ ...step, during: step.during.filter(({ act: one }) => stays(one)) }];
      });
      const killed = { kind: 'restart', isKilled: true, reader: given.reader } as const;
      const restarted = steps.flatMap((step) => [step, killed]);
      const after = async (told: Story) => {
        const states: { isComplete?: boolean; blocked: readonly number[] }[] = [];
        await play(told, (world, step, outcome) => {
          if (step === killed) return;
          const isComplete = outcome === undefined ? {} : { isComplete: outcome.status === 'complete' };
          states.push({ ...isComplete, blocked: world.blocked() });
        });
        return states;
      };
      const [without, withRestarts] = [
        await after({ ...given, steps }),
        await after({ ...given, steps: restarted }),
      ];
      for (const [index, { isComplete, blocked }] of without.entries()) {
        const state = withRestarts[index];
        expect(state?.isComplete).toBe(isComplete);
        const here = new Set(state?.blocked);
        expect(blocked.filter((one) => !here.has(one))).toEqual([]);
      }
    }));

  it('go on after a restart as if there had been none, where nobody was opted in and nothing is held back', () =>
    always(300, story, async (given) => {
      const plain = (one: Act): Act[] => {
        if (one.kind === 'tell') return [isOptIn(one.fact) ? { ...one, fact: 'stop' } : one];
        return one.kind === 'restart' || one.kind === 'save' ? [] : [one];
      };
      const steps = given.steps.flatMap((step): Story['steps'] => {
        if (step.kind !== 'sweep') return plain(step);
        const during = step.during.flatMap(({ at: when, act: one }) =>
          plain(one).map((kept) => ({ at: when, act: kept })),
        );
        return [{ ...step, during, isAccepted: true }];
      });
      const killed = { kind: 'restart', isKilled: true, reader: given.reader } as const;
      const restarted = steps.flatMap((step) => [step, killed]);
      const end = async (told: Story) => {
        const outcomes: unknown[] = [];
        const world = await play({ ...told, trust: false }, (_, step, outcome) => {
          if (step.kind === 'sweep') outcomes.push(outcome?.status === 'failed' ? 'failed' : outcome);
        });
        return [...outcomes, world.blocked()];
      };
      expect(await end({ ...given, steps: restarted })).toEqual(await end({ ...given, steps }));
    }));

  it('come to exactly the list and who opted out first-hand, once it stands still', () =>
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
