/**
 * The synchronous path from a caller's input to a decision: read the number, ask the lists, decide. No I/O, no
 * promise, never an exception: whatever goes wrong in here is a refusal.
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
import type { BlockedDecision } from '../errors.ts';
import { blockedEvent, type EventHub } from '../events.ts';
import { isListed, listingAt, listingOf, type Lists, type OptOutList } from './opt-out-lists.ts';
import { equivalentsOf } from '../msisdn/equivalents.ts';
import { MOST_OTHERS, findOthers } from '../msisdn/national-prefixes.ts';
import {
  NOT_READ,
  ONE_OF_SEVERAL,
  ONLY_ONE,
  numbersOf,
  type MsisdnReader,
  type NumberRead,
  type Reading,
} from '../msisdn/msisdn.ts';
import type { Ledger, Listing } from '../ledger/ledger.ts';
import type { Config } from '../options/guard-options.ts';
import type { Permits } from './confirmation-permits.ts';

/** How often what was answered since the start. */
export interface CheckCounters {
  allowed: number;
  blocked: Record<Extract<Decision, { allowed: false }>['reason'], number>;
  /** Refusals that a gate only observed. */
  observed: number;
}

export interface GuardChecker extends BatchChecker {
  /**
   * Decides and reports, for callers that only need yes or no. The hot path: it makes no decision where nobody wants to
   * be told of one.
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

/** The digits of an input that was read as the number at a place of an array. */
function digitsOf(input: unknown, numbers: Float64Array, at: number): string {
  if (typeof input !== 'string') return String(numbers[at]);
  return input.startsWith('+') ? input.slice(1) : input;
}

/** Numbers that are looked up together. */
const AT_ONCE = 64;
const NOT_FOUND = Object.freeze({});
/** How often it is said that a gate only observes, ms. */
const REMINDER_MS = 3_600_000;

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
  const counters: CheckCounters = {
    allowed: 0,
    blocked: { opted_out: 0, invalid_number: 0, not_ready: 0, stale: 0, expired: 0, closed: 0 },
    observed: 0,
  };

  const hearingOfBlocked = events.listenersOf('blocked');
  const reminded = new Map<string, number>();

  /** The number that is asked about. */
  const one = new Float64Array(1);
  /** The other numbers to ask about. */
  const further = new Float64Array(MOST_OTHERS);

  function answer(
    to: string | null,
    asked: readonly OptOutList[],
    standing: Standing,
    listing?: Listing,
  ): Decision {
    const own = asked.length === 2 ? asked[1] : undefined;
    return decideOn(to, listing, own?.config.name ?? null, standing, isClosed(), policy);
  }

  /**
   * The decision about a confirmation of an opt-out: it may go where every list that blocks the person permits it, and
   * where anybody else would be allowed. All of these permits are used up by it.
   */
  function confirmed(decision: BlockedDecision, asked: readonly OptOutList[], to: unknown): Decision {
    const needed = asked.flatMap((list) =>
      numbersOf(reader.read(to) as Reading).flatMap((msisdn) => {
        const same = [msisdn, ...equivalentsOf(msisdn)];
        const isOut = same.some((writing) => listingOf([list], writing) !== undefined);
        return isOut ? [{ list: list.config.name, same }] : [];
      }),
    );
    // The permit was given for the number as the person's message had it.
    const isPermitted = needed.every(({ list, same }) => same.some((msisdn) => permits.has(list, msisdn)));
    if (!isPermitted || !permitsUnlisted(lists.freshness(asked), isClosed(), policy)) return decision;
    for (const { list, same } of needed) for (const msisdn of same) permits.take(list, msisdn);
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
    const read = reader.readNumber(to, one, 0);
    if (read !== NOT_READ) {
      const digits = digitsOf(to, one, 0);
      const listed = listingAt(asked, one, 0, digits);
      if (read === ONLY_ONE || listed !== undefined || areOthersUnlisted(asked, one, 0, to)) {
        return answer(digits, asked, standing, listed);
      }
    }
    return decideByReading(to, asked, standing);
  }

  /** The slow path, a function of its own so that the engine can inline `decideAbout`. */
  function decideByReading(to: unknown, asked: readonly OptOutList[], standing: Standing): Decision {
    const reading = reader.read(to);
    if (reading === undefined) return answer(null, asked, standing);
    const { listing, number = reading.primary, listedAs = number } = findListed(asked, reading);
    const decision = answer(number, asked, standing, listing);
    return decision.reason === 'opted_out' && listedAs !== number ? { ...decision, listedAs } : decision;
  }

  /** Looks for a reading that is listed, or that is another writing of a number that is. */
  function findListed(
    asked: readonly OptOutList[],
    { primary, others }: Reading,
  ): { listing?: Listing; number?: string; listedAs?: string } {
    for (let index = -1; index < others.length; index++) {
      const number = index < 0 ? primary : (others[index] as string);
      const listing = listingOf(asked, number);
      if (listing !== undefined) return { listing, number };
      for (const listedAs of equivalentsOf(number)) {
        const other = listingOf(asked, listedAs);
        if (other !== undefined) return { listing: other, number, listedAs };
      }
    }
    return NOT_FOUND;
  }

