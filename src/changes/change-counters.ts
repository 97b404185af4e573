/** Counts the changes since the start. One opt-in act counts once, however many lists and numbers it is about. */

import type { OptOutChange } from '../ledger/evidence.ts';

/** How many opt-outs, opt-ins and refused webhooks there were since the start. */
export interface ChangeCounters {
  /** Opt-outs that were new, one per number and list. */
  optOuts: number;
  /** Acts and messages that opted a person in. Each counts once for all lists. */
  optIns: number;
  /** Webhooks that were answered with a 4xx. */
  webhooksRefused: number;
}

/** Creates counters. `count` takes changes in the order in which they were stored. */
export function createChangeCounters(): {
  readonly counters: ChangeCounters;
  count(change: OptOutChange): void;
} {
  const counters: ChangeCounters = { optOuts: 0, optIns: 0, webhooksRefused: 0 };
  let last: OptOutChange | undefined;
  return {
    counters,
    count(change) {
      if (change.evidence.direction === 'out') counters.optOuts++;
      else if (last === undefined || !isSameAct(last, change)) counters.optIns++;
      last = change;
    },
  };
}

/** Whether two changes, stored one after the other, belong to one act: an act has the same id on every list. */
function isSameAct({ evidence: before }: OptOutChange, { evidence: after }: OptOutChange): boolean {
  return before.direction === after.direction && before.id === after.id;
}
