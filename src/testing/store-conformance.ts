/**
 * The requirements of the store port as tests for any test runner: an array of `{ name, run(factory) }` on
 * `node:assert`. It knows the port and no store.
 */

import { changeRequirements } from './conformance/changes.ts';
import { erasureRequirements } from './conformance/erasure.ts';
import { withStore, type ConformanceTest } from './conformance/harness.ts';
import { logRequirements } from './conformance/log.ts';
import { processRequirements } from './conformance/processes.ts';
import { sweepRequirements } from './conformance/sweeps.ts';

export type { ConformanceTest, StoreFactory, StoreUnderTest } from './conformance/harness.ts';

/**
 * The conformance suite of the store port. Run each test with a factory that creates a new, empty store. `run` rejects
 * with an AssertionError if the store does not meet the requirement.
 *
 * @example
 * for (const { name, run } of storeConformance) {
 *   test(name, () =>
 *     run(async () => {
 *       const store = memoryStore();
 *       return { store, reopen: async () => store };
 *     }),
 *   );
 * }
 */
export const storeConformance: readonly ConformanceTest[] = [
  ...changeRequirements,
  ...logRequirements,
  ...erasureRequirements,
  ...sweepRequirements,
  ...processRequirements,
].map(([name, body]) => ({ name, run: (factory) => withStore(factory, body) }));
