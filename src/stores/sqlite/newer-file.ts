/**
 * Reads the opt-outs of a file of a later version. Every number with an opt-out in it is blocked, whatever else the
 * file says. The file itself stays as it is.
 */

import type { OptOutChange } from '../../ledger/evidence.ts';
import { createAppender } from './append.ts';
import type { Database, Driver } from './driver.ts';
import { changeOf } from './rows.ts';
import { readLogId } from './log-id.ts';
import { makeTables } from './schema.ts';
import { inTransaction } from './transaction.ts';

const APPENDED_AT_A_TIME = 1_000;

/**
 * Opens a database in memory with the opt-outs of a copied file; with none if the later version stores them
 * differently.
 */
export function readNewer(driver: Driver, copy: string): Database {
  const source = new driver.DatabaseSync(copy);
  const target = new driver.DatabaseSync(':memory:');
  makeTables(target);
  try {
    copyOptOuts(source, target);
  } catch {
    // Nothing can be read from it.
  } finally {
    source.close();
  }
  return target;
}

function copyOptOuts(source: Database, target: Database): void {
  const rows = source
    .prepare(
      `SELECT seq, msisdn, list, direction, id, at, 'act' AS kind, seen_at, source, NULL AS words, 1 AS proves,
       NULL AS basis, NULL AS basis_log, NULL AS former_log, NULL AS former_position, NULL AS sweep
       FROM changes WHERE direction = 'out'`,
    )
    .iterate();
  const log = readLogId(target);
  const append = createAppender(target, 'a later version');
  const appendAll = (batch: readonly OptOutChange[]) =>
    inTransaction(target, () => append([{ entries: batch, wantsBefore: false }]));
  let entries: OptOutChange[] = [];
  for (const row of rows) {
    entries.push(changeOf(row, log));
    if (entries.length < APPENDED_AT_A_TIME) continue;
    appendAll(entries);
    entries = [];
  }
  appendAll(entries);
}
