/**
 * The rows of the provider's list for numbers with first-hand evidence: notes them in the records, and remembers which
 * of them the store does not have yet.
 */

import type { Evidence } from './evidence.ts';
import type { EvidenceIndex } from './evidence-index.ts';
import { EMPTY_RECORD, mergeListed, type Listed, type NumberRecord } from './evidence-rules.ts';
import type { ListedRow } from './provider-list-types.ts';
import type { ProviderList } from './provider-list.ts';

/** The rows of one save. */
export interface RowSave {
  readonly rows: readonly ListedRow[];
  /** Ends the save. Rows that were not kept come again with the next one. */
  done(isKept: boolean): void;
}

export interface ListedRows {
  /**
   * Notes a row of a sweep that began at `began` (ms by the monotonic clock), for a number with index.
   *
   * @returns whether the list now outweighs an opt-in that released the number until now.
   */
  note(msisdn: string, listed: Listed, began: number): boolean;
  /** Takes over rows that a store kept. `began`: when their sweep began, or `-Infinity` if that is not known. */
  restore(rows: readonly ListedRow[], began: number): void;
  /**
   * Notes that a restored sweep of this number listed every number that has a proven opt-in and is on the list. Not
   * every row was saved, but the restored list shows that the number was listed.
   */
  noteRestoredSweep(sweep: number): void;
  /**
   * Returns the record into which a proven opt-in was merged, with an assumed row if it needs one. It does if no row
   * was noted for a number on the list, and a sweep has begun that the opt-in did not know of: that sweep may have read
   * the row after the opt-in. The assumption holds until the next row. It is not made if the last complete sweep lacked
   * the number.
   */
  withAssumed(msisdn: string, record: NumberRecord, optIn: Evidence): NumberRecord;
  /** Begins a save of the rows that were noted since the last save that was kept. One at a time. */
  save(): RowSave;
  /** Whether rows were noted since the last save began. */
  readonly hasUnsaved: boolean;
}

/** Creates it for an empty list. */
export function createListedRows(
  index: EvidenceIndex,
  provider: Pick<ProviderList, 'lastBegun' | 'noteBegun' | 'hasNotMissing'>,
): ListedRows {
  // The numbers whose row the store does not have.
  let unsaved = new Set<string>();

  /** Merges a row into the record of a number. @returns the new record. */
  function mergeRow(msisdn: string, before: NumberRecord, listed: Listed, began: number): NumberRecord {
    const record = mergeListed(before, listed);
    const observed = index.observed(msisdn);
    const isNewest = record.listed?.sweep === listed.sweep;
    index.set(msisdn, record, isNewest ? { ...observed, listedBegan: began } : observed);
    return record;
  }

  return {
    note(msisdn, listed, began) {
      const isSoleDateNew = index.noteSoleListed(msisdn, listed);
      if (isSoleDateNew !== undefined) {
        if (isSoleDateNew) unsaved.add(msisdn);
        return false;
      }
      const before = index.get(msisdn) as NumberRecord;
      const wasReleased = index.isBlocked(msisdn) === false;
      const record = mergeRow(msisdn, before, listed, began);
      // Without an opt-in only the date can matter later: the numbers of all sweeps so far are below those to come.
      if (record.ins.length > 0 || record.listed?.date !== before.listed?.date) unsaved.add(msisdn);
      return wasReleased && index.isBlocked(msisdn) !== false;
    },
    restore(rows, began) {
      for (const { msisdn, sweep, date } of rows) {
        const listed = { sweep, date };
        provider.noteBegun(sweep);
        if (index.noteSoleListed(msisdn, listed) !== undefined) continue;
        mergeRow(msisdn, index.get(msisdn) ?? EMPTY_RECORD, listed, began);
      }
    },
    noteRestoredSweep(sweep) {
      for (const [msisdn, record] of [...index.otherRecords()]) {
        const isProven = record.ins.some(({ proof }) => proof !== undefined);
        if (!isProven || record.listed?.isAssumed || !provider.hasNotMissing(msisdn)) continue;
        index.set(msisdn, mergeListed(record, { sweep, date: null }));
      }
    },
    withAssumed(msisdn, record, { proof }) {
      if (proof === undefined || record.listed !== undefined) return record;
      if (provider.lastBegun <= proof.sweep || !provider.hasNotMissing(msisdn)) return record;
      unsaved.add(msisdn);
      return { ...record, listed: { sweep: provider.lastBegun, date: null, isAssumed: true } };
    },
    save() {
      const saving = unsaved;
      unsaved = new Set();
      const rows = [...saving].flatMap((msisdn) => {
        const listed = index.listed(msisdn);
        return listed ? [{ msisdn, sweep: listed.sweep, date: listed.date }] : [];
      });
      return {
        rows,
        done(isKept) {
          if (!isKept) for (const msisdn of saving) unsaved.add(msisdn);
        },
      };
    },
    get hasUnsaved() {
      return unsaved.size > 0;
    },
  };
}
