/**
 * Positions in the logs of stores. Pure. Positions of one log are compared with each other and with nothing else: a log
 * that was lost or rolled back counts anew, under another name.
 */

import type { LogPosition } from './evidence.ts';

/** Positions that are kept of one piece of evidence: in the present log, and in the one it was carried over from. */
const KEPT_POSITIONS = 2;

/** The position in a log; `undefined` for evidence that was never stored there. */
export function positionIn(positions: readonly LogPosition[] | undefined, log: string): number | undefined {
  return positions?.find((one) => one.log === log)?.position;
}

/** Orders positions: those of newer logs are larger, and within one log the later ones. */
export function comparePositions(a: LogPosition, b: LogPosition): number {
  if (a.log !== b.log) return a.log < b.log ? -1 : 1;
  return a.position - b.position;
}

/**
 * Joins what is known of the positions of one piece of evidence. The first position in each log counts.
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

/** What a process has applied of a store's log: the basis of its acts. */
export interface AppliedPosition {
  /** Everything up to here was applied; `undefined` before anything was read. */
  readonly current: LogPosition | undefined;
  /** Starts in another log, or again: everything up to `end` was read. */
  restart(end: LogPosition): void;
  /** An entry of this process was stored and applied. */
  own(stored: LogPosition): void;
  /** Everything of other processes up to there was applied. */
  follow(end: LogPosition): void;
}

/**
 * Creates one. An entry of this process may stand behind entries of other processes that it has not read yet: it
 * counts as applied from when those were applied too.
 */
export function createAppliedPosition(): AppliedPosition {
  let current: LogPosition | undefined;
  // Of this process, beyond `current`.
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
