/** Guards that do not allow unlisted numbers, each for another reason. The test that creates one has to close it. */

import { createGuard, type Guard } from '../../src/index.ts';
import { createTestGuard } from '../../src/testing/index.ts';
import { createFakeClock } from '../fake-clock.ts';

const HOUR = 3_600_000;
const silent = { debug() {}, info() {}, warn() {}, error() {} };

async function aged(hours: number): Promise<Guard> {
  const clock = createFakeClock();
  const guard = await createTestGuard({ clock, policy: { whenStale: 'block' } });
  clock.skip(hours * HOUR);
  return guard;
}

/** The reason of their decisions, and a function that creates the guard. */
export const untrusted: readonly [reason: string, make: () => Promise<Guard>][] = [
  [
    'not_ready',
    async () => createGuard({ provider: { page: () => Promise.reject(new Error('down')) }, logger: silent }),
  ],
  ['stale', () => aged(1)],
  ['expired', () => aged(25)],
  [
    'closed',
    async () => {
      const guard = await createTestGuard();
      await guard.close();
      return guard;
    },
  ],
];
