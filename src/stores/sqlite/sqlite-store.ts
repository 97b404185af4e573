/**
 * A store in one file: durable, for one machine and any number of its processes. What it has resolved is on disk. What
 * one process writes, the others read within milliseconds.
 */

import { refuse } from '../../options/fields.ts';
import { createSqliteStore } from './client.ts';
import { spawnWorker } from './connection.ts';
import type { Store } from '../store.ts';

/**
 * Creates a store in a file. If the file is missing, it is created with mode 0600, and its folder with mode 0700.
 *
 * @param file its path, absolute or relative to the working directory.
 * @throws ConfigError if SQLite is not installed (the message has the command that installs it), or if a bundle does
 * not include the program of the store's thread.
 *
 * @example
 * const guard = createGuard({ store: sqliteStore('./optouts.db') });
 */
export function sqliteStore(file: string): Store {
  if (/^(?:sqlite|memory|file):/i.test(file)) {
    const suggestion = "sqliteStore('./optouts.db'), or store: 'sqlite:./optouts.db' in createGuard";
    return refuse('sqliteStore.file', file, 'the path of a file without a scheme', suggestion);
  }
  return createSqliteStore(file, spawnWorker);
}
