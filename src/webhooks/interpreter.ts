/**
 * What a webhook's event changes, by what is said and how far who says it is believed. What was judged once is not
 * judged again, and an opt-in counts by the time at which it was first told.
 */

import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock.ts';
import { WebhookError } from '../errors.ts';
import { readMsisdn } from '../msisdn/msisdn.ts';
import { createKeywords, type KeywordMatch } from './keywords.ts';
import type { WebhooksConfig } from './options.ts';
import { createPartJoiner } from './multipart-messages.ts';
import type { MessageEvent, PayloadEvent, WebhookChange } from './payload.ts';
import type { Trust } from './request.ts';

/** Where judged news goes. */
export interface ChangeSink {
  /** Resolves once the change is durable and counts. `not_honoured`: an opt-in that this list does not take. */
  record(news: WebhookChange): Promise<'recorded' | 'known' | 'not_honoured'>;
  unclear(event: {
    readonly msisdn: string;
    readonly sender?: string | undefined;
    readonly matched: string;
    readonly blocked: boolean;
    readonly text: string;
  }): void;
}

/**
 * Judges an event, and keeps what it changes. @returns in a word what came of it.
 *
 * @param requestId what tells the request from others, for events that have no id of their own.
 * @throws WebhookError where the person's number cannot be read.
 */
export type Interpreter = (
  event: PayloadEvent | WebhookChange,
  trust: Trust,
  requestId: string | undefined,
) => Promise<string>;

const REMEMBERED_IDS = 100_000;
/** Texts of one message that are read; each takes up to a millisecond. */
const MOST_TEXTS = 32;
/** Characters kept of what a person wrote; a message of ten parts has 1 530. */
const LONGEST_KEPT_TEXT = 4_096;

