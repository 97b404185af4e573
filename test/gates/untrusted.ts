/** Guards whose word is not enough to send, each for another reason. Whoever asks for one closes it. */

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

/** By the reason that they give. */
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
