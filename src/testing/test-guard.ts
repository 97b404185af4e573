/** Creates guards for tests of a service: they need no network, and the test names the numbers that have opted out. */

import type { Guard } from '../guard-api.ts';
import { createGuard } from '../guard.ts';
import { isRecord, refuse } from '../options/fields.ts';
import type { GuardOptions } from '../options/guard-options.ts';
import type { Provider } from '../providers/provider.ts';

/** The options of `createTestGuard`: those of `createGuard` without `provider` and `lists`, and `optedOut`. */
export interface TestGuardOptions extends Omit<GuardOptions, 'provider' | 'lists'> {
  /** The numbers on the provider's list, as digits. Default none. */
  readonly optedOut?: Iterable<string> | undefined;
}

/** A guard whose provider's list the test can change. */
export interface TestGuard extends Guard {
  /**
   * The numbers on the provider's list. A change of the set takes effect with the next `refresh()`. `optOut` takes
   * effect at once and does not change the set.
   */
  readonly providerList: Set<string>;
  /** Makes the provider fail (`true`), or answer again (`false`). */
  setProviderDown(isDown: boolean): void;
}

const silentLogger = { debug() {}, info() {}, warn() {}, error() {} };

/**
 * Creates a guard whose provider is a set of numbers in memory, and waits until it is ready. Its log is silent by
 * default.
 *
 * @throws ConfigError for options that cannot be used.
 *
 * @example
 * const guard = await createTestGuard({ optedOut: ['15551230001'] });
 * guard.canSend('15551230001'); // false
 * await guard.close();
 */
export async function createTestGuard(testOptions: TestGuardOptions = {}): Promise<TestGuard> {
  const isOptions: boolean = isRecord(testOptions);
  if (!isOptions) {
    const meant = "createTestGuard({ optedOut: ['15551230001'] })";
    return refuse('createTestGuard', testOptions, '{ optedOut, … }', meant);
  }
  const { optedOut = [], ...options } = testOptions;
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
  const guard = createGuard({ ...options, logger: options.logger ?? silentLogger, provider });
  await guard.ready();
  return Object.assign(guard, {
    providerList,
    setProviderDown(value: boolean) {
      isDown = value;
    },
  });
}
