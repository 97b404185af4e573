/**
 * Two brands that send through one guard: each has a pool of senders and an opt-out list of its own, and `'*'` holds for
 * both. Acme honours START, Bolt does not. Plays a story against the simulator, prints it, and exits 0 only if all of it
 * came out as it says.
 */

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createGuard } from 'sms-send-guard';
import { startSimulator } from 'sms-send-guard/testing';

const ACME = ['15550001111', '15550001112'] as const;
const BOLT = ['Bolt', '15550002221'] as const;
const SENDERS = [...ACME, ...BOLT];
const [ANN, BEN, CAT] = ['15551230001', '15551230002', '15551230003'] as const;

await using simulator = await startSimulator();
await using guard = createGuard({
  // A service with more than a story to tell keeps them: `store: 'sqlite:./optouts.db'`.
  lists: {
    acme: { senders: ACME, optInByReply: true },
    bolt: { senders: BOLT },
  },
  logger: { debug() {}, info() {}, warn() {}, error() {} },
});
await guard.ready();

const { secret, method } = simulator.signature;
const server = createServer(guard.webhooks({ signature: { secret, method } })).listen(0, '127.0.0.1');
await once(server, 'listening');
const webhooks = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;

let isRight = true;

/** Prints who may send to a person by now, and compares it with who should. */
function expectSenders(what: string, person: string, expected: readonly string[]): void {
  const allowed = SENDERS.filter((from) => guard.canSend(person, { from }));
  const isAsExpected = allowed.join() === expected.join();
  isRight &&= isAsExpected;
  console.log(`${isAsExpected ? 'ok   ' : 'WRONG'} ${what.padEnd(46)} ${allowed.join(', ') || 'nobody'}`);
}

/** The provider tells time in seconds, and two words of one second block: people take longer than programs. */
let at = Date.now() - 60_000;

async function texts(person: string, sender: string, text: string): Promise<void> {
  at += 2_000;
  const { status } = await simulator.sendWebhook(webhooks, { person, sender, text, at });
  isRight &&= status === 200;
}

console.log('      what happened                                  who may send then');
expectSenders('nothing yet', ANN, SENDERS);
await texts(ANN, ACME[0], 'STOP');
expectSenders('Ann texts STOP to one sender of Acme', ANN, BOLT);
await texts(ANN, ACME[1], 'START');
expectSenders('Ann texts START to the other one', ANN, SENDERS);
await texts(BEN, BOLT[1], 'STOP');
expectSenders('Ben texts STOP to one sender of Bolt', BEN, ACME);
await texts(BEN, BOLT[1], 'START');
expectSenders('Ben texts START, which Bolt does not honour', BEN, ACME);
await guard.optOut(CAT, { reason: 'by phone' });
expectSenders('Cat calls: no message from anybody', CAT, []);
await texts(CAT, ACME[0], 'START');
expectSenders('Cat texts START to Acme, which is not everybody', CAT, []);

server.close();
server.closeAllConnections();
process.exitCode = isRight ? 0 : 1;
