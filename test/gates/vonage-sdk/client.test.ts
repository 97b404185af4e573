/** The official SDK with a guard: against the simulator if replies matter, else with stubs of its clients. */

import { Auth } from '@vonage/auth';
import { MMSImage, SMS, WhatsAppText } from '@vonage/messages';
import { Client } from '@vonage/server-client';
import { Vonage } from '@vonage/server-sdk';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { guardVonage, type GuardVonageOptions } from '../../../src/gates/vonage-sdk/client.ts';
import { sdkMethod } from '../../../src/gates/vonage-sdk/send-methods.ts';
import { SendBlockedError } from '../../../src/index.ts';
import { createTestGuard, startSimulator } from '../../../src/testing/index.ts';

const OUT = '15551230001';
const CLEAN = '15551230002';
const open: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
});

async function newGuard() {
  const guard = await createTestGuard({ optedOut: [OUT, '12025550123', '447700900123'] });
  open.push(() => guard.close());
  return guard;
}

/** The four sends of a client that only records its calls. */
function stub(answer: () => unknown = () => ({ ok: true })) {
  const sent = vi.fn(async (_params: unknown) => answer());
  const vonage = {
    sms: { send: sent },
    messages: { send: sent },
    verify: { start: sent },
    verify2: { newRequest: sent },
  };
  return { vonage, sent };
}

type Stub = ReturnType<typeof stub>['vonage'];
type Call = (vonage: Stub, to: unknown) => Promise<unknown>;

/** Every way in which a call names the recipient of a text message. */
const ways: readonly [string, Call][] = [
  ['sms.send', (v, to) => v.sms.send({ to, from: 'Acme', text: 'x' })],
  ['sms.send to one of several', (v, to) => v.sms.send({ to: ['15551230009', to] })],
  ['sms.send in another letter case', (v, to) => v.sms.send({ to: '15551230009', To: to })],
  ['messages.send', (v, to) => v.messages.send({ channel: 'sms', to, from: 'Acme', text: 'x' })],
  ['messages.send by MMS', (v, to) => v.messages.send({ channel: 'mms', to })],
  ['messages.send without a channel', (v, to) => v.messages.send({ to })],
  ['messages.send by an unknown channel', (v, to) => v.messages.send({ channel: 'sms2', to })],
  ['messages.send with a channel undefined', (v, to) => v.messages.send({ channel: undefined, to })],
  [
    'messages.send of an SMS',
    (v, to) =>
      v.messages.send(
        new SMS({ channel: 'sms', messageType: 'text', to: to as string, from: 'A', text: 'x' }),
      ),
  ],
  [
    'messages.send of an MMS image',
    (v, to) =>
      v.messages.send(new MMSImage({ to: to as string, from: 'A', image: { url: 'https://example.com/a' } })),
  ],
  [
    'messages.send in the older form',
    (v, to) => v.messages.send({ from: { type: 'sms', number: 'A' }, to: { type: 'sms', number: to } }),
  ],
  [
    'messages.send with a failover',
    (v, to) =>
      v.messages.send({
        channel: 'whatsapp',
        to: '15551230009',
        failover: [{ channel: 'sms', to, from: 'A' }],
      }),
  ],
  ['verify.start', (v, to) => v.verify.start({ number: to, brand: 'Acme' })],
  ['verify.start of a payment', (v, to) => v.verify.start({ number: to, payee: 'Acme', amount: 5 })],
  [
    'verify2.newRequest',
    (v, to) => v.verify2.newRequest({ brand: 'Acme', workflow: [{ channel: 'sms', to, from: 'Acme' }] }),
  ],
  [
    'verify2.newRequest, in its second step',
    (v, to) =>
      v.verify2.newRequest({
        workflow: [
          { channel: 'silent_auth', to: '15551230009' },
          { channel: 'sms', to },
        ],
      }),
  ],
  ['verify2.newRequest of one step', (v, to) => v.verify2.newRequest({ workflow: { channel: 'sms', to } })],
];

