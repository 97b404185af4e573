/**
 * Where the recipients of a send stand, for each of the provider's APIs. Pure. Every position that may name one is
 * read; it asks nobody whether a number may be sent to.
 */

import { goesByText } from './channels.ts';
import { isObject, membersOf, type Members } from './send-parameters.ts';
import { verifiedNumbers } from './verified-numbers.ts';

/** Somebody whom a request would send to. */
export interface Recipient {
  /** The number as it was written, of whatever type. */
  readonly number: unknown;
  /** Our number or sender id, where the request names one and no other. */
  readonly from: string | undefined;
}

/** What was found in a request. */
export interface Findings {
  readonly recipients: readonly Recipient[];
  /** Whether it goes out by other channels than text messages. */
  readonly isOther: boolean;
  /** Why there may be recipients that were not found. */
  readonly doubt: string | undefined;
}

/** Finds the recipients in the parameters of a request. */
export type RecipientReader = (sources: readonly Members[]) => Findings;

const NOTHING = { recipients: [], isOther: false, doubt: undefined } as const;
/** Failovers of failovers that are followed. */
const MOST_FAILOVERS = 8;

/** A reader of APIs whose recipients stand at the top, under one name. Several senders are none. */
export function topRecipients(to: string, ...senders: readonly string[]): RecipientReader {
  return (sources) => {
    const from = senderOf(sources, senders);
    const numbers = valuesOf(sources, to).flatMap(numbersIn);
    return { ...NOTHING, recipients: numbers.map((number) => ({ number, from })) };
  };
}

/** A reader of the verification API: with a country, a number may be a national one. */
export function verifiedRecipients(sources: readonly Members[]): Findings {
  const from = senderOf(sources, ['sender_id', 'brand']);
  const written = valuesOf(sources, 'number').flatMap(numbersIn);
  const { numbers, doubt } = verifiedNumbers(written, valuesOf(sources, 'country'));
  return { recipients: numbers.map((number) => ({ number, from })), isOther: false, doubt };
}

/** A reader of the messages API, in its flat and its older nested form, with the messages that it fails over to. */
export function messageRecipients(sources: readonly Members[]): Findings {
  return joined(sources.map((members) => messageIn(members, 0)));
}

function messageIn(members: Members, depth: number): Findings {
  const own = goesByText(channelsOf(members))
    ? topRecipients('to', 'from')([members])
    : { ...NOTHING, isOther: true };
  const failovers = allOf(members, 'failover').flatMap((value) => eachOf(value));
  if (depth === MOST_FAILOVERS && failovers.length > 0) return doubtful('too many failovers');
  // Only what stands alone may have its recipient in another place of the request.
  const isAlone = depth === 0 && failovers.length === 0;
  if (!isAlone && !own.isOther && own.recipients.length === 0) return doubtful('a text names no recipient');
  const next = failovers.map((failover) =>
    isObject(failover) ? messageIn(membersOf(failover), depth + 1) : doubtful('a failover is not a message'),
  );
  return joined([own, ...next]);
}

/** A reader of the newer verification API: each step of its workflow has a channel and a recipient. */
export function workflowRecipients(sources: readonly Members[]): Findings {
  const brand = senderOf(sources, ['brand']);
  const steps = valuesOf(sources, 'workflow').flatMap((value) => eachOf(value));
  return joined(steps.map((step) => (isObject(step) ? stepIn(membersOf(step), brand) : doubtful(NO_STEP))));
}

const NO_STEP = 'a step of the workflow is not an object';

function stepIn(members: Members, brand: string | undefined): Findings {
  if (!goesByText(channelsOf(members))) return { ...NOTHING, isOther: true };
  const { recipients } = topRecipients('to', 'from')([members]);
  if (recipients.length === 0) return doubtful('a step of the workflow names no recipient');
  return { ...NOTHING, recipients: recipients.map(({ number, from = brand }) => ({ number, from })) };
}

/** The channels that a message names, at its top or at its ends. */
function channelsOf(members: Members): readonly unknown[] {
  const nested = [...allOf(members, 'to'), ...allOf(members, 'from')].filter(isObject).map(membersOf);
  return [...allOf(members, 'channel'), ...nested.flatMap((inner) => allOf(inner, 'type'))];
}

/** The numbers of a value: itself, those of an array, that of an object `{ number }`. */
function numbersIn(value: unknown): readonly unknown[] {
  return eachOf(value).flatMap((one) => {
    if (!isObject(one)) return [one];
    const inner = allOf(membersOf(one), 'number');
    // What has no number is a recipient that nobody can read.
    return inner.length === 0 ? [undefined] : inner;
  });
}

/** The one sender that the first of the names has which has any. */
function senderOf(sources: readonly Members[], names: readonly string[]): string | undefined {
  for (const name of names) {
    const values = valuesOf(sources, name).filter((value) => value !== '' && value !== null);
    if (values.length === 0) continue;
    const written = new Set(values.map(writtenSender));
    const [only] = written;
    return written.size === 1 ? only : undefined;
  }
  return undefined;
}

function writtenSender(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return String(value);
  if (!isObject(value)) return undefined;
  const members = membersOf(value);
  const [only, ...others] = [...allOf(members, 'number'), ...allOf(members, 'id')];
  return others.length === 0 && !isObject(only) ? writtenSender(only) : undefined;
}

const allOf = (members: Members, name: string): readonly unknown[] => members.get(name) ?? [];
const valuesOf = (sources: readonly Members[], name: string): readonly unknown[] =>
  sources.flatMap((members) => allOf(members, name));
const eachOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [value]);

function doubtful(doubt: string): Findings {
  return { ...NOTHING, doubt };
}

function joined(all: readonly Findings[]): Findings {
  return {
    recipients: all.flatMap(({ recipients }) => recipients),
    isOther: all.some(({ isOther }) => isOther),
    doubt: all.find(({ doubt }) => doubt !== undefined)?.doubt,
  };
}
