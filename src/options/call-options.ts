/** Reads the options of the guard's calls. */

import type { CheckOptions } from '../decision.ts';
import { MAX_TIMER_MS, duration, flag, oneOf, optional, readFields, withDefault } from './fields.ts';

/**
 * Reads the options of `assertCanSend`, which may throw. Every `from` is accepted: an unknown one asks every list.
 *
 * @throws ConfigError for options that cannot be used.
 */
export function readCheckOptions(asked: CheckOptions): CheckOptions {
  return readFields(asked, 'assertCanSend', {
    from: (value) => value as CheckOptions['from'],
    purpose: optional(oneOf(['opt_out_confirmation'])),
  });
}

/**
 * Reads the timeout of `ready` or `close`, ms.
 *
 * @throws ConfigError for options that cannot be used.
 */
export function readTimeout(call: 'ready' | 'close', fallback: string, given: unknown = {}): number {
  return readFields(given, call, {
    timeout: withDefault(fallback, duration({ min: 0, max: MAX_TIMER_MS })),
  }).timeout;
}

/**
 * Reads the options of `refresh`.
 *
 * @throws ConfigError for options that cannot be used.
 */
export function readRefreshOptions(given: unknown = {}): { readonly acceptShrink: boolean } {
  return readFields(given, 'refresh', { acceptShrink: withDefault(false, flag) });
}
