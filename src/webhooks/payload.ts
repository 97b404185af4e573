/**
 * Reads a request's parameters as an event. Pure. Events are recognised by their shape: the same URL may receive
 * messages, receipts and statuses of both APIs. The person's number is `msisdn` in the SMS API, `from` in inbound
 * messages of the Messages API, and `to` in its statuses.
 */

import { readInstant } from '../dates.ts';
import { READ_NAMES } from './parameters.ts';
import type { Parameters } from './request.ts';

/** The event of a webhook. Numbers are as they were written; times are ms UTC. */
export type PayloadEvent = MessageEvent | RefusalEvent | { readonly kind: 'other' };

/** The change that an event makes. Times are ms UTC. */
export interface WebhookChange {
  readonly direction: 'out' | 'in';
  /** Digits. */
  readonly msisdn: string;
  /** Our number that the message was sent to or came from, as it was written. */
  readonly sender?: string | undefined;
  /** When the person acted, by the provider's clock. */
  readonly at?: number | undefined;
  readonly source: 'inbound' | 'receipt';
  readonly messageId?: string | undefined;
  readonly text?: string | undefined;
  /** The rule that found the opt-out in the text, and the words that it matched. For people to read. */
  readonly reason?: string | undefined;
  /** Whether it is authenticated: its webhook is signed, or `parse` has checked it. */
  readonly isProven: boolean;
  /** Whether it is an opt-in without a time, or older than the replay window: such an opt-in proves nothing. */
  readonly isStale?: boolean;
}

/** A message from a person. */
export interface MessageEvent {
  readonly kind: 'message';
  /** The person's number. */
  readonly person: string | undefined;
  /** Our number. */
  readonly sender: string | undefined;
  readonly texts: readonly string[];
  /** Whether the texts are decoded by guess, a first word or an unknown part: they may block, and prove nothing. */
  readonly isGuessed: boolean;
  readonly at: number | undefined;
  readonly messageId: string | undefined;
  readonly part: MessagePart | undefined;
}

/** A receipt or status that says that the person has opted out. */
export interface RefusalEvent {
  readonly kind: 'refusal';
  /** The person's number. */
  readonly person: string | undefined;
  /** Our number. */
  readonly sender: string | undefined;
  readonly at: number | undefined;
  readonly messageId: string | undefined;
}

/** One part of a message of several parts. `index` counts from 1; some senders count from 0. */
export interface MessagePart {
  /** The text, untrimmed: the spaces at its ends belong to the message. */
  readonly text: string;
  readonly ref: string;
  readonly total: number;
  readonly index: number;
}

const SMS_CHANNELS: readonly string[] = ['sms', 'mms'];
/** `err-code` 9; some senders write it with leading zeros. */
const SMS_OPTED_OUT = /^0*9$/;
/** The title of a status's error. */
const MESSAGES_OPTED_OUT = '1240';

/** Returns whether a parameter that is read occurs more than once. */
export function isAmbiguous({ repeated }: Parameters): boolean {
  return [...repeated].some((name) => READ_NAMES.has(name));
}

/** Reads the event in the parameters. Never throws. */
export function readPayload({ values }: Parameters): PayloadEvent {
  if (textOf(values.get('msisdn')) !== undefined) return readSms(values);
  const hasOneOf = (...names: string[]) => names.some((name) => textOf(values.get(name)) !== undefined);
  if (hasOneOf('message_uuid', 'channel') || (values.has('from') && values.has('to')))
    return readMessages(values);
  // A message without a number: if it is an opt-out, it is refused as unreadable instead of being ignored.
  return hasOneOf('messageId', 'message-timestamp') ? readSms(values) : { kind: 'other' };
}

function readSms(values: ReadonlyMap<string, unknown>): PayloadEvent {
  const common = {
    person: textOf(values.get('msisdn')),
    sender: textOf(values.get('to')),
    at: readInstant(textOf(values.get('message-timestamp'))),
    messageId: textOf(values.get('messageId')),
  };
  const isBinary = textOf(values.get('type'))?.toLowerCase() === 'binary';
  const text = textOf(values.get('text'));
  const textOrKeyword = text ?? textOf(values.get('keyword'));
  const guesses = isBinary ? decodeGuesses(textOf(values.get('data'))) : [];
  const part = readPart(values, text === undefined ? (textOrKeyword ?? guesses[0]) : undefined);
  const texts = textOrKeyword === undefined ? guesses : [textOrKeyword, ...guesses];
  if (texts.length > 0 || part !== undefined) {
    // A keyword is only the first word of a text. A part without a readable index is only a part of one.
    const isUnknownPart = part === undefined && isMarkedPart(values);
    const isGuessed = text === undefined || isBinary || isUnknownPart;
    return { kind: 'message', ...common, texts, isGuessed, part };
  }
  return SMS_OPTED_OUT.test(textOf(values.get('err-code')) ?? '')
    ? { kind: 'refusal', ...common }
    : { kind: 'other' };
}

