import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createGuard, type Guard } from '../../src/index.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const SENDERS = [undefined, '73737', '15559990000', 'nobody'];

/**
 * From each of these, sixty numbers in a row are listed: those of the United States, and of people with several
 * numbers.
 */
const STARTS = [12_125_550_100, 5_215_555_550_100, 447_400_555_100, 551_165_550_100];
/** Other numbers of the same people: without the 1 of Mexico, with national prefixes, with carriers' codes. */
const OTHER_STARTS = [
  ...[525_555_550_100, 525_555_550_100, 4_407_400_555_100, 5_511_965_550_100],
  ...[5_501_165_550_100, 550_211_165_550_100, 5_501_511_965_550, 52_015_555_550_100],
];
/** Numbers so near to each other that about half of the checks are about a known one. */
const known = fc
  .tuple(
    fc.oneof(fc.constant(12_125_550_100), fc.constantFrom(...STARTS, ...OTHER_STARTS)),
    fc.integer({ min: 0, max: 60 }),
  )
  .map(([start, offset]) => String(start + offset));
const written = fc.oneof(
  known,
  known.map((number) => `+${number}`),
  known.map((number) => number.slice(1)),
  known.map((number) => `(${number.slice(1, 4)}) ${number.slice(4)}`),
  known.map(Number),
  fc.string({ unit: fc.constantFrom(...'0123456789+ -x'), maxLength: 16 }),
  fc.anything(),
);

describe.each([{}, { defaultCountry: 'US' }])('all ways to ask, with %o', (options) => {
  let guard: Guard;

  beforeAll(async () => {
    const numbersOf = (step: number) =>
      STARTS.flatMap((start) => Array.from({ length: 60 }, (_, offset) => String(start + offset))).filter(
        (_, offset) => offset % step === 0,
      );
    const providerOf = (step: number) => ({
      page: async ({ index }: { index: number }) => ({ rows: index === 0 ? numbersOf(step) : [] }),
      optIn: async () => undefined,
    });
    guard = createGuard({
      ...options,
      logger: silent,
      lists: {
        alerts: { senders: ['73737'], provider: providerOf(4) },
        marketing: { senders: ['15559990000'], provider: providerOf(7) },
      },
    });
    await guard.ready();
    for (const number of numbersOf(5)) await guard.optOut(number);
    for (const number of numbersOf(9)) await guard.optOut(number, { list: 'alerts' });
    for (const number of numbersOf(8)) await guard.resubscribe(number, { localOnly: true });
  });
  afterAll(() => guard.close());

  it('give the same answer', () => {
    fc.assert(
      fc.property(fc.array(written, { maxLength: 200 }), fc.constantFrom(...SENDERS), (asked, from) => {
        const sender = from === undefined ? {} : { from };
        const isAllowed = asked.map((to) => guard.check(to, sender).allowed);
        expect(asked.map((to) => guard.canSend(to, sender))).toEqual(isAllowed);
        const { allowed, blocked, invalid } = guard.filter(asked, sender);
        expect(allowed).toEqual(asked.filter((_, index) => isAllowed[index]));
        expect(allowed.length + blocked.length + invalid.length).toBe(asked.length);
        const reasons = blocked.map(({ item }) => ({ ...guard.check(item, sender), ageMs: 0 }));
        expect(blocked.map(({ decision }) => ({ ...decision, ageMs: 0 }))).toEqual(reasons);
      }),
      { numRuns: 500, seed: 20_261_124 },
    );
    expect(guard.status().counters.allowed).toBeGreaterThan(1_000);
  });

  it('give the same answer while an opt-out is written', async () => {
    const number = '12125559999';
    const other = '12125559998';
    const writing = guard.optOut(number, { list: 'alerts' });
    const asked = [number, other];
    expect(guard.filter(asked, { from: '73737' }).allowed).toEqual([other]);
    expect(guard.filter(asked, { from: '15559990000' }).allowed).toEqual(asked);
    await writing;
    expect(guard.filter(asked, { from: '73737' }).allowed).toEqual([other]);
  });

  it('refuse once the guard is closed', async () => {
    await guard.close();
    const asked = ['12125559998', 'x'];
    expect(asked.map((to) => guard.canSend(to))).toEqual([false, false]);
    const { allowed, blocked, invalid } = guard.filter(asked);
    expect([allowed.length, blocked.length, invalid.length]).toEqual([0, 1, 1]);
  });
});

it('refuses every kind of check once the clock throws', async () => {
  let isBroken = false;
  const monotonic = () => {
    if (isBroken) throw new Error('no clock');
    return performance.now();
  };
  const clock = { now: Date.now, monotonic, setTimeout };
  const guard = createGuard({ logger: silent, clock, provider: { page: async () => ({ rows: [] }) } });
  await guard.ready();
  expect(guard.filter(['12125559998']).allowed.length).toBe(1);
  isBroken = true;
  const { allowed, invalid } = guard.filter(['12125559998', '12125559997']);
  expect([allowed.length, invalid.length, guard.canSend('12125559998')]).toEqual([0, 2, false]);
  isBroken = false;
  await guard.close();
});
