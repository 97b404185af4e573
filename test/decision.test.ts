import { describe, expect, it } from 'vitest';
import {
  SELF_KEPT,
  STARTING,
  decide,
  freshnessOf,
  lessFresh,
  permitsUnlisted,
  standingAt,
  worse,
  type Freshness,
  type Policy,
  type Standing,
  type State,
} from '../src/decision.ts';

const limits = { staleAfterMs: 1_000, maxAgeMs: 5_000 };
const listing = { list: 'default', source: 'inbound', since: 7 } as const;

/** Every standing of a list. */
const standings: readonly Standing[] = [
  STARTING,
  SELF_KEPT,
  ...[0, 1_000, 1_001, 5_000, 5_001].flatMap((age) => [
    standingAt(age, false, limits),
    standingAt(age, true, limits),
  ]),
  { state: 'restored', freshness: 'expired', ageMs: null },
];
const words = ['block', 'allow'] as const;
const policies: readonly Policy[] = words.flatMap((whenNotReady) =>
  words.flatMap((whenStale) => words.map((whenExpired) => ({ whenNotReady, whenStale, whenExpired }))),
);
const cases = standings.flatMap((standing) =>
  policies.flatMap((policy) => [false, true].map((isClosed) => ({ standing, policy, isClosed }))),
);

describe('decide', () => {
  it.each(cases)('blocks a listed number: %j', ({ standing, policy, isClosed }) => {
    const decision = decide({ to: '15551230001', listing, list: 'default', standing, isClosed, policy });
    expect(decision).toEqual({
      allowed: false,
      reason: 'opted_out',
      to: '15551230001',
      list: 'default',
      source: 'inbound',
      since: 7,
      state: isClosed ? 'closed' : standing.state,
      ageMs: standing.ageMs,
    });
  });

  it.each(cases)('blocks an unreadable number: %j', ({ standing, policy, isClosed }) => {
    const decision = decide({ to: null, listing: undefined, list: null, standing, isClosed, policy });
    expect(decision).toMatchObject({ allowed: false, reason: 'invalid_number', to: null, list: null });
  });

  // The decisions for a number that is not listed, written again by hand.
  const table: Record<Freshness, { blocked: string; allowed: string; policy: keyof Policy | null }> = {
    unknown: { blocked: 'not_ready', allowed: 'policy', policy: 'whenNotReady' },
    fresh: { blocked: 'never', allowed: 'not_listed', policy: null },
    stale: { blocked: 'stale', allowed: 'stale', policy: 'whenStale' },
    expired: { blocked: 'expired', allowed: 'policy', policy: 'whenExpired' },
  };
  it.each(cases)(
    'answers a number that is not listed by state and policy: %j',
    ({ standing, policy, isClosed }) => {
      const row = table[standing.freshness];
      const isAllowed = !isClosed && (row.policy === null || policy[row.policy] === 'allow');
      const decision = decide({
        to: '15551230001',
        listing: undefined,
        list: 'default',
        standing,
        isClosed,
        policy,
      });
      expect(decision).toEqual({
        allowed: isAllowed,
        reason: isClosed ? 'closed' : isAllowed ? row.allowed : row.blocked,
        to: '15551230001',
        list: isAllowed ? 'default' : null,
        state: isClosed ? 'closed' : standing.state,
        ageMs: standing.ageMs,
      });
      expect(permitsUnlisted(standing.freshness, isClosed, policy)).toBe(isAllowed);
    },
  );
});

describe('freshness by age', () => {
  it('is the worse one of two', () => {
    expect([lessFresh('stale', 'fresh'), lessFresh('fresh', 'stale')]).toEqual(['stale', 'stale']);
    expect([lessFresh('expired', 'unknown'), lessFresh('unknown', 'expired')]).toEqual([
      'unknown',
      'unknown',
    ]);
  });

  it.each<[number, Freshness, State]>([
    [0, 'fresh', 'fresh'],
    [1_000, 'fresh', 'fresh'],
    [1_001, 'stale', 'stale'],
    [5_000, 'stale', 'stale'],
    [5_001, 'expired', 'expired'],
    [Infinity, 'expired', 'expired'],
  ])('is right at the limits: %d ms is %s', (age, freshness, state) => {
    expect(freshnessOf(age, limits)).toBe(freshness);
    expect(standingAt(age, false, limits).state).toBe(state);
    expect(standingAt(age, true, limits)).toEqual({ state: 'restored', freshness, ageMs: age });
  });

  it('is expired after maxAge, even if that equals staleAfter', () => {
    expect(freshnessOf(2_000, { staleAfterMs: 1_000, maxAgeMs: 1_000 })).toBe('expired');
  });
});

describe('worse', () => {
  const order: readonly Standing[] = [
    SELF_KEPT,
    standingAt(10, false, limits),
    standingAt(20, false, limits),
    standingAt(5, true, limits),
    standingAt(2_000, false, limits),
    standingAt(1_500, true, limits),
    standingAt(6_000, false, limits),
    { state: 'restored', freshness: 'expired', ageMs: null },
    STARTING,
  ];
  it.each(order.flatMap((a, i) => order.map((b, j) => [i, j, a, b] as const)))(
    'of %d and %d',
    (i, j, a, b) => {
      expect(worse(a, b)).toEqual(order[Math.max(i, j)]);
    },
  );
});
