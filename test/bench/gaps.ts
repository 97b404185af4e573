/** How long whoever comes to an event loop has to wait for his turn. */

import { percentile } from './measure.ts';

/** Milliseconds of waiting: what half of all did not exceed, what 999 of 1000 did not, and the longest. */
export interface Gaps {
  readonly half: number;
  readonly most: number;
  readonly longest: number;
}

/**
 * Begins to look every millisecond. A look that comes late stands for those that it kept from coming, for requests come
 * whether the loop is free or not.
 *
 * @returns the end of it.
 */
export function watchGaps(): () => Gaps {
  const waits: number[] = [];
  let isOver = false;
  let due = performance.now() + 1;
  const look = () => {
    const now = performance.now();
    for (let late = now - due; late > 0; late--) waits.push(late);
    due = now + 1;
    if (!isOver) next = setTimeout(look, 1);
  };
  let next = setTimeout(look, 1);
  return () => {
    isOver = true;
    clearTimeout(next);
    // What kept the last look from coming would be missed otherwise.
    look();
    return { half: percentile(waits, 0.5), most: percentile(waits, 0.999), longest: percentile(waits, 1) };
  };
}
