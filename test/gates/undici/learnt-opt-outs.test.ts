/** Opt-outs that a guarded dispatcher learns from replies. */

import { brotliCompressSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { installGlobalGuard } from '../../../src/gates/undici/interceptor.ts';
import { SendBlockedError } from '../../../src/index.ts';
import { CLEAN, guard, server, startForEachTest } from './loopback-guard.ts';
import { agent, post } from './requests.ts';

startForEachTest();

describe('a recorded opt-out', () => {
  const refusal = JSON.stringify({ messages: [{ status: '102', to: CLEAN }] });
  const encoded: Record<string, (text: string) => Buffer> = { gzip: gzipSync, br: brotliCompressSync };

  it.each(['', 'identity', 'gzip', 'br'])(
    'comes from a reply of the 2FA API with encoding %j',
    async (encoding) => {
      const bytes = encoded[encoding]?.(refusal) ?? Buffer.from(refusal);
      server.answer = (_request, response) => {
        if (encoding !== '') response.setHeader('content-encoding', encoding);
        response.end(bytes);
      };
      const { body } = await post(CLEAN, agent(), '/sc/us/2fa/json');
      expect(Buffer.from(await body.arrayBuffer())).toEqual(bytes);
      expect(guard.check(CLEAN)).toMatchObject({ reason: 'opted_out', source: 'receipt' });
      await expect(post(CLEAN, agent())).rejects.toThrow(SendBlockedError);
    },
  );

  it('comes from the reply of a fetch, which arrives unchanged', async () => {
    server.answer = (_request, response) => {
      response.setHeader('content-encoding', 'gzip');
      response.end(gzipSync(refusal));
    };
    const remove = installGlobalGuard(guard, { hosts: [server.host] });
    const reply = await fetch(`${server.origin}/sc/us/2fa/json`, {
      method: 'POST',
      body: new URLSearchParams({ to: CLEAN }),
    });
    expect(await reply.text()).toBe(refusal);
    expect(guard.canSend(CLEAN)).toBe(false);
    server.answer = (_request, response) => response.end(refusal.replace(CLEAN, '15551230003'));
    await (await fetch(`${server.origin}/sc/us/2fa/json?to=15551230003`)).text();
    expect(guard.canSend('15551230003')).toBe(false);
    expect(remove()).toBe(true);
  });

  it.each<[string, string, number, string, string]>([
    ['another API', '/sms/json', 200, '', refusal],
    ['another status', '/sc/us/2fa/json', 500, '', refusal],
    ['an encoding that is not read', '/sc/us/2fa/json', 200, 'zstd', refusal],
    ['broken compression', '/sc/us/2fa/json', 200, 'gzip', refusal],
    ['another answer', '/sc/us/2fa/json', 200, '', '{"messages":[{"status":"9"}]}'],
    ['a reply too large', '/sc/us/2fa/json', 200, '', `${refusal}${' '.repeat(70_000)}`],
    ['two recipients', `/sc/us/2fa/json?to=${CLEAN}9`, 200, '', refusal],
  ])('does not come from %s', async (_what, path, status, encoding, text) => {
    server.answer = (_request, response) => {
      response.writeHead(status, encoding === '' ? {} : { 'content-encoding': encoding });
      response.end(text);
    };
    const { body } = await post(CLEAN, agent(), path);
    expect(await body.text()).toBe(text);
    expect(guard.canSend(CLEAN)).toBe(true);
  });
});
