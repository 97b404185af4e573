/** Guards for measuring: with a list at once, silent, without a disk or a network. */

import { createGuard, type Guard, type Provider, type Store } from 'sms-send-guard';
import type { NumberSample } from './clustered.ts';

export const silent = { debug() {}, info() {}, warn() {}, error() {} };
export const isDown: Provider = { page: () => Promise.reject(new Error('the provider is down')) };

export function requireThat(holds: boolean, what: string): void {
  if (!holds) throw new Error(`expected that ${what}`);
}

/** A guard that starts from a saved list, which is read as a store hands it over. */
export async function savedGuard(sample: NumberSample): Promise<Guard> {
  const nothing = async () => undefined;
  const sweep = {
    ...{ number: 1, start: Date.now(), ageMs: 0, size: sample.count, heldMs: null },
    ...{ rows: [], missingOnce: [] },
    numbers: sample.batches(),
  };
  const store: Store = {
    ...{ kind: 'bench', isShared: false, open: nothing, close: nothing, erase: nothing, lease: nothing },
    load: async () => ({
      ...{ changes: [], sweeps: new Map([['default', sweep]]) },
      ...{ cursor: '', logId: 'bench', position: 0 },
    }),
    append: async (changes) =>
      changes.map((_, index) => ({ isNew: true, position: index + 1, firstSeenAt: Date.now() })),
    saveSweep: async () => true,
    tail: () => () => undefined,
    history: async () => [],
  };
  const guard = createGuard({ store, provider: isDown, logger: silent, staleAfter: '23h' });
  const state = await guard.ready({ timeout: '10m' });
  requireThat(state === 'restored', `the list is restored, not ${state}`);
  return guard;
}
