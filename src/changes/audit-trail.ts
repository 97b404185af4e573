/**
 * Answers support and compliance: which numbers are blocked, since when and why. It reads the ledgers and the store,
 * and removes history that decides nothing any more.
 */

import { setImmediate as nextTurn } from 'node:timers/promises';
import { listName, readingOf } from './change-factory.ts';
import type { Clock } from '../clock.ts';
import type { Journal } from './journal.ts';
import type { Lists } from '../lists/opt-out-lists.ts';
import { writingsOf, type MsisdnReader } from '../msisdn/msisdn.ts';
import { duration, integer, optional, readFields, text, type Duration } from '../options/fields.ts';
import type { Config } from '../options/guard-options.ts';
import { LATEST_TIME, type Evidence, type OptOutChange } from '../ledger/evidence.ts';
import { withoutWords } from '../ledger/evidence-words.ts';
import type { Listing } from '../ledger/ledger.ts';

/** A piece of evidence as `history` returns it. Times in ms UTC. */
export interface HistoryEntry extends Evidence {
  readonly list: string;
  readonly msisdn: string;
  /**
   * Only of a row of the provider's list: the start of the last complete sweep that listed the number. `at` is the
   * start of the first one.
   */
  readonly lastSeenAt?: number;
}

/** A blocked number, as `optOuts` returns it. */
export interface OptOutEntry extends Listing {
  readonly msisdn: string;
}

export interface AuditTrail {
  /** Every blocked number. A number that changes during the iteration may come twice; none is left out. */
  optOuts(options?: { readonly list?: string | undefined }): AsyncIterable<OptOutEntry>;
  /** The evidence about a number and its other writings, newest first. */
  history(
    msisdn: unknown,
    options?: { readonly list?: string | undefined; readonly limit?: number | undefined },
  ): Promise<readonly HistoryEntry[]>;
  /** Removes evidence received before `olderThan` that decides nothing any more. */
  prune(options: { readonly olderThan: Date | Duration }): Promise<{ readonly removed: number }>;
}

export interface AuditTrailPorts {
  readonly reader: MsisdnReader;
  readonly lists: Lists;
  readonly journal: Journal;
  readonly config: Config;
  readonly clock: Clock;
}

/** Entries that are yielded before other work gets its turn. */
const ENTRIES_PER_TURN = 1_000;

/** Creates the audit trail of a guard. */
export function createAuditTrail({ reader, lists, journal, config, clock }: AuditTrailPorts): AuditTrail {
  async function evidenceOf(
    msisdn: string,
    list: string | undefined,
    limit: number | undefined,
  ): Promise<HistoryEntry[]> {
    const [changes, spans] = await Promise.all([
      journal.history(msisdn, { list, limit }),
      journal.listings(msisdn, { list }),
    ]);
    return [
      ...changes.filter(isVisible).map(({ list: name, evidence }) => ({
        list: name,
        msisdn,
        ...evidence,
        at: knownTimeOf(evidence),
      })),
      ...spans.map(({ list: name, firstSeenAt: at, lastSeenAt }): HistoryEntry => ({
        ...{ list: name, msisdn, direction: 'out', source: 'provider', kind: 'told', id: `sweep:${at}` },
        ...{ at, seenAt: at, lastSeenAt },
      })),
    ];
  }

  return {
    async *optOuts(given = {}) {
      const { list } = readFields(given, 'optOuts', { list: optional(text) });
      const asked = list === undefined ? lists.all() : [lists.ensure(listName(list, lists, config))];
      let yielded = 0;
      for (const { ledger } of asked) {
        for (const entry of ledger.entries()) {
          if (++yielded % ENTRIES_PER_TURN === 0) await nextTurn();
          yield entry;
        }
      }
    },

    async history(msisdn, given = {}) {
      const { list, limit } = readFields(given, 'history', {
        list: optional(text),
        limit: optional(integer({ min: 1, max: Number.MAX_SAFE_INTEGER })),
      });
      const name = list === undefined ? undefined : listName(list, lists, config);
      const entries = await Promise.all(
        writingsOf(readingOf(reader, msisdn)).map((number) => evidenceOf(number, name, limit)),
      );
      return entries
        .flat()
        .toSorted((a, b) => b.at - a.at || b.seenAt - a.seenAt)
        .slice(0, limit);
    },

    async prune(given) {
      const { olderThan } = readFields(given, 'prune', {
        olderThan: (value, key) =>
          value instanceof Date && Number.isFinite(value.getTime())
            ? value.getTime()
            : clock.now() - duration({ min: 0 })(value, key),
      });
      return { removed: await journal.prune(olderThan) };
    },
  };
}

/**
 * Whether evidence is for people to read. After an erasure, evidence that blocks no number is kept for its id alone.
 */
function isVisible({ evidence }: OptOutChange): boolean {
  return evidence.proves !== false || withoutWords(evidence) !== evidence;
}

/** When the person acted; if that is unknown, when the evidence was received. ms UTC. */
function knownTimeOf({ at, seenAt }: Evidence): number {
  return at === LATEST_TIME ? seenAt : at;
}
