/**
 * A store in one file: durable, for one machine and any number of its processes. What it resolved is on disk; what
 * one process writes, the others hear of within milliseconds.
 */

import { refuse } from '../../options/fields.ts';
import { createSqliteStore } from './client.ts';
import { spawnWorker } from './connection.ts';
import type { Store } from '../store.ts';

/**
 * Creates a store in a file. The file is made with mode 0600 where it is missing, its folder with 0700.
 *
 * @param file its path, absolute or from the working directory.
 * @throws ConfigError where there is no SQLite to open it with (the message has the line that installs it), and in a
 * bundle that has left the program of the store's thread behind.
 */
export function sqliteStore(file: string): Store {
  if (/^(?:sqlite|memory|file):/i.test(file)) {
    const meant = "sqliteStore('./optouts.db'), or store: 'sqlite:./optouts.db' in createGuard";
    return refuse('sqliteStore.file', file, 'the path of a file without a scheme', meant);
  }
  return createSqliteStore(file, spawnWorker);
}
