/** One table of sends for every transport: each has the same outcome, and no byte of a refused send is written. */

import http from 'node:http';
import { Readable, Writable } from 'node:stream';
import { pipeline as flow } from 'node:stream/promises';
import { text } from 'node:stream/consumers';
import { Auth } from '@vonage/auth';
import { Vonage } from '@vonage/server-sdk';
import nock from 'nock';
import { Agent, fetch as undiciFetch, pipeline, request, stream } from 'undici';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { webhooksFetch } from '../../../src/gates/fetch/fetch.ts';
import { guardDispatcher, installGlobalGuard } from '../../../src/gates/undici/interceptor.ts';
import { guardVonage } from '../../../src/gates/vonage-sdk/client.ts';
import { SendBlockedError, createGuard, type Guard } from '../../../src/index.ts';
import { createTestGuard, signedWebhook } from '../../../src/testing/index.ts';
import { settle } from '../../fake-clock.ts';
import { startLoopback } from '../loopback.ts';
import { untrusted } from '../untrusted.ts';

const OUT = '15551230001';
const CLEAN = '15551230002';
const STOPPER = '15551230003';
const secret = 'test-signature-secret';
const open: (() => unknown)[] = [];

// It patches node:http, and fetch in front of its dispatcher, when it is imported.
nock.restore();
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
});

/** A send, in any format. */
interface Send {
  /** Default: the path of the SMS API. */
  readonly path?: '/sms/json' | '/sc/us/2fa/json' | '/v1/messages' | '/ni/basic/json';
  /** Default: the format of the transport itself. */
  readonly as?: 'query' | 'form' | 'json';
  readonly params: Readonly<Record<string, unknown>>;
}

/** The target of a send, and its guard. */
interface Site {
  readonly guard: Guard;
  readonly origin: string;
  readonly onBlocked: 'reject' | 'observe';
}

/** A feature that a case needs and that not every transport has. */
type Need = 'query' | 'form' | 'several' | 'requests';

interface Transport {
  readonly name: string;
  /** Sends, and reads the reply to its end. */
  send(site: Site, send: Send): Promise<unknown>;
  /** The features that it lacks, and why. */
  readonly lacks: Readonly<Partial<Record<Need, string>>>;
}

interface Case {
  readonly name: string;
  readonly send: Send;
  /** The reason of the refusal, or `sent`. */
  readonly outcome: string;
  readonly needs?: Need;
  readonly guard?: () => Promise<Guard>;
  readonly onBlocked?: 'observe';
  /** The status in the provider's reply. Default 0. */
  readonly status?: string;
  /** Whether the guard has recorded from the reply that the recipient opted out. */
  readonly isLearnt?: boolean;
}

const newGuard = () => createTestGuard({ optedOut: [OUT] });

async function stoppedGuard(): Promise<Guard> {
  const guard = await newGuard();
  const { url, ...hook } = signedWebhook({ person: STOPPER, path: 'http://host/hooks' });
  await webhooksFetch(guard, { signature: { secret, method: 'sha256' } })(new Request(url, hook));
  return guard;
}

async function twoLists(): Promise<Guard> {
  const provider = { page: async ({ index }: { index: number }) => ({ rows: index === 0 ? [OUT] : [] }) };
  const guard = createGuard({
    lists: { alerts: { senders: ['73737'], provider }, brand: { senders: ['Brand'] } },
  });
  await guard.ready();
  return guard;
}

const to = (recipient: unknown): Send => ({ params: { to: recipient, from: '73737', text: 'hello' } });

