/**
 * SweepSaver of what ledgers know of their providers' lists: one of a list at a time, and of several that are asked for
 * meanwhile one more, so that the latest state is kept in the end.
 */

import type { Lists, OptOutList } from '../lists/opt-out-lists.ts';
import type { NumberSet } from '../number-set/number-set.ts';
import type { SavedSweep } from '../stores/store.ts';

export type SaveOutcome = 'kept' | 'refused' | 'failed';

export interface SweepSaver {
  /** Sees to it that a list is saved as it is now or later. Resolves when nothing of it is left to be saved. */
  save(list: OptOutList): Promise<void>;
}

/** Creates the saves. `keep` never rejects. */
export function createSweepSaver(
  lists: Pick<Lists, 'sweepAgeMs'>,
  keep: (list: string, sweep: SavedSweep) => Promise<SaveOutcome>,
): SweepSaver {
  const wanted = new Map<string, { isAgain: boolean; ended: Promise<void> }>();

  async function saveOnce(list: OptOutList): Promise<void> {
    const { config, ledger } = list;
    const { done, numbers, missingOnce, delta, ...head } = ledger.save();
    const sweep: SavedSweep = {
      ...{
        ...head,
        ageMs: lists.sweepAgeMs(list),
        numbers: batchesOf(numbers),
        missingOnce: batchesOf(missingOnce),
      },
      delta: delta && { added: batchesOf(delta.added), removed: batchesOf(delta.removed) },
      makeImage: () => numbers.snapshot(),
    };
    done(await keep(config.name, sweep));
  }

  return {
    save(list) {
      const { name } = list.config;
      const known = wanted.get(name);
      if (known) {
        known.isAgain = true;
        return known.ended;
      }
      const state = { isAgain: true, ended: Promise.resolve() };
      wanted.set(name, state);
      state.ended = (async () => {
        while (state.isAgain) {
          state.isAgain = false;
          await saveOnce(list);
        }
        wanted.delete(name);
      })();
      return state.ended;
    },
  };
}

/** The numbers of a set many at a time, as often as they are asked for. */
function batchesOf(numbers: NumberSet): Iterable<Float64Array> {
  return { [Symbol.iterator]: () => numbers.batches() };
}
