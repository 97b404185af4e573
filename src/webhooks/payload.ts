/**
 * A request's parameters as an event, told apart by shape: the same URL may receive messages, receipts and statuses
 * of both APIs. Pure. Who the person is differs: `msisdn` and the Messages API's inbound `from`, but the `to` of its
 * statuses.
 */

import { readInstant } from '../dates.ts';
import { READ_NAMES } from './parameters.ts';
import type { Parameters } from './request.ts';

/** What a request tells. Numbers as they came; times in ms UTC. */
export type PayloadEvent = MessageEvent | RefusalEvent | { readonly kind: 'other' };

/** A change that a webhook tells. Times in ms UTC. */
export interface WebhookChange {
  readonly direction: 'out' | 'in';
  readonly msisdn: string;
  /** Our number that the message was sent to or came from, as it was written. */
  readonly sender?: string | undefined;
  /** When the person acted, by the provider's clock. */
  readonly at?: number | undefined;
  readonly source: 'inbound' | 'receipt';
  readonly messageId?: string | undefined;
  readonly text?: string | undefined;
  /** Whether it comes from the provider beyond doubt. */
  readonly isProven: boolean;
  /** An opt-in without a time, or older than the replay window: it proves nothing. */
  readonly isStale?: boolean;
}

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

/** A text and its place in a message of several parts: `index` counts from 1, at some senders from 0. */
export interface MessagePart {
  /** As it came: the spaces at its ends belong to the message. */
  readonly text: string;
  readonly ref: string;
  readonly total: number;
  readonly index: number;
}

const SMS_CHANNELS: readonly string[] = ['sms', 'mms'];
/** `err-code` 9; some senders write it with leading zeros. */
const SMS_REFUSED = /^0*9$/;
const MESSAGES_REFUSED = '1240';

/** Whether a parameter that is read here occurs twice. */
export function isAmbiguous({ repeated }: Parameters): boolean {
  return [...repeated].some((name) => READ_NAMES.has(name));
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
    at: readInstant(word(values.get('message-timestamp'))),
    messageId: word(values.get('messageId')),
  };
  const isBinary = word(values.get('type'))?.toLowerCase() === 'binary';
  const text = word(values.get('text'));
  const written = text ?? word(values.get('keyword'));
  const guesses = isBinary ? guessTexts(word(values.get('data'))) : [];
  const part = readPart(values, text === undefined ? (written ?? guesses[0]) : undefined);
  const texts = written === undefined ? guesses : [written, ...guesses];
  if (texts.length > 0 || part !== undefined) {
    // A keyword is the first word of something, and a part whose place is unknown a piece of it.
    const isPiece = part === undefined && isMarkedPart(values);
    const isGuessed = text === undefined || isBinary || isPiece;
    return { kind: 'message', ...common, texts, isGuessed, part };
  }
  return SMS_REFUSED.test(word(values.get('err-code')) ?? '')
    ? { kind: 'refusal', ...common }
    : { kind: 'other' };
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
    at: readInstant(word(values.get('timestamp'))),
    messageId: word(values.get('message_uuid')),
  };
  const written = wordsOf(Object.fromEntries(values));
  const keyword = word(member(values.get('sms'), 'keyword')) ?? word(values.get('keyword'));
  const texts = written.length === 0 && keyword !== undefined ? [keyword] : written;
  if (texts.length > 0) {
    const message = { person: from, sender: to, texts, part: undefined };
    return { kind: 'message', ...common, ...message, isGuessed: written.length === 0 };
  }
  const isRefused = codesOf(values.get('error')).includes(MESSAGES_REFUSED);
  return word(values.get('status')) !== undefined && isRefused
    ? { kind: 'refusal', ...common, person: to, sender: from }
    : { kind: 'other' };
}

/** Members of a message in which what the person wrote may be nested. */
const CONTAINERS = ['message', 'content', 'image', 'video', 'audio', 'file', 'vcard'];

/** How deep words and errors are looked for; the provider nests them three deep. */
const DEEPEST = 8;

/** The words of the person: texts, and captions of pictures and files, wherever the versions of the API put them. */
function wordsOf(value: unknown, depth = 0): readonly string[] {
  if (depth > DEEPEST) return [];
  if (Array.isArray(value)) return value.flatMap((item) => wordsOf(item, depth + 1));
  const written = [member(value, 'text'), member(value, 'caption')].map(word);
  const nested = CONTAINERS.flatMap((name) => {
    const inner = member(value, name);
    return typeof inner === 'object' ? wordsOf(inner, depth + 1) : [];
  });
  return [...new Set([...written.filter((text) => text !== undefined), ...nested])];
}

/** The codes of an error and of the errors inside it. */
function codesOf(error: unknown, depth = 0): readonly (string | undefined)[] {
  if (depth > DEEPEST) return [];
  const codes = [member(error, 'title'), member(error, 'code'), afterHash(member(error, 'type'))].map(word);
  return [...codes, ...codesOf(member(error, 'error'), depth + 1)];
}

/** A value that is text or a number, trimmed; empty is none. */
function word(value: unknown): string | undefined {
  if (Number.isFinite(value)) return String(value);
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

/**
 * The place of a part. Its text is the parameter `text` as it came, unless there is a `substitute` for a blank one.
 */
function readPart(
  values: ReadonlyMap<string, unknown>,
  substitute: string | undefined,
): MessagePart | undefined {
  const given = values.get('text');
  const text = substitute ?? (typeof given === 'string' ? given : word(given));
  const ref = word(values.get('concat-ref'));
  const total = Number(word(values.get('concat-total')));
  const index = Number(word(values.get('concat-part')));
  const isPart = ref !== undefined && Number.isInteger(total) && Number.isInteger(index);
  return text !== undefined && isPart && total > 1 && total <= 255 && index >= 0 && index <= total
    ? { text, ref, total, index }
    : undefined;
}

/** Binary data comes in hex; which encoding is inside is not said. */
function guessTexts(hex = ''): readonly string[] {
  if (!/^(?:[\da-f]{2})+$/i.test(hex)) return [];
  const bytes = Buffer.from(hex, 'hex');
  const wide = bytes.length % 2 === 0 ? [Buffer.from(bytes).swap16().toString('utf16le')] : [];
  return [bytes.toString('utf8'), bytes.toString('latin1'), ...wide];
}
