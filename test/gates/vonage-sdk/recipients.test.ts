/** The recipients of a call of the official SDK: the values that are checked are the values that are sent. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { Auth } from '@vonage/auth';
import { Vonage } from '@vonage/server-sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { guardVonage } from '../../../src/gates/vonage-sdk/client.ts';
import { createGuard, SendBlockedError, type Guard } from '../../../src/index.ts';
import { createTestGuard, type TestGuard } from '../../../src/testing/index.ts';

const OUT = '15551230001';
const CLEAN = '15551230002';
const OTHER = '15551230003';
/** The SDK has an enum for it, in a package of its own. */
const SMS = 'sms' as never;
const silent = { debug() {}, info() {}, warn() {}, error() {} };

let guard: TestGuard;
let server: Server;
let real: Vonage;
/** The bodies that arrived. */
const arrived: string[] = [];

beforeAll(async () => {
  guard = await createTestGuard({ optedOut: [OUT] });
  async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    arrived.push(await text(req));
    res.setHeader('content-type', 'application/json');
    res.end('{"message-count":"1","messages":[{"status":"0"}],"user":{},"_embedded":{"user":{}}}');
  }
  server = createServer((req, res) => void answer(req, res)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const auth = new Auth({ apiKey: 'key', apiSecret: 'secret' });
  // A token would need a key, which tests do not have.
  auth.createBearerHeader = async () => 'Bearer none';
  real = new Vonage(auth, { restHost: url, apiHost: url });
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await guard.close();
});

type Call = (vonage: Vonage, to: never) => Promise<unknown>;

/** Makes a call through the real SDK. @returns the bodies that arrived, or the reason of the refusal. */
async function outcomeOf(by: Guard, call: (vonage: Vonage) => Promise<unknown>): Promise<string> {
  arrived.length = 0;
  try {
    await call(guardVonage(by, real));
  } catch (error) {
    if (error instanceof SendBlockedError) {
      expect(arrived).toEqual([]);
      return error.decision.reason;
    }
    // An error of the SDK about the answer does not matter here.
    if (arrived.length === 0) throw error;
  }
  return arrived.join();
}

const sends: readonly [string, Call][] = [
  ['sms.send', (v, to) => v.sms.send({ to, from: 'A', text: 'x' })],
  [
    'messages.send',
    (v, to) => v.messages.send({ channel: 'sms', messageType: 'text', to, from: 'A', text: 'x' }),
  ],
  ['verify.start', (v, to) => v.verify.start({ number: to, brand: 'A' })],
  ['verify2.newRequest', (v, to) => v.verify2.newRequest({ brand: 'A', workflow: [{ channel: SMS, to }] })],
  [
    'conversations.createMember',
    (v, to) =>
      v.conversations.createMember('CON', memberBy({ type: 'sms', from: { type: 'sms', number: 'A' }, to })),
  ],
];

function memberBy(channel: unknown): never {
  return { state: 'joined', user: { id: 'USR' }, channel } as never;
}

class Phone {
  readonly number: string;
  readonly #written: string;
  constructor(number: string, written: string) {
    this.number = number;
    this.#written = written;
  }
  toJSON(): string {
    return this.#written;
  }
}

/** Returns a function with a different result each time. */
function alternating(...answers: readonly string[]): () => string {
  let turn = 0;
  return () => answers[turn++ % answers.length] ?? '';
}