describe('sends', () => {
  it.each(ways)('check every recipient: %s', async (_way, call) => {
    const guard = await newGuard();
    const { vonage, sent } = stub();
    const guarded = guardVonage(guard, vonage);
    await expect(call(guarded, OUT)).rejects.toMatchObject({ code: 'send_blocked' });
    await expect(call(guarded, 'nobody')).rejects.toThrow(SendBlockedError);
    expect(sent).not.toHaveBeenCalled();
    expect(await call(guarded, CLEAN)).toEqual({ ok: true });
    expect(sent).toHaveBeenCalledTimes(1);
  });

  it.each<[string, (v: Stub) => Promise<unknown>]>([
    ['sms.send of nothing', (v) => v.sms.send(undefined)],
    ['sms.send of null', (v) => v.sms.send(null)],
    ['sms.send of a text', (v) => v.sms.send(CLEAN)],
    ['sms.send without a recipient', (v) => v.sms.send({ text: 'x' })],
    ['sms.send to an empty list', (v) => v.sms.send({ to: [] })],
    ['sms.send to an object', (v) => v.sms.send({ to: { toJSON: () => OUT } })],
    ['sms.send of a list', (v) => v.sms.send([{ to: CLEAN }])],
    [
      'messages.send to an object with two numbers',
      (v) => v.messages.send({ to: { type: 'sms', number: CLEAN, Number: OUT } }),
    ],
    ['messages.send to null', (v) => v.messages.send({ channel: 'sms', to: null })],
    ['verify.start without a number', (v) => v.verify.start({ brand: 'Acme' })],
    ['verify2.newRequest without steps', (v) => v.verify2.newRequest({ brand: 'Acme', workflow: [] })],
    ['verify2.newRequest of a step that is no object', (v) => v.verify2.newRequest({ workflow: ['sms'] })],
    [
      'verify.start of a listed national number',
      (v) => v.verify.start({ number: '07700900123', country: 'gb' }),
    ],
    [
      'verify.start of a number that is listed as an international one',
      (v) => v.verify.start({ number: '2025550123', country: 'US' }),
    ],
    ['verify.start with an unknown country', (v) => v.verify.start({ number: '07700900124', country: 'XX' })],
  ])('are refused: %s', async (_what, call) => {
    const { vonage, sent } = stub();
    await expect(call(guardVonage(await newGuard(), vonage))).rejects.toThrow(SendBlockedError);
    expect(sent).not.toHaveBeenCalled();
  });

  it.each<[string, (v: Stub) => Promise<unknown>]>([
    ['WhatsApp', (v) => v.messages.send({ channel: 'whatsapp', to: OUT })],
    ['WhatsApp of its class', (v) => v.messages.send(new WhatsAppText({ to: OUT, from: 'A', text: 'x' }))],
    ['RCS', (v) => v.messages.send({ channel: 'rcs', to: OUT })],
    [
      'other steps',
      (v) =>
        v.verify2.newRequest({
          workflow: ['silent_auth', 'voice', 'whatsapp', 'email'].map((channel) => ({ channel, to: OUT })),
        }),
    ],
    ['a national number', (v) => v.verify.start({ number: '07700900124', country: 'GB' })],
    ['a number of its country', (v) => v.verify.start({ number: '12025550124', country: 'US' })],
  ])('are allowed: %s', async (_what, call) => {
    const { vonage, sent } = stub();
    await call(guardVonage(await newGuard(), vonage));
    expect(sent).toHaveBeenCalledTimes(1);
  });

  it('check the list of the sender if the call names one', async () => {
    const guard = await newGuard();
    await guard.optOut('15551230003', { list: 'default' });
    const { vonage, sent } = stub();
    const blocked = vi.fn();
    guard.on('blocked', blocked);
    const v = guardVonage(guard, vonage);
    await v.sms.send({ to: '15551230003', from: ['a', 'b'] }).catch(() => undefined);
    await v.sms.send({ to: '15551230003', from: '' }).catch(() => undefined);
    expect(blocked).toHaveBeenCalledTimes(2);
    expect(blocked).toHaveBeenCalledWith(expect.objectContaining({ gate: 'vonage-sdk', observed: false }));
    expect(sent).not.toHaveBeenCalled();
  });

  it('pass on the parameters as an instance of their class, and read them once', async () => {
    const { vonage, sent } = stub();
    const v = guardVonage(await newGuard(), vonage);
    const answers = [CLEAN, OUT];
    await v.sms.send({
      get to() {
        return answers.shift();
      },
      text: 'x',
    });
    expect(sent).toHaveBeenCalledWith({ to: CLEAN, text: 'x' });
    expect(answers).toEqual([OUT]);
    const message = new SMS({ channel: 'sms', messageType: 'text', to: CLEAN, from: 'A', text: 'x' });
    await v.messages.send(message);
    expect(sent.mock.lastCall?.[0]).toBeInstanceOf(SMS);
    expect(sent.mock.lastCall?.[0]).toEqual(message);
  });

  it('reject with what a hostile object throws', async () => {
    const { vonage, sent } = stub();
    const hostile = {
      get to(): string {
        throw new Error('no');
      },
    };
    await expect(guardVonage(await newGuard(), vonage).sms.send(hostile)).rejects.toThrow('no');
    await guardVonage(await newGuard(), vonage, { onBlocked: 'observe' }).sms.send(hostile);
    expect(sent).toHaveBeenCalledTimes(1);
  });

  it('are allowed and reported if the gate observes', async () => {
    const guard = await newGuard();
    const [blocked, warn] = [vi.fn(), vi.fn()];
    guard.on('blocked', blocked);
    guard.on('warn', warn);
    const { vonage, sent } = stub();
    const v = guardVonage(guard, { ...vonage, messages: { sendBulk: sent } }, { onBlocked: 'observe' });
    await v.sms.send({ to: OUT });
    await v.messages.sendBulk({ to: OUT });
    expect(sent).toHaveBeenCalledTimes(2);
    expect(blocked).toHaveBeenCalledWith(expect.objectContaining({ gate: 'vonage-sdk', observed: true }));
    expect(warn.mock.calls.map(([{ code }]) => code as string)).toEqual(['observe_only', 'send_unguarded']);
  });
});

