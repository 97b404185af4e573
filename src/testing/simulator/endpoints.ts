/** What each endpoint of the simulated provider answers to a request that got in. */

import { randomUUID } from 'node:crypto';
import type { EndpointName } from './faults.ts';
import { writeDate, type OptOutList } from './opt-out-list.ts';

/** The paths, which are the provider's. */
export const PATHS: Readonly<Record<string, EndpointName>> = {
  '/sc/us/alert/opt-in/query/json': 'query',
  '/sc/us/alert/opt-in/manage/json': 'manage',
  '/sms/json': 'sms',
  '/sc/us/alert/json': 'alert',
  '/sc/us/2fa/json': '2fa',
  '/sc/us/marketing/json': 'marketing',
  '/v1/messages': 'messages',
  '/verify/json': 'verify',
  '/v2/verify': 'verify2',
};

/** A message that somebody asked the provider to send. */
export interface SentMessage {
  readonly api: EndpointName;
  readonly to: string;
  readonly from: string | undefined;
  readonly text: string | undefined;
  readonly messageId: string;
  /** Whether the person had opted out: the provider accepts it, and fails it later. */
  readonly isOptedOut: boolean;
}

export interface Answer {
  readonly status: number;
  readonly body: string;
}

export type Inputs = Readonly<Record<string, unknown>>;

/** The answer to credentials that are wrong. */
export function unauthorized(endpoint: EndpointName): Answer {
  if (endpoint === 'messages' || endpoint === 'verify2') {
    return json(401, { title: 'Unauthorized', detail: 'You did not provide correct credentials.' });
  }
  const refusal = { status: '4', 'error-text': 'Bad Credentials' };
  return json(200, isList(endpoint) ? refusal : { 'message-count': '1', messages: [refusal] });
}

const isList = (endpoint: EndpointName) => endpoint === 'query' || endpoint === 'manage';

/** Answers; `send` is told of every message. */
export function answerOf(
  endpoint: EndpointName,
  inputs: Inputs,
  { list, now, send }: { list: OptOutList; now: () => number; send: (message: SentMessage) => void },
): Answer {
  const text = (name: string) => {
    const value = inputs[name];
    return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
  };
  if (endpoint === 'unknown') return json(404, { title: 'Not Found' });
  if (endpoint === 'query') {
    const size = Number(text('page-size') ?? 100);
    const page = Number(text('page') ?? 0);
    if (!(size >= 1) || !(page >= 0))
      return json(200, { status: '3', 'error-text': 'Invalid value for parameter' });
    return { status: 200, body: list.page(page, size) };
  }
  if (endpoint === 'manage') {
    const msisdn = text('msisdn') ?? '';
    if (!/^[1-9]\d{4,14}$/.test(msisdn)) {
      return json(200, {
        'message-count': '1',
        messages: [{ status: '103', 'error-text': 'Invalid msisdn' }],
      });
    }
    list.remove(msisdn);
    return json(200, { msisdn, 'opt-in': 'true', 'opt-in-date': writeDate(now()), 'opt-out': 'false' });
  }

  const [to = ''] =
    endpoint === 'verify2' ? verifyRecipients(inputs) : [text(endpoint === 'verify' ? 'number' : 'to')];
  const messageId = randomUUID();
  const isOptedOut = list.has(to);
  send({
    api: endpoint,
    to,
    from: text('from'),
    text: text('text') ?? text('message'),
    messageId,
    isOptedOut,
  });
  switch (endpoint) {
    case 'messages':
      return json(202, { message_uuid: messageId });
    case 'verify':
      return json(200, { request_id: messageId, status: '0' });
    case 'verify2':
      return json(202, { request_id: messageId });
    case 'sms':
    case 'alert':
    case '2fa':
    case 'marketing': {
      const isRefused = endpoint === '2fa' && isOptedOut;
      const status = isRefused ? { status: '102', 'error-text': 'Number has opted out' } : { status: '0' };
      const costs = { 'remaining-balance': '10.00', 'message-price': '0.03', network: '310090' };
      return json(200, {
        'message-count': '1',
        messages: [{ to, 'message-id': messageId, ...status, ...costs }],
      });
    }
  }
}

function verifyRecipients(inputs: Inputs): string[] {
  const workflow: unknown[] = Array.isArray(inputs['workflow']) ? inputs['workflow'] : [];
  return workflow.flatMap((step) => {
    const to: unknown = typeof step === 'object' && step !== null && 'to' in step ? step.to : undefined;
    return typeof to === 'string' ? [to] : [];
  });
}

function json(status: number, body: unknown): Answer {
  return { status, body: JSON.stringify(body) };
}
