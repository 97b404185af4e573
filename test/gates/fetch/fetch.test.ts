import { describe, expect, it, vi } from 'vitest';
import { guardFetch, webhooksFetch, type GuardFetchOptions } from '../../../src/gates/fetch/fetch.ts';
import { createTestGuard, signedWebhook } from '../../../src/testing/index.ts';

const OUT = '15551230001';
const CLEAN = '15551230002';
const secret = 'test-signature-secret';
const json = { 'content-type': 'application/json' };
const form = { 'content-type': 'application/x-www-form-urlencoded' };

const post = (body: string, headers: Record<string, string> = json) =>
  new Request('http://host/messages?to=x', { method: 'POST', body, headers });

async function run(request: Request, options: Partial<GuardFetchOptions> = {}) {
  const guard = await createTestGuard({ optedOut: [OUT] });
  const next = vi.fn<GuardFetchOptions['next']>(async (given) => new Response(await given.text()));
  const response = await guardFetch(guard, { next, ...options })(request).finally(() => void guard.close());
  const body = await response.text();
  return { status: response.status, headers: response.headers, body, ran: next.mock.calls.length, next };
}

describe('guardFetch', () => {
  it.each([
    ['allows a number that is not listed', post(JSON.stringify({ to: CLEAN })), 200, ''],
    ['allows a form', post(`to=${CLEAN}&to=15551230003`, form), 200, ''],
    ['refuses one who opted out', post(JSON.stringify({ to: [CLEAN, OUT] })), 403, 'opted_out'],
    [
      'refuses one who opted out, in a form',
      post(`to=${CLEAN}&to=${OUT}&to=${CLEAN}`, form),
      403,
      'opted_out',
    ],
    ['refuses an unreadable number', post(JSON.stringify({ to: [OUT, 'x'] })), 422, 'invalid_number'],
    ['refuses a request without a recipient', post('{}'), 400, 'no recipient was found'],
    ['refuses incomplete JSON', post('{"to":'), 400, 'cannot be read as JSON'],
    [
      'refuses another content type',
      post(CLEAN, { 'content-type': 'text/plain' }),
      400,
      'neither JSON nor a form',
    ],
    ['refuses a request without a body', new Request('http://host/'), 400, 'has no body'],
    [
      'refuses a body over the limit',
      post(JSON.stringify({ to: 'x'.repeat(2 ** 20) })),
      413,
      'body_too_large',
    ],
    [
      'refuses too many recipients',
      post(JSON.stringify({ to: Array(1001).fill(CLEAN) })),
      413,
      'too_many_recipients',
    ],
  ])('%s', async (_name, request, status, word) => {
    const done = await run(request);
    expect([done.status, done.ran]).toEqual([status, status === 200 ? 1 : 0]);
    expect(done.body).toContain(word);
    expect(done.body).not.toContain(OUT);
  });

  it('refuses a request whose body was read already', async () => {
    const request = post('{}');
    await request.text();
    expect((await run(request)).body).toContain('was read before');
  });

  it('strips blocked recipients and keeps the format of the body', async () => {
    const both = JSON.stringify({ to: [CLEAN, OUT], text: 'x' });
    expect((await run(post(both), { onBlocked: 'strip' })).body).toBe(`{"to":["${CLEAN}"],"text":"x"}`);
    const written = await run(post(`text=a&to=${OUT}&to=${CLEAN}`, form), { onBlocked: 'strip' });
    expect(written.body).toBe(`text=a&to=${CLEAN}`);
    expect((await run(post(JSON.stringify({ to: OUT })), { onBlocked: 'strip' })).status).toBe(403);
    const fromElsewhere = { onBlocked: 'strip', to: () => [CLEAN, OUT], setTo() {} } as const;
    const done = await run(new Request('http://host/'), fromElsewhere);
    expect([done.status, done.ran]).toEqual([403, 0]);
  });

  it('observes, calls onBlocked, and uses to and from', async () => {
    for (const request of [post(JSON.stringify({ to: OUT })), post('{'), post('{}')]) {
      expect((await run(request, { onBlocked: 'observe' })).ran).toBe(1);
    }
    const boom = () => {
      throw new Error('boom');
    };
    expect((await run(post('{}'), { onBlocked: 'observe', to: boom })).ran).toBe(1);
    expect((await run(post('{}'), { to: boom })).status).toBe(500);
    const onBlocked = () => new Response('mine', { status: 409 });
    expect((await run(post(JSON.stringify({ to: OUT })), { onBlocked })).status).toBe(409);
    expect((await run(post('{}'), { to: () => OUT, from: () => 'Acme' })).status).toBe(403);
    await expect(run(post('{}'), { onBlocked: 'strip', to: () => OUT })).rejects.toThrow(/setTo/);
  });
});

describe('webhooksFetch', () => {
  async function deliver(
    request: (hook: ReturnType<typeof signedWebhook>) => Request | Promise<Request>,
    bad = false,
  ) {
    const guard = await createTestGuard();
    const handler = webhooksFetch(guard, { signature: { secret, method: 'sha256' }, jwt: { secret } });
    const spec = { person: OUT, path: 'http://host/hooks', ...(bad ? { signed: 'wrong-sig' as const } : {}) };
    const { status } = await handler(await request(signedWebhook(spec)));
    const canSend = guard.canSend(OUT);
    await guard.close();
    return [status, canSend];
  }

  it('gives the same answers as the other receivers', async () => {
    expect(await deliver(({ url, ...hook }) => new Request(url, hook))).toEqual([200, false]);
    expect(await deliver(({ url, ...hook }) => new Request(url, hook), true)).toEqual([401, true]);
    expect(await deliver(({ url }) => new Request(url, { method: 'PUT' }))).toEqual([405, true]);
    const large = 'x'.repeat(80_000);
    expect(await deliver(({ url }) => new Request(url, { method: 'POST', body: large }))).toEqual([
      413,
      true,
    ]);
    const length = { 'content-length': '80000' };
    expect(
      await deliver(({ url }) => new Request(url, { method: 'POST', body: 'x', headers: length })),
    ).toEqual([413, true]);
    const used = async ({ url, ...hook }: ReturnType<typeof signedWebhook>) => {
      const request = new Request(url, hook);
      await request.text();
      return request;
    };
    expect(await deliver(used)).toEqual([500, true]);
    const broken = new ReadableStream({ pull: (c) => c.error(new Error('gone')) });
    const init = { method: 'POST', body: broken, duplex: 'half' } as RequestInit;
    expect(await deliver(({ url }) => new Request(url, init))).toEqual([500, true]);
  });
});
