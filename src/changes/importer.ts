/** Imports opt-outs from rows. An import only blocks, and its promise resolves when every opt-out is durable. */

import { setImmediate as nextTurn } from 'node:timers/promises';
import { importedChange } from './change-factory.ts';
import type { Clock } from '../clock.ts';
import { createImportRows } from './import-rows.ts';
import type { Journal } from './journal.ts';
import type { Lists } from '../lists/opt-out-lists.ts';
import type { MsisdnReader } from '../msisdn/msisdn.ts';
import type { Config } from '../options/guard-options.ts';
import type { OptOutChange } from '../ledger/evidence.ts';

/**
 * A row of an import: a number, or an object with one. `at` is when the person opted out: a `Date`, ms or seconds UTC,
 * or text in a form that src/dates.ts reads. A text that can mean several instants means the latest of them.
 */
export type ImportRow =
  | string
  | number
  | {
      readonly msisdn: string | number;
      readonly at?: number | string | Date | undefined;
      readonly reason?: string | undefined;
    };

/** The result of `import`. Rows are named by their index in the input. */
export interface ImportResult {
  /** Opt-outs that were recorded. */
  readonly added: number;
  /** Opt-outs that were known: dated rows of an earlier import, and repetitions within this one. */
  readonly known: number;
  /** Rows whose number cannot be read. Nothing was recorded for them. */
  readonly invalid: readonly { readonly index: number }[];
  /** Rows with a date that cannot be read. They were recorded as rows without a date. */
  readonly undated: readonly { readonly index: number }[];
  /**
   * Rows of people who have opted in on that list. Nothing was recorded for them, so that importing an old file does
   * not block people who came back. Empty with `conflicts: 'block'`, which records them.
   */
  readonly conflicts: readonly { readonly index: number }[];
}

/** Options of `import`. */
export interface ImportOptions {
  /** Default `'*'`, which holds for every sender. */
  readonly list?: string | undefined;
  /** The name of the rows' origin. Rows without a reason get it as their reason. */
  readonly source?: string | undefined;
  /** How to treat rows of people who have opted in on that list. Default `'skip'`. */
  readonly conflicts?: 'skip' | 'block' | undefined;
}

export interface ImporterPorts {
  readonly reader: MsisdnReader;
  readonly lists: Lists;
  readonly journal: Journal;
  readonly config: Config;
  readonly clock: Clock;
}

/** Imports rows to a list. @throws StoreError if rows could not be stored */
export type Importer = (
  rows: Iterable<ImportRow> | AsyncIterable<ImportRow>,
  options: {
    readonly list: string;
    readonly source: string | undefined;
    readonly conflicts: 'skip' | 'block';
  },
) => Promise<ImportResult>;

/** Rows of an import that are stored together. */
const ROWS_PER_WRITE = 1_000;
/** Rows of an import that are read before other work gets its turn. */
const ROWS_PER_TURN = 250;

/** Creates the importer of a guard. */
export function createImporter({ reader, lists, journal, config, clock }: ImporterPorts): Importer {
  return async (rows, { list, source, conflicts: onConflict }) => {
    await journal.opened;
    const importRows = createImportRows({
      ...{ reader, source, clock, conflicts: onConflict },
      ledger: lists.ensure(list).ledger,
      clockSlackMs: config.refresh.clockSlack,
    });
    let added = 0;
    let alreadyStored = 0;
    let index = 0;
    let unwritten: OptOutChange[] = [];

    async function write(): Promise<void> {
      const results = unwritten.length === 0 ? [] : await journal.record(unwritten);
      const newCount = results.filter(({ isNew }) => isNew).length;
      added += newCount;
      alreadyStored += results.length - newCount;
      unwritten = [];
      await nextTurn();
    }

    for await (const row of rows) {
      const now = clock.now();
      for (const number of importRows.read(row, index)) {
        unwritten.push(importedChange(list, number.msisdn, number, now));
      }
      index++;
      if (unwritten.length >= ROWS_PER_WRITE || index % ROWS_PER_WRITE === 0) await write();
      else if (index % ROWS_PER_TURN === 0) await nextTurn();
    }
    await write();
    const { repeated, invalid, undated, conflicts } = importRows;
    return { added, known: alreadyStored + repeated, invalid, undated, conflicts };
  };
}
