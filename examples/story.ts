/**
 * What the example programs share: a provider simulator, a guard that reads its list, and a printed line for each step.
 * A program exits with 0 only if every step came out as it says.
 */

import { createGuard, vonage, type Guard, type GuardOptions } from 'sms-send-guard';
import { startSimulator, type Simulator } from 'sms-send-guard/testing';

/** Has opted out: is on the provider's list. */
export const OPTED_OUT = '15550000000';
/** Has not. */
export const ALLOWED = '15551230001';
/** Has not either, and opts out in the middle of some stories. */
export const LEAVING = '15551230002';

/** A guard without log lines, so that only the steps are printed. */
export const silent = { debug() {}, info() {}, warn() {}, error() {} };

export interface Story extends AsyncDisposable {
  readonly simulator: Simulator;
  readonly guard: Guard;
  /** Prints a step, and whether the value is the expected one. */
  check(step: string, actual: unknown, expected: unknown): void;
  /** Plays a STOP against a service with the paths `/messages` and `/webhooks/sms`, and checks each answer. */
  checkService(url: string): Promise<void>;
}

/** Starts the simulator and a guard that is ready. */
export async function startStory(options: GuardOptions = {}): Promise<Story> {
  const simulator = await startSimulator({ optOuts: [OPTED_OUT] });
  const { apiKey, apiSecret, url } = simulator;
  const provider = vonage({ apiKey, apiSecret, baseUrl: url });
  const guard = createGuard({ provider, logger: silent, ...options });
  await guard.ready();

  function check(step: string, actual: unknown, expected: unknown): void {
    const [left, right] = [JSON.stringify(actual), JSON.stringify(expected)];
    const isRight = left === right;
    if (!isRight) process.exitCode = 1;
    console.log(`${isRight ? 'ok   ' : 'WRONG'} ${step}: ${left}${isRight ? '' : `, not ${right}`}`);
  }

  return {
    simulator,
    guard,
    check,
    async checkService(service) {
      const send = async (to: string) => {
        const headers = { 'content-type': 'application/json' };
        const init = { method: 'POST', headers, body: JSON.stringify({ to }) };
        const response = await fetch(`${service}/messages`, init);
        await response.text();
        return response.status;
      };
      const stop = { person: LEAVING, sender: '73737', text: 'STOP' };
      check('a person who has not opted out', await send(ALLOWED), 202);
      check('a person who has opted out', await send(OPTED_OUT), 403);
      check('a person before their STOP', await send(LEAVING), 202);
      const { status } = await simulator.sendWebhook(`${service}/webhooks/sms`, stop);
      check('the STOP is stored', status, 200);
      check('the same person after it', await send(LEAVING), 403);
    },
    async [Symbol.asyncDispose]() {
      await guard.close();
      await simulator.close();
    },
  };
}
