/**
 * Decides what an event of a webhook changes: from its content, and from how far its sender is trusted. An opt-out may
 * be guessed and unsigned. An opt-in must be a whole, signed message.
 */

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../clock.ts';
import { WebhookError } from '../errors.ts';
import { readMsisdn } from '../msisdn/msisdn.ts';
import { createChangeRecorder, type ChangeSink, type EventResult } from './change-recorder.ts';
import type { KeywordMatch } from './keywords/keyword-match.ts';
import { createKeywords } from './keywords/keywords.ts';
import type { WebhooksConfig } from './options.ts';
import { createPartJoiner } from './multipart-messages.ts';
import type { MessageEvent, PayloadEvent, WebhookChange } from './payload.ts';
import type { Trust } from './request.ts';

/**
 * Interprets an event and records what it changes.
 *
 * @param requestId identifies the request, for events that have no id of their own.
 * @throws WebhookError if the person's number cannot be read, or the message has too many texts.
 */
export type Interpreter = (
  event: PayloadEvent | WebhookChange,
  trust: Trust,
  requestId: string | undefined,
) => Promise<EventResult>;

/** How many texts of one message are read. */
const MAX_TEXTS = 32;
/** The most characters of texts that are read in one turn of the event loop. A longer text has a turn of its own. */
const CHARACTERS_PER_TURN = 4_096;
/** How many characters of a text are kept; a message of ten parts has 1 530. */
const MAX_KEPT_CHARACTERS = 4_096;

/** A text and its meaning. */
interface MatchedText {
  readonly text: string;
  readonly match: KeywordMatch;
}

/** Creates the interpreter of a receiver. */
export function createInterpreter(
  config: Pick<WebhooksConfig, 'keywords' | 'unclear' | 'replayWindow'>,
  { clock, sink }: { readonly clock: Clock; readonly sink: ChangeSink },
): Interpreter {
  const matchKeywords = createKeywords(config.keywords);
  const partJoiner = createPartJoiner(clock);
  const recorder = createChangeRecorder({ clock, sink, replayWindow: config.replayWindow });

  async function matchAll(texts: readonly string[]): Promise<readonly MatchedText[]> {
    const matched: MatchedText[] = [];
    let characters = 0;
    for (const text of texts) {
      if (characters + text.length > CHARACTERS_PER_TURN) {
        await nextTurn();
        characters = 0;
      }
      characters += text.length;
      matched.push({ text, match: matchKeywords(text) });
    }
    return matched;
  }

  async function interpretMessage(
    event: MessageEvent,
    trust: Trust,
    requestId: string | undefined,
  ): Promise<EventResult> {
    const { person, sender, texts, part } = event;
    if (texts.length > MAX_TEXTS) throw unreadableError(`it has more than ${MAX_TEXTS} texts`);
    const joined = part === undefined ? [] : partJoiner.add([person, sender, trust], part);
    // The joined text first: a part may look like a misspelt word.
    const matched = await matchAll([...joined, ...texts]);
    const optOut = matched.find(({ match }) => match.meaning === 'opt_out');
    if (optOut) {
      const change = { ...changeOf('out', event, optOut.text, trust), reason: reasonOf(optOut.match) };
      return recorder.record(change, requestId);
    }
    const unclears = matched.filter(({ match }) => match.meaning === 'unclear');
    const unclear = unclears.find(({ match }) => match.blocks) ?? unclears[0];
    if (unclear) return interpretUnclear(event, unclear, trust, requestId);
    // Joined parts may be of two messages, and a guessed text may be wrong: neither proves an opt-in.
    const isWhole = !event.isGuessed && part === undefined;
    const [first] = matched;
    if (!isWhole || first === undefined || !matched.every(isPlainOptIn)) return 'ignored';
    return recorder.record(changeOf('in', event, first.text, trust), requestId);
  }

  async function interpretUnclear(
    event: MessageEvent,
    { text, match }: MatchedText,
    trust: Trust,
    requestId: string | undefined,
  ): Promise<EventResult> {
    const { person, sender, at, messageId } = event;
    const { blocks, matched = '' } = match;
    if (!blocks || config.unclear === 'report') {
      const unclear = { msisdn: readMsisdn(person), sender, matched, text, at };
      return recorder.report(unclear, trust, messageId ?? requestId);
    }
    const change = { ...changeOf('out', event, text, trust), reason: reasonOf(match) };
    const result = await recorder.record(change, requestId);
    if (result === 'recorded') recorder.reportBlocked({ msisdn: change.msisdn, sender, matched, text });
    return result;
  }

  return async (event, trust, requestId) => {
    if ('direction' in event) {
      return recorder.record({ ...event, isProven: trust === 'proven' }, requestId);
    }
    switch (event.kind) {
      case 'message':
        return interpretMessage(event, trust, requestId);
      case 'refusal':
        return recorder.record(changeOf('out', event, undefined, trust), requestId);
      case 'other':
        return 'ignored';
    }
  };
}

/** Returns the rule that decided and its words, for people who read the evidence: `request: stop texting`. */
const reasonOf = ({ rule, matched = '' }: KeywordMatch): string => `${rule}: ${matched}`;

/** Returns whether a text opts in without `&`, `=` and `_`: `sig` is the same for each of these three. */
function isPlainOptIn({ text, match }: MatchedText): boolean {
  return match.meaning === 'opt_in' && !/[&=_]/.test(text);
}

/**
 * Returns the change that an event makes.
 *
 * @throws WebhookError if the person's number cannot be read.
 */
function changeOf(
  direction: WebhookChange['direction'],
  { kind, person, sender, at, messageId }: Exclude<PayloadEvent, { kind: 'other' }>,
  text: string | undefined,
  trust: Trust,
): WebhookChange {
  const msisdn = readMsisdn(person);
  if (msisdn === undefined) throw unreadableError('the number of its person cannot be read');
  return {
    direction,
    msisdn,
    sender,
    at,
    source: kind === 'message' ? 'inbound' : 'receipt',
    messageId,
    text: text?.slice(0, MAX_KEPT_CHARACTERS),
    isProven: trust === 'proven',
  };
}

/** Creates the error for a webhook that cannot be understood; 415 for a format that is not supported. */
export const unreadableError = (reason: string, status: 400 | 415 = 400) =>
  new WebhookError('webhook_unreadable', status, `the webhook is not understood: ${reason}`);
