/** A sweep under way when a process dies: its rows outweigh an opt-in after the restart too. */

import { expect, it } from 'vitest';
import { createGuard, memoryStore, type Provider, type Store } from '../../src/index.ts';
import { createFakeClock, settle } from '../fake-clock.ts';

const OUT = '15551230001';
const silent = { debug() {}, info() {}, warn() {}, error() {} };
const never = new Promise<never>(() => undefined);
const down: Provider = { page: () => Promise.reject(new Error('down')) };

/** A guard whose provider lists one number. Once it hangs, it answers no page from a given index on. */
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
    /** Lets writes wait. @returns a function that ends the wait. */
    delayWrites() {
      let end = (): void => undefined;
      writing = new Promise((resolve) => {
        end = resolve;
      });
      return end;
    },
    /** Begins a sweep that reads the pages before `index` and never ends. */
    async sweepUpTo(index: number) {
      hangsFrom = index;
      void guard.refresh();
      await settle();
    },
    /** The reason that a process gives that starts now, while the provider is down. */
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

it('blocks after a crash if a row had overruled the opt-in', async () => {
  const { clock, guard, sweepUpTo, reasonAfterCrash } = await listing();
  expect(await guard.resubscribe(OUT)).toMatchObject({ released: true });
  expect(await reasonAfterCrash()).toBe('not_listed');
  await clock.advance(2_000);
  await sweepUpTo(1);
  expect(guard.check(OUT).reason).toBe('opted_out');
  expect(await reasonAfterCrash()).toBe('opted_out');
});

it('blocks after a crash if the sweep may have read the row after the opt-in', async () => {
  const { guard, delayWrites, sweepUpTo, reasonAfterCrash } = await listing();
  const write = delayWrites();
  const resubscribed = guard.resubscribe(OUT);
  await settle();
  await sweepUpTo(0);
  write();
  expect(await resubscribed).toMatchObject({ released: false });
  expect(await reasonAfterCrash()).toBe('opted_out');
});