describe('replies', () => {
  const refusal = (status: string) => ({ messageCount: 1, messages: [{ status, to: CLEAN }] });

  it.each<[string, () => unknown]>([
    ['returned', () => refusal('102')],
    [
      'thrown as the SDK does',
      () => Promise.reject(Object.assign(new Error('x'), { response: refusal('102') })),
    ],
  ])('record the opt-out that they say: %s', async (_how, answer) => {
    const guard = await newGuard();
    const { vonage } = stub(answer);
    await guardVonage(guard, vonage)
      .sms.send({ to: CLEAN })
      .catch(() => undefined);
    expect(guard.check(CLEAN)).toMatchObject({ reason: 'opted_out', source: 'receipt' });
  });

  it.each(['1', '7', '9', '99'])('record nothing with the similar status %s', async (status) => {
    const guard = await newGuard();
    const simulator = await startSimulator();
    open.push(() => simulator.close());
    const { apiKey, apiSecret, url } = simulator;
    const vonage = guardVonage(guard, new Vonage(new Auth({ apiKey, apiSecret }), { restHost: url }));
    simulator.fault({ on: 'sms', body: JSON.stringify({ 'message-count': '1', ...refusal(status) }) });
    await expect(vonage.sms.send({ to: CLEAN, from: 'A', text: 'x' })).rejects.toThrow('All SMS');
    expect(guard.canSend(CLEAN)).toBe(true);
  });

  it.each([1240, 1241, 1070, 102])('record nothing with %i of the Messages API', async (title) => {
    const guard = await newGuard();
    const thrown = Object.assign(new Error('x'), { response: { data: { title } } });
    const { vonage } = stub(() => Promise.reject(thrown));
    await guardVonage(guard, vonage)
      .messages.send({ channel: 'sms', to: CLEAN })
      .catch(() => undefined);
    await guardVonage(guard, vonage)
      .messages.send({ channel: 'rcs', to: '?' })
      .catch(() => undefined);
    expect(guard.canSend(CLEAN)).toBe(true);
  });

  it('record nothing about an unreadable number', async () => {
    const guard = await newGuard();
    const { vonage } = stub(() => refusal('102'));
    await guardVonage(guard, vonage, { onBlocked: 'observe' }).sms.send({ to: 'nobody' });
    expect(guard.canSend(CLEAN)).toBe(true);
  });
});

