/** A receiver whose sink records every call. */

import { vi } from 'vitest';
import type { WebhookError } from '../../src/errors.ts';
import type { WebhookChange } from '../../src/webhooks/payload.ts';
import type { WebhookRequest } from '../../src/webhooks/request.ts';
import type { WebhooksOptions } from '../../src/webhooks/options.ts';
import { createReceiver, type WebhookAnswer, type WebhookSink } from '../../src/webhooks/receiver.ts';
import { createFakeClock } from '../fake-clock.ts';

/** Starts a receiver with a clock that starts at `START`. */
export function startReceiver(options: WebhooksOptions) {
  const clock = createFakeClock();
  const changes: WebhookChange[] = [];
  const refused: WebhookError[] = [];
  const sink = {
    record: vi.fn<WebhookSink['record']>(async (change) => {
      changes.push(change);
      return 'recorded';
    }),
    unclear: vi.fn<WebhookSink['unclear']>(),
    warn: vi.fn<WebhookSink['warn']>(),
    refused: (error: WebhookError) => void refused.push(error),
    failed: vi.fn<WebhookSink['failed']>(),
  };
  const receiver = createReceiver(options, { clock, sink });

  return {
    ...{ receiver, clock, changes, refused, sink },
    receive: (request: WebhookRequest) => receiver.receive(request),
    get: (parameters: Record<string, string>) =>
      receiver.receive({
        ...{ method: 'GET', headers: {} },
        url: `/hooks?${new URLSearchParams(parameters).toString()}`,
      }),
    post: (body: string | Uint8Array, headers: Record<string, string> = {}) =>
      receiver.receive({ method: 'POST', url: '/hooks', headers, body: Buffer.from(body) }),
    postJson: (body: unknown, headers: Record<string, string> = {}) =>
      receiver.receive({ method: 'POST', url: '/hooks', headers, body: Buffer.from(JSON.stringify(body)) }),
  };
}

/** Returns the status of an answer and the word in its body. */
export function answered({ status, body }: WebhookAnswer): [number, string] {
  return [status, (JSON.parse(body) as { status: string }).status];
}
