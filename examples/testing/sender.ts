/** The code under test in this folder: it texts a list of people and leaves out who has opted out. */

import type { Guard } from 'sms-send-guard';

/** Sends a text to everybody who may get one. @returns how many got it */
export async function sendToAll(
  guard: Guard,
  people: readonly string[],
  send: (to: string) => Promise<void>,
): Promise<number> {
  const { allowed } = guard.filter(people);
  for (const to of allowed) await send(to);
  return allowed.length;
}
