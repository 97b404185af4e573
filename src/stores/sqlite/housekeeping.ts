/** Regular work on an open file that no request asks for: checkpoints, and the rest of erasures. */

import type { Engine } from './engine.ts';

export interface Housekeeping {
  /** Notes that this process has written to the file. */
  noteWrite(): void;
  /** Writes the log into the database soon after a write: then what was written is in two files. */
  checkpointIfDue(): void;
  /** Removes what erasures had to leave in the file. Does nothing if the file can only be read. */
  finishErasures(): void;
}

/** Time from the last write to a checkpoint, ms. */
const CHECKPOINT_AFTER_MS = 1_000;
/** Time between two checkpoints while writes never pause, ms. */
const CHECKPOINT_EVERY_MS = 10_000;
/** Time between two calls of `tidy`, ms. */
const TIDY_EVERY_MS = 60_000;

export function createHousekeeping(engine: Engine): Housekeeping {
  let wroteAt = -Infinity;
  let checkpointedAt = performance.now();
  let tidiedAt = -Infinity;

  return {
    noteWrite() {
      wroteAt = performance.now();
    },
    checkpointIfDue() {
      const now = performance.now();
      const isQuiet = now - wroteAt >= CHECKPOINT_AFTER_MS;
      if (wroteAt <= checkpointedAt || (!isQuiet && now - checkpointedAt < CHECKPOINT_EVERY_MS)) return;
      checkpointedAt = now;
      engine.checkpoint();
    },
    finishErasures() {
      if (engine.file.isReadOnly) return;
      engine.clearLog();
      if (performance.now() - tidiedAt <= TIDY_EVERY_MS) return;
      tidiedAt = performance.now();
      engine.tidy();
    },
  };
}