/** Creates the judge of a receiver. */
export function createInterpreter(
  {
    keywords,
    unclear: unclearMeans,
    replayWindow,
  }: Pick<WebhooksConfig, 'keywords' | 'unclear' | 'replayWindow'>,
  { clock, sink }: { readonly clock: Clock; readonly sink: ChangeSink },
): Interpreter {
  const read = createKeywords(keywords);
  const joiner = createPartJoiner(clock);
  const remembered = new LRUCache<string, true>({ max: REMEMBERED_IDS });
  const firstTold = new LRUCache<string, number>({ max: REMEMBERED_IDS });

  async function judge(
    event: PayloadEvent | WebhookChange,
    trust: Trust,
    requestId: string | undefined,
  ): Promise<string> {
    if ('direction' in event) {
      const news = { ...event, isProven: trust === 'proven' };
      return event.direction === 'in' ? keepOptIn(news, requestId) : keep(news, requestId);
    }
    if (event.kind === 'other') return 'ignored';
    if (event.kind === 'message') return judgeMessage(event, trust, requestId);
    const { person, ...rest } = event;
    return keep(newsOf('out', person, rest, 'receipt', trust), requestId);
  }

  /** Whether an opt-in of that time counts: one without a time never does. */
  function isRecent(at: number | undefined): boolean {
    return at !== undefined && clock.now() - at <= replayWindow;
  }

  async function judgeMessage(
    event: MessageEvent,
    trust: Trust,
    requestId: string | undefined,
  ): Promise<string> {
    const { person, sender, texts, part } = event;
    if (texts.length > MOST_TEXTS) throw unreadable(`it has more than ${MOST_TEXTS} texts`);
    const wholes = part === undefined ? [] : joiner.add([person, sender, trust], part);
    const readings = [...texts, ...wholes].map((written) => ({ written, match: read(written) }));
    const out = readings.find(({ match }) => match.meaning === 'opt_out');
    if (out) return keep(newsOf('out', person, { ...event, text: out.written }, 'inbound', trust), requestId);
    const unclear = readings.find(({ match }) => match.meaning === 'unclear');
    if (unclear) return judgeUnclear(event, unclear.written, unclear.match, trust, requestId);
    // Parts may be of two messages, and binary data is guessed: neither proves an opt-in.
    const isWhole = !event.isGuessed && part === undefined;
    const [first] = readings;
    const isOptIn = first !== undefined && readings.every(isPlainOptIn);
    if (!isOptIn || !isWhole) return 'ignored';
    return keepOptIn(newsOf('in', person, { ...event, text: first.written }, 'inbound', trust), requestId);
  }

  /**
   * Stores an opt-in. One without a time, or of too long ago, proves nothing and is stored all the same: the provider
   * may send it again under a new time, and it is known by its id then.
   */
  async function keepOptIn(news: WebhookChange, requestId: string | undefined): Promise<string> {
    if (!news.isProven) return 'ignored';
    if (isRecent(news.at)) return keep(news, requestId);
    return news.messageId === undefined ? 'ignored' : keep({ ...news, isStale: true }, requestId);
  }

  async function judgeUnclear(
    event: MessageEvent,
    written: string,
    { blocks, matched = '' }: KeywordMatch,
    trust: Trust,
    requestId: string | undefined,
  ): Promise<string> {
    const { person, sender } = event;
    const blocked = blocks && unclearMeans === 'block';
    const msisdn = readMsisdn(person);
    if (!blocked) {
      const id = event.messageId ?? requestId;
      const key = id === undefined ? undefined : keyOf('unclear', msisdn, sender, id, event.at, trust);
      if (key !== undefined && remembered.has(key)) return 'known';
      if (key !== undefined) remembered.set(key, true);
      if (msisdn !== undefined) sink.unclear({ msisdn, sender, matched, blocked, text: written });
      return 'reported';
    }
    const news = newsOf('out', person, { ...event, text: written }, 'inbound', trust);
    const result = await keep(news, requestId);
    if (result === 'recorded') {
      sink.unclear({ msisdn: news.msisdn, sender, matched, blocked, text: written });
    }
    return result;
  }

  /**
   * The time of an opt-in as it was first told: the provider may send one again under a new time, after an opt-out
   * that it must not beat.
   */
  function asFirstTold(news: WebhookChange): WebhookChange {
    const { direction, msisdn, messageId, at } = news;
    if (direction === 'out' || messageId === undefined || at === undefined) return news;
    const key = keyOf(msisdn, messageId);
    const first = Math.min(at, firstTold.get(key) ?? at);
    firstTold.set(key, first);
    return { ...news, at: first };
  }

  /** Stores a change; one that was stored before is only answered. */
  async function keep(told: WebhookChange, requestId: string | undefined): Promise<string> {
    const news = asFirstTold(told);
    const id = news.messageId ?? requestId;
    const key =
      id === undefined
        ? undefined
        : keyOf(news.direction, news.source, news.msisdn, news.sender, id, news.at, news.isProven);
    if (key !== undefined && remembered.has(key)) return 'known';
    const result = await sink.record(news);
    if (key !== undefined && result !== 'not_honoured') remembered.set(key, true);
    return result === 'not_honoured' ? 'ignored' : result;
  }

  return judge;
}

/** Whether a text opts in without `&`, `=` and `_`: `sig` is the same for each of these three. */
function isPlainOptIn({ written, match }: { written: string; match: KeywordMatch }): boolean {
  return match.meaning === 'opt_in' && !/[&=_]/.test(written);
}

function newsOf(
  direction: WebhookChange['direction'],
  person: string | undefined,
  details: Pick<WebhookChange, 'sender' | 'at' | 'messageId' | 'text'>,
  source: WebhookChange['source'],
  trust: Trust,
): WebhookChange {
  const msisdn = readMsisdn(person);
  if (msisdn === undefined) throw unreadable('the number of its person cannot be read');
  const { sender, at, messageId } = details;
  return {
    direction,
    msisdn,
    sender,
    at,
    source,
    messageId,
    text: details.text?.slice(0, LONGEST_KEPT_TEXT),
    isProven: trust === 'proven',
  };
}

/** A key of one size, however long the parts that a stranger may choose. */
function keyOf(...parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
}

/** The refusal of what cannot be understood; 415 for a format that nobody here reads. */
export const unreadable = (reason: string, status: 400 | 415 = 400) =>
  new WebhookError('webhook_unreadable', status, `the webhook is not understood: ${reason}`);
