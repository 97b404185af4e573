/**
 * The provider as a real HTTP server on loopback, written from its documentation and from nothing else: it shares no
 * code with the client, so that each is a witness against the other. It records everything it receives.
 */

import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PATHS, answerOf, unauthorized, type Inputs, type SentMessage } from './endpoints.ts';
import { createFaultScript, reply, type EndpointName, type Fault } from './faults.ts';
import { createOptOutList, type OptOutList } from './opt-out-list.ts';
import { makeSig, type SigMethod } from './signing.ts';
import { DEFAULT_SIGNATURE_SECRET, makeWebhook, type WebhookSpec } from './webhook-request.ts';

/** Options of {@link startSimulator}. */
export interface SimulatorOptions {
  /** Who has opted out: numbers, or how many generated ones (15550000000 and on). Default none. */
  readonly optOuts?: Iterable<string> | number;
  /** Default `test-key`. */
  readonly apiKey?: string;
  /** Default `test-secret`. */
  readonly apiSecret?: string;
  /** For signed requests and webhooks. Default `test-signature-secret` and `sha256`. */
  readonly signature?: { readonly secret: string; readonly method: SigMethod };
  /** Default: any free one. */
  readonly port?: number;
  /** ms UTC. Default the machine's clock. */
  readonly now?: () => number;
}

/** A request as it came. */
export interface RecordedRequest {
  readonly endpoint: EndpointName;
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
  /** Parameters of query and body. */
  readonly inputs: Inputs;
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
  /** The next replies go wrong. */
  fault(fault: Fault): void;
  clearFaults(): void;
  /** Breaks every connection, or answers again. */
  setDown(isDown: boolean): void;
  /** A person texts one of the provider's opt-out words: the list changes and the webhook is sent. */
  receiveStop(url: string, spec: WebhookSpec): Promise<WebhookResult>;
  /** Sends a webhook. */
  sendWebhook(url: string, spec: WebhookSpec): Promise<WebhookResult>;
  /** Sends the receipts and statuses of messages to people who had opted out. */
  deliverReceipts(url: string): Promise<readonly WebhookResult[]>;
  close(): Promise<void>;
}

const MAX_BODY = 1024 * 1024;

/** Starts a simulator on loopback. */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const { apiKey = 'test-key', apiSecret = 'test-secret', now = Date.now, port = 0 } = options;
  const signature = options.signature ?? { secret: DEFAULT_SIGNATURE_SECRET, method: 'sha256' };
  const list = createOptOutList(options.optOuts ?? [], now);
  const requests: RecordedRequest[] = [];
  const messages: SentMessage[] = [];
  const receipts: SentMessage[] = [];
  const faults = createFaultScript();
  let isDown = false;

  function isKnown({ headers, inputs }: RecordedRequest): boolean {
    const authorization = headers['authorization'] ?? '';
    if (/^Bearer \S+/.test(String(authorization))) return true;
    const basic = `Basic ${Buffer.from(`${apiKey}:${apiSecret}`).toString('base64')}`;
    if (authorization === basic) return true;
    if (inputs['api_key'] !== apiKey) return false;
    if (typeof inputs['sig'] !== 'string') return inputs['api_secret'] === apiSecret;
    const signed = Object.fromEntries(Object.entries(inputs).map(([name, value]) => [name, String(value)]));
    return makeSig(signed, signature.secret, signature.method) === inputs['sig'].toLowerCase();
  }

  function send(message: SentMessage): void {
    messages.push(message);
    if (message.isOptedOut && message.api !== '2fa') receipts.push(message);
  }

  const server = createServer((req, res) => {
    void (async () => {
      if (isDown) return void res.destroy();
      const recorded = await record(req);
      requests.push(recorded);
      const { endpoint, inputs } = recorded;
      const page = endpoint === 'query' ? Number(inputs['page'] ?? 0) : undefined;
      const fault = faults.take(endpoint, page);
      // A fault with a status or a body of its own comes instead of what was asked for.
      const isRefused = fault?.status !== undefined || fault?.isReset === true;
      const real = isRefused
        ? { status: fault.status ?? 500, body: '{}' }
        : isKnown(recorded)
          ? answerOf(endpoint, inputs, { list, now, send })
          : unauthorized(endpoint);
      await reply(res, real, fault);
      if (page !== undefined) list.behaviour.afterPage?.(page);
    })().catch(() => res.destroy());
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  async function sendWebhook(target: string, spec: WebhookSpec): Promise<WebhookResult> {
    const { method, query, headers, body } = makeWebhook({ ...signature, at: now(), ...spec });
    const response = await fetch(target + query, {
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
      for (const { api, to, from, messageId } of receipts.splice(0)) {
        const shape = api === 'messages' ? 'messages-status' : 'sms-receipt';
        const sender = from === undefined ? {} : { sender: from };
        results.push(await sendWebhook(target, { shape, person: to, messageId, ...sender }));
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

async function record(req: IncomingMessage): Promise<RecordedRequest> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of req as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= MAX_BODY) chunks.push(chunk);
  }
  const body = Buffer.concat(chunks).toString('utf8');
  const { method = 'GET', url = '/', headers } = req;
  const { pathname, searchParams } = new URL(url, 'http://127.0.0.1');
  const inputs = { ...Object.fromEntries(searchParams), ...inputsOf(body) };
  const endpoint = PATHS[pathname] ?? 'unknown';
  return { endpoint, method, url, headers, body, inputs };
}

function inputsOf(body: string): Inputs {
  if (!body.trimStart().startsWith('{')) return Object.fromEntries(new URLSearchParams(body));
  try {
    return JSON.parse(body) as Inputs;
  } catch {
    return {};
  }
}