describe.each(sends)('%s', (name, send) => {
  it.each<[string, () => unknown, string]>([
    ['one of its own', () => ({ number: CLEAN, toJSON: () => OUT }), 'opted_out'],
    ['one of its class', () => new Phone(CLEAN, OUT), 'opted_out'],
    ['one that answers differently each time', () => ({ toJSON: alternating(CLEAN, OUT) }), 'sent'],
    ['one that gives an object', () => ({ toJSON: () => ({ number: OUT }) }), 'opted_out'],
    ['one that gives another one', () => ({ toJSON: () => ({ number: CLEAN, toJSON: () => OUT }) }), 'sent'],
    ['one in a list', () => [new Phone(CLEAN, OUT)], 'opted_out'],
    ['one of a list', () => Object.assign([CLEAN], { toJSON: () => [OUT] }), 'opted_out'],
    ['one at its number', () => ({ number: { toJSON: () => OUT } }), 'opted_out'],
    ['one that gives nothing', () => new Phone(CLEAN, ''), 'invalid_number'],
    ['one of a function', () => Object.assign(() => CLEAN, { toJSON: () => OUT }), 'invalid_number'],
    ['one of a clean number', () => new Phone('x', CLEAN), 'sent'],
  ])('checks the value that is sent if the recipient has a toJSON: %s', async (_what, to, expected) => {
    const outcome = await outcomeOf(guard, (vonage) => send(vonage, to() as never));
    if (expected !== 'sent') {
      expect(['invalid_number', expected]).toContain(outcome);
      return;
    }
    // The verification API reads no number from a list or an object.
    if (name === 'verify.start' && outcome === 'invalid_number') return;
    expect(outcome).toContain(CLEAN);
    expect(outcome).not.toContain(OUT);
  });
});

it('sends the values that were read, even if the parameters have a toJSON', async () => {
  const params = { to: CLEAN, from: 'A', text: 'x', toJSON: () => ({ to: OUT }) };
  const sent: string[] = [];
  const own = { sms: { send: async (given: object) => void sent.push(JSON.stringify(given)) } };
  await guardVonage(guard, own).sms.send(params);
  class Message {
    readonly to = CLEAN;
    toJSON() {
      return { to: OUT };
    }
  }
  await guardVonage(guard, own).sms.send(new Message());
  expect(sent).toEqual([JSON.stringify({ to: CLEAN, from: 'A', text: 'x' }), JSON.stringify({ to: CLEAN })]);
  expect(await outcomeOf(guard, (vonage) => vonage.sms.send(params))).toContain(`"to":"${CLEAN}"`);
});

describe('conversations.createMember', () => {
  it.each<[string, unknown, string]>([
    ['an SMS', { type: 'sms', to: { type: 'sms', number: OUT } }, 'opted_out'],
    ['an MMS', { type: 'mms', to: { type: 'mms', number: OUT } }, 'opted_out'],
    ['an SMS with its own number', { type: 'sms', number: OUT }, 'opted_out'],
    ['an SMS to a bare number', { type: 'sms', to: OUT }, 'opted_out'],
    ['an SMS in capitals', { Type: 'SMS', To: { Number: OUT } }, 'opted_out'],
    ['an SMS only in its to', { type: 'app', to: { type: 'sms', number: OUT } }, 'opted_out'],
    [
      'an SMS in one of several to',
      { type: 'app', to: [{ type: 'app' }, { type: 'sms', number: OUT }] },
      'invalid_number',
    ],
    [
      'an SMS only in its from',
      { type: 'app', from: { type: 'sms', number: 'A' }, to: { number: OUT } },
      'opted_out',
    ],
    ['an unknown type', { type: 'rcs2', number: OUT }, 'opted_out'],
    ['no type', { number: OUT }, 'opted_out'],
    ['an SMS without a recipient', { type: 'sms' }, 'invalid_number'],
    ['the name of a channel', 'sms', 'invalid_number'],
    ['one of several', [{ type: 'app' }, { type: 'sms', number: OUT }], 'opted_out'],
    ['an SMS to an unlisted number', { type: 'sms', to: { type: 'sms', number: CLEAN } }, 'sent'],
    ['a call', { type: 'phone', number: OUT }, 'sent'],
    ['an app', { type: 'app', user: OUT }, 'sent'],
    [
      'an app, from a phone',
      { type: 'app', from: { type: 'phone', number: 'A' }, to: { type: 'app', user: OUT } },
      'sent',
    ],
    ['WhatsApp', { type: 'whatsapp', to: { type: 'whatsapp', number: OUT } }, 'sent'],
    ['null', null, 'sent'],
    ['nothing', undefined, 'sent'],
  ])('decides about a member by %s', async (_what, channel, expected) => {
    const outcome = await outcomeOf(guard, (v) => v.conversations.createMember('CON', memberBy(channel)));
    expect(expected === 'sent' ? JSON.parse(outcome) : outcome).toEqual(
      expected === 'sent' ? expect.objectContaining({ user: { id: 'USR' } }) : expected,
    );
  });

  it('passes on all of its arguments', async () => {
    const called: unknown[][] = [];
    const conversations = { createMember: async (...args: unknown[]) => void called.push(args) };
    const v = guardVonage(guard, { conversations });
    await v.conversations.createMember('CON', { channel: null }, 'more');
    await v.conversations.createMember('CON');
    expect(called).toEqual([
      ['CON', { channel: null }, 'more'],
      ['CON', undefined],
    ]);
  });
});

