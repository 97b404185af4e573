/**
 * Finds an SQLite: Node's own if it is no longer experimental, else the package with the same API that brings its
 * binary along. Opens nothing.
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

/** An open database, as `node:sqlite` has it. Its statements do not keep it alive: keep a reference to both. */
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
/**
 * Major versions of Node: from the first on `node:sqlite` is preferred, from the second on it can replace the package.
 */
const PREFERRED_SINCE = 26;
const USABLE_SINCE = 24;

/** `createRequire` is not imported, because webpack rewrites the calls of an imported one. */
const requireFrom = (url: string | URL) => process.getBuiltinModule('node:module').createRequire(url);

/** Returns a function that resolves names of packages as a module at that URL does. */
export function resolverFrom(url: string | URL): (name: string) => string {
  return (name) => requireFrom(url).resolve(name);
}

const nodeMajor = Number(process.versions.node.split('.')[0]);

/** Returns the name of the module to load. @throws ConfigError if there is none, with the command that installs it */
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

/** Loads the module that `findDriver` finds. */
export function loadDriver(): Driver {
  return requireFrom(import.meta.url)(findDriver()) as Driver;
}

/**
 * Returns the primary code of an SQLite error (5 busy, 8 read-only, 11 corrupt, 13 full, …); `undefined` for other
 * errors.
 */
export function sqliteCode(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('errcode' in error)) return undefined;
  return typeof error.errcode === 'number' ? error.errcode & 0xff : undefined;
}

/**
 * Evaluates a condition without a prepared statement. In some drivers a connection with statements stays open after
 * `close()`, until they are collected as garbage.
 *
 * @throws Error of SQLite if the condition cannot be evaluated
 */
export function isTrue(database: Database, condition: string): boolean {
  try {
    // `exec` returns nothing but may throw: the least integer has no absolute value.
    database.exec(`SELECT CASE WHEN ${condition} THEN abs(-9223372036854775808) END`);
    return false;
  } catch (error) {
    if (error instanceof Error && error.message.includes('integer overflow')) return true;
    throw error;
  }
}