describe('the SDK itself', () => {
  async function start(options?: GuardVonageOptions) {
    const guard = await newGuard();
    const simulator = await startSimulator({ optOuts: [OUT] });
    open.push(() => simulator.close());
    const { apiKey, apiSecret, url } = simulator;
    const real = new Vonage(new Auth({ apiKey, apiSecret }), { restHost: url, apiHost: url });
    const vonage: Vonage = guardVonage(guard, real, options);
    return { guard, simulator, real, vonage };
  }

  it('sends only allowed messages', async () => {
    const { simulator, vonage } = await start();
    await expect(vonage.sms.send({ to: OUT, from: 'A', text: 'x' })).rejects.toThrow(SendBlockedError);
    await expect(
      vonage.messages.send(new SMS({ channel: 'sms', messageType: 'text', to: OUT, from: 'A', text: 'x' })),
    ).rejects.toThrow(SendBlockedError);
    await expect(vonage.verify.start({ number: OUT, brand: 'A' })).rejects.toThrow(SendBlockedError);
    expect(simulator.requests).toEqual([]);
    const { send } = vonage.sms;
    await send({ to: CLEAN, from: 'A', text: 'x' });
    await vonage.messages.send(
      new SMS({ channel: 'sms', messageType: 'text', to: CLEAN, from: 'A', text: 'x' }),
    );
    await vonage.verify.start({ number: CLEAN, brand: 'A' });
    expect(simulator.messages.map(({ api, to }) => [api, to])).toEqual([
      ['sms', CLEAN],
      ['messages', CLEAN],
      ['verify', CLEAN],
    ]);
  });

  it('looks like its client, which is not changed', async () => {
    const { real, vonage, guard } = await start();
    const before = real.sms;
    expect(vonage).toBeInstanceOf(Vonage);
    expect(vonage.sms).toBe(vonage.sms);
    expect(vonage.sms.send).toBe(vonage.sms.send);
    expect(vonage.sms.constructor).toBe(real.sms.constructor);
    expect(Object.keys(vonage)).toEqual(Object.keys(real));
    expect(real.sms).toBe(before);
    expect(guardVonage(guard, vonage)).toBe(vonage);
    expect(guardVonage(guard, vonage, { onBlocked: 'observe' })).not.toBe(vonage);
    expect(guardVonage(await newGuard(), vonage)).not.toBe(vonage);
  });

  it('has no unknown method that looks like a send', () => {
    const real = new Vonage(new Auth({ apiKey: 'k', apiSecret: 's' }));
    const methods = (client: object) =>
      Object.getOwnPropertyNames(Object.getPrototypeOf(client)).filter((name) => name !== 'constructor');
    const clients = Object.entries(real).filter(([, value]) => value instanceof Client);
    const refused = clients.flatMap(([path, client]) =>
      methods(client as object).flatMap((name) => (sdkMethod(path, name) === 'unknown_send' ? [name] : [])),
    );
    expect(refused).toEqual([]);
    const guarded = clients.flatMap(([path, client]) =>
      methods(client as object)
        .filter((name) => typeof sdkMethod(path, name) === 'object')
        .map((name) => [path, name]),
    );
    expect(guarded.map((pair) => pair.join('.')).toSorted()).toEqual([
      'conversations.createMember',
      ...['messages.send', 'sms.send', 'verify.start', 'verify2.newRequest'],
    ]);
  });

  it('does not send custom requests without a check', async () => {
    const { vonage, simulator } = await start();
    expect(() => vonage.sms.sendPostRequest(`${simulator.url}/sms/json`, { to: OUT })).toThrow(
      /sms.sendPostRequest/,
    );
    expect(() => vonage.numbers.sendRequest({} as never)).toThrow(/numbers.sendRequest/);
    expect(simulator.requests).toEqual([]);
  });
});

