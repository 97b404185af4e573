/**
 * The synchronous path from a caller's input to a decision: it reads the number, asks the lists and decides. It does no
 * I/O, makes no promise and never throws: a failure in here is a refusal.
 */

import type { Clock } from '../clock.ts';
import {
  STARTING,
  decide,
  decideOn,
  permitsUnlisted,
  type BatchChecker,
  type CheckOptions,
  type Decision,
  type Standing,
} from '../decision.ts';
import type { BlockedDecision } from '../send-blocked.ts';
import type { EventHub } from '../events.ts';
import { BLOCK_SIZE, createBatchLookup } from './batch-lookup.ts';
import { createCheckReports, type CheckCounters } from './check-reports.ts';
import type { Permits } from './confirmation-permits.ts';
import { isListed, listingAt, listingOf, type Lists, type OptOutList } from './opt-out-lists.ts';
import { createReadingLookup, findListed } from './reading-lookup.ts';
import { equivalentsOf } from '../msisdn/equivalents.ts';
import { NOT_READ, numbersOf, type MsisdnReader, type Reading } from '../msisdn/msisdn.ts';
import { mayHaveOthers } from '../msisdn/national-prefixes.ts';
import type { Listing } from '../ledger/ledger.ts';
import type { Config } from '../options/guard-options.ts';

export interface GuardChecker extends BatchChecker {
  /**
   * Decides and reports, for callers that only need yes or no. The hot path: it creates a decision only if the event
   * `blocked` has a listener.
   */
  canSend(to: unknown, options?: CheckOptions): boolean;
  readonly counters: CheckCounters;
}

export interface CheckerPorts {
  readonly reader: MsisdnReader;
  readonly lists: Lists;
  readonly policy: Config['policy'];
  readonly events: EventHub;
  readonly permits: Permits;
  readonly clock: Clock;
  readonly isClosed: () => boolean;
}

/** The digits of an input that was read as the number at that index of an array. */
function digitsOf(input: unknown, numbers: Float64Array, at: number): string {
  if (typeof input !== 'string') return String(numbers[at]);
  return input.startsWith('+') ? input.slice(1) : input;
}

