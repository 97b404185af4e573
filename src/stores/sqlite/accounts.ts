/** Whose lists a store file holds. Two accounts never share a file: the one whose process uses it keeps it. */

import type { StoreOpening } from '../store.ts';
import { leaveLog } from './checkpoints.ts';
import { isNewer } from './repair.ts';
import { holds, type Database, type Driver } from './driver.ts';
import { inTransaction } from './transaction.ts';

/** A list in the file belongs to another account. */
export class OtherAccount extends Error {
  override name = 'OtherAccount';
}

/** Compares whose lists these are, and notes those that are new. @throws OtherAccount */
export function checkAccounts(database: Database, accounts: StoreOpening['accounts']): void {
  inTransaction(database, () => {
    const kept = database.prepare("SELECT value FROM meta WHERE key = 'accounts'").get()?.['value'];
    const known = JSON.parse(typeof kept === 'string' ? kept : '{}') as Record<string, string>;
    for (const [list, account] of Object.entries(accounts)) {
      if (Object.hasOwn(known, list) && known[list] !== account) throw new OtherAccount(refusalOf(list));
    }
    database
      .prepare("INSERT INTO meta VALUES ('accounts', ?) ON CONFLICT DO UPDATE SET value = excluded.value")
      .run(JSON.stringify({ ...known, ...accounts }));
  });
}

const refusalOf = (list: string): string => `its list '${list}' is of another account`;

/** How long no other process may have used a file of another account before it is put aside after a refusal, ms. */
const HANDOVER_MS = 60_000;

/** Decides about files of other accounts. */
export interface Takeover {
  /**
   * Looks at a file that is about to be opened.
   *
   * @returns what is wrong with it, if it holds lists of another account and may be put aside.
   * @throws OtherAccount if a process uses it, or did so a short time ago: it may only be starting again
   */
  check(path: string, accounts: StoreOpening['accounts']): OtherAccount | undefined;
}

export function createTakeover(driver: Driver, now: () => number): Takeover {
  let wasRefused = false;
  let unusedSince: number | undefined;

  return {
    check(path, accounts) {
      const list = foreignList(driver, path, accounts);
      if (list === undefined) return undefined;
      const refusal = new OtherAccount(refusalOf(list));
      if (withProbe(driver, path, leaveLog)) {
        unusedSince ??= now();
        if (!wasRefused || now() - unusedSince >= HANDOVER_MS) return refusal;
      } else {
        unusedSince = undefined;
      }
      wasRefused = true;
      throw new OtherAccount(
        `${refusal.message}, and a process of that account uses the file: give each account a file of its own`,
      );
    },
  };
}

/**
 * Opens a file for a look. The probe prepares nothing: in some drivers a connection with statements goes on until they
 * are collected as garbage, and counts as one that uses the file.
 */
function withProbe<T>(driver: Driver, path: string, look: (probe: Database) => T): T {
  const probe = new driver.DatabaseSync(path);
  try {
    return look(probe);
  } finally {
    probe.close();
  }
}

/**
 * A list that the file keeps for another account. `undefined` also if the file cannot be read, or is of a later version:
 * opening it tells why.
 */
function foreignList(driver: Driver, path: string, accounts: StoreOpening['accounts']): string | undefined {
  const isForeign = (probe: Database, list: string, account: string) =>
    holds(
      probe,
      `EXISTS (SELECT 1 FROM meta, json_each(meta.value) AS kept
         WHERE meta.key = 'accounts' AND kept.key = ${quoted(list)} AND kept.value <> ${quoted(account)})`,
    );
  try {
    return withProbe(driver, path, (probe) =>
      isNewer(probe)
        ? undefined
        : Object.entries(accounts).find(([list, account]) => isForeign(probe, list, account))?.[0],
    );
  } catch {
    return undefined;
  }
}

const quoted = (value: string): string => `'${value.replaceAll("'", "''")}'`;
