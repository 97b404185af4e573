/**
 * A guard for the tests of those who use one: ready at once, no network, and opted out is whom the test names.
 */

import type { Guard } from '../guard-api.ts';
import { createGuard } from '../guard.ts';
import { isRecord, refuse } from '../options/fields.ts';
import type { GuardOptions } from '../options/guard-options.ts';
import type { Provider } from '../providers/provider.ts';

/** The options of `createTestGuard`: those of `createGuard` without a provider of one's own, and who is opted out. */
export interface TestGuardOptions extends Omit<GuardOptions, 'provider' | 'lists'> {
  /** Numbers on the provider's list. */
  readonly optedOut?: Iterable<string> | undefined;
}

/** A guard with a provider's list that the test can change. */
export interface TestGuard extends Guard {
  /** The provider's list. A change shows after the next `refresh()`; opting out by `optOut` shows at once. */
  readonly providerList: Set<string>;
  /** Makes the provider fail, or answer again. */
  setProviderDown(isDown: boolean): void;
}

const silent = { debug() {}, info() {}, warn() {}, error() {} };

/**
 * Creates a guard whose provider is a set of numbers in memory and waits until it is fresh.
 *
 * @example
 * const guard = await createTestGuard({ optedOut: ['15551230001'] });
 * guard.canSend('15551230001'); // false
 * await guard.close();
 */
export async function createTestGuard(given: TestGuardOptions = {}): Promise<TestGuard> {
  const isOptions: boolean = isRecord(given);
  if (!isOptions) {
    const meant = "createTestGuard({ optedOut: ['15551230001'] })";
    return refuse('createTestGuard', given, '{ optedOut, … }', meant);
  }
  const { optedOut = [], ...options } = given;
  const providerList = new Set(optedOut);
  let isDown = false;
  const provider: Provider = {
    async page({ index, size }) {
      if (isDown) throw new Error('the provider is down');
      return { rows: [...providerList].slice(index * size, (index + 1) * size), total: providerList.size };
    },
    async optIn(msisdn) {
      if (isDown) throw new Error('the provider is down');
      providerList.delete(msisdn);
    },
  };
  const guard = createGuard({ ...options, logger: options.logger ?? silent, provider });
  await guard.ready();
  return Object.assign(guard, {
    providerList,
    setProviderDown(value: boolean) {
      isDown = value;
    },
  });
}