function readMessages(values: ReadonlyMap<string, unknown>): PayloadEvent {
  const to = numberOf(values.get('to'));
  const from = numberOf(values.get('from'));
  const channel =
    textOf(values.get('channel')) ??
    textOf(member(values.get('to'), 'type')) ??
    textOf(member(values.get('from'), 'type'));
  if (channel !== undefined && !SMS_CHANNELS.includes(channel.toLowerCase())) return { kind: 'other' };
  const common = {
    at: readInstant(textOf(values.get('timestamp'))),
    messageId: textOf(values.get('message_uuid')),
  };
  const ownTexts = personTexts(Object.fromEntries(values));
  const keyword = textOf(member(values.get('sms'), 'keyword')) ?? textOf(values.get('keyword'));
  const texts = ownTexts.length === 0 && keyword !== undefined ? [keyword] : ownTexts;
  if (texts.length > 0) {
    const message = { person: from, sender: to, texts, part: undefined };
    return { kind: 'message', ...common, ...message, isGuessed: ownTexts.length === 0 };
  }
  const isOptedOut = codesOf(values.get('error')).includes(MESSAGES_OPTED_OUT);
  return textOf(values.get('status')) !== undefined && isOptedOut
    ? { kind: 'refusal', ...common, person: to, sender: from }
    : { kind: 'other' };
}

/** Members of a message that may contain the person's text. */
const TEXT_CONTAINERS = ['message', 'content', 'image', 'video', 'audio', 'file', 'vcard'];

/** How deep texts and errors are searched for; the provider nests them three deep. */
const MAX_DEPTH = 8;

/**
 * Returns the person's texts, and the captions of pictures and files. The versions of the API nest them in different
 * members.
 */
function personTexts(value: unknown, depth = 0): readonly string[] {
  if (depth > MAX_DEPTH) return [];
  if (Array.isArray(value)) return value.flatMap((item) => personTexts(item, depth + 1));
  const texts = [member(value, 'text'), member(value, 'caption')].map(textOf);
  const nested = TEXT_CONTAINERS.flatMap((name) => {
    const inner = member(value, name);
    return typeof inner === 'object' ? personTexts(inner, depth + 1) : [];
  });
  return [...new Set([...texts.filter((text) => text !== undefined), ...nested])];
}

/** Returns the codes of an error and of the errors nested in it. */
function codesOf(error: unknown, depth = 0): readonly (string | undefined)[] {
  if (depth > MAX_DEPTH) return [];
  const codes = [member(error, 'title'), member(error, 'code'), afterHash(member(error, 'type'))].map(textOf);
  return [...codes, ...codesOf(member(error, 'error'), depth + 1)];
}

/** Returns a string, trimmed, or a number as text; `undefined` for an empty string and every other value. */
function textOf(value: unknown): string | undefined {
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
  return textOf(value) ?? textOf(member(value, 'number'));
}

function afterHash(value: unknown): unknown {
  return typeof value === 'string' ? value.split('#')[1] : undefined;
}

/** Returns whether a message is marked as one of several parts, even if its index cannot be read. */
function isMarkedPart(values: ReadonlyMap<string, unknown>): boolean {
  const [concat, ref, total] = ['concat', 'concat-ref', 'concat-total'].map((name) =>
    textOf(values.get(name)),
  );
  return total !== '1' && (ref !== undefined || (concat !== undefined && concat.toLowerCase() !== 'false'));
}

/** Reads a part of a message. Its text is `substitute`, if given, else the parameter `text`, untrimmed. */
function readPart(
  values: ReadonlyMap<string, unknown>,
  substitute: string | undefined,
): MessagePart | undefined {
  const untrimmed = values.get('text');
  const text = substitute ?? (typeof untrimmed === 'string' ? untrimmed : textOf(untrimmed));
  const ref = textOf(values.get('concat-ref'));
  const total = Number(textOf(values.get('concat-total')));
  const index = Number(textOf(values.get('concat-part')));
  const isPart = ref !== undefined && Number.isInteger(total) && Number.isInteger(index);
  return text !== undefined && isPart && total > 1 && total <= 255 && index >= 0 && index <= total
    ? { text, ref, total, index }
    : undefined;
}

/** Decodes binary data, which is written in hex, in each encoding that it may have. */
function decodeGuesses(hex = ''): readonly string[] {
  if (!/^(?:[\da-f]{2})+$/i.test(hex)) return [];
  const bytes = Buffer.from(hex, 'hex');
  const utf16 = bytes.length % 2 === 0 ? [Buffer.from(bytes).swap16().toString('utf16le')] : [];
  return [bytes.toString('utf8'), bytes.toString('latin1'), ...utf16];
}
