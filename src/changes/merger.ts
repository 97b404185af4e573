/** Merges changes into the ledgers of a guard, and replaces the evidence about a number that was erased. */

import type { Clock } from '../clock.ts';
import type { OptOutChange } from '../ledger/evidence.ts';
import { withoutWords } from '../ledger/evidence-words.ts';
import { positionIn } from '../ledger/positions.ts';
import type { ClockSkew } from '../lists/clock-skew.ts';
import type { Lists, OptOutList } from '../lists/opt-out-lists.ts';
import type { LogEnd } from '../stores/store.ts';
import type { RecentOptIns } from './recent-opt-ins.ts';

export interface MergerPorts {
  readonly lists: Lists;
  readonly clock: Clock;
  readonly recentOptIns: RecentOptIns;
  readonly clockSkew: ClockSkew;
  /** Saves what a ledger knows of its provider's list, soon. */
  readonly saveSweep: (list: OptOutList) => void;
}

export interface Merger {
  /**
   * Merges a change, without its words: only the store keeps them, and no rule reads them.
   *
   * @param appliedAt the time by the monotonic clock, ms; left out for a change that is loaded.
   * @returns whether the change was new.
   */
  merge(change: OptOutChange, appliedAt?: number): boolean;
  /** Merges changes as applied now. */
  mergeNow(changes: readonly OptOutChange[]): void;
  /** Puts the evidence about a number among `changes` in place of all evidence about it up to a position. */
  replace(msisdn: string, changes: readonly OptOutChange[], upTo: LogEnd): void;
}

/** Creates the merger of a guard. */
export function createMerger({ lists, clock, recentOptIns, clockSkew, saveSweep }: MergerPorts): Merger {
  // The newest time that any process wrote. If it is ahead of our clock, one of the two clocks is wrong.
  let newestSeenAt = -Infinity;

  function merge({ list, msisdn, evidence }: OptOutChange, appliedAt?: number): boolean {
    if (evidence.seenAt > newestSeenAt) {
      newestSeenAt = evidence.seenAt;
      clockSkew.storedTime(newestSeenAt);
    }
    const optOutList = lists.ensure(list);
    const { ledger } = optOutList;
    const isNew = ledger.merge(msisdn, withoutWords(evidence), appliedAt);
    if (!isNew || appliedAt === undefined || evidence.direction !== 'in') return isNew;
    recentOptIns.note(list, msisdn);
    // A running sweep may have listed the number again. Without this save, the opt-in would win after a crash.
    if (evidence.proof !== undefined && ledger.hasUnsavedChanges) saveSweep(optOutList);
    return isNew;
  }

  return {
    merge,
    mergeNow(changes) {
      for (const change of changes) merge(change, clock.monotonic());
    },
    replace(msisdn, changes, { logId, position }) {
      for (const { config, ledger } of lists.all()) {
        const remaining = changes
          .filter((one) => one.msisdn === msisdn && one.list === config.name)
          .map(({ evidence }) => withoutWords(evidence));
        // `changes` lacks evidence that is not stored yet or was stored after `position`. Such evidence still counts.
        const later = ledger
          .evidence(msisdn)
          .filter(({ positions }) => !((positionIn(positions, logId) ?? Infinity) <= position));
        ledger.replace(msisdn, [...remaining, ...later]);
      }
    },
  };
}
