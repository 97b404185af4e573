/** A sweep that is under way when a process dies: what it says against an opt-in holds after the restart too. */

import { expect, it } from 'vitest';
import { createGuard, memoryStore, type Provider, type Store } from '../../src/index.ts';
import { createFakeClock, settle } from '../fake-clock.ts';

const OUT = '15551230001';
const silent = { debug() {}, info() {}, warn() {}, error() {} };
const never = new Promise<never>(() => undefined);
const down: Provider = { page: () => Promise.reject(new Error('down')) };

/** A guard whose provider lists one number. From `hang` on, no page with that index or a later one is answered. */
async function listing() {
  const inner = memoryStore();
  let writing = Promise.resolve();
  const store: Store = {
    ...inner,
    append: async (...given) => {
      await writing;
      return inner.append(...given);
    },
  };
  const clock = createFakeClock();
  let hangsFrom = Infinity;
  const provider: Provider = {
    page: ({ index }) => (index >= hangsFrom ? never : Promise.resolve({ rows: index === 0 ? [OUT] : [] })),
    optIn: async () => undefined,
  };
  const options = { clock, store, logger: silent, random: () => 0.5 };
  const guard = createGuard({ ...options, provider, refresh: { concurrency: 1, lagGrace: '1s' } });
  await guard.ready();
  await settle();
  return {
    clock,
    guard,
    /** Lets writes wait. @returns what ends it. */
    holdWrites() {
      let end = (): void => undefined;
      writing = new Promise((resolve) => {
        end = resolve;
      });
      return end;
    },
    /** Begins a sweep that never ends. */
    async sweepUpTo(index: number) {
      hangsFrom = index;
      void guard.refresh();
      await settle();
    },
    /** What a process says that starts now, while the provider is down. */
    async reasonAfterCrash() {
      await settle();
      const next = createGuard({ ...options, provider: down });
      await settle();
      const { reason, state } = next.check(OUT);
      expect(state).toBe('restored');
      return reason;
    },
  };
}

it('is blocked after a crash, if a row had overruled the opt-in', async () => {
  const { clock, guard, sweepUpTo, reasonAfterCrash } = await listing();
  expect(await guard.resubscribe(OUT)).toMatchObject({ released: true });
  expect(await reasonAfterCrash()).toBe('not_listed');
  await clock.advance(2_000);
  await sweepUpTo(1);
  expect(guard.check(OUT).reason).toBe('opted_out');
  expect(await reasonAfterCrash()).toBe('opted_out');
});

it('is blocked after a crash, if the sweep may have read the row after the opt-in', async () => {
  const { guard, holdWrites, sweepUpTo, reasonAfterCrash } = await listing();
  const write = holdWrites();
  const resubscribed = guard.resubscribe(OUT);
  await settle();
  await sweepUpTo(0);
  write();
  expect(await resubscribed).toMatchObject({ released: false });
  expect(await reasonAfterCrash()).toBe('opted_out');
});
