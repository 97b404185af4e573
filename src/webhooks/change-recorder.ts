/**
 * Records the changes of a receiver's webhooks, and reports unclear texts. The provider repeats webhooks: an event that
 * was handled before is only acknowledged, and an opt-in keeps the time at which it was first sent.
 */

import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock.ts';
import type { WebhookChange } from './payload.ts';
import type { Trust } from './request.ts';

/** A text that may mean an opt-out. */
export interface UnclearText {
  /** Digits. */
  readonly msisdn: string;
  /** Our number that the text was sent to. */
  readonly sender?: string | undefined;
  /** The word or phrase that was recognised. */
  readonly matched: string;
  /** Whether an opt-out was recorded for it. */
  readonly blocked: boolean;
  readonly text: string;
}

/** Takes the changes and reports of a receiver. */
export interface ChangeSink {
  /**
   * Resolves once the change is durable and visible to checks. `known`: it was stored before. `not_honoured`: an opt-in
   * that its list does not accept, or that proves nothing.
   */
  record(change: WebhookChange): Promise<'recorded' | 'known' | 'not_honoured'>;
  unclear(event: UnclearText): void;
}

/** The result of an event. `ignored`: it changes nothing. `known`: it was handled before. `reported`: it is unclear. */
export type EventResult = 'recorded' | 'known' | 'ignored' | 'reported';

export interface ChangeRecorder {
  /**
   * Records a change.
   *
   * @param requestId identifies the request, for changes without a `messageId`.
   */
  record(change: WebhookChange, requestId: string | undefined): Promise<EventResult>;
  /** Reports an unclear text for which nothing is recorded. If `id` is known, the text is reported once. */
  report(text: UnreportedText, trust: Trust, id: string | undefined): EventResult;
  /** Reports an unclear text for which an opt-out was recorded. */
  reportBlocked(text: Omit<UnclearText, 'blocked'>): void;
}

/** An unclear text with the time of its message. `msisdn` is `undefined` if the number cannot be read. */
type UnreportedText = Omit<UnclearText, 'msisdn' | 'blocked'> & {
  readonly msisdn: string | undefined;
  readonly at: number | undefined;
};

const REMEMBERED_IDS = 100_000;

/**
 * Creates a recorder.
 *
 * @param ports.replayWindow how old an opt-in may be, ms.
 */
export function createChangeRecorder({
  clock,
  sink,
  replayWindow,
}: {
  readonly clock: Clock;
  readonly sink: ChangeSink;
  readonly replayWindow: number;
}): ChangeRecorder {
  const handled = new LRUCache<string, true>({ max: REMEMBERED_IDS });
  const firstSentAt = new LRUCache<string, number>({ max: REMEMBERED_IDS });

  /** Returns whether an opt-in of that time counts. One without a time never does. */
  function isRecent(at: number | undefined): boolean {
    return at !== undefined && clock.now() - at <= replayWindow;
  }

  /**
   * Gives an opt-in the time at which it was first sent. The provider may repeat it with a new time after an opt-out,
   * and the repetition must not lift that opt-out.
   */
  function withFirstTime(change: WebhookChange): WebhookChange {
    const { direction, msisdn, messageId, at } = change;
    if (direction === 'out' || messageId === undefined || at === undefined) return change;
    const key = keyOf(msisdn, messageId);
    const first = Math.min(at, firstSentAt.get(key) ?? at);
    firstSentAt.set(key, first);
    return { ...change, at: first };
  }

  /** Stores a change, unless it was stored before. */
  async function store(given: WebhookChange, requestId: string | undefined): Promise<EventResult> {
    const change = withFirstTime(given);
    const id = change.messageId ?? requestId;
    const { direction, source, msisdn, sender, at, isProven } = change;
    const key = id === undefined ? undefined : keyOf(direction, source, msisdn, sender, id, at, isProven);
    if (key !== undefined && handled.has(key)) return 'known';
    const result = await sink.record(change);
    if (result === 'not_honoured') return 'ignored';
    if (key !== undefined) handled.set(key, true);
    return result;
  }

  return {
    async record(change, requestId) {
      if (change.direction === 'out') return store(change, requestId);
      if (!change.isProven) return 'ignored';
      if (isRecent(change.at)) return store(change, requestId);
      // It proves nothing. It is stored for its id: the provider may send it again with a new time.
      return change.messageId === undefined ? 'ignored' : store({ ...change, isStale: true }, requestId);
    },
    report({ msisdn, at, ...text }, trust, id) {
      const key = id === undefined ? undefined : keyOf('unclear', msisdn, text.sender, id, at, trust);
      if (key !== undefined && handled.has(key)) return 'known';
      if (key !== undefined) handled.set(key, true);
      if (msisdn !== undefined) sink.unclear({ msisdn, ...text, blocked: false });
      return 'reported';
    },
    reportBlocked: (text) => sink.unclear({ ...text, blocked: true }),
  };
}

/** Returns a key of fixed size. The sender of a webhook chooses how long the parts are. */
function keyOf(...parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
}
