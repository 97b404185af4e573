/**
 * Properties of sends in every form: no message to a listed number is sent, and an allowed one arrives byte for byte.
 */

import { Readable } from 'node:stream';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Agent, type Dispatcher } from 'undici';
import { SendBlockedError } from '../../../src/index.ts';
import { guardDispatcher } from '../../../src/gates/undici/interceptor.ts';
import { createTestGuard, type TestGuard } from '../../../src/testing/index.ts';
import { startLoopback, type Loopback } from '../loopback.ts';

const LISTED = '15551230001';
const CLEAN = ['15551230002', '447700900001', '4915112345678'];

let guard: TestGuard;
let server: Loopback;
let inner: Agent;
let dispatcher: Dispatcher;
beforeAll(async () => {
  guard = await createTestGuard({ optedOut: [LISTED] });
  server = await startLoopback();
  inner = new Agent();
  dispatcher = inner.compose(guardDispatcher(guard, { hosts: [server.host] }));
});
afterAll(async () => {
  await inner.close();
  await server[Symbol.asyncDispose]();
  await guard.close();
});

interface Sent {
  readonly path: string;
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly headers: Record<string, string>;
  readonly body: string;
}

/** The same body in one of the forms that undici accepts. */
function formOf(body: string, form: number, cut: number): Buffer {
  const bytes = Buffer.from(body);
  const parts = [bytes.subarray(0, cut % (bytes.length + 1)), bytes.subarray(cut % (bytes.length + 1))];
  const forms: readonly (() => unknown)[] = [
    () => body,
    () => bytes,
    () => new Uint8Array(bytes),
    () => Readable.from(parts),
    () => parts,
    () => new Blob([bytes]),
    () =>
      (async function* () {
        yield* parts;
      })(),
  ];
  return forms[form % forms.length]?.() as Buffer;
}

/** @returns the request that arrived; `undefined` if it was refused. */
async function send({ path, method, headers, body }: Sent, form: number, cut: number) {
  const before = server.received.length;
  const options = {
    origin: server.origin,
    path,
    method,
    headers,
    ...(body === '' ? {} : { body: formOf(body, form, cut) }),
  };
  try {
    const reply = await dispatcher.request(options);
    await reply.body.dump();
  } catch (error) {
    expect(error).toBeInstanceOf(SendBlockedError);
    expect(server.received).toHaveLength(before);
    return undefined;
  }
  expect(server.received).toHaveLength(before + 1);
  return server.received.at(-1);
}

const number = fc.oneof(fc.constantFrom(...CLEAN), fc.constant(LISTED));
const written = fc
  .tuple(number, fc.constantFrom('', '+', '00', ' ', 'tel:+'), fc.boolean())
  .map(
    ([digits, prefix, isSpaced]) => prefix + (isSpaced ? `${digits.slice(0, 4)} ${digits.slice(4)}` : digits),
  );
const letterCase = (word: string) =>
  fc
    .array(fc.boolean(), { minLength: word.length, maxLength: word.length })
    .map((upper) =>
      [...word].map((letter, index) => (upper[index] === true ? letter.toUpperCase() : letter)).join(''),
    );
const path = fc
  .constantFrom('/sms/json', '/sc/us/alert/json', '/sc/us/2fa/json', '/sc/us/marketing/json')
  .chain((plain) =>
    fc.tuple(letterCase(plain), fc.constantFrom('', '/', '//', '/.'), fc.constantFrom('', '/', '/x/..')),
  )
  .map(([plain, end, start]) => start + plain.replace('s', '%73') + end);
const word = fc
  .string({ unit: 'binary', maxLength: 12 })
  .filter((text) => Buffer.from(text).toString() === text);
const pairs = (names: readonly string[]) =>
  fc.array(fc.tuple(fc.constantFrom(...names), word), { maxLength: 4 });
const drawn = fc.tuple(fc.nat(), fc.nat());

