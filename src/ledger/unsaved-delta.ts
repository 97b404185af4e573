/**
 * What came to a list and what left it since its store was told. It knows no rule: whether a number may leave was
 * decided before.
 */

import { createNumberSet, type NumberSet } from '../number-set/number-set.ts';
import { LOOKED_UP_AT_ONCE, pour, sift, slicesOf } from '../number-set/chunked.ts';

/** Numbers that came and that left. None is in both. */
export interface PartDelta {
  readonly added: NumberSet;
  readonly removed: NumberSet;
}

/** What the store was not told yet. */
export interface UnsavedDelta extends PartDelta {
  removed: NumberSet;
}

/** Nothing came and nothing left. */
export function noChanges(): UnsavedDelta {
  return { added: createNumberSet(), removed: createNumberSet() };
}

/** Adds later changes to earlier ones. */
export function absorb({ added, removed }: PartDelta, later: PartDelta): void {
  for (const batch of later.added.batches()) {
    added.addBatch(batch);
    removed.deleteBatch(batch);
  }
  for (const batch of later.removed.batches()) {
    removed.addBatch(batch);
    added.deleteBatch(batch);
  }
}

/**
 * Makes ready that numbers leave: puts to them what left before. Saves may begin and end meanwhile.
 *
 * @returns those that the store was to be told came.
 */
export function* prepareLeaving(
  unsaved: () => UnsavedDelta | undefined,
  leaving: NumberSet,
): Generator<undefined, readonly Float64Array[], undefined> {
  const came: Float64Array[] = [];
  let joined: UnsavedDelta | undefined;
  for (let delta = unsaved(); delta !== undefined && delta !== joined; delta = unsaved()) {
    joined = delta;
    came.push(...(yield* common(delta.added, leaving)));
    yield* pour(delta.removed, leaving);
  }
  return came;
}

/** Lets numbers leave that were made ready: they are the delta's own from now on. */
export function leave(delta: UnsavedDelta, leaving: NumberSet, came: readonly Float64Array[]): void {
  for (const numbers of came) delta.added.deleteBatch(sift(numbers, leaving, true));
  delta.removed = leaving;
}

/** The numbers of a set that another has too. */
function* common(one: NumberSet, other: NumberSet): Generator<undefined, Float64Array[], undefined> {
  const both: Float64Array[] = [];
  const [small, large] = one.size < other.size ? [one, other] : [other, one];
  for (const slice of slicesOf(small, LOOKED_UP_AT_ONCE)) {
    const found = sift(slice, large, true);
    if (found.length > 0) both.push(found);
    if (slice.length === LOOKED_UP_AT_ONCE) yield;
  }
  return both;
}
