/** Requests to the server of the current test, by dispatchers with the guard of the current test. */

import { Agent, request, type Dispatcher } from 'undici';
import { guardDispatcher, type UndiciGuardOptions } from '../../../src/gates/undici/interceptor.ts';
import { guard, open, server } from './loopback-guard.ts';

/** The headers of a form. */
export const form = { 'content-type': 'application/x-www-form-urlencoded' };

/** Creates a guarded agent, which is closed after the test. The server counts as one of the provider's hosts. */
export function agent(options: UndiciGuardOptions = {}): Dispatcher {
  const made = new Agent();
  open.push(() => made.close());
  return made.compose(guardDispatcher(guard, { hosts: [server.host], ...options }));
}

/** Sends a form. */
export const post = (to: string, dispatcher: Dispatcher, path = '/sms/json') =>
  request(`${server.origin}${path}`, { method: 'POST', headers: form, body: `to=${to}&text=hi`, dispatcher });

/** A body in pieces. */
export async function* pieces(...parts: readonly unknown[]) {
  yield* parts as string[];
}

/** A body as a web stream. */
export function webStream(...parts: readonly string[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const part of parts) controller.enqueue(Buffer.from(part));
      controller.close();
    },
  });
}
