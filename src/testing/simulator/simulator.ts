/**
 * A simulator of the provider: an HTTP server on loopback that records every request. It is written from the provider's
 * documentation and shares no code with the client, so that a mistake in one of them fails a test.
 */

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerOf, throttled, unauthorized, type Answer, type SentMessage } from './endpoints.ts';
import { createFaultScript, replacesReply, reply, type Fault } from './faults.ts';
import { createOptOutList, type OptOutList } from './opt-out-list.ts';
import { isAuthenticated, record, type RecordedRequest } from './requests.ts';
import type { SigMethod } from './signing.ts';
import { DEFAULT_SIGNATURE_SECRET, makeWebhook, type WebhookSpec } from './webhook-request.ts';

export type { RecordedRequest } from './requests.ts';

/** The options of {@link startSimulator}. */
export interface SimulatorOptions {
  /**
   * The numbers that have opted out, as digits; or a count of generated ones, from 15550000000 on, at most ten million.
   * Default none.
   */
  readonly optOuts?: Iterable<string> | number | undefined;
  /** Default `test-key`. */
  readonly apiKey?: string | undefined;
  /** Default `test-secret`. */
  readonly apiSecret?: string | undefined;
  /** The signature secret and method, for requests and webhooks. Default `test-signature-secret` and `sha256`. */
  readonly signature?: { readonly secret: string; readonly method: SigMethod } | undefined;
  /** The largest number of rows in a page of the list, even if more are requested. Default: no limit. */
  readonly pageCap?: number | undefined;
  /** How long a change is not visible in the list, ms. Default 0. */
  readonly listLagMs?: number | undefined;
  /** The port on 127.0.0.1. Default a free one. */
  readonly port?: number | undefined;
  /** Returns the time, ms UTC, also for the header `Date` of replies. Default the machine's clock. */
  readonly now?: (() => number) | undefined;
}

/** The answer of a webhook's receiver. */
export interface WebhookResult {
  readonly status: number;
  readonly body: string;
}

/** A running simulator. */
export interface Simulator extends AsyncDisposable {
  /** The base URL, such as `http://127.0.0.1:40123`. */
  readonly url: string;
  readonly apiKey: string;
  readonly apiSecret: string;
  readonly signature: { readonly secret: string; readonly method: SigMethod };
  /** The opt-out list. */
  readonly list: OptOutList;
  /** Every request so far. */
  readonly requests: readonly RecordedRequest[];
  /** Every message that it was requested to send. */
  readonly messages: readonly SentMessage[];
  /** The messages to people who had opted out that it has accepted, and whose failure it has not reported yet. */
  readonly pendingReceipts: readonly SentMessage[];
  /** Adds a fault of the next replies. */
  fault(fault: Fault): void;
  clearFaults(): void;
  /** Closes every connection without a reply (`true`), or answers again (`false`). */
  setDown(isDown: boolean): void;
  /** Opts a person out by a text message: adds the number to the list and sends the webhook, by default of STOP. */
  receiveStop(url: string, spec: WebhookSpec): Promise<WebhookResult>;
  /** Sends a webhook. Rejects if the receiver cannot be reached. */
  sendWebhook(url: string, spec: WebhookSpec): Promise<WebhookResult>;
  /** Sends the pending receipts and statuses. If the receiver cannot be reached, it rejects, and they stay pending. */
  deliverReceipts(url: string): Promise<readonly WebhookResult[]>;
  /** Stops the server and closes its connections. */
  close(): Promise<void>;
}

/** The APIs that report later that a message was refused. */
const REPORTING_APIS: readonly string[] = ['sms', 'alert', 'marketing', 'messages'];

/**
 * Starts a simulator on loopback.
 *
 * @throws RangeError if `optOuts` is a count that is no integer from 0 to ten million.
 *
 * @example
 * const simulator = await startSimulator({ optOuts: ['15551230001'] });
 * const { url: baseUrl, apiKey, apiSecret } = simulator;
 * const guard = createGuard({ provider: vonage({ apiKey, apiSecret, baseUrl }) });
 * await guard.ready();
 * guard.canSend('15551230001'); // false
 * await guard.close();
 * await simulator.close();
 */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const { apiKey = 'test-key', apiSecret = 'test-secret', now = Date.now, port = 0 } = options;
  const signature = options.signature ?? { secret: DEFAULT_SIGNATURE_SECRET, method: 'sha256' };
  const list = createOptOutList(options.optOuts ?? [], now);
  Object.assign(list.behaviour, { pageCap: options.pageCap, lagMs: options.listLagMs });
  const requests: RecordedRequest[] = [];
  const messages: SentMessage[] = [];
  const pendingReceipts: SentMessage[] = [];
  const faults = createFaultScript();
  let isDown = false;

  function send(message: SentMessage): void {
    messages.push(message);
    if (message.isOptedOut && REPORTING_APIS.includes(message.api)) pendingReceipts.push(message);
  }

  /** Carries a request out, unless its fault replaces the reply. */
  function answerTo(request: RecordedRequest, fault: Fault): Answer {
    const { endpoint, inputs } = request;
    if (replacesReply(fault)) return fault.throttle ? throttled(endpoint) : { status: 200, body: '{}' };
    const isAllowed = endpoint === 'unknown' || isAuthenticated(request, { apiKey, apiSecret, signature });
    return isAllowed ? answerOf(endpoint, inputs, { list, now, send }) : unauthorized(endpoint);
  }

  const server = createServer((req, res) => {
    void (async () => {
      if (isDown) return void res.destroy();
      const recorded = await record(req, now);
      requests.push(recorded);
      const { endpoint, path, inputs } = recorded;
      const page = endpoint === 'query' ? Number(inputs['page'] ?? 0) : undefined;
      const fault = faults.take({ endpoint, path, page }) ?? {};
      await reply(res, answerTo(recorded, fault), fault, now);
      if (page !== undefined) list.behaviour.afterPage?.(page);
    })().catch(() => res.destroy());
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  async function sendWebhook(target: string, spec: WebhookSpec): Promise<WebhookResult> {
    const webhook = makeWebhook({ ...signature, apiKey, at: now(), ...spec, path: target });
    const { method, headers, body } = webhook;
    const response = await fetch(webhook.url, { method, headers, ...(body === undefined ? {} : { body }) });
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
    pendingReceipts,
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
      for (let next = pendingReceipts.shift(); next !== undefined; next = pendingReceipts.shift()) {
        const { api, to, from, messageId } = next;
        const shape = api === 'messages' ? 'messages-status' : 'sms-receipt';
        const sender = from === undefined ? {} : { sender: from };
        try {
          results.push(await sendWebhook(target, { shape, person: to, messageId, ...sender }));
        } catch (error) {
          pendingReceipts.unshift(next);
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