const cases: readonly Case[] = [
  { name: 'an unlisted number', send: to(CLEAN), outcome: 'sent' },
  { name: 'a number on the provider’s list', send: to(OUT), outcome: 'opted_out' },
  { name: 'a person who texted STOP', send: to(STOPPER), outcome: 'opted_out', guard: stoppedGuard },
  { name: 'a listed number with a plus', send: to(`+${OUT}`), outcome: 'opted_out' },
  { name: 'a listed number with separators', send: to('+1 (555) 123-0001'), outcome: 'opted_out' },
  {
    name: 'a listed number in national format',
    send: to('(555) 123-0001'),
    outcome: 'opted_out',
    guard: () => createTestGuard({ optedOut: [OUT], defaultCountry: 'US' }),
  },
  { name: 'an unreadable number', send: to('me'), outcome: 'invalid_number' },
  { name: 'no recipient', send: { params: { text: 'hello' } }, outcome: 'invalid_number' },
  { name: 'one listed number of two', send: to([CLEAN, OUT]), outcome: 'opted_out', needs: 'several' },
  { name: 'unlisted numbers', send: to([CLEAN, STOPPER]), outcome: 'sent', needs: 'several' },
  {
    name: 'a listed number in a query',
    send: { ...to(OUT), as: 'query' },
    outcome: 'opted_out',
    needs: 'query',
  },
  {
    name: 'an unlisted number in a query',
    send: { ...to(CLEAN), as: 'query' },
    outcome: 'sent',
    needs: 'query',
  },
  {
    name: 'a listed number in a form',
    send: { ...to(OUT), as: 'form' },
    outcome: 'opted_out',
    needs: 'form',
  },
  { name: 'a listed number in JSON', send: { ...to(OUT), as: 'json' }, outcome: 'opted_out' },
  { name: 'an unlisted number in JSON', send: { ...to(CLEAN), as: 'json' }, outcome: 'sent' },
  { name: 'a listed number as an integer', send: { ...to(Number(OUT)), as: 'json' }, outcome: 'opted_out' },
  { name: 'a number on the list of the sender', send: to(OUT), outcome: 'opted_out', guard: twoLists },
  {
    name: 'a number on the list of another sender',
    send: { params: { ...to(OUT).params, from: 'Brand' } },
    outcome: 'sent',
    guard: twoLists,
  },
  ...untrusted.map(([reason, guard]) => ({
    ...{ name: `an unlisted number with a guard that is ${reason}`, send: to(CLEAN), outcome: reason, guard },
  })),
  { name: 'a listed number, if the gate observes', send: to(OUT), outcome: 'sent', onBlocked: 'observe' },
  {
    name: 'a number whose reply says that it has opted out',
    send: { ...to(CLEAN), path: '/sc/us/2fa/json' },
    ...{ outcome: 'sent', status: '102', isLearnt: true },
  },
  {
    name: 'a number whose reply has a similar status',
    send: { ...to(CLEAN), path: '/sc/us/2fa/json' },
    ...{ outcome: 'sent', status: '9' },
  },
  {
    name: 'a listed number in a message by another channel',
    send: { path: '/v1/messages', as: 'json', params: { channel: 'whatsapp', to: OUT, from: '73737' } },
    ...{ outcome: 'sent', needs: 'requests' },
  },
  {
    name: 'a request that is no send',
    send: { path: '/ni/basic/json', as: 'form', params: { number: OUT } },
    ...{ outcome: 'sent', needs: 'requests' },
  },
];

/** A send as a request. */
function requestOf({ origin }: Site, { path = '/sms/json', as = 'form', params }: Send) {
  const form = new URLSearchParams(
    Object.entries(params).flatMap(([name, value]) =>
      [value].flat().map((one): [string, string] => [name, String(one)]),
    ),
  ).toString();
  const url = `${origin}${path}`;
  if (as === 'query') return { url: `${url}?${form}`, method: 'GET' as const, headers: {}, body: '' };
  const type = as === 'form' ? 'application/x-www-form-urlencoded' : 'application/json';
  const body = as === 'form' ? form : JSON.stringify(params);
  return { url, method: 'POST' as const, headers: { 'content-type': type }, body };
}

function dispatcherOf({ guard, origin, onBlocked }: Site) {
  const agent = new Agent();
  open.push(() => agent.close());
  return agent.compose(guardDispatcher(guard, { hosts: [new URL(origin).host], onBlocked }));
}

const transports: readonly Transport[] = [
  {
    name: 'undici’s request',
    async send(site, send) {
      const { url, body, ...options } = requestOf(site, send);
      const given = { ...options, body: body || null, dispatcher: dispatcherOf(site) };
      return (await request(url, given)).body.text();
    },
    lacks: {},
  },
  {
    name: 'undici’s fetch',
    async send(site, send) {
      const { url, body, ...options } = requestOf(site, send);
      const given = { ...options, body: body || null, dispatcher: dispatcherOf(site) };
      return (await undiciFetch(url, given)).text();
    },
    lacks: {},
  },
  {
    name: 'undici’s stream',
    async send(site, send) {
      const { url, body, ...options } = requestOf(site, send);
      const given = { ...options, body: body ? Readable.from([body]) : null, dispatcher: dispatcherOf(site) };
      await stream(url, given, () => new Writable({ write: (_chunk, _encoding, done) => done() }));
    },
    lacks: {},
  },
  {
    name: 'undici’s pipeline',
    async send(site, send) {
      const { url, body, ...options } = requestOf(site, send);
      const duplex = pipeline(
        url,
        { ...options, dispatcher: dispatcherOf(site) },
        ({ body: given }) => given,
      );
      return flow(Readable.from(body ? [Buffer.from(body)] : []), duplex, text);
    },
    lacks: {},
  },
  {
    name: 'the global fetch',
    async send(site, send) {
      const { url, body, ...options } = requestOf(site, send);
      const { guard, onBlocked } = site;
      const uninstall = installGlobalGuard(guard, { hosts: [new URL(url).host], onBlocked });
      open.push(uninstall);
      return (await fetch(url, { ...options, body: body || null })).text();
    },
    lacks: {},
  },
  {
    name: 'the official SDK',
    async send({ guard, origin, onBlocked }, { path, params }) {
      const auth = new Auth({ apiKey: 'k', apiSecret: 's' });
      const sdk = new Vonage(auth, { restHost: origin, apiHost: origin });
      const vonage = guardVonage(guard, sdk, { onBlocked });
      if (path === '/v1/messages') return vonage.messages.send(params);
      if (path === '/ni/basic/json') return vonage.numberInsights.basicLookup(String(params['number']));
      // The SDK has no method for the 2FA API. The same reply of another API is read in the same way.
      return vonage.sms.send(params as never);
    },
    lacks: { query: 'it sends only JSON', form: 'it sends only JSON' },
  },
  {
    name: 'guard.send around node:http',
    send(site, send) {
      const { to: recipient, from } = send.params;
      const post = (digits: string) =>
        new Promise<string>((resolve, reject) => {
          const params = { ...send.params, to: digits };
          const { url, body, ...options } = requestOf(site, { ...send, params });
          const sent = http.request(url, options, (given) => resolve(text(given)));
          sent.on('error', reject).end(body);
        });
      return site.guard.send(recipient as string, post, { from: from as string, onBlocked: site.onBlocked });
    },
    lacks: {
      several: 'a call has one recipient',
      requests: 'it gets sends, but no requests',
    },
  },
];

