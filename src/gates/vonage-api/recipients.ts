/**
 * Finds the recipients in the parameters of a send, for each of the provider's APIs. Pure. It reads every parameter
 * that may name a recipient, and does not check whether a number may be sent to.
 */

import { canBeText } from './channels.ts';
import { isObject, membersOf, type Members } from './parameters.ts';
import { verificationNumbers } from './verify-numbers.ts';

/** A recipient that a request would send to. */
export interface Recipient {
  /** The number as it was written, of any type. */
  readonly number: unknown;
  /** Our number or sender id, if the request names exactly one. */
  readonly from: string | undefined;
}

/** The recipients that were found in a request. */
export interface Findings {
  readonly recipients: readonly Recipient[];
  /**
   * Whether the request is allowed to name no recipient: it, or a part of it, sends by a channel that carries no text
   * messages, or a rule says that it is no send.
   */
  readonly needsNoRecipient: boolean;
  /** Why there may be recipients that were not found; `undefined` if there are none. */
  readonly doubt: string | undefined;
}

/** Finds the recipients in the parameters of a request. */
export type RecipientReader = (sources: readonly Members[]) => Findings;

const NOTHING = { recipients: [], needsNoRecipient: false, doubt: undefined } as const;
/** The greatest depth of nested failovers that is read. */
const MAX_FAILOVER_DEPTH = 8;

/**
 * Returns a reader for APIs that have their recipients in one parameter at the top level.
 *
 * @param senders names of the parameters for our number; the first one that has a value counts. If it has several
 * different values, no sender is known.
 */
export function topRecipients(to: string, ...senders: readonly string[]): RecipientReader {
  return (sources) => {
    const from = senderOf(sources, senders);
    const numbers = valuesOf(sources, to).flatMap(numbersIn);
    return { ...NOTHING, recipients: numbers.map((number) => ({ number, from })) };
  };
}

/**
 * Reads a request to the verification API. If it names a country, a number may be a national one. The provider chooses
 * the sender of such a text, whatever brand or sender id the request names, so every list is checked.
 */
export function verificationRecipients(sources: readonly Members[]): Findings {
  const written = valuesOf(sources, 'number').flatMap(numbersIn);
  const { numbers, doubt } = verificationNumbers(written, valuesOf(sources, 'country'));
  return {
    recipients: numbers.map((number) => ({ number, from: undefined })),
    needsNoRecipient: false,
    doubt,
  };
}

/** Reads a request to the messages API, in its flat and its older nested form, and its failover messages. */
export function messageRecipients(sources: readonly Members[]): Findings {
  return merge(sources.map((members) => readMessage(members, 0)));
}

function readMessage(members: Members, depth: number): Findings {
  const own = canBeText(channelsOf(members))
    ? topRecipients('to', 'from')([members])
    : { ...NOTHING, needsNoRecipient: true };
  const failovers = allOf(members, 'failover').flatMap(asArray).filter(isNotNull);
  if (depth === MAX_FAILOVER_DEPTH && failovers.length > 0) return doubtful('too many failovers');
  // A message without failovers may have its recipient in another source: in the query instead of the body.
  const isAlone = depth === 0 && failovers.length === 0;
  if (!isAlone && !own.needsNoRecipient && own.recipients.length === 0)
    return doubtful('a text names no recipient');
  const others = failovers.map((failover) =>
    isObject(failover)
      ? readMessage(membersOf(failover), depth + 1)
      : doubtful('a failover is not a message'),
  );
  return merge([own, ...others]);
}

/**
 * Reads a request to the newer verification API: each step of its workflow has a channel and a recipient. The `brand`
 * is a name in the text, not a sender. For a step without its own sender, every list is checked.
 */
export function workflowRecipients(sources: readonly Members[]): Findings {
  const steps = valuesOf(sources, 'workflow').flatMap(asArray).filter(isNotNull);
  return merge(steps.map((step) => (isObject(step) ? readStep(membersOf(step)) : doubtful(NO_STEP))));
}

const NO_STEP = 'a step of the workflow is not an object';

function readStep(members: Members): Findings {
  if (!canBeText(channelsOf(members))) return { ...NOTHING, needsNoRecipient: true };
  const { recipients } = topRecipients('to', 'from')([members]);
  if (recipients.length === 0) return doubtful('a step of the workflow names no recipient');
  return { ...NOTHING, recipients };
}

/**
 * Reads a request to the dispatch API, whose messages are the steps of a workflow. The `failover` of a step says when
 * the next step is taken. If it names a recipient, that recipient is included too.
 */
export function dispatchRecipients(sources: readonly Members[]): Findings {
  const steps = valuesOf(sources, 'workflow').flatMap(asArray).filter(isNotNull);
  return merge(steps.map(readDispatchStep));
}

function readDispatchStep(step: unknown): Findings {
  if (!isObject(step)) return doubtful(NO_STEP);
  const members = membersOf(step);
  const failovers = allOf(members, 'failover').flatMap(asArray).filter(isObject).map(membersOf);
  const withRecipient = failovers.filter((failover) => failover.has('to'));
  return merge([readStep(members), ...withRecipient.map(readStep)]);
}

/** Returns the channels that a message names: in `channel`, or as the `type` of its `to` and `from`. */
function channelsOf(members: Members): readonly unknown[] {
  const nested = [...allOf(members, 'to'), ...allOf(members, 'from')].filter(isObject).map(membersOf);
  return [...allOf(members, 'channel'), ...nested.flatMap((inner) => allOf(inner, 'type'))];
}

/** Returns the numbers in a value: a number itself, those of an array, that of an object `{ number }`. */
function numbersIn(value: unknown): readonly unknown[] {
  return asArray(value).flatMap((one) => {
    if (!isObject(one)) return [one];
    const inner = allOf(membersOf(one), 'number');
    // An object without a number counts as a recipient that cannot be read.
    return inner.length === 0 ? [undefined] : inner;
  });
}

/** Returns the sender under the first name that has a value; `undefined` if it has several different values. */
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
const asArray = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [value]);
/** A member that is `null` counts as missing. */
const isNotNull = (value: unknown) => value !== null;

function doubtful(doubt: string): Findings {
  return { ...NOTHING, doubt };
}

function merge(all: readonly Findings[]): Findings {
  return {
    recipients: all.flatMap(({ recipients }) => recipients),
    needsNoRecipient: all.some(({ needsNoRecipient }) => needsNoRecipient),
    doubt: all.find(({ doubt }) => doubt !== undefined)?.doubt,
  };
}