describe('null', () => {
  it.each<[string, Call, string?]>([
    ['a country', (v, to) => v.verify.start({ number: to, brand: 'A', country: null } as never)],
    [
      'failovers',
      (v, to) => v.messages.send({ channel: 'sms', to, from: 'A', text: 'x', failover: null } as never),
    ],
    ['a sender', (v, to) => v.sms.send({ to, from: null, text: 'x' } as never)],
    ['a brand', (v, to) => v.verify2.newRequest({ brand: null, workflow: [{ channel: SMS, to }] } as never)],
  ])('counts as missing as %s', async (_what, send) => {
    expect(await outcomeOf(guard, (v) => send(v, CLEAN as never))).toContain(CLEAN);
    expect(await outcomeOf(guard, (v) => send(v, OUT as never))).toBe('opted_out');
  });

  it('does not count as missing in a list of failovers, or as the workflow', async () => {
    const failover = { channel: 'sms', to: CLEAN, from: 'A', text: 'x', failover: [null] };
    expect(await outcomeOf(guard, (v) => v.messages.send(failover as never))).toBe('invalid_number');
    expect(await outcomeOf(guard, (v) => v.verify2.newRequest({ workflow: null } as never))).toBe(
      'invalid_number',
    );
  });
});

it.each<[string, unknown]>([
  ['a list with an SMS recipient', [{ type: 'sms', number: OUT }]],
  [
    'a list whose last recipient is an SMS one',
    [
      { type: 'whatsapp', number: CLEAN },
      { type: 'sms', number: OUT },
    ],
  ],
])('checks a message of another channel to %s', async (_what, to) => {
  const message = { channel: 'whatsapp', to, from: 'A', text: 'x' };
  expect(await outcomeOf(guard, (v) => v.messages.send(message as never))).toBe('opted_out');
});

describe('a verification under a brand', () => {
  it.each<[string, Call]>([
    ['verify.start', (v, to) => v.verify.start({ number: to, brand: 'Acme' })],
    [
      'verify.start with a sender',
      (v, to) => v.verify.start({ number: to, brand: 'Acme', senderId: 'Acme' }),
    ],
    [
      'verify2.newRequest',
      (v, to) => v.verify2.newRequest({ brand: 'Acme', workflow: [{ channel: SMS, to }] }),
    ],
    [
      'verify2.newRequest with a sender',
      (v, to) => v.verify2.newRequest({ brand: 'Acme', workflow: [{ channel: SMS, to, from: 'Acme' }] }),
    ],
  ])('is checked against every list: %s', async (_what, send) => {
    await using own = createGuard({
      lists: { acme: { senders: ['Acme'] }, bolt: { senders: ['Bolt'] } },
      logger: silent,
    });
    await own.ready();
    await own.optOut(OTHER, { list: 'bolt' });
    expect(await outcomeOf(own, (v) => send(v, OTHER as never))).toBe('opted_out');
    expect(await outcomeOf(own, (v) => send(v, CLEAN as never))).toContain(CLEAN);
    const sms = (v: Vonage) => v.sms.send({ to: OTHER, from: 'Acme', text: 'x' });
    expect(await outcomeOf(own, sms)).toContain(OTHER);
  });
});
