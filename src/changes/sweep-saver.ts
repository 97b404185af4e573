/**
 * Saves what the ledgers know of their providers' lists. Each list has one save at a time. If more saves are requested
 * meanwhile, one more follows, so that the store ends with the latest state.
 */

import type { Lists, OptOutList } from '../lists/opt-out-lists.ts';
import type { NumberSet } from '../number-set/number-set.ts';
import type { SavedSweep } from '../stores/store.ts';

/** `kept`: stored. `refused`: the store has a later sweep. `failed`: the store failed. */
export type SaveOutcome = 'kept' | 'refused' | 'failed';

export interface SweepSaver {
  /** Saves a list as it is now or later. Resolves when no save of the list is left to be made. */
  save(list: OptOutList): Promise<void>;
}

/** The saves of one list that are under way. */
interface ListSave {
  /** Whether the list has to be saved, for the first time or again. */
  isDue: boolean;
  ended: Promise<void>;
}

/** Creates the saver. `store` stores a sweep and never rejects. */
export function createSweepSaver(
  lists: Pick<Lists, 'sweepAgeMs'>,
  store: (list: string, sweep: SavedSweep) => Promise<SaveOutcome>,
): SweepSaver {
  /** The saves under way, by list. */
  const saves = new Map<string, ListSave>();

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
    done(await store(config.name, sweep));
  }

  async function saveWhileDue(list: OptOutList, save: ListSave): Promise<void> {
    while (save.isDue) {
      save.isDue = false;
      await saveOnce(list);
    }
    saves.delete(list.config.name);
  }

  return {
    save(list) {
      const { name } = list.config;
      const underWay = saves.get(name);
      if (underWay) {
        underWay.isDue = true;
        return underWay.ended;
      }
      const save: ListSave = { isDue: true, ended: Promise.resolve() };
      saves.set(name, save);
      save.ended = saveWhileDue(list, save);
      return save.ended;
    },
  };
}

/** The numbers of a set, in batches. Each iteration starts anew. */
function batchesOf(numbers: NumberSet): Iterable<Float64Array> {
  return { [Symbol.iterator]: () => numbers.batches() };
}