  /** Whether none of the other numbers of an input is listed. Its number was read into `read` at index `at`. */
  function areOthersUnlisted(
    asked: readonly OptOutList[],
    read: Float64Array,
    at: number,
    to: unknown,
  ): boolean {
    const count = findOthers(read, at, further);
    if (count === undefined) return isUnlisted(asked, to);
    for (let index = 0; index < count; index++) if (isListed(asked, further, index)) return false;
    return true;
  }

  /** Whether an input can be read and none of its numbers is listed. If one was read into `one`, that is not listed. */
  function hasNoListedOther(asked: readonly OptOutList[], read: NumberRead, to: unknown): boolean {
    return read === NOT_READ ? isUnlisted(asked, to) : areOthersUnlisted(asked, one, 0, to);
  }

  /** Whether an input can be read, and no reading is listed under any of its writings. */
  function isUnlisted(asked: readonly OptOutList[], to: unknown): boolean {
    const reading = reader.read(to);
    return reading !== undefined && findListed(asked, reading) === NOT_FOUND;
  }

  const numbers = new Float64Array(AT_ONCE);
  const found = new Uint8Array(AT_ONCE);
  /** Indexes of numbers with others. */
  const several = new Uint8Array(AT_ONCE);
  const ledgers: (Ledger | undefined)[] = Array.from({ length: AT_ONCE }, () => undefined);

  /**
   * Marks those of `count` from a place on that can be read, and in no way as a number that is listed; of others it notes
   * the ledger that blocks.
   */
  function findUnlisted(
    asked: readonly OptOutList[],
    recipients: readonly unknown[],
    from: number,
    count: number,
    unlisted: Uint8Array,
  ): void {
    let severalCount = 0;
    for (let index = 0; index < count; index++) {
      const recipient = recipients[from + index];
      const read = reader.readNumber(recipient, numbers, index);
      if (read === ONE_OF_SEVERAL) several[severalCount++] = index;
      unlisted[from + index] = read === NOT_READ ? Number(isUnlisted(asked, recipient)) : 1;
      ledgers[index] = undefined;
    }
    for (const { ledger, pending } of asked) {
      if (ledger.isEmpty && pending.size === 0) continue;
      ledger.blocksEach(numbers, found, count);
      for (let index = 0; index < count; index++) {
        const isPending = pending.size > 0 && pending.has(String(numbers[index]));
        // Of several lists the first tells why.
        if (found[index] === 1 && unlisted[from + index] === 1) ledgers[index] = ledger;
        if (found[index] === 1 || isPending) unlisted[from + index] = 0;
      }
    }
    for (let next = 0; next < severalCount; next++) {
      const index = several[next] as number;
      if (unlisted[from + index] === 0) continue;
      unlisted[from + index] = Number(areOthersUnlisted(asked, numbers, index, recipients[from + index]));
    }
  }

  const checker: GuardChecker = {
    counters,
    decide(to, options) {
      try {
        return decideSafely(to, options);
      } catch {
        // A hostile options object or a clock of one's own that throws: doubt blocks.
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
        const read = reader.readNumber(to, one, 0);
        const isOut = read !== NOT_READ && isListed(asked, one, 0);
        if (isOut && options?.purpose === undefined && hearingOfBlocked.size === 0) {
          counters.blocked.opted_out++;
          return false;
        }
        const isClear = !isOut && (read === ONLY_ONE || hasNoListedOther(asked, read, to));
        if (isClear && permitsUnlisted(lists.freshness(asked), isClosed(), policy)) {
          counters.allowed++;
          return true;
        }
      } catch {
        // What went wrong is a refusal, and told as one.
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
        for (let from = 0; from < recipients.length; from += AT_ONCE) {
          const count = Math.min(AT_ONCE, recipients.length - from);
          findUnlisted(asked, recipients, from, count, permitted);
          for (let index = 0; index < count; index++) {
            const reason = ledgers[index];
            if (reason === undefined) continue;
            const to = digitsOf(recipients[from + index], numbers, index);
            decisions[from + index] = answer(to, asked, standing, reason.reason(to));
          }
        }
      } catch {
        permitted.fill(0);
        decisions.fill(undefined);
      }
    },
    reportPermitted(count) {
      counters.allowed += count;
    },
    report(decision, { gate, isObserved }) {
      if (decision.allowed) {
        counters.allowed++;
        return;
      }
      if (isObserved) counters.observed++;
      else counters.blocked[decision.reason]++;
      if (hearingOfBlocked.size > 0) events.emit('blocked', blockedEvent(decision, gate, isObserved));
    },
    remindObserving(gate) {
      const now = clock.monotonic();
      if (now - (reminded.get(gate) ?? -Infinity) < REMINDER_MS) return;
      reminded.set(gate, now);
      const message = `${gate} only observes: sends to people who opted out are not stopped there`;
      events.emit('warn', { code: 'observe_only', message });
    },
  };
  return checker;
}
