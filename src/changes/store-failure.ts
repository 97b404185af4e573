/** How a failure of the store is reported. */

import { StoreError } from '../errors.ts';

/** A failure as a StoreError. @param action what the store failed to do, such as `to open` */
export function asStoreError(cause: unknown, action: string): StoreError {
  return cause instanceof StoreError ? cause : new StoreError(`the store failed ${action}`, { cause });
}
