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
  /** What the caller was told: `messages[].status`, or the HTTP status where the reply has none of its own. */
  readonly status: string;
  /** Whether the person had opted out: the provider accepts it, and fails it later. */
  readonly isOptedOut: boolean;
}

/** A reply without its faults. */
export interface Answer {
  readonly status: number;
  readonly body: string;
}

export type Inputs = Readonly<Record<string, unknown>>;

/** The answer to credentials that are wrong. */
export function unauthorized(endpoint: EndpointName): Answer {
  if (speaksProblems(endpoint)) {
    return json(401, { title: 'Unauthorized', detail: 'You did not provide correct credentials.' });
  }
  return refusal(endpoint, 200, { status: '4', 'error-text': 'Bad Credentials' });
}

/** The answer to too many requests. */
export function throttled(endpoint: EndpointName): Answer {
  if (speaksProblems(endpoint))
    return json(429, { title: 'Rate Limit Hit', detail: 'Please wait, then retry' });
  return refusal(endpoint, 429, { status: '1', 'error-text': 'Throttled' });
}

const speaksProblems = (endpoint: EndpointName) => endpoint === 'messages' || endpoint === 'verify2';
const isList = (endpoint: EndpointName) => endpoint === 'query' || endpoint === 'manage';

function refusal(endpoint: EndpointName, http: number, said: object): Answer {
  return json(http, isList(endpoint) ? said : { 'message-count': '1', messages: [said] });
}

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
    if (!Number.isInteger(size) || size < 1 || !Number.isInteger(page) || page < 0)
      return json(200, { status: '3', 'error-text': 'Invalid value for parameter' });
    return { status: 200, body: list.page(page, size) };
  }
  if (endpoint === 'manage') {
    const msisdn = text('msisdn') ?? '';
    if (!/^\d{5,15}$/.test(msisdn)) {
      return json(200, {
        'message-count': '1',
        messages: [{ status: '103', 'error-text': 'Invalid msisdn' }],
      });
    }
    list.remove(msisdn);
    return json(200, { msisdn, 'opt-in': 'true', 'opt-in-date': writeDate(now()), 'opt-out': 'false' });
  }

  const recipients =
    endpoint === 'verify2' ? verifyRecipients(inputs) : [text(endpoint === 'verify' ? 'number' : 'to') ?? ''];
  const messageId = randomUUID();
  const isRefused = endpoint === '2fa' && recipients.some((to) => list.has(to));
  const status = isRefused ? '102' : speaksProblems(endpoint) ? '202' : '0';
  for (const to of recipients) {
    const words = { from: text('from'), text: text('text') ?? text('message') };
    send({ api: endpoint, to, ...words, messageId, status, isOptedOut: list.has(to) });
  }
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
      const said = isRefused ? { status, 'error-text': 'Number has opted out' } : { status };
      const costs = { 'remaining-balance': '10.00', 'message-price': '0.03', network: '310090' };
      return json(200, {
        'message-count': '1',
        messages: [{ to: recipients[0], 'message-id': messageId, ...said, ...costs }],
      });
    }
  }
}

/** Everybody in the workflow: each step may be tried. */
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
