/** The gates that know the provider's APIs, each with a function that sends one request through the gate. */

import { Agent, request } from 'undici';
import { guardDispatcher } from '../../src/gates/undici/interceptor.ts';
import { guardVonage } from '../../src/gates/vonage-sdk/client.ts';
import { SendBlockedError, type Guard } from '../../src/index.ts';
import { startLoopback } from './loopback.ts';

export type Api = '/v1/messages' | '/v2/verify' | '/verify/json';

export interface ProviderGate {
  readonly name: string;
  /** @returns `sent`, or the reason of the refusal. */
  send(guard: Guard, api: Api, params: object): Promise<string>;
}

async function outcomeOf(sending: Promise<unknown>): Promise<string> {
  try {
    await sending;
    return 'sent';
  } catch (error) {
    if (error instanceof SendBlockedError) return error.decision.reason;
    throw error;
  }
}

/** Checks that a request arrived exactly if it was sent. @returns the outcome. */
function verified(outcome: string, arrived: number): string {
  if (arrived !== (outcome === 'sent' ? 1 : 0)) throw new Error(`${outcome}, and ${arrived} arrived`);
  return outcome;
}

export const providerGates: readonly ProviderGate[] = [
  {
    name: 'undici',
    async send(guard, api, params) {
      await using server = await startLoopback();
      const agent = new Agent();
      const dispatcher = agent.compose(guardDispatcher(guard, { hosts: [server.host] }));
      const body = JSON.stringify(params);
      const headers = { 'content-type': 'application/json' };
      const sending = request(`${server.origin}${api}`, { method: 'POST', headers, body, dispatcher });
      const outcome = await outcomeOf(sending.then((reply) => reply.body.text()));
      await agent.close();
      return verified(outcome, server.received.length);
    },
  },
  {
    name: 'the official SDK',
    async send(guard, api, params) {
      let arrived = 0;
      const arrive = async (_params: object) => void arrived++;
      const vonage = guardVonage(guard, {
        messages: { send: arrive },
        verify: { start: arrive },
        verify2: { newRequest: arrive },
      });
      const sends = {
        '/v1/messages': vonage.messages.send,
        '/v2/verify': vonage.verify2.newRequest,
        '/verify/json': vonage.verify.start,
      };
      return verified(await outcomeOf(sends[api](params)), arrived);
    },
  },
];