/** Creates the checker of a guard. */
export function createChecker({
  reader,
  lists,
  policy,
  events,
  permits,
  clock,
  isClosed,
}: CheckerPorts): GuardChecker {
  const reports = createCheckReports(events, clock);
  const { counters, blockedListeners } = reports;
  const readings = createReadingLookup(reader);
  const { isUnlisted, areOthersUnlisted } = readings;
  const { numbers, ledgers, findUnlisted } = createBatchLookup(reader, readings);
  /** Receives the number of a check. */
  const one = new Float64Array(1);

  function decisionFor(
    to: string | null,
    asked: readonly OptOutList[],
    standing: Standing,
    listing?: Listing,
  ): Decision {
    const own = asked.length === 2 ? asked[1] : undefined;
    return decideOn(to, listing, own?.config.name ?? null, standing, isClosed(), policy);
  }

  /**
   * Decides about the confirmation of an opt-out. It is allowed if every list that blocks the person permits it, and if
   * a number that is not listed would be allowed. It uses up all of these permits.
   */
  function confirmed(decision: BlockedDecision, asked: readonly OptOutList[], to: unknown): Decision {
    const needed = asked.flatMap((list) =>
      numbersOf(reader.read(to) as Reading).flatMap((msisdn) => {
        const writings = [msisdn, ...equivalentsOf(msisdn)];
        const isOut = writings.some((writing) => listingOf([list], writing) !== undefined);
        return isOut ? [{ list: list.config.name, writings }] : [];
      }),
    );
    // The permit was granted for the writing that the person's message had.
    const isPermitted = needed.every(({ list, writings }) =>
      writings.some((writing) => permits.has(list, writing)),
    );
    if (!isPermitted || !permitsUnlisted(lists.freshness(asked), isClosed(), policy)) return decision;
    for (const { list, writings } of needed) for (const writing of writings) permits.take(list, writing);
    const { list, state, ageMs } = decision;
    return { allowed: true, reason: 'confirmation', to: String(decision.to), list, state, ageMs };
  }

  function decideSafely(to: unknown, options: CheckOptions | undefined): Decision {
    const asked = lists.askedFor(options?.from);
    const decision = decideAbout(to, asked);
    if (options?.purpose !== 'opt_out_confirmation') return decision;
    return !decision.allowed && decision.reason === 'opted_out' ? confirmed(decision, asked, to) : decision;
  }

  function decideAbout(to: unknown, asked: readonly OptOutList[]): Decision {
    const standing = lists.standing(asked);
    const head = reader.readNumber(to, one, 0);
    if (head !== NOT_READ) {
      const digits = digitsOf(to, one, 0);
      const listing = listingAt(asked, one, 0, digits);
      if (listing !== undefined || !mayHaveOthers(head) || areOthersUnlisted(asked, one, 0, to)) {
        return decisionFor(digits, asked, standing, listing);
      }
    }
    return decideByReading(to, asked, standing);
  }

  /** The slow path. It is a function of its own, so that the engine can inline `decideAbout`. */
  function decideByReading(to: unknown, asked: readonly OptOutList[], standing: Standing): Decision {
    const reading = reader.read(to);
    if (reading === undefined) return decisionFor(null, asked, standing);
    const listed = findListed(asked, reading);
    if (listed === undefined) return decisionFor(reading.primary, asked, standing);
    const { number, listedAs, listing } = listed;
    const decision = decisionFor(number, asked, standing, listing);
    return decision.reason === 'opted_out' && listedAs !== number ? { ...decision, listedAs } : decision;
  }

  /**
   * Whether an input can be read and no list blocks any other of its numbers. If its first number was read into `one`,
   * the caller knows that no list blocks that.
   */
  function hasNoListedOther(asked: readonly OptOutList[], head: number, to: unknown): boolean {
    return head === NOT_READ ? isUnlisted(asked, to) : areOthersUnlisted(asked, one, 0, to);
  }

  const checker: GuardChecker = {
    counters,
    decide(to, options) {
      try {
        return decideSafely(to, options);
      } catch {
        // The options object or the user's clock threw. The answer is a refusal.
        return decide({
          to: null,
          listing: undefined,
          list: null,
          standing: STARTING,
          isClosed: isClosed(),
          policy,
        });
      }
    },
    canSend(to, options) {
      try {
        const asked = lists.askedFor(options?.from);
        // Short, with one call to look up a number: the engine then takes the whole look-up into one function.
        const head = reader.readNumber(to, one, 0);
        const isOut = head !== NOT_READ && isListed(asked, one, 0);
        if (isOut && options?.purpose === undefined && blockedListeners.size === 0) {
          counters.blocked.opted_out++;
          return false;
        }
        const isOnlyOne = head !== NOT_READ && !mayHaveOthers(head);
        const isClear = !isOut && (isOnlyOne || hasNoListedOther(asked, head, to));
        if (isClear && permitsUnlisted(lists.freshness(asked), isClosed(), policy)) {
          counters.allowed++;
          return true;
        }
      } catch {
        // The failure is decided and reported as a refusal below.
      }
      const decision = checker.decide(to, options);
      checker.report(decision, { gate: 'canSend', isObserved: false });
      return decision.allowed;
    },
    permitsEach(recipients, permitted, decisions, options) {
      permitted.fill(0);
      decisions.fill(undefined);
      try {
        const asked = lists.askedFor(options?.from);
        if (!permitsUnlisted(lists.freshness(asked), isClosed(), policy)) return;
        const standing = lists.standing(asked);
        for (let from = 0; from < recipients.length; from += BLOCK_SIZE) {
          const count = Math.min(BLOCK_SIZE, recipients.length - from);
          findUnlisted(asked, recipients, from, count, permitted);
          for (let index = 0; index < count; index++) {
            const ledger = ledgers[index];
            if (ledger === undefined) continue;
            const to = digitsOf(recipients[from + index], numbers, index);
            decisions[from + index] = decisionFor(to, asked, standing, ledger.reason(to));
          }
        }
      } catch {
        permitted.fill(0);
        decisions.fill(undefined);
      }
    },
    reportPermitted: reports.reportPermitted,
    report: reports.report,
    remindObserving: reports.remindObserving,
  };
  return checker;
}
