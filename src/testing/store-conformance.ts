/**
 * What every store must do, as tests for any runner: an array of `{ name, run(factory) }` on `node:assert`. It knows
 * the port and nothing of any engine.
 */

import { changeRequirements } from './conformance/changes.ts';
import { erasureRequirements } from './conformance/erasure.ts';
import { withStore, type ConformanceTest } from './conformance/harness.ts';
import { logRequirements } from './conformance/log.ts';
import { processRequirements } from './conformance/processes.ts';
import { sweepRequirements } from './conformance/sweeps.ts';

export type { ConformanceTest, StoreFactory, StoreUnderTest } from './conformance/harness.ts';

/** The conformance suite. Run every test with a factory of the store under test. */
export const storeConformance: readonly ConformanceTest[] = [
  ...changeRequirements,
  ...logRequirements,
  ...erasureRequirements,
  ...sweepRequirements,
  ...processRequirements,
].map(([name, body]) => ({ name, run: (factory) => withStore(factory, body) }));
