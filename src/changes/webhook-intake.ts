/**
 * Turns each event of a webhook into a change on the list that it concerns, and stores it. The webhook is answered only
 * after that. A person who has just opted out by a message may be sent one confirmation.
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
import { isOptedOutFirstHand, otherBlockedWritings, withOtherReadings } from './subscribers.ts';
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

/** Creates the sink for the webhooks of a guard. */
export function createWebhookIntake(ports: WebhookIntakePorts): WebhookSink {
  const { lists, config, journal, permits, clock, clockSkew, recentOptIns, events } = ports;

  /** Whether no first-hand evidence blocked the person before this change, in any process. */
  function wasAllowed({ before }: Recorded): boolean {
    if (before === undefined) return false;
    const record = before.reduce<NumberRecord>(mergeEvidence, EMPTY_RECORD);
    return standingOptOuts(record, { clockSlackMs: config.refresh.clockSlack }).length === 0;
  }

  function permitConfirmation(
    event: WebhookChange,
    { list, msisdn }: OptOutChange,
    wasAllowedHere: boolean,
    recorded: Recorded,
  ): void {
    // A person who had opted out before has had the confirmation. The write decides which opt-out was the first.
    if (!recorded.isNew || !canBeConfirmed(event) || !wasAllowedHere || !wasAllowed(recorded)) return;
    // An opt-in may have arrived in between.
    if (listingOf([lists.ensure(list)], msisdn)?.source === 'inbound') permits.grant(list, msisdn);
  }

  return {
    async record(event) {
      if (event.isProven && event.at !== undefined) clockSkew.webhookTime(event.at);
      const change = inboundChange(event, {
        ...{ lists, config, now: clock.now() },
        hasJustOptedIn: (name, msisdn) =>
          [msisdn, ...equivalentsOf(msisdn)].some((writing) => recentOptIns.has(name, writing)),
      });
      if (change === undefined) return 'not_honoured';
      const list = lists.ensure(change.list);
      const { msisdn } = change;
      const wasAllowedHere = !isOptedOutFirstHand(list, msisdn);
      const options = { wantsBefore: canBeConfirmed(event) };
      const [recorded] = await journal.record(withOtherReadings(change), options);
      if (recorded) permitConfirmation(event, change, wasAllowedHere, recorded);
      if (event.direction === 'in') {
        if (change.evidence.proves === false) return 'not_honoured';
        // Only if it is new: a repeated opt-in must not lift a later opt-out under another writing of the number.
        const others = recorded?.isNew === true ? otherBlockedWritings(list, msisdn) : [];
        if (others.length > 0) await journal.record(others.map((other) => ({ ...change, msisdn: other })));
        for (const writing of [msisdn, ...others]) ports.onStart(change.list, writing);
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

/** Whether an event is an opt-out by a proven message of the person. A receipt is no act of the person. */
function canBeConfirmed({ direction, source, isProven }: WebhookChange): boolean {
  return direction === 'out' && source === 'inbound' && isProven;
}
