/**
 * Stores changes and merges them with the positions that the store gave. Where the store knew a change already, its own
 * copy counts: one id is one piece of evidence, as it first came.
 */

import type { Clock } from './clock.ts';
import type { Lists } from './lists.ts';
import type { OptOutChange } from './optouts/change.ts';
import { joinPositions, type AppliedPosition } from './optouts/positions.ts';
import type { AppendResult, Store } from './stores/store.ts';

export interface AppenderPorts {
  readonly store: Store;
  readonly lists: Lists;
  readonly clock: Clock;
  readonly applied: AppliedPosition;
  /** Merges changes into the ledgers, as applied now. */
  readonly merge: (changes: readonly OptOutChange[]) => void;
  /** Called with each change that was new, after it counts. */
  readonly onChange: (change: OptOutChange) => void;
  /** Called with each failure to read a history. */
  readonly onUnread: (cause: unknown) => void;
}

export interface Appender {
  /** Stores changes and lets them count. @throws what the store rejects with. */
  append(
    changes: readonly OptOutChange[],
    options?: { readonly wantsBefore?: boolean },
  ): Promise<readonly AppendResult[]>;
  /** Stores evidence that the ledgers hold already: only its positions are new. @throws what the store rejects with. */
  carry(changes: readonly OptOutChange[]): Promise<void>;
}

/** Creates it. */
export function createAppender(ports: AppenderPorts): Appender {
  const { store, lists, clock, applied, merge, onChange, onUnread } = ports;

  /**
   * Numbers of which the store may know more than this process: those of an act that was known to it, and those of an
   * opt-out so late that an opt-in after it may have been dropped here.
   */
  function numbersBehind(
    changes: readonly OptOutChange[],
    results: readonly AppendResult[],
  ): ReadonlySet<string> {
    const behind = new Set<string>();
    for (const [index, { list, msisdn, evidence }] of changes.entries()) {
      const isLate = evidence.at < clock.now() - lists.optInsKeptMs;
      if (results[index]?.isNew !== true) behind.add(msisdn);
      else if (isLate && lists.ensure(list).ledger.evidence(msisdn).length === 0) behind.add(msisdn);
    }
    return behind;
  }

  /** Merges what the store has about numbers. @returns those whose history could not be read. */
  async function catchUp(behind: ReadonlySet<string>): Promise<ReadonlySet<string>> {
    const unread = new Set<string>();
    for (const msisdn of behind) {
      try {
        merge(await store.history(msisdn));
      } catch (cause) {
        unread.add(msisdn);
        onUnread(cause);
      }
    }
    return unread;
  }

  /** Merges stored changes with their positions. @returns them. */
  function place(
    changes: readonly OptOutChange[],
    results: readonly AppendResult[],
    isMerged: (index: number) => boolean = () => true,
  ): readonly OptOutChange[] {
    const placed = changes.map((change, index) => withPosition(change, results[index]));
    merge(placed.filter((_, index) => isMerged(index)));
    for (const { evidence } of placed) if (evidence.positions?.[0]) applied.own(evidence.positions[0]);
    return placed;
  }

  function withPosition(change: OptOutChange, result: AppendResult | undefined): OptOutChange {
    const log = result?.logId ?? applied.current?.log;
    if (result === undefined || log === undefined) return change;
    const positions = joinPositions([{ log, position: result.position }], change.evidence.positions);
    return { ...change, evidence: { ...change.evidence, positions } };
  }

  async function append(
    changes: readonly OptOutChange[],
    options: { readonly wantsBefore?: boolean } = {},
  ): Promise<readonly AppendResult[]> {
    const results = await store.append(changes, options);
    const isOwn = (index: number) => results[index]?.isNew === true;
    const behind = numbersBehind(changes, results);
    // Of other processes, perhaps not read yet.
    for (const [index, { before = [] }] of results.entries()) {
      const { list, msisdn } = changes[index] as OptOutChange;
      merge(before.map((evidence) => ({ list, msisdn, evidence })));
    }
    const placed = place(changes, results, isOwn);
    const unread = await catchUp(behind);
    // A known change counts as it first came. If that cannot be read, our own copy blocks; an opt-in has to wait.
    merge(placed.filter((one) => unread.has(one.msisdn) && one.evidence.direction === 'out'));
    for (const [index, change] of placed.entries()) if (isOwn(index)) onChange(change);
    return results;
  }

  return {
    append,
    async carry(changes) {
      place(changes, await store.append(changes));
    },
  };
}
