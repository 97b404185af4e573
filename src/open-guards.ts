/**
 * Counts the open guards of this process, including those of other copies of this package. A service needs one guard,
 * and each further one reads the provider's list again. The count keeps no guard in memory: it has weak references.
 */

import type { WarnEvent } from './events.ts';

/** More open guards than this are probably a mistake, such as one guard per request. */
const MAX_EXPECTED = 10;

/** The object that the copies of this package share. Its shape must not change: other versions use it too. */
interface OpenGuards {
  readonly open: Set<WeakRef<object>>;
  /** Whether the warning was given since the last time that no guard was open. */
  isWarned: boolean;
}

const SHARED = Symbol.for('sms-send-guard.openGuards');

function openGuards(): OpenGuards {
  const holder = globalThis as { [SHARED]?: OpenGuards };
  const shared = holder[SHARED];
  if (shared !== undefined) return shared;
  const created: OpenGuards = { open: new Set(), isWarned: false };
  // Unlike an assignment, this does not throw if globals are frozen. Each guard is then counted alone.
  Reflect.defineProperty(holder, SHARED, { value: created });
  return created;
}

/** An open guard. */
export interface OpenGuard {
  /** The warning for the operator, if this guard makes them too many. */
  readonly warning: WarnEvent | undefined;
  /** Stops counting the guard. Called when it is closed. */
  leave(): void;
}

/**
 * Counts a guard as open.
 *
 * @param core an object that is in use as long as the guard's timers run. The timers may outlive the guard's own
 * object.
 */
export function countOpenGuard(core: object): OpenGuard {
  const shared = openGuards();
  const { open } = shared;
  for (const ref of open) if (ref.deref() === undefined) open.delete(ref);
  if (open.size === 0) shared.isWarned = false;
  const own = new WeakRef(core);
  open.add(own);
  const isDue = open.size > MAX_EXPECTED && !shared.isWarned;
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
