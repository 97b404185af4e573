/** Bodies that arrive in chunks: no chunk is lost, and memory depends on the bytes alone. */

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { readBody } from '../../../src/gates/fetch/body.ts';
import { guardFetch, type GuardFetchOptions } from '../../../src/gates/fetch/fetch.ts';
import { createTestGuard, type TestGuard } from '../../../src/testing/index.ts';
import { builtFile } from '../../built.ts';

const OUT = '15551230001';
const CLEAN = '15551230002';

let guard: TestGuard;
beforeAll(async () => {
  guard = await createTestGuard({ optedOut: [OUT] });
});
afterAll(() => guard.close());

/** A request whose body arrives in the given chunks. A chunk that is an error fails the body. */
function streamed(chunks: readonly unknown[], headers: Record<string, string> = {}) {
  const left = [...chunks];
  const cancelled = vi.fn();
  const body = new ReadableStream({
    pull(controller) {
      const chunk = left.shift();
      if (chunk instanceof Error) controller.error(chunk);
      else if (chunk === undefined) controller.close();
      else controller.enqueue(chunk);
    },
    cancel: cancelled,
  });
  const init = {
    method: 'POST',
    body,
    duplex: 'half',
    headers: { 'content-type': 'application/json', ...headers },
  };
  return { request: new Request('http://host/', init as RequestInit), cancelled };
}

const bytes = (text: string) => new TextEncoder().encode(text);

async function run(request: Request, options: Partial<GuardFetchOptions> = {}) {
  const next = vi.fn<GuardFetchOptions['next']>(async (given) => new Response(await given.text()));
  const response = await guardFetch(guard, { next, ...options })(request);
  return { status: response.status, text: await response.text(), allowed: next.mock.calls[0]?.[1].allowed };
}

describe('readBody', () => {
  it.each([0, 1, 4095, 4096, 4097, 10_000])('reads %i bytes, whatever their chunks are', async (length) => {
    const whole = Uint8Array.from({ length }, (_, index) => index % 251);
    for (const size of [1, 7, 4096, 20_000]) {
      const chunks: Uint8Array[] = [];
      for (let at = 0; at < length; at += size) chunks.push(whole.subarray(at, at + size), new Uint8Array());
      expect(await readBody(streamed(chunks).request, length)).toEqual({ state: 'read', bytes: whole });
      if (length === 0) continue;
      expect(await readBody(streamed(chunks).request, length - 1)).toMatchObject({ state: 'too_large' });
    }
  });

  it.each(['text', 7, [1, 2], new Uint16Array(2)])('rejects a chunk that is no bytes: %o', async (chunk) => {
    await expect(readBody(streamed([bytes('a'), chunk]).request, 100)).rejects.toThrow(TypeError);
  });
});

describe('a body over the limit', () => {
  const body = JSON.stringify({ to: OUT, text: 'x'.repeat(50) });
  const chunks = Array.from(bytes(body), (byte) => Uint8Array.of(byte));

  it('is refused and cancelled', async () => {
    for (const headers of [{}, { 'content-length': String(body.length) }]) {
      const { request, cancelled } = streamed(chunks, headers);
      expect(await run(request, { maxBody: 40 })).toMatchObject({ status: 413 });
      expect(cancelled).toHaveBeenCalledTimes(1);
    }
  });

  it('is passed on completely, with no allowed recipient, if the gate observes', async () => {
    for (const headers of [{}, { 'content-length': String(body.length) }]) {
      const { request } = streamed(chunks, headers);
      const observed = await run(request, { maxBody: 40, onBlocked: 'observe' });
      expect(observed).toEqual({ status: 200, text: body, allowed: [] });
    }
  });

  it('can be cancelled by the handler if the gate observes', async () => {
    const { request, cancelled } = streamed(chunks);
    const next = async (given: Request) => {
      await given.body?.cancel('enough');
      return new Response('');
    };
    await guardFetch(guard, { next, maxBody: 40, onBlocked: 'observe' })(request);
    expect(cancelled).toHaveBeenCalledWith('enough');
  });
});

it('rejects a body that ends with an error, and does not call the handler', async () => {
  const broken = () => streamed([bytes('{"to":'), new Error('gone')]).request;
  await expect(run(broken())).rejects.toThrow('gone');
  const next = vi.fn(async () => new Response('passed'));
  // The handler cannot read it either.
  const response = await guardFetch(guard, { next, onBlocked: 'observe' })(broken());
  expect(await response.text()).toBe('passed');
});

it.each([
  ['a request that passes', true],
  ['a request with stripped recipients', false],
])('keeps method, headers and URL of %s', async (_what, isClean) => {
  const body = JSON.stringify({ to: isClean ? [CLEAN] : [CLEAN, OUT] });
  const headers = { 'x-tenant': 'a', cookie: 'b=c', 'content-length': String(body.length) };
  const seen = vi.fn();
  const next = async (request: Request) => {
    seen(request.url, request.method, request.headers.get('x-tenant'), await request.json());
    return new Response('');
  };
  const { request } = streamed([bytes(body)], headers);
  await guardFetch(guard, { next, onBlocked: 'strip' })(request);
  expect(seen).toHaveBeenCalledWith('http://host/', 'POST', 'a', { to: [CLEAN] });
});

it('uses memory by the bytes, not by the chunks', { timeout: 180_000 }, () => {
  const program = `
    import { guardFetch } from '${builtFile('gates/fetch/fetch.js')}';
    import { createTestGuard } from '${builtFile('testing/index.js')}';
    const guard = await createTestGuard();
    const gate = guardFetch(guard, { next: async (request) => new Response((await request.text()).length) });
    const body = new TextEncoder().encode(JSON.stringify({ to: '${CLEAN}', x: 'x'.repeat(600_000) }));
    const statuses = await Promise.all([1, 2, 3].map(async () => {
      let at = 0;
      const stream = new ReadableStream({
        pull: (controller) => at < body.length ? controller.enqueue(body.slice(at, ++at)) : controller.close(),
      });
      const headers = { 'content-type': 'application/json' };
      return (await gate(new Request('http://host/', { method: 'POST', body: stream, duplex: 'half', headers }))).status;
    }));
    console.log(statuses.join());
    await guard.close();
  `;
  const args = ['--max-old-space-size=64', '--input-type=module', '-e', program];
  const options = { cwd: fileURLToPath(new URL('../../..', import.meta.url)), encoding: 'utf8' } as const;
  expect(execFileSync(process.execPath, args, options).trim()).toBe('200,200,200');
});
