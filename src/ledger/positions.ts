/**
 * Positions in the logs of stores. Pure. The rules compare only positions of one log: a log that was lost or rolled
 * back starts again under another name.
 */

import type { LogPosition } from './evidence.ts';

/**
 * How many positions are kept of one piece of evidence: in the present log, and in the log it was carried over from.
 */
const KEPT_POSITIONS = 2;

/** Returns the position in a log; `undefined` for evidence that was never stored there. */
export function positionIn(positions: readonly LogPosition[] | undefined, log: string): number | undefined {
  return positions?.find((one) => one.log === log)?.position;
}

/**
 * Orders positions: a newer log is larger, and within one log a later position is. This order chooses which positions
 * are kept and which opt-out is reported. No rule that allows or blocks uses it across logs.
 */
export function comparePositions(a: LogPosition, b: LogPosition): number {
  if (a.log !== b.log) return a.log < b.log ? -1 : 1;
  return a.position - b.position;
}

/**
 * Joins the positions of two copies of one piece of evidence. In each log the first position counts.
 *
 * @returns the positions in the newest two logs, newest first; `a` itself if `b` adds nothing.
 */
export function joinPositions(
  a: readonly LogPosition[] = [],
  b: readonly LogPosition[] = [],
): readonly LogPosition[] {
  const joined = new Map(b.map((one) => [one.log, one]));
  for (const one of a) {
    const other = joined.get(one.log);
    if (other === undefined || other.position >= one.position) joined.set(one.log, one);
  }
  const all = [...joined.values()].toSorted((one, other) => comparePositions(other, one));
  const kept = all.slice(0, KEPT_POSITIONS);
  return kept.length === a.length && kept.every((one, index) => one === a[index]) ? a : kept;
}

/** Tracks how much of a store's log a process has applied. That is the basis of its acts. */
export interface AppliedPosition {
  /** Every entry up to this position was applied; `undefined` before anything was read. */
  readonly current: LogPosition | undefined;
  /** Starts in another log, or again: everything up to `end` was read. */
  restart(end: LogPosition): void;
  /** Notes that an entry of this process was stored and applied. */
  own(stored: LogPosition): void;
  /** Notes that every entry of other processes up to `end` was applied. */
  follow(end: LogPosition): void;
}

/**
 * Creates it for a process that has read nothing. An entry of this process can have a position after entries of other
 * processes that were not read yet. It counts as applied only when those entries are applied too.
 */
export function createAppliedPosition(): AppliedPosition {
  let current: LogPosition | undefined;
  // Entries of this process after `current`.
  const ahead = new Set<number>();

  function advanceTo({ log, position }: LogPosition): void {
    if (current?.log !== log) ahead.clear();
    let reached = position;
    while (ahead.delete(reached + 1)) reached++;
    current = { log, position: reached };
    for (const one of ahead) if (one <= reached) ahead.delete(one);
  }

  return {
    get current() {
      return current;
    },
    restart: advanceTo,
    own({ log, position }) {
      if (current === undefined || current.log !== log || position <= current.position) return;
      ahead.add(position);
      advanceTo(current);
    },
    follow(end) {
      if (current?.log !== end.log || end.position > current.position) advanceTo(end);
    },
  };
}
