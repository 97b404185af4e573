/** Applies what other processes write to the store, and passes on what the store reports of itself. */

import type { Clock } from '../clock.ts';
import { StoreError, type GuardError } from '../errors.ts';
import type { WarnEvent } from '../events.ts';
import type { Lists, OptOutList } from '../lists/opt-out-lists.ts';
import type { OptOutChange } from '../ledger/evidence.ts';
import type { AppliedPosition } from '../ledger/positions.ts';
import type { LogEnd, StoreTrouble, TailHandlers } from '../stores/store.ts';
import type { Merger } from './merger.ts';

export interface LogFollowerPorts {
  readonly lists: Lists;
  readonly clock: Clock;
  readonly merger: Pick<Merger, 'merge' | 'replace'>;
  /** How far the store's log was read and applied. */
  readonly applied: AppliedPosition;
  readonly isOpen: () => boolean;
  /** Saves what a ledger knows of its provider's list. */
  readonly saveSweep: (list: OptOutList) => void;
  /** Called with each change of another process that was new, after it was merged. */
  readonly onChange: (change: OptOutChange) => void;
  /** Called with each fault that the store reports of itself. */
  readonly onError: (error: GuardError) => void;
  /** Called with warnings for an operator. */
  readonly onWarn: (warning: WarnEvent) => void;
  /** Called after a sweep of another process was applied. */
  readonly onFollowed: () => void;
  /** Called if the log is another one than before. The evidence in memory needs positions in it. */
  readonly onLogLost: () => void;
}

/** Creates the handlers for the tail of a store's log. */
export function createLogFollower(ports: LogFollowerPorts): Required<TailHandlers> {
  const { lists, clock, merger, applied, isOpen, saveSweep } = ports;

  function followLog({ logId, position }: Partial<LogEnd> = {}): void {
    // A store of the first edition passes neither.
    if (logId === undefined || position === undefined) return;
    const isOtherLog = applied.current?.log !== logId;
    applied.follow({ log: logId, position });
    if (isOtherLog) ports.onLogLost();
  }

  function onTrouble({ kind, message }: StoreTrouble): void {
    if (kind === 'migrated' || kind === 'exposed') {
      return ports.onWarn({ code: `store_${kind}`, message });
    }
    ports.onError(new StoreError(message, { code: `store_${kind}` }));
    if (kind !== 'damaged' || !isOpen()) return;
    // The file that replaces a damaged one has no sweeps yet.
    for (const list of lists.all()) if (list.ledger.lastStart !== null) saveSweep(list);
  }

  return {
    onChanges({ changes, sweeps, erased, ...end }) {
      const now = clock.monotonic();
      for (const change of changes) {
        const isNew = merger.merge(change, now);
        if (isNew && !erased.includes(change.msisdn)) ports.onChange(change);
      }
      // After the merge, so that new changes count as applied now, also those about a person who was erased.
      for (const msisdn of erased) merger.replace(msisdn, changes, end);
      followLog(end);
      for (const sweep of sweeps) {
        lists.follow(sweep);
        const list = lists.ensure(sweep.list);
        // If this process knows something newer than the sweep, the store gets it.
        if (list.ledger.hasUnsavedChanges && list.ledger.lastNumber !== sweep.number) saveSweep(list);
      }
      if (sweeps.length > 0) ports.onFollowed();
    },
    onCaughtUp(end) {
      lists.markCaughtUp();
      followLog(end);
    },
    onTrouble,
  };
}
