/**
 * Asks a provider's manage endpoint to opt a number in, and gives up at the deadline or when the guard is closed. The
 * success of that endpoint is the only proof that releases a number that the provider's list holds.
 */

import { withDeadline, type Deadline } from '../clock.ts';
import { GuardError, ProviderError } from '../errors.ts';
import type { OptOutList } from '../lists/opt-out-lists.ts';
import type { Config } from '../options/guard-options.ts';
import type { OptInProof } from '../ledger/evidence.ts';
import type { Provider } from '../providers/provider.ts';
import { asProviderError } from '../sync/list-reader.ts';

/**
 * Asks the provider of a list.
 *
 * @returns the proof; `undefined` if the provider has no manage endpoint.
 * @throws ProviderError if it refused, or did not answer in time
 * @throws GuardError `guard_closed` if the guard was closed meanwhile
 */
export type ProviderOptIn = (list: OptOutList, msisdn: string) => Promise<OptInProof | undefined>;

/** Creates the function for the providers of a guard. `closing` aborts when the guard is closed. */
export function createProviderOptIn(
  { clock, refresh: { timeout } }: Config,
  closing: AbortSignal,
): ProviderOptIn {
  const deadline: Deadline = {
    ...{ clock, ms: timeout, signal: closing, keepsAlive: true },
    timeoutError: () => new ProviderError('provider_timeout', `no answer within ${timeout} ms`),
    abortError: () => new GuardError('guard_closed', 'the guard was closed'),
  };

  async function ask(provider: Provider, msisdn: string): Promise<number | null> {
    return withDeadline(deadline, async (signal) => {
      try {
        return dateOf(await provider.optIn?.(msisdn, { signal }));
      } catch (thrown) {
        throw asProviderError(thrown);
      }
    });
  }

  return async ({ config: { provider }, ledger }, msisdn) => {
    if (provider?.optIn === undefined) return undefined;
    // A sweep that has begun by now may have read the row before the provider removed the number from its list.
    const optInDate = await ask(provider, msisdn);
    return { optInDate, sweep: ledger.lastBegun };
  };
}

/** The date in a provider's reply, ms UTC; `null` if it has no usable date. */
function dateOf(reply: Awaited<ReturnType<NonNullable<Provider['optIn']>>>): number | null {
  const date = reply?.optInDate;
  const ms = date instanceof Date ? date.getTime() : date;
  return typeof ms === 'number' && Number.isFinite(ms) ? ms : null;
}

/** Whether the provider refused the number itself, as one that it does not know. */
export function isNumberRefused(thrown: unknown): boolean {
  return asProviderError(thrown).code === 'provider_number_refused';
}
