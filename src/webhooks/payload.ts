/**
 * A request's parameters as an event, told apart by shape: the same URL may receive messages, receipts and statuses
 * of both APIs. Pure. Who the person is differs: `msisdn` and the Messages API's inbound `from`, but the `to` of its
 * statuses.
 */

import { readTime } from '../dates.ts';
import type { Parameters } from './parameters.ts';

/** What a request tells. Numbers as they came; times in ms UTC. */
export type PayloadEvent = MessageEvent | RefusalEvent | { readonly kind: 'other' };

/** A message from a person. */
export interface MessageEvent {
  readonly kind: 'message';
  readonly person: string | undefined;
  readonly sender: string | undefined;
  readonly texts: readonly string[];
  /** Whether the text is a guess, a first word or a piece: it may block, and proves nothing. */
  readonly isGuessed: boolean;
  readonly at: number | undefined;
  readonly messageId: string | undefined;
  readonly part: MessagePart | undefined;
}

/** A receipt or status that says that the person has opted out. */
export interface RefusalEvent {
  readonly kind: 'refusal';
  readonly person: string | undefined;
  readonly sender: string | undefined;
  readonly at: number | undefined;
  readonly messageId: string | undefined;
}

/** A text and its place in a message of several parts; `index` counts from 1. */
export interface MessagePart {
  readonly text: string;
  readonly ref: string;
  readonly total: number;
  readonly index: number;
}

/** Names whose meaning hangs on them occurring once. */
const READ_NAMES = [
  ...['msisdn', 'to', 'from', 'text', 'keyword', 'type', 'data', 'messageId', 'message-timestamp', 'sig'],
  ...['timestamp', 'nonce', 'api-key', 'err-code', 'status', 'concat', 'concat-ref', 'concat-total'],
  ...['concat-part', 'message_uuid', 'channel', 'message', 'sms', 'error'],
];
const SMS_CHANNELS: readonly string[] = ['sms', 'mms'];
const SMS_REFUSED = '9';
const MESSAGES_REFUSED = '1240';

/** Whether a parameter that is read here occurs twice. */
export function isAmbiguous({ repeated }: Parameters): boolean {
  return READ_NAMES.some((name) => repeated.has(name));
}

/** Reads what the parameters tell. Never throws. */
export function readPayload({ values }: Parameters): PayloadEvent {
  if (word(values.get('msisdn')) !== undefined) return readSms(values);
  const has = (...names: string[]) => names.some((name) => word(values.get(name)) !== undefined);
  if (has('message_uuid', 'channel') || (values.has('from') && values.has('to'))) return readMessages(values);
  // An opt-out of nobody must not be answered as if it were done.
  return has('messageId', 'message-timestamp') ? readSms(values) : { kind: 'other' };
}

function readSms(values: ReadonlyMap<string, unknown>): PayloadEvent {
  const common = {
    person: word(values.get('msisdn')),
    sender: word(values.get('to')),
    at: readTime(word(values.get('message-timestamp'))),
    messageId: word(values.get('messageId')),
  };
  const isBinary = word(values.get('type'))?.toLowerCase() === 'binary';
  const written = word(values.get('text')) ?? word(values.get('keyword'));
  const guesses = isBinary ? guessTexts(word(values.get('data'))) : [];
  const first = written ?? guesses[0];
  if (first !== undefined) {
    const texts = written === undefined ? guesses : [written, ...guesses];
    const part = readPart(values, first);
    // A keyword is the first word of something, and a part whose place is unknown a piece of it.
    const isPiece = part === undefined && isMarkedPart(values);
    const isGuessed = word(values.get('text')) === undefined || isBinary || isPiece;
    return { kind: 'message', ...common, texts, isGuessed, part };
  }
  return word(values.get('err-code')) === SMS_REFUSED ? { kind: 'refusal', ...common } : { kind: 'other' };
}

function readMessages(values: ReadonlyMap<string, unknown>): PayloadEvent {
  const to = numberOf(values.get('to'));
  const from = numberOf(values.get('from'));
  const channel =
    word(values.get('channel')) ??
    word(member(values.get('to'), 'type')) ??
    word(member(values.get('from'), 'type'));
  if (channel !== undefined && !SMS_CHANNELS.includes(channel.toLowerCase())) return { kind: 'other' };
  const common = {
    at: readTime(word(values.get('timestamp'))),
    messageId: word(values.get('message_uuid')),
  };
  const content = member(values.get('message'), 'content');
  const written = word(values.get('text')) ?? word(member(content, 'text'));
  const text = written ?? word(member(values.get('sms'), 'keyword')) ?? word(values.get('keyword'));
  if (text !== undefined) {
    const message = { person: from, sender: to, texts: [text], part: undefined };
    return { kind: 'message', ...common, ...message, isGuessed: written === undefined };
  }
  const error = values.get('error');
  const codes = [member(error, 'title'), member(error, 'code'), afterHash(member(error, 'type'))].map(word);
  return values.has('status') && codes.includes(MESSAGES_REFUSED)
    ? { kind: 'refusal', ...common, person: to, sender: from }
    : { kind: 'other' };
}

/** A value that is text or a number, trimmed; empty is none. */
function word(value: unknown): string | undefined {
  if (typeof value === 'number' && Number.isFinite(value)) return String(value);
  const trimmed = typeof value === 'string' ? value.trim() : '';
  return trimmed === '' ? undefined : trimmed;
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined;
}

function numberOf(value: unknown): string | undefined {
  return word(value) ?? word(member(value, 'number'));
}

function afterHash(value: unknown): unknown {
  return typeof value === 'string' ? value.split('#')[1] : undefined;
}

/** Whether a message says that it is one of several parts, soundly or not. */
function isMarkedPart(values: ReadonlyMap<string, unknown>): boolean {
  const [concat, ref, total] = ['concat', 'concat-ref', 'concat-total'].map((name) => word(values.get(name)));
  return total !== '1' && (ref !== undefined || (concat !== undefined && concat.toLowerCase() !== 'false'));
}

function readPart(values: ReadonlyMap<string, unknown>, text: string): MessagePart | undefined {
  const ref = word(values.get('concat-ref'));
  const total = Number(word(values.get('concat-total')));
  const index = Number(word(values.get('concat-part')));
  const isPart = ref !== undefined && Number.isInteger(total) && Number.isInteger(index);
  return isPart && total > 1 && total <= 255 && index >= 1 && index <= total
    ? { text, ref, total, index }
    : undefined;
}

/** Binary data comes in hex; which encoding is inside is not said. */
function guessTexts(hex: string | undefined): readonly string[] {
  if (hex === undefined || !/^(?:[\da-f]{2})+$/i.test(hex)) return [];
  const bytes = Buffer.from(hex, 'hex');
  const wide = bytes.length % 2 === 0 ? [Buffer.from(bytes).swap16().toString('utf16le')] : [];
  return [bytes.toString('utf8'), bytes.toString('latin1'), ...wide];
}
