/**
 * The provider as a real HTTP server on loopback, written from its documentation and from nothing else: it shares no
 * code with the client, so that each is a witness against the other. It records everything it receives.
 */

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerOf, throttled, unauthorized, type SentMessage } from './endpoints.ts';
import { createFaultScript, isInstead, reply, type Fault } from './faults.ts';
import { createOptOutList, type OptOutList } from './opt-out-list.ts';
import { isKnown, record, type RecordedRequest } from './requests.ts';
import type { SigMethod } from './signing.ts';
import { DEFAULT_SIGNATURE_SECRET, makeWebhook, type WebhookSpec } from './webhook-request.ts';

export type { RecordedRequest } from './requests.ts';

/** Options of {@link startSimulator}. */
export interface SimulatorOptions {
  /** Who has opted out: numbers, or how many generated ones (15550000000 and on, ten million at most). Default none. */
  readonly optOuts?: Iterable<string> | number | undefined;
  /** Default `test-key`. */
  readonly apiKey?: string | undefined;
  /** Default `test-secret`. */
  readonly apiSecret?: string | undefined;
  /** For signed requests and webhooks. Default `test-signature-secret` and `sha256`. */
  readonly signature?: { readonly secret: string; readonly method: SigMethod } | undefined;
  /** Most rows of a page of the list, whatever was asked for. Default: no limit. */
  readonly pageCap?: number | undefined;
  /** How long a change stays unseen in the list, ms. Default 0. */
  readonly listLagMs?: number | undefined;
  /** Default: any free one. */
  readonly port?: number | undefined;
  /** ms UTC, also of the `Date` of its replies. Default the machine’s clock. */
  readonly now?: (() => number) | undefined;
}

/** What the receiver of a webhook answered. */
export interface WebhookResult {
  readonly status: number;
  readonly body: string;
}

/** A running simulator. */
export interface Simulator extends AsyncDisposable {
  /** Such as `http://127.0.0.1:40123`. */
  readonly url: string;
  readonly apiKey: string;
  readonly apiSecret: string;
  readonly signature: { readonly secret: string; readonly method: SigMethod };
  readonly list: OptOutList;
  readonly requests: readonly RecordedRequest[];
  /** Every message it was asked to send. */
  readonly messages: readonly SentMessage[];
  /** Those of them that it accepted although the person had opted out, and has not yet reported. */
  readonly pendingReceipts: readonly SentMessage[];
  /** The next replies go wrong. */
  fault(fault: Fault): void;
  clearFaults(): void;
  /** Breaks every connection, or answers again. */
  setDown(isDown: boolean): void;
  /** A person texts one of the provider's opt-out words: the list changes and the webhook is sent. */
  receiveStop(url: string, spec: WebhookSpec): Promise<WebhookResult>;
  /** Sends a webhook. */
  sendWebhook(url: string, spec: WebhookSpec): Promise<WebhookResult>;
  /** Sends the pending receipts and statuses; where the receiver cannot be reached, they stay. */
  deliverReceipts(url: string): Promise<readonly WebhookResult[]>;
  close(): Promise<void>;
}

/** The APIs that report a refused message afterwards. */
const REPORTING: readonly string[] = ['sms', 'alert', 'marketing', 'messages'];

/** Starts a simulator on loopback. */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const { apiKey = 'test-key', apiSecret = 'test-secret', now = Date.now, port = 0 } = options;
  const signature = options.signature ?? { secret: DEFAULT_SIGNATURE_SECRET, method: 'sha256' };
  const list = createOptOutList(options.optOuts ?? [], now);
  Object.assign(list.behaviour, { pageCap: options.pageCap, lagMs: options.listLagMs });
  const requests: RecordedRequest[] = [];
  const messages: SentMessage[] = [];
  const receipts: SentMessage[] = [];
  const faults = createFaultScript();
  let isDown = false;

  function send(message: SentMessage): void {
    messages.push(message);
    if (message.isOptedOut && REPORTING.includes(message.api)) receipts.push(message);
  }

  const server = createServer((req, res) => {
    void (async () => {
      if (isDown) return void res.destroy();
      const recorded = await record(req, now);
      requests.push(recorded);
      const { endpoint, path, inputs } = recorded;
      const page = endpoint === 'query' ? Number(inputs['page'] ?? 0) : undefined;
      const fault = faults.take({ endpoint, path, page }) ?? {};
      const real = isInstead(fault)
        ? fault.throttle
          ? throttled(endpoint)
          : { status: 200, body: '{}' }
        : endpoint === 'unknown' || isKnown(recorded, { apiKey, apiSecret, signature })
          ? answerOf(endpoint, inputs, { list, now, send })
          : unauthorized(endpoint);
      await reply(res, real, fault, now);
      if (page !== undefined) list.behaviour.afterPage?.(page);
    })().catch(() => res.destroy());
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  async function sendWebhook(target: string, spec: WebhookSpec): Promise<WebhookResult> {
    const {
      method,
      url: whole,
      headers,
      body,
    } = makeWebhook({
      ...signature,
      apiKey,
      at: now(),
      ...spec,
      path: target,
    });
    const response = await fetch(whole, {
      method,
      headers,
      ...(body === undefined ? {} : { body }),
    });
    return { status: response.status, body: await response.text() };
  }

  const simulator: Simulator = {
    url,
    apiKey,
    apiSecret,
    signature,
    list,
    requests,
    messages,
    pendingReceipts: receipts,
    fault: (fault) => faults.add(fault),
    clearFaults: () => faults.clear(),
    setDown: (down) => void (isDown = down),
    receiveStop(target, spec) {
      list.add(spec.person, spec.at ?? now());
      return sendWebhook(target, { text: 'STOP', ...spec });
    },
    sendWebhook,
    async deliverReceipts(target) {
      const results: WebhookResult[] = [];
      for (let next = receipts.shift(); next !== undefined; next = receipts.shift()) {
        const { api, to, from, messageId } = next;
        const shape = api === 'messages' ? 'messages-status' : 'sms-receipt';
        const sender = from === undefined ? {} : { sender: from };
        try {
          results.push(await sendWebhook(target, { shape, person: to, messageId, ...sender }));
        } catch (error) {
          receipts.unshift(next);
          throw error;
        }
      }
      return results;
    },
    async close() {
      if (!server.listening) return;
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
    [Symbol.asyncDispose]: () => simulator.close(),
  };
  return simulator;
}
