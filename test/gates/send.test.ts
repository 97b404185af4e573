import { describe, expect, it, vi } from 'vitest';
import { ConfigError, SendBlockedError, type Guard } from '../../src/index.ts';
import { accessOf } from '../../src/gates/guard-access.ts';
import { createTestGuard } from '../../src/testing/index.ts';

const LISTED = '15551230001';
const OTHER = '15551230002';
const refusal = { 'message-count': '1', messages: [{ status: '102', to: OTHER, 'error-text': 'refused' }] };

async function guarded(work: (guard: Guard) => Promise<void>): Promise<void> {
  const guard = await createTestGuard({ optedOut: [LISTED] });
  await work(guard);
  await guard.close();
}

describe('send', () => {
  it('calls the function with the digits and returns its result', () =>
    guarded(async (guard) => {
      expect(await guard.send('+1 555 123-0002', (to) => `sent to ${to}`)).toBe(`sent to ${OTHER}`);
    }));

  it('does not call the function for a person who opted out, or an unreadable number', () =>
    guarded(async (guard) => {
      const blocked = vi.fn();
      guard.on('blocked', blocked);
      const call = vi.fn();
      await expect(guard.send(LISTED, call)).rejects.toThrow(SendBlockedError);
      await expect(guard.send('nobody', call)).rejects.toThrow(SendBlockedError);
      expect(call).not.toHaveBeenCalled();
      expect(blocked).toHaveBeenCalledTimes(2);
    }));

  it('calls the function and reports the block if it only observes', () =>
    guarded(async (guard) => {
      const [blocked, warn] = [vi.fn(), vi.fn()];
      guard.on('blocked', blocked);
      guard.on('warn', warn);
      expect(await guard.send(LISTED, (to) => to, { onBlocked: 'observe' })).toBe(LISTED);
      expect(await guard.send('nobody', (to) => to, { onBlocked: 'observe' })).toBe('nobody');
      expect(blocked).toHaveBeenCalledWith(expect.objectContaining({ gate: 'send', observed: true }));
      expect(warn).toHaveBeenCalledWith(expect.objectContaining({ code: 'observe_only' }));
    }));

  it.each([
    ['returns', () => refusal],
    ['returns as text', () => JSON.stringify(refusal)],
    ['throws', () => Promise.reject(Object.assign(new Error('refused'), { response: { data: refusal } }))],
    ['throws as a cause', () => Promise.reject(new Error('refused', { cause: refusal }))],
    ['returns without a recipient', () => ({ messages: [{ status: 102 }] })],
  ])('records the opt-out that a call %s', (_how, call) =>
    guarded(async (guard) => {
      await guard.send(OTHER, call as () => unknown).catch(() => undefined);
      expect(guard.check(OTHER)).toMatchObject({ reason: 'opted_out', source: 'receipt' });
    }),
  );

  it.each([
    ['with another status', { messages: [{ status: '9', to: OTHER }] }],
    ['about another person', { messages: [{ status: '102', to: '15551239999' }] }],
    ['that is an error of the account', { status: '102', 'error-text': 'bad short code' }],
    ['that is no reply', { messages: [null, 'x'] }],
    ['that is text', 'accepted'],
    ['that is nothing', undefined],
  ])('learns nothing from a reply %s', (_what, reply) =>
    guarded(async (guard) => {
      await guard.send(OTHER, () => reply);
      await guard.send(OTHER, () => Promise.reject(reply)).catch(() => undefined);
      expect(guard.canSend(OTHER)).toBe(true);
    }),
  );

  it('records the opt-out on the list of the sender', async () => {
    const guard = await createTestGuard();
    await guard.send(OTHER, () => refusal, { from: 'Brand' });
    expect(guard.check(OTHER, { from: 'Brand' })).toMatchObject({ reason: 'opted_out' });
    await guard.close();
  });

  it('refuses invalid options and functions', () =>
    guarded(async (guard) => {
      await expect(guard.send(OTHER, (to) => to, { form: 'x' } as object)).rejects.toThrow(ConfigError);
      await expect(guard.send(OTHER, 'call' as never)).rejects.toThrow(ConfigError);
    }));

  it('gives access only to guards', () => {
    for (const other of [undefined, null, {}, 'guard']) expect(() => accessOf(other)).toThrow(ConfigError);
  });
});
