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
  /** Posts JSON to the service of the example. @returns the status */
  post(url: string, body: object): Promise<number>;
  /** Sends the STOP of a person to the webhook of the example, signed as the provider signs. @returns the status */
  stop(url: string, person: string): Promise<number>;
}

/** Starts the simulator and a guard that is ready. */
export async function startStory(options: GuardOptions = {}): Promise<Story> {
  const simulator = await startSimulator({ optOuts: [OPTED_OUT] });
  const { apiKey, apiSecret, url } = simulator;
  const provider = vonage({ apiKey, apiSecret, baseUrl: url });
  const guard = createGuard({ provider, logger: silent, ...options });
  await guard.ready();
  return {
    simulator,
    guard,
    check(step, actual, expected) {
      const [left, right] = [JSON.stringify(actual), JSON.stringify(expected)];
      const isRight = left === right;
      if (!isRight) process.exitCode = 1;
      console.log(`${isRight ? 'ok   ' : 'WRONG'} ${step}: ${left}${isRight ? '' : `, not ${right}`}`);
    },
    async post(target, body) {
      const headers = { 'content-type': 'application/json' };
      const response = await fetch(target, { method: 'POST', headers, body: JSON.stringify(body) });
      await response.text();
      return response.status;
    },
    async stop(target, person) {
      const { status } = await simulator.sendWebhook(target, { person, sender: '73737', text: 'STOP' });
      return status;
    },
    async [Symbol.asyncDispose]() {
      await guard.close();
      await simulator.close();
    },
  };
}
