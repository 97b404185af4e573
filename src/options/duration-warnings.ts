/** Finds durations that can be used, but were probably written in seconds although they are read as milliseconds. */

import type { WarnEvent } from '../events.ts';
import type { Config } from './guard-options.ts';

/** A refresh interval below this is unusual, ms: sweeps of a long list take longer. */
const FAST_REFRESH_MS = 10_000;
/** A timeout below this is unusual, ms: few pages arrive within it. */
const SHORT_TIMEOUT_MS = 1_000;

const IN_SECONDS = 'A number is read as milliseconds; seconds are written';

/** Returns the warnings about the durations of a configuration. */
export function durationWarnings({ refresh, staleAfter, maxAge, lists }: Config): readonly WarnEvent[] {
  const { every, timeout } = refresh;
  const warnings: WarnEvent[] = [];
  if (every < FAST_REFRESH_MS) {
    warnings.push({
      code: 'refresh_fast',
      message: `refresh.every is ${every} ms: the whole list is read again that soon. ${IN_SECONDS} '${every}s'`,
    });
  }
  if (lists.every(({ provider }) => provider === undefined)) return warnings;
  const short = (key: string, ms: number, effect: string) =>
    warnings.push({
      code: 'short_duration',
      message: `${key} is ${ms} ms: ${effect}. ${IN_SECONDS} '${ms}s'`,
    });
  if (maxAge < every) short('maxAge', maxAge, 'the list expires before refresh.every lets it be read again');
  else if (staleAfter < every)
    short('staleAfter', staleAfter, 'the list is stale before refresh.every lets it be read again');
  if (timeout < SHORT_TIMEOUT_MS) short('refresh.timeout', timeout, 'few pages arrive within that time');
  return warnings;
}
