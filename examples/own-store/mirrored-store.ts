/**
 * A store of your own, made from another one: every change also goes to a system of your own, such as an audit table,
 * before the guard is told that it is stored. All else is left to the inner store. A store that is written from the
 * ground up has the same members; `storeConformance` tests it.
 */

import type { OptOutChange, Store } from 'sms-send-guard';

/**
 * Creates the store.
 *
 * @param inner keeps the changes.
 * @param mirror gets each change that the inner store took as new. If it rejects, the change counts as not stored: the
 * webhook is answered 503, and the provider sends it again.
 */
export function mirroredStore(
  inner: Store,
  mirror: (changes: readonly OptOutChange[]) => Promise<void>,
): Store {
  return {
    ...inner,
    kind: `mirrored ${inner.kind}`,
    async append(changes, options) {
      const results = await inner.append(changes, options);
      const isNew = changes.filter((_, index) => results[index]?.isNew === true);
      if (isNew.length > 0) await mirror(isNew);
      return results;
    },
  };
}
