/** Requests through a guarded dispatcher can be aborted at any time, and their handlers are those of undici. */

import { Readable } from 'node:stream';
import { describe, expect, it, vi } from 'vitest';
import { fetch as undiciFetch, request, type Dispatcher } from 'undici';
import { endBody } from '../../../src/gates/undici/body.ts';
import { guardDispatcher } from '../../../src/gates/undici/interceptor.ts';
import { SendBlockedError } from '../../../src/index.ts';
import { CLEAN, LISTED, guard, server, startForEachTest } from './loopback-guard.ts';
import { agent, pieces, webStream } from './requests.ts';

startForEachTest();

describe('an abort', () => {
  const waiting = () => new Readable({ read() {} });

  it.each([
    ['before the body is read', true],
    ['while the body is read', false],
  ])('%s ends the request and its body', async (_when, isBefore) => {
    const ended = new AbortController();
    if (isBefore) ended.abort();
    const body = waiting();
    const call = request(`${server.origin}/sms/json`, {
      ...{ method: 'POST', body, signal: ended.signal, dispatcher: agent() },
    });
    setImmediate(() => ended.abort());
    await expect(call).rejects.toThrow(/abort/);
    expect(body.destroyed).toBe(true);
    expect(server.connections()).toBe(0);
  });

  it('ends a fetch whose body is still being read', async () => {
    const ended = new AbortController();
    const body = new ReadableStream({ pull: () => new Promise(() => undefined) });
    const call = undiciFetch(`${server.origin}/sms/json`, {
      ...{ method: 'POST', body, duplex: 'half', signal: ended.signal, dispatcher: agent() },
    });
    setImmediate(() => ended.abort());
    await expect(call).rejects.toThrow(/abort/);
  });

  it.each(['new', 'old'])('can be made by handlers of the %s interface at any time', async (kind) => {
    for (const when of ['start', 'wait', 'handed over', 'under way'] as const) {
      let abort: (reason?: Error) => void = () => undefined;
      let starts = 0;
      const failures: Error[] = [];
      const onStart = (given: (reason?: Error) => void) => {
        if (starts++ === 0) abort = given;
        if (when === 'start') abort();
      };
      const handler: Dispatcher.DispatchHandler =
        kind === 'old'
          ? { onConnect: onStart, onError: (error) => void failures.push(error) }
          : {
              onRequestStart(controller) {
                expect([controller.aborted, controller.paused]).toEqual([false, false]);
                controller.pause();
                controller.resume();
                onStart((reason) => {
                  controller.abort(reason ?? (undefined as never));
                  if (starts === 1) expect(controller.reason).toBeInstanceOf(Error);
                });
              },
              onResponseError: (_controller, error) => void failures.push(error),
            };
      const inner = vi.fn<(reason?: Error) => void>();
      const controller = {
        abort: inner,
        aborted: false,
        paused: false,
        pause() {},
        resume() {},
      } as unknown as Dispatcher.DispatchController;
      const dispatch = vi.fn((_opts: unknown, given: Dispatcher.DispatchHandler) => {
        if (when === 'handed over') abort();
        given.onConnect?.(inner);
        given.onRequestStart?.(controller, {});
        if (when === 'under way') abort(new Error('late'));
        abort();
        return true;
      });
      const opts = { path: '/sms/json', method: 'POST', body: pieces(`to=${CLEAN}`) } as never;
      guardDispatcher(guard)(dispatch)(opts, handler);
      if (when === 'wait') abort();
      await vi.waitFor(() => expect(failures.length + inner.mock.calls.length).toBe(1));
      expect(dispatch).toHaveBeenCalledTimes(when === 'start' || when === 'wait' ? 0 : 1);
      expect(starts).toBe(when === 'under way' ? 2 : 1);
    }
  });

  it('throws as in undici if the handler has no error method', () => {
    const dispatch = guardDispatcher(guard)(() => true);
    expect(() => dispatch({ path: `/sms/json?to=${LISTED}`, method: 'GET' }, {})).toThrow(SendBlockedError);
    const onError = vi.fn();
    const handler = {
      onError,
      onConnect() {
        throw new Error('broken handler');
      },
    };
    expect(dispatch({ path: '/sms/json', method: 'POST', body: webStream('x') as never }, handler)).toBe(
      true,
    );
    expect(onError).toHaveBeenCalledWith(expect.objectContaining({ message: 'broken handler' }));
  });
});

it('ignores errors when it ends a body, and values that cannot be ended', async () => {
  const cancel = vi.fn(() => Promise.reject(new Error('locked')));
  endBody({ cancel });
  endBody({});
  endBody({}, { next: () => ({ done: true, value: undefined }) });
  await new Promise(setImmediate);
  expect(cancel).toHaveBeenCalledTimes(1);
});

it('gives the dispatcher a handler with the same members, and the handler an inactive controller', () => {
  const dispatch = vi.fn((_opts: unknown, given: Dispatcher.DispatchHandler) => {
    expect([given.onData, 'onData' in given, 'onError' in given]).toEqual([undefined, false, true]);
    return true;
  });
  const gate = guardDispatcher(guard)(dispatch);
  gate({ path: `/sc/us/2fa/json?to=${CLEAN}`, method: 'GET' }, { onError() {} });
  expect(dispatch).toHaveBeenCalledTimes(1);
  const onResponseError = vi.fn((controller: Dispatcher.DispatchController) => {
    controller.abort(new Error('over'));
    expect([controller.aborted, controller.reason]).toEqual([false, null]);
  });
  gate({ path: `/sms/json?to=${LISTED}`, method: 'GET' }, { onResponseError });
  expect(onResponseError).toHaveBeenCalledTimes(1);
});
