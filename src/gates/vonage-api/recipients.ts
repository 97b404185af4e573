/**
 * Where the recipients of a send stand, for each of the provider's APIs. Pure. Every position that may name one is
 * read; it asks nobody whether a number may be sent to.
 */

import { goesByText } from './channels.ts';
import { isObject, membersOf, type Members } from './parameters.ts';
import { verifiedNumbers } from './verify-numbers.ts';

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

/**
 * A reader of the verification API: with a country, a number may be a national one. The provider chooses the sender of
 * such a text, whatever brand or sender id the request names: every list is asked.
 */
export function verifiedRecipients(sources: readonly Members[]): Findings {
  const written = valuesOf(sources, 'number').flatMap(numbersIn);
  const { numbers, doubt } = verifiedNumbers(written, valuesOf(sources, 'country'));
  return { recipients: numbers.map((number) => ({ number, from: undefined })), isOther: false, doubt };
}

/** A reader of the messages API, in its flat and its older nested form, with the messages that it fails over to. */
export function messageRecipients(sources: readonly Members[]): Findings {
  return joined(sources.map((members) => messageIn(members, 0)));
}

function messageIn(members: Members, depth: number): Findings {
  const own = goesByText(channelsOf(members))
    ? topRecipients('to', 'from')([members])
    : { ...NOTHING, isOther: true };
  const failovers = allOf(members, 'failover').flatMap(eachOf).filter(isGiven);
  if (depth === MOST_FAILOVERS && failovers.length > 0) return doubtful('too many failovers');
  // Only what stands alone may have its recipient in another place of the request.
  const isAlone = depth === 0 && failovers.length === 0;
  if (!isAlone && !own.isOther && own.recipients.length === 0) return doubtful('a text names no recipient');
  const next = failovers.map((failover) =>
    isObject(failover) ? messageIn(membersOf(failover), depth + 1) : doubtful('a failover is not a message'),
  );
  return joined([own, ...next]);
}

/**
 * A reader of the newer verification API: each step of its workflow has a channel and a recipient. The `brand` is a name
 * in the text and no sender: a step without a sender of its own is asked of every list.
 */
export function workflowRecipients(sources: readonly Members[]): Findings {
  const steps = valuesOf(sources, 'workflow').flatMap(eachOf).filter(isGiven);
  return joined(steps.map((step) => (isObject(step) ? stepIn(membersOf(step)) : doubtful(NO_STEP))));
}

const NO_STEP = 'a step of the workflow is not an object';

function stepIn(members: Members): Findings {
  if (!goesByText(channelsOf(members))) return { ...NOTHING, isOther: true };
  const { recipients } = topRecipients('to', 'from')([members]);
  if (recipients.length === 0) return doubtful('a step of the workflow names no recipient');
  return { ...NOTHING, recipients };
}

/**
 * A reader of the dispatch API, whose messages are the steps of a workflow. The `failover` of a step says when the next
 * step is taken; where it names a recipient, that one is asked about too.
 */
export function dispatchRecipients(sources: readonly Members[]): Findings {
  const steps = valuesOf(sources, 'workflow').flatMap(eachOf).filter(isGiven);
  return joined(steps.map(dispatchStep));
}

function dispatchStep(step: unknown): Findings {
  if (!isObject(step)) return doubtful(NO_STEP);
  const members = membersOf(step);
  const next = allOf(members, 'failover').flatMap(eachOf).filter(isObject).map(membersOf);
  const named = next.filter((failover) => failover.has('to'));
  return joined([stepIn(members), ...named.map(stepIn)]);
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
/** `null` says the same as a member that was left out. */
const isGiven = (value: unknown) => value !== null;

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
