/** Erases what the store and the ledgers keep about a number, as far as it is not needed to block it. */

import type { LogPosition } from '../ledger/evidence.ts';
import type { Lists } from '../lists/opt-out-lists.ts';
import type { Store } from '../stores/store.ts';

/**
 * Erases the words about a number, and all evidence about it on the lists that do not block it and whose provider does
 * not list it.
 *
 * @param applied the last position of the store's log that this process has applied.
 * @returns whether words are still in a log of the store that another process reads.
 * @throws what the store rejects with; nothing is erased then
 */
export async function eraseNumber(
  msisdn: string,
  store: Store,
  lists: Lists,
  applied: LogPosition | undefined,
): Promise<{ readonly pending: boolean }> {
  const unblocked = lists.all().filter(({ ledger }) => {
    return !ledger.blocks(msisdn) && !ledger.isListedByProvider(msisdn);
  });
  const upTo = unblocked.map(({ config }): [string, number] => [config.name, applied?.position ?? 0]);
  const erasure = { logId: applied?.log ?? '', lists: new Map(upTo) };
  const { pending = false } = (await store.erase(msisdn, erasure)) ?? {};
  // A list may have begun to block the number meanwhile.
  for (const { ledger } of unblocked) if (!ledger.blocks(msisdn)) ledger.replace(msisdn, []);
  return { pending };
}
