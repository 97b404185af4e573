/**
 * Which SQLite there is: Node's own where it is past its experimental days, else the package with the same API and its
 * binary inside. Nothing is opened in here.
 */

import { ConfigError } from '../../errors.ts';

/** A value of a row. */
export type SqlValue = string | number | null | Uint8Array;

/** A prepared statement, as `node:sqlite` has it. */
export interface Statement {
  run(...values: SqlValue[]): { readonly changes: number | bigint };
  get(...values: SqlValue[]): Readonly<Record<string, SqlValue>> | undefined;
  all(...values: SqlValue[]): Readonly<Record<string, SqlValue>>[];
  iterate(...values: SqlValue[]): Iterable<Readonly<Record<string, SqlValue>>>;
}

/** An open database, as `node:sqlite` has it. Its statements do not hold it: whoever keeps one keeps both. */
export interface Database {
  exec(sql: string): void;
  prepare(sql: string): Statement;
  close(): void;
}

/** Opens database files. */
export interface Driver {
  readonly DatabaseSync: new (path: string, options?: { readonly readOnly?: boolean }) => Database;
}

const PACKAGE = '@photostructure/sqlite';
/** From this version on `node:sqlite` is what is tried first; from the other on it does without the package. */
const PREFERRED_SINCE = 26;
const USABLE_SINCE = 24;

/** Not imported, since webpack rewrites the calls of an imported `createRequire`. */
const requireFrom = (url: string | URL) => process.getBuiltinModule('node:module').createRequire(url);

/** Resolves the names of packages as a module at that URL would. */
export function resolverFrom(url: string | URL): (name: string) => string {
  return (name) => requireFrom(url).resolve(name);
}

const nodeMajor = Number(process.versions.node.split('.')[0]);

/** The module to load. @throws ConfigError where there is none, with the line that installs it. */
export function findDriver(
  major = nodeMajor,
  resolve: (name: string) => string = resolverFrom(import.meta.url),
): string {
  if (major >= PREFERRED_SINCE) return 'node:sqlite';
  try {
    resolve(PACKAGE);
    return PACKAGE;
  } catch (cause) {
    if (major >= USABLE_SINCE) return 'node:sqlite';
    throw new ConfigError(
      'invalid_option',
      'store',
      `store: 'sqlite:' needs the package ${PACKAGE} on Node ${major}: npm install ${PACKAGE}@1`,
      { cause },
    );
  }
}

/** Loads what `findDriver` found. */
export function loadDriver(): Driver {
  return requireFrom(import.meta.url)(findDriver()) as Driver;
}

/** The primary code of an SQLite error (5 busy, 8 read-only, 11 corrupt, 13 full, …); `undefined` for other errors. */
export function sqliteCode(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('errcode' in error)) return undefined;
  return typeof error.errcode === 'number' ? error.errcode & 0xff : undefined;
}

/**
 * Asks whether a condition is true, without preparing a statement: such a connection ends when it is closed.
 *
 * @throws Error of SQLite if the condition cannot be evaluated
 */
export function holds(database: Database, condition: string): boolean {
  try {
    // The only answer that `exec` gives is an error: the least integer has no absolute value.
    database.exec(`SELECT CASE WHEN ${condition} THEN abs(-9223372036854775808) END`);
    return false;
  } catch (error) {
    if (error instanceof Error && error.message.includes('integer overflow')) return true;
    throw error;
  }
}
