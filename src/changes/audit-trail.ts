/**
 * What support and compliance ask for: who is blocked, since when and why. It reads what the ledgers and the store
 * know, and forgets history that decides nothing any more.
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

/** A piece of evidence as `history` shows it. Times in ms UTC. */
export interface HistoryEntry extends Evidence {
  readonly list: string;
  readonly msisdn: string;
  /** Of the provider's list: the start of the last complete sweep that showed the number. `at` is that of the first. */
  readonly lastSeenAt?: number;
}

/** A number that is blocked, as `optOuts` lists it. */
export interface OptOutEntry extends Listing {
  readonly msisdn: string;
}

export interface AuditTrail {
  /** Everything that is blocked. A number that changes meanwhile may come twice; none is left out. */
  optOuts(options?: { readonly list?: string | undefined }): AsyncIterable<OptOutEntry>;
  history(
    msisdn: unknown,
    options?: { readonly list?: string | undefined; readonly limit?: number | undefined },
  ): Promise<readonly HistoryEntry[]>;
  prune(options: { readonly olderThan: Date | Duration }): Promise<{ readonly removed: number }>;
}

export interface AuditTrailPorts {
  readonly reader: MsisdnReader;
  readonly lists: Lists;
  readonly journal: Journal;
  readonly config: Config;
  readonly clock: Clock;
}

/** Entries given before other work gets its turn. */
const ENTRIES_PER_TURN = 1_000;

/** Creates the records of a guard. */
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
      ...changes.filter(isShown).map(({ list: name, evidence }) => ({
        list: name,
        msisdn,
        ...evidence,
        at: shownAt(evidence),
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
      let handed = 0;
      for (const { ledger } of asked) {
        for (const entry of ledger.entries()) {
          if (++handed % ENTRIES_PER_TURN === 0) await nextTurn();
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

/** Evidence of a person who was erased and is not blocked is kept for its id alone. */
function isShown({ evidence }: OptOutChange): boolean {
  return evidence.proves !== false || withoutWords(evidence) !== evidence;
}

/** When the person acted, or when it was received if nobody told the time. */
function shownAt({ at, seenAt }: Evidence): number {
  return at === LATEST_TIME ? seenAt : at;
}