/** The transports whose requests nock gets before a socket is opened. The SDK uses node-fetch, which uses node:http. */
const overNodeHttp = ['the official SDK', 'guard.send around node:http'];

function replyOf(status = '0'): string {
  const message = { to: CLEAN, status, 'message-id': 'x' };
  return JSON.stringify({ 'message-count': '1', messages: [message], message_uuid: 'x', status: 0 });
}

/** Returns the refusal in the error of a transport. */
function refusalIn(fault: unknown): SendBlockedError | undefined {
  for (let error = fault; error instanceof Error; error = error.cause) {
    if (error instanceof SendBlockedError) return error;
  }
  return undefined;
}

/** Sends as a case says, and compares the outcome with the expected one. */
async function play(transport: Transport, one: Case, origin: string): Promise<void> {
  const guard = await (one.guard ?? newGuard)();
  open.push(() => guard.close());
  const blocked = vi.fn();
  guard.on('blocked', blocked);
  const { onBlocked = 'reject' } = one;
  const fault: unknown = await transport.send({ guard, origin, onBlocked }, one.send).then(
    () => undefined,
    (error: unknown) => error,
  );
  const refusal = refusalIn(fault);
  // The SDK throws an error for a status other than 0.
  if (fault !== undefined && refusal === undefined && one.status === undefined) throw fault;
  expect(refusal?.decision.reason ?? 'sent').toBe(one.outcome);
  const reported = onBlocked === 'observe' ? [['opted_out', true]] : refusal ? [[one.outcome, false]] : [];
  expect(blocked.mock.calls.map(([{ decision, observed }]) => [decision.reason, observed])).toEqual(reported);
  if (one.outcome === 'sent') expect(guard.canSend(CLEAN)).toBe(one.isLearnt !== true);
}

describe.each(transports)('by $name', (transport) => {
  it.for(cases)('gives the expected outcome for $name', async (one, context) => {
    const lack = one.needs && transport.lacks[one.needs];
    if (lack !== undefined) context.skip(lack);
    const server = await startLoopback();
    open.push(() => server[Symbol.asyncDispose]());
    server.answer = (_request, response) => {
      response.setHeader('content-type', 'application/json').end(replyOf(one.status));
    };
    await play(transport, one, server.origin);
    // Time for a request that would be sent late to arrive.
    await settle();
    const isSent = one.outcome === 'sent';
    expect([server.received.length, server.connections()]).toEqual(isSent ? [1, 1] : [0, 0]);
    expect(server.bytes() > 0).toBe(isSent);
  });
});

describe.each(transports.filter(({ name }) => overNodeHttp.includes(name)))(
  'by $name, through nock',
  (transport) => {
    it.for(cases)('gives the expected outcome for $name', async (one, context) => {
      const lack = one.needs && transport.lacks[one.needs];
      if (lack !== undefined) context.skip(lack);
      nock.activate();
      open.push(() => {
        nock.cleanAll();
        nock.enableNetConnect();
        nock.restore();
      });
      nock.disableNetConnect();
      const seen = vi.fn();
      const scope = nock('http://127.0.0.1:9').persist().on('request', seen);
      for (const method of ['GET', 'POST'])
        scope.intercept(/./, method).reply(200, JSON.parse(replyOf(one.status)));
      await play(transport, one, 'http://127.0.0.1:9');
      expect(seen).toHaveBeenCalledTimes(one.outcome === 'sent' ? 1 : 0);
    });
  },
);
