/** A checker without a guard, for tests of gates alone. */

import { vi } from 'vitest';
import type { BatchChecker, BlockReason, CheckOptions, Decision } from '../../src/decision.ts';

const standing = { state: 'fresh', ageMs: 0 } as const;

/**
 * Creates a checker for which numbers that start with 1555 have opted out, and everything but digits is unreadable.
 *
 * @param unlisted why all other numbers are blocked; without it they are allowed.
 */
export function createFakeChecker(unlisted?: Exclude<BlockReason, 'opted_out' | 'invalid_number'>) {
  const decide = vi.fn((to: unknown, _options?: CheckOptions): Decision => {
    if (typeof to !== 'string' || !/^\d+$/.test(to)) {
      return { allowed: false, reason: 'invalid_number', to: null, list: null, ...standing };
    }
    if (to.startsWith('1555')) {
      const evidence = { source: 'provider', since: null } as const;
      return { allowed: false, reason: 'opted_out', to, list: 'default', ...evidence, ...standing };
    }
    if (unlisted) return { allowed: false, reason: unlisted, to, list: null, ...standing };
    return { allowed: true, reason: 'not_listed', to, list: 'default', ...standing };
  });
  return {
    decide,
    permitsEach(recipients, permitted) {
      for (const [index, to] of recipients.entries()) permitted[index] = Number(decide(to).allowed);
    },
    report: vi.fn<BatchChecker['report']>(),
    reportPermitted: vi.fn<BatchChecker['reportPermitted']>(),
    remindObserving: vi.fn<BatchChecker['remindObserving']>(),
  } satisfies BatchChecker;
}
