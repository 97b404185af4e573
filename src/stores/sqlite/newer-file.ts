/**
 * What can be read of a file of a later version: whoever it says is opted out is blocked, whatever else it says. The
 * file itself is left as it is.
 */

import { createAppender } from './append.ts';
import type { Database, Driver } from './driver.ts';
import { changeOf } from './rows.ts';
import { readLogId } from './log-id.ts';
import { makeTables } from './schema.ts';
import { inTransaction } from './transaction.ts';

const APPENDED_AT_A_TIME = 1_000;

/** Opens a database in memory with the opt-outs of a copied file; with none if they are kept in another way there. */
export function readNewer(driver: Driver, copy: string): Database {
  const source = new driver.DatabaseSync(copy);
  const target = new driver.DatabaseSync(':memory:');
  makeTables(target);
  try {
    copyOptOuts(source, target);
  } catch {
    // Nothing can be read of it.
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
  const keep = (some: ReturnType<typeof changeOf>[]) =>
    inTransaction(target, () => append([{ entries: some, wantsBefore: false }]));
  let entries: ReturnType<typeof changeOf>[] = [];
  for (const row of rows) {
    entries.push(changeOf(row, log));
    if (entries.length < APPENDED_AT_A_TIME) continue;
    keep(entries);
    entries = [];
  }
  keep(entries);
}
