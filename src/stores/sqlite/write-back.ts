/**
 * Writes all first-hand evidence in memory into a file that may have lost some: its pages were overwritten, its log was
 * cut off, or the file was replaced. An entry that the file still has is not written twice.
 */

import { setTimeout } from 'node:timers/promises';
import type { OptOutChange } from '../../ledger/evidence.ts';
import type { Connection } from './connection.ts';

export interface WriteBack {
  /** Writes all evidence, after the writes that were begun before. Never rejects. */
  begin(to: Connection, evidence: (() => Iterable<OptOutChange>) | undefined): Promise<void>;
  /** Resolves when nothing is being written back. */
  ended(): Promise<void>;
}

/** Changes of one request: other requests have their turn in between. */
const CHANGES_AT_A_TIME = 1_000;
const TRY_EVERY_MS = 250;
const MOST_TRIES = 240;

export function createWriteBack(): WriteBack {
  let running: Promise<void> = Promise.resolve();

  async function writeAll(to: Connection, evidence: () => Iterable<OptOutChange>): Promise<void> {
    let batch: OptOutChange[] = [];
    for (const change of evidence()) {
      batch.push(change);
      if (batch.length < CHANGES_AT_A_TIME) continue;
      await to.ask('append', { entries: batch, wantsBefore: false });
      batch = [];
    }
    if (batch.length > 0) await to.ask('append', { entries: batch, wantsBefore: false });
  }

  /** Tries again while the file is being loaded or cannot be written to. Gives up after a number of tries. */
  async function keepTrying(to: Connection, evidence: () => Iterable<OptOutChange>): Promise<void> {
    for (let tries = 0; tries < MOST_TRIES && !to.isOver; tries++) {
      try {
        return await writeAll(to, evidence);
      } catch {
        await setTimeout(TRY_EVERY_MS, undefined, { ref: false });
      }
    }
  }

  return {
    begin(to, evidence) {
      if (evidence !== undefined) running = running.then(() => keepTrying(to, evidence));
      return running;
    },
    ended: () => running,
  };
}
