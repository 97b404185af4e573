/**
 * Counts the open guards of this process, those of other copies of this package included: a service needs one, and each
 * further one reads the provider's list by itself. Guards are held weakly: the count keeps none of them in memory.
 */

import type { WarnEvent } from './events.ts';

/** More open guards than this are probably a mistake, such as one made for each request. */
const MOST = 10;

/** What the copies of this package share. Its shape must stay as it is. */
interface OpenGuards {
  readonly open: Set<WeakRef<object>>;
  /** Whether it was said that there are many, since there was none. */
  isWarned: boolean;
}

const SHARED = Symbol.for('sms-send-guard.openGuards');

function openGuards(): OpenGuards {
  const holder = globalThis as { [SHARED]?: OpenGuards };
  const shared = holder[SHARED];
  if (shared !== undefined) return shared;
  const created: OpenGuards = { open: new Set(), isWarned: false };
  // Not assigned: where globals are frozen this is refused without an exception, and each guard counts alone.
  Reflect.defineProperty(holder, SHARED, { value: created });
  return created;
}

/** A guard among the open ones. */
export interface OpenGuard {
  /** What to tell an operator, if this is the guard that makes them too many. */
  readonly warning: WarnEvent | undefined;
  /** The guard was closed. */
  leave(): void;
}

/**
 * Counts a guard as open.
 *
 * @param machinery what lives as long as the guard's timers do, which may outlive the guard's own object.
 */
export function countOpenGuard(machinery: object): OpenGuard {
  const shared = openGuards();
  const { open } = shared;
  for (const ref of open) if (ref.deref() === undefined) open.delete(ref);
  if (open.size === 0) shared.isWarned = false;
  const own = new WeakRef(machinery);
  open.add(own);
  const isDue = open.size > MOST && !shared.isWarned;
  if (isDue) shared.isWarned = true;
  return {
    warning: isDue
      ? {
          code: 'many_guards',
          message: `${open.size} guards are open in this process, and each reads the provider's list and keeps it in memory: make one guard per process, and close() the old one before a new one is made`,
        }
      : undefined,
    leave: () => void open.delete(own),
  };
}
