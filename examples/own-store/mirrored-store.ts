/**
 * A store of your own, made from another one: every change goes to a system of your own first, such as an audit table,
 * and then to the inner store. All else is left to the inner store. A store that is written from the ground up has the
 * same members; `storeConformance` tests it.
 */

import type { OptOutChange, Store } from 'sms-send-guard';

/**
 * Creates the store.
 *
 * @param inner keeps the changes.
 * @param mirror gets each change. If it rejects, nothing is stored: the webhook is answered 503, and the provider sends it
 * again. It may get the same change more than once: `list`, `msisdn` and `evidence.id` identify it.
 */
export function mirroredStore(
  inner: Store,
  mirror: (changes: readonly OptOutChange[]) => Promise<void>,
): Store {
  return {
    ...inner,
    kind: `mirrored ${inner.kind}`,
    async append(changes, options) {
      await mirror(changes);
      return inner.append(changes, options);
    },
  };
}