describe('methods of later versions', () => {
  const later = () => {
    const call = vi.fn(() => 'called');
    const vonage = {
      sms: { sendBulk: call, listSends: call, getSendReport: call },
      messages: { bulk: { create: call }, queue: [call] },
      rcs: { send: call, start: call, list: call },
      voice: { sendText: call, startRecording: call },
      video: { sendSignal: call },
      send: call,
    };
    return { call, vonage };
  };

  it('are refused with instructions if they look like sends', async () => {
    const { call, vonage } = later();
    const v = guardVonage(await newGuard(), vonage);
    for (const run of [
      () => v.sms.sendBulk(),
      () => v.messages.bulk.create(),
      () => v.rcs.send(),
      () => v.rcs.start(),
      () => v.voice.sendText(),
      () => v.send(),
    ]) {
      expect(run).toThrow(/looks like a send .* allow: \['/);
    }
    expect(call).not.toHaveBeenCalled();
    expect(() => v.sms.sendBulk()).toThrow(expect.objectContaining({ code: 'send_unguarded' }));
  });

  it('are called if they do not look like sends, or are allowed by name', async () => {
    const { call, vonage } = later();
    const v = guardVonage(await newGuard(), vonage, { allow: ['sms.sendBulk', 'send'] });
    for (const run of [
      () => v.sms.sendBulk(),
      () => v.sms.listSends(),
      () => v.sms.getSendReport(),
      () => v.rcs.list(),
      () => v.voice.startRecording(),
      () => v.video.sendSignal(),
      () => v.messages.queue[0]?.(),
      () => v.send(),
    ]) {
      expect(run()).toBe('called');
    }
    expect(call).toHaveBeenCalledTimes(8);
  });
});

describe('the proxy', () => {
  class Part {
    #secret = 1;
    label = 'part';
    get secret() {
      return this.#secret;
    }
    raise() {
      this.#secret++;
      return this;
    }
    send = async (_params: unknown) => this.#secret;
  }

  it('runs methods on the client, so that private members work', async () => {
    const sms = Object.freeze(new Part());
    const real = Object.freeze({ sms, note: null });
    const { sms: part, note } = guardVonage(await newGuard(), real);
    expect(part.raise()).toBe(part);
    expect([part.secret, part.label, note]).toEqual([2, 'part', null]);
    expect(await part.send({ to: CLEAN })).toBe(2);
    expect(part).toBeInstanceOf(Part);
  });

  it('does not reveal the client, and passes on changes', async () => {
    const real: { sms: { send?: unknown; label?: string } } = { sms: { send: vi.fn(), label: 'a' } };
    const v = guardVonage(await newGuard(), real);
    expect(Object.getOwnPropertyDescriptor(v, 'sms')?.value).toBe(v.sms);
    expect(Object.getOwnPropertyDescriptor(v, 'none')).toBeUndefined();
    expect('sms' in v).toBe(true);
    const { send } = v.sms;
    v.sms.send = vi.fn();
    expect(v.sms.send).not.toBe(send);
    delete v.sms.label;
    Object.defineProperty(v.sms, 'label', { value: 'b', configurable: true });
    expect(real.sms.label).toBe('b');
    expect(() => Object.freeze(v)).toThrow(TypeError);
  });
});

describe('options', () => {
  it.each<[object | undefined, RegExp]>([
    [{ onBlocked: 'strip' }, /onBlocked/],
    [{ onblocked: 'reject' }, /did you mean guardVonage.onBlocked/],
    [{ allow: 'sms.sendBulk' }, /an array/],
    [{ allow: ['sms.send'] }, /sms.send is/],
  ])('refuses %j', async (options, message) => {
    const guard = await newGuard();
    expect(() => guardVonage(guard, stub().vonage, options as never)).toThrow(message);
  });

  it.each([[{}], [null], [{ send() {} }], [{ sms: null }], ['vonage']])(
    'refuses %j as a client',
    async (vonage) => {
      const guard = await newGuard();
      expect(() => guardVonage(guard, vonage as never)).toThrow(/such as \{ sms \}/);
    },
  );

  it('refuses a value that is no guard', () => {
    expect(() => guardVonage({} as never, stub().vonage)).toThrow(/createGuard/);
  });
});
