/** The second symbol of undici's global dispatchers. It has no value while only an older `fetch` was used. */

import { expect, it } from 'vitest';
import type { Dispatcher } from 'undici';
import { SendBlockedError } from '../../../src/send-blocked.ts';
import { SYMBOLS, globalDispatchers } from './global-dispatchers.ts';
import { startLoopback } from '../loopback.ts';

const LISTED = '15551230001';
const own = () => Object.getOwnPropertyDescriptor(globalThis, SYMBOLS[1]);

it('guards a version of undici that is loaded later, and is removed unless it was read', async () => {
  await using server = await startLoopback();
  // It puts its agent under the first symbol; undici 7 adds none then.
  await (await fetch(server.origin)).text();
  const { installGlobalGuard } = await import('../../../src/gates/undici/interceptor.ts');
  const { createTestGuard } = await import('../../../src/testing/index.ts');
  const guard = await createTestGuard({ optedOut: [LISTED] });
  const install = () => installGlobalGuard(guard, { hosts: [server.host] });
  const send = (dispatcher: unknown) =>
    (dispatcher as Dispatcher).request({
      origin: server.origin,
      path: `/sms/json?to=${LISTED}`,
      method: 'GET',
    });
  const there = own();
  if (there !== undefined) throw new Error('this Node version fills both symbols itself');

  const rules = [{ path: '/own', to: 'phone' }];
  const [first, second] = [install(), installGlobalGuard(guard, { rules })];
  expect(own()?.get).toBeTypeOf('function');
  expect([first(), own() === undefined]).toEqual([false, false]);
  expect([second(), own()]).toEqual([true, undefined]);

  const third = install();
  const [, seen] = globalDispatchers();
  await expect(send(seen)).rejects.toThrow(SendBlockedError);
  expect(third()).toBe(true);
  expect(globalDispatchers()[1]).toBe(seen);
  expect((await send(seen)).statusCode).toBe(200);

  const fourth = install();
  await expect(send(seen)).rejects.toThrow(SendBlockedError);
  Reflect.set(globalThis, SYMBOLS[1], undefined);
  expect(own()).toMatchObject({ value: undefined, writable: true });
  expect(fourth()).toBe(true);
  await guard.close();
});