/** A send with a recipient in each of some positions. */
const sends = fc
  .record({
    path,
    query: fc.array(fc.tuple(fc.constantFrom('to', 'To', 'to[]'), written), { maxLength: 2 }),
    noise: pairs(['text', 'from', 'client-ref', 'x&y', 'tö']),
    body: fc.array(fc.tuple(fc.constantFrom('to', 'TO', 'to[0]'), written), { maxLength: 2 }),
    isJson: fc.boolean(),
    isTyped: fc.boolean(),
    method: fc.constantFrom('GET' as const, 'POST' as const, 'PUT' as const),
  })
  .map(({ path: target, query, noise, body, isJson, isTyped, method }) => {
    const names = body.map(([name]) => name.replace(/\[.*/, ''));
    const isDoubled = isJson && new Set(names).size !== names.length;
    const object = JSON.stringify({
      ...Object.fromEntries(noise),
      ...Object.fromEntries(body.map(([, to], index) => [names[index], to])),
    });
    const form = new URLSearchParams([...noise, ...body] as [string, string][]).toString();
    const type = isJson ? 'application/json' : 'application/x-www-form-urlencoded';
    const kept = isDoubled ? body.slice(-1) : body;
    const sent: Sent = {
      path: `${target}${query.length === 0 ? '' : `?${new URLSearchParams(query as [string, string][]).toString()}`}`,
      method,
      headers: isTyped ? { 'content-type': type } : {},
      body: body.length === 0 && noise.length === 0 ? '' : isJson ? object : form,
    };
    return { sent, recipients: [...query, ...kept].map(([, to]) => to) };
  });

it('allows a send, unchanged, exactly if every recipient may be sent to', async () => {
  let passed = 0;
  await fc.assert(
    fc.asyncProperty(sends, drawn, async ({ sent, recipients }, [form, cut]) => {
      const arrived = await send(sent, form, cut);
      const isFine = recipients.length > 0 && recipients.every((to) => guard.canSend(to));
      if (arrived === undefined) {
        // JSON without a content type may name a further recipient if it is parsed as a form.
        const isUntyped = sent.headers['content-type'] === undefined && sent.body.includes('&');
        expect(isFine && !isUntyped).toBe(false);
        return;
      }
      passed++;
      expect(isFine).toBe(true);
      expect(arrived).toMatchObject({
        path: sent.path,
        method: sent.method,
        body: Buffer.from(sent.body).toString('latin1'),
      });
      expect(arrived.headers['content-type']).toBe(sent.headers['content-type']);
    }),
    { numRuns: 600 },
  );
  expect(passed).toBeGreaterThan(50);
});

it('refuses or allows a body of any bytes, and never fails otherwise', async () => {
  const anything = fc.oneof(
    word,
    fc.json(),
    fc.jsonValue().map((value) => JSON.stringify({ to: value })),
    fc.tuple(word, word).map(([a, b]) => `to=${a}&${b}&to=${LISTED}`),
    fc.tuple(word, word).map(([a, b]) => JSON.stringify({ [a]: b, to: LISTED, x: { to: a } })),
  );
  const types = fc.constantFrom(
    '',
    'application/json',
    'text/plain',
    'multipart/form-data',
    'a/b;charset=x',
    '/',
  );
  const encodings = fc.constantFrom('', 'identity', 'gzip', 'x');
  await fc.assert(
    fc.asyncProperty(anything, types, encodings, drawn, async (body, type, encoding, [form, cut]) => {
      const headers = { 'content-type': type, 'content-encoding': encoding };
      const arrived = await send({ path: '/sms/json', method: 'POST', headers, body }, form, cut);
      if (arrived === undefined) return;
      expect(arrived.body).toBe(Buffer.from(body).toString('latin1'));
      expect(body).not.toContain(LISTED);
    }),
    { numRuns: 600 },
  );
});

it('finds a listed number in every message of a failover and every step of a workflow', async () => {
  const channel = fc.constantFrom('sms', 'mms', 'SMS', 'whatsapp', 'rcs', 'viber_service', undefined);
  const message = fc.record({ channel, to: fc.constantFrom(LISTED, ...CLEAN) });
  const isText = (one: { readonly channel: string | undefined }) =>
    /^(?:undefined|[sm]ms)$/i.test(String(one.channel));
  await fc.assert(
    fc.asyncProperty(
      fc.array(message, { minLength: 1, maxLength: 5 }),
      fc.boolean(),
      drawn,
      async (all, isFlow, [form, cut]) => {
        const [first, ...failover] = all;
        const sent: Sent = {
          path: isFlow ? '/v2/verify' : '/v1/messages',
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(isFlow ? { brand: 'x', workflow: all } : { ...first, failover }),
        };
        const arrived = await send(sent, form, cut);
        expect(arrived === undefined).toBe(all.some((one) => one.to === LISTED && isText(one)));
      },
    ),
    { numRuns: 300 },
  );
});

it('does not change a request that is no send', async () => {
  const other = fc.webPath().filter((target) => !/(?:json|xml|messages|verify)/i.test(target));
  await fc.assert(
    fc.asyncProperty(other, word, drawn, async (target, body, [form, cut]) => {
      const arrived = await send(
        { path: target === '' ? '/' : target, method: 'POST', headers: {}, body },
        form,
        cut,
      );
      expect(arrived?.body).toBe(Buffer.from(body).toString('latin1'));
    }),
    { numRuns: 200 },
  );
});
