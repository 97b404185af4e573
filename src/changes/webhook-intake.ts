/**
 * Takes events of webhooks: turns each into a change of the list that it concerns and stores it; the webhook is answered
 * only then. A person who has just opted out of their own accord may be sent one confirmation.
 */

import { inboundChange } from './change-factory.ts';
import type { ClockSkew } from '../lists/clock-skew.ts';
import type { Clock } from '../clock.ts';
import { unclearEvent, type EventHub } from '../events.ts';
import type { Journal, Recorded } from './journal.ts';
import { listingOf, type Lists } from '../lists/opt-out-lists.ts';
import { equivalentsOf } from '../msisdn/equivalents.ts';
import type { Config } from '../options/guard-options.ts';
import type { OptOutChange } from '../ledger/evidence.ts';
import { EMPTY_RECORD, mergeEvidence, standingOptOuts, type NumberRecord } from '../ledger/evidence-rules.ts';
import type { Permits } from '../lists/confirmation-permits.ts';
import type { RecentOptIns } from './recent-opt-ins.ts';
import { forEachReading, isOutFirstHand, otherWritingsOn } from './subscribers.ts';
import type { WebhookChange } from '../webhooks/payload.ts';
import type { WebhookSink } from '../webhooks/receiver.ts';

export interface WebhookIntakePorts {
  readonly lists: Lists;
  readonly config: Config;
  readonly journal: Journal;
  readonly permits: Permits;
  readonly clock: Clock;
  readonly clockSkew: ClockSkew;
  readonly recentOptIns: RecentOptIns;
  readonly events: EventHub;
  /** Called after a START was stored on a list whose provider may have to be asked. */
  readonly onStart: (list: string, msisdn: string) => void;
  /** Called for each webhook that was answered with a 4xx. */
  readonly onRefused: () => void;
}

/** Creates the intake. */
export function createWebhookIntake(ports: WebhookIntakePorts): WebhookSink {
  const { lists, config, journal, permits, clock, clockSkew, recentOptIns, events } = ports;

  /** Whether nothing that was known first-hand blocked the person before this change, in any process. */
  function wasFree({ before }: Recorded): boolean {
    if (before === undefined) return false;
    const record = before.reduce<NumberRecord>(mergeEvidence, EMPTY_RECORD);
    return standingOptOuts(record, { clockSlackMs: config.refresh.clockSlack }).length === 0;
  }

  function permitConfirmation(
    news: WebhookChange,
    { list, msisdn }: OptOutChange,
    wasFreeHere: boolean,
    recorded: Recorded,
  ): void {
    // A person who had opted out before has been told. Who was first is decided in the write.
    if (!recorded.isNew || !earnsConfirmation(news) || !wasFreeHere || !wasFree(recorded)) return;
    // An opt-in can have come in between.
    if (listingOf([lists.ensure(list)], msisdn)?.source === 'inbound') permits.grant(list, msisdn);
  }

  return {
    async record(news) {
      if (news.isProven && news.at !== undefined) clockSkew.webhookTime(news.at);
      const change = inboundChange(news, {
        ...{ lists, config, now: clock.now() },
        hasJustOptedIn: (name, msisdn) =>
          [msisdn, ...equivalentsOf(msisdn)].some((one) => recentOptIns.has(name, one)),
      });
      if (change === undefined) return 'not_honoured';
      const list = lists.ensure(change.list);
      const { msisdn } = change;
      const wasFreeHere = !isOutFirstHand(list, msisdn);
      const options = { wantsBefore: earnsConfirmation(news) };
      const [recorded] = await journal.record(forEachReading(change), options);
      if (recorded) permitConfirmation(news, change, wasFreeHere, recorded);
      if (news.direction === 'in') {
        if (change.evidence.proves === false) return 'not_honoured';
        // Not before: an opt-in that is told again must not lift a later opt-out under another writing of the number.
        const others = recorded?.isNew === true ? otherWritingsOn(list, msisdn) : [];
        if (others.length > 0) await journal.record(others.map((other) => ({ ...change, msisdn: other })));
        for (const one of [msisdn, ...others]) ports.onStart(change.list, one);
      }
      return recorded?.isNew === true ? 'recorded' : 'known';
    },
    unclear: (event) => events.emit('unclear', unclearEvent(event)),
    warn: (code, message) => events.emit('warn', { code, message }),
    failed: (error) => events.emit('error', error),
    refused(error) {
      ports.onRefused();
      events.emit('error', error);
    },
  };
}

/** Whether a person opted out of their own accord, beyond doubt: a receipt is no act of theirs. */
function earnsConfirmation({ direction, source, isProven }: WebhookChange): boolean {
  return direction === 'out' && source === 'inbound' && isProven;
}
