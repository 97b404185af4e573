/** The example service in every mode of its gate: nobody who opted out is sent to, and everybody else where it may. */

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createService, type ServiceOptions } from '../../examples/express-service/service.ts';
import { startSimulator, type Simulator } from '../../src/testing/index.ts';

const OUT = '15550000000';
const ALSO_OUT = '15550000001';
const CLEAN = '15551230001';
const OTHER = '15551230002';
const MODES = ['reject', 'strip', 'observe'] as const;

type Mode = NonNullable<ServiceOptions['onBlocked']>;

let simulator: Simulator;
beforeAll(async () => {
  simulator = await startSimulator({ optOuts: [OUT, ALSO_OUT] });
});
afterAll(() => simulator.close());

async function serve(onBlocked: Mode, timeout?: number) {
  const { app, guard } = createService({
    ...{ apiKey: simulator.apiKey, apiSecret: simulator.apiSecret, providerUrl: simulator.url, onBlocked },
    signatureSecret: simulator.signature.secret,
  });
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  await guard.ready(timeout === undefined ? {} : { timeout });
  return {
    guard,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/messages`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await guard.close();
    },
  };
}

/** @returns what was answered, and to whom the provider was asked to send. */
async function send(url: string, to: unknown, from?: string) {
  const before = simulator.messages.length;
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ to, text: 'hello', from });
  const response = await fetch(url, { method: 'POST', headers, body });
  const said = (await response.json()) as { to?: unknown };
  return {
    status: response.status,
    said,
    sent: simulator.messages.slice(before).map((message) => message.to),
  };
}

const requests: readonly [unknown, Record<Mode, readonly string[] | number>][] = [
  [CLEAN, { reject: [CLEAN], strip: [CLEAN], observe: [CLEAN] }],
  [[CLEAN, '+1 (555) 123-0002'], { reject: [CLEAN, OTHER], strip: [CLEAN, OTHER], observe: [CLEAN, OTHER] }],
  [OUT, { reject: 403, strip: 403, observe: [] }],
  [[OUT, ALSO_OUT], { reject: 403, strip: 403, observe: [] }],
  [[OUT, CLEAN, '+1 555 000 0001', OTHER], { reject: 403, strip: [CLEAN, OTHER], observe: [CLEAN, OTHER] }],
  [['x', CLEAN], { reject: 422, strip: [CLEAN], observe: [CLEAN] }],
  [[OUT, 'x'], { reject: 422, strip: 422, observe: [] }],
  [{ number: OUT }, { reject: 422, strip: 422, observe: [] }],
  [[], { reject: 400, strip: 400, observe: [] }],
  [undefined, { reject: 400, strip: 400, observe: [] }],
];

describe.each(MODES)('the example service that %ss', (mode) => {
  it('sends to those who may be sent to, and to nobody else', async () => {
    await using service = await serve(mode);
    for (const [to, { [mode]: expected }] of requests) {
      const { status, said, sent } = await send(service.url, to, '73737');
      expect(typeof expected === 'number' ? status : sent).toEqual(expected);
      expect(sent.filter((number) => [OUT, ALSO_OUT].includes(number))).toEqual([]);
      // What the handler was given is what it answers.
      if (status === 202) expect(said.to).toEqual(expected);
    }
  });

  it('sends nothing before the list was read', async () => {
    simulator.setDown(true);
    await using service = await serve(mode, 0);
    service.guard.on('error', () => undefined);
    const { status, sent } = await send(service.url, [CLEAN, OUT]);
    simulator.setDown(false);
    expect([status, sent]).toEqual([mode === 'observe' ? 202 : 503, []]);
  });
});
