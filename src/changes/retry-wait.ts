/** The wait before a failed action is tried again. */

import { startTimer, type Clock } from '../clock.ts';

/** Resolves after `ms`, or as soon as `signal` aborts. The wait does not keep the process alive. */
export function waitUnlessAborted(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      cancel();
      signal.removeEventListener('abort', end);
      resolve();
    };
    const cancel = startTimer(clock, ms, end);
    signal.addEventListener('abort', end);
  });
}
