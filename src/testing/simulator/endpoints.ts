/** The replies of the simulated provider's endpoints to authenticated requests. */

import { randomUUID } from 'node:crypto';
import type { EndpointName } from './faults.ts';
import { writeDate, type OptOutList } from './opt-out-list.ts';

/** The endpoints by path. The paths are those of the provider. */
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

/** A message that the simulator was requested to send. */
export interface SentMessage {
  /** The endpoint of the request. */
  readonly api: EndpointName;
  /** The recipient, as it was written. */
  readonly to: string;
  readonly from: string | undefined;
  readonly text: string | undefined;
  readonly messageId: string;
  /** The status in the reply: `messages[].status`, or the HTTP status if the reply has no status of its own. */
  readonly status: string;
  /** Whether the person had opted out: the provider accepts such a message and reports its failure later. */
  readonly isOptedOut: boolean;
}

/** A reply, before a fault changes it. */
export interface Answer {
  readonly status: number;
  readonly body: string;
}

export type Inputs = Readonly<Record<string, unknown>>;

/** Returns the reply to wrong credentials. */
export function unauthorized(endpoint: EndpointName): Answer {
  if (usesProblemJson(endpoint)) {
    return json(401, { title: 'Unauthorized', detail: 'You did not provide correct credentials.' });
  }
  return refusal(endpoint, 200, { status: '4', 'error-text': 'Bad Credentials' });
}

/** Returns the reply to too many requests. */
export function throttled(endpoint: EndpointName): Answer {
  if (usesProblemJson(endpoint))
    return json(429, { title: 'Rate Limit Hit', detail: 'Please wait, then retry' });
  return refusal(endpoint, 429, { status: '1', 'error-text': 'Throttled' });
}

const usesProblemJson = (endpoint: EndpointName) => endpoint === 'messages' || endpoint === 'verify2';
const isListEndpoint = (endpoint: EndpointName) => endpoint === 'query' || endpoint === 'manage';

function refusal(endpoint: EndpointName, httpStatus: number, error: object): Answer {
  return json(httpStatus, isListEndpoint(endpoint) ? error : { 'message-count': '1', messages: [error] });
}

/**
 * Returns the reply of an endpoint to a request, and changes the list if the request does.
 *
 * @param ports.send called for each message of the request.
 */
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
  const status = isRefused ? '102' : usesProblemJson(endpoint) ? '202' : '0';
  for (const to of recipients) {
    const content = { from: text('from'), text: text('text') ?? text('message') };
    send({ api: endpoint, to, ...content, messageId, status, isOptedOut: list.has(to) });
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
      const result = isRefused ? { status, 'error-text': 'Number has opted out' } : { status };
      const costs = { 'remaining-balance': '10.00', 'message-price': '0.03', network: '310090' };
      return json(200, {
        'message-count': '1',
        messages: [{ to: recipients[0], 'message-id': messageId, ...result, ...costs }],
      });
    }
  }
}

/** Returns the recipients of all steps of a workflow: the provider may try each of them. */
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
