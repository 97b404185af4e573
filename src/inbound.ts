/**
 * What webhooks tell, on its way in: it becomes a change of the list that it is about, is kept, and only then answered.
 * Who has just opted out of their own accord may be sent one confirmation.
 */

import { inboundChange } from './acts.ts';
import type { ActTime, AgeClock } from './clock.ts';
import { unclearEvent, type EventHub } from './events.ts';
import type { Journal } from './journal.ts';
import { listingOf, type Lists } from './lists.ts';
import type { Config } from './options.ts';
import type { Permits } from './permits.ts';
import type { WebhookNews } from './webhooks/judgement.ts';
import type { WebhookSink } from './webhooks/receiver.ts';

export interface InboundPorts {
  readonly lists: Lists;
  readonly config: Config;
  readonly journal: Journal;
  readonly permits: Permits;
  readonly ageClock: AgeClock;
  readonly actTime: ActTime;
  readonly events: EventHub;
  /** Told of each webhook that was answered with a 4xx. */
  readonly onRefused: () => void;
}

/** Creates the way in. */
export function createInbound(ports: InboundPorts): WebhookSink {
  const { lists, config, journal, permits, ageClock, actTime, events } = ports;
  return {
    async record(news) {
      ageClock.now();
      const change = inboundChange(news, lists, config, actTime.now());
      if (change === undefined) return 'not_honoured';
      const list = lists.ensure(change.list);
      const { msisdn } = change;
      const before = listingOf([list], msisdn)?.source ?? 'provider';
      const [isNew] = await journal.record([change]);
      // Who had opted out before, other than by the list alone, has been told.
      if (isNew === true && earnsConfirmation(news) && before === 'provider') {
        // An opt-in can have come in between.
        if (listingOf([list], msisdn)?.source === 'inbound') permits.grant(change.list, msisdn);
      }
      return isNew === true ? 'recorded' : 'known';
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
function earnsConfirmation({ direction, source, isProven }: WebhookNews): boolean {
  return direction === 'out' && source === 'inbound' && isProven;
}
