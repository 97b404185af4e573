/**
 * The accounts of the lists of a store file. Two accounts never share a file: the one whose process uses it keeps it.
 */

import type { StoreOpening } from '../store.ts';
import { leaveLog } from './checkpoints.ts';
import { isNewer } from './repair.ts';
import { isTrue, type Database, type Driver } from './driver.ts';
import { inTransaction } from './transaction.ts';

/** A list in the file belongs to another account. */
export class OtherAccount extends Error {
  override name = 'OtherAccount';
}

/** Compares the accounts of lists with those in the file, and adds new lists to the file. @throws OtherAccount */
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

/** After a refusal, a file of another account is put aside when no process has used it for this long, ms. */
const TAKEOVER_AFTER_MS = 60_000;

/** Decides whether a file of another account may be replaced. */
export interface Takeover {
  /**
   * Checks a file before it is opened.
   *
   * @returns an error that says why the file is put aside: it has lists of another account, and no process uses it.
   * `undefined` if the file can be used.
   * @throws OtherAccount if a process uses it, or did so a short time ago: that process may only be restarting
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
        if (!wasRefused || now() - unusedSince >= TAKEOVER_AFTER_MS) return refusal;
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
 * Runs `check` with a connection of its own. `check` must prepare no statements: in some drivers a connection with
 * statements stays open until they are collected as garbage, and then counts as one that uses the file.
 */
function withProbe<T>(driver: Driver, path: string, check: (probe: Database) => T): T {
  const probe = new driver.DatabaseSync(path);
  try {
    return check(probe);
  } finally {
    probe.close();
  }
}

/**
 * Returns a list that the file keeps for another account. `undefined` also if the file cannot be read or is of a later
 * version: then `open` reports that.
 */
function foreignList(driver: Driver, path: string, accounts: StoreOpening['accounts']): string | undefined {
  const isForeign = (probe: Database, list: string, account: string) =>
    isTrue(
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
