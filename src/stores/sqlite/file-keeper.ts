/** Makes sure that the open file is the one that other processes see, repairs it if not, and reports what was wrong. */

import type { StoreOpening, StoreTrouble } from '../store.ts';
import type { Engine } from './engine.ts';
import type { Fault } from './file-watch.ts';
import type { WorkerMessage } from './messages.ts';

/**
 * `sound`: nothing had happened. `repaired`: the file is the same. `replaced`: another file is open, perhaps one that
 * can only be read. `lost`: it could not be repaired yet.
 */
export type FileCheck = 'sound' | 'repaired' | 'replaced' | 'lost';

export interface FileKeeper {
  /** Opens the file for the first time, or again. */
  open(opening: StoreOpening): StoreTrouble | undefined;
  /**
   * Checks whether the files were removed, cut off or overwritten under the open connection, and repairs that.
   * Otherwise the next process would not find what this one writes.
   */
  checkAndRepair(): FileCheck;
  /** Opens a file again that could only be read, if it may be written to now. */
  reopenIfWorth(): void;
  /** Opens the file again; if it is known to be damaged, it is put aside. @throws Error as the engine's `open` */
  reopen(): void;
}

/** Pause between two attempts to repair the files, ms. */
const REPAIR_EVERY_MS = 500;
/** Pause between two attempts to write to a file that could not be written to, ms. */
const REOPEN_EVERY_MS = 5_000;

/**
 * @param post sends troubles to the main thread.
 * @param onReplaced called when another file is open, or the same one may have other content.
 */
export function createFileKeeper(
  engine: Engine,
  post: (message: WorkerMessage) => void,
  onReplaced: () => void,
): FileKeeper {
  let opening: StoreOpening = { accounts: {} };
  let trouble: StoreTrouble | undefined;
  let reportedAt = -Infinity;
  let nextRepairAt = -Infinity;
  const reportedExposures = new Set<string>();

  /** Reports a trouble unless it is the one that was reported last. A damage is always reported. */
  function report(found: StoreTrouble | undefined, isWhole: boolean): void {
    reportedAt = performance.now();
    const isNew = found?.kind === 'damaged' || found?.message !== trouble?.message;
    if (found && isNew) post({ kind: 'trouble', trouble: found, isWhole });
    trouble = found;
    reportExposures();
  }

  function reportExposures(): void {
    for (const message of engine.exposures) {
      if (reportedExposures.has(message)) continue;
      reportedExposures.add(message);
      post({ kind: 'trouble', trouble: { kind: 'exposed', message }, isWhole: true });
    }
  }

  function findFault(): Fault | undefined {
    try {
      return engine.fault();
    } catch (error) {
      return { kind: 'moved', message: `cannot be looked at: ${messageOf(error)}` };
    }
  }

  function checkAndRepair(): FileCheck {
    const fault = findFault();
    if (fault === undefined) return 'sound';
    if (performance.now() < nextRepairAt) return 'lost';
    nextRepairAt = performance.now() + REPAIR_EVERY_MS;
    try {
      const { trouble: found, isWhole } = engine.repair(opening, fault);
      nextRepairAt = engine.file.isReadOnly ? performance.now() + REOPEN_EVERY_MS : -Infinity;
      report(found, isWhole);
      if (!isWhole) onReplaced();
      return isWhole ? 'repaired' : 'replaced';
    } catch (error) {
      // Nothing is open: every request fails until the repair succeeds.
      const message = `the store ${fault.message}, and this could not be put right: ${messageOf(error)}`;
      report({ kind: 'unavailable', message }, true);
      return 'lost';
    }
  }

  function reopen(): void {
    report(engine.open(opening), false);
    onReplaced();
  }

  return {
    open(given) {
      opening = given;
      trouble = engine.open(given);
      reportExposures();
      return trouble;
    },
    checkAndRepair,
    reopenIfWorth() {
      if (engine.isWorthReopening && performance.now() - reportedAt > REOPEN_EVERY_MS) reopen();
    },
    reopen,
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'unknown fault';
}
