/**
 * Finds the list of a sender. Pure. A sender is our number, short code or sender id, in any form of writing. For an
 * unknown sender the caller takes the safe side: every list is asked, and an opt-out counts everywhere.
 */

/** The list whose opt-outs hold for every sender. */
export const EVERYWHERE = '*';

/** The senders of each list. A list with `senders: undefined` is the list of every sender that no other list names. */
export interface SenderTable {
  readonly lists: readonly { readonly name: string; readonly senders: readonly string[] | undefined }[];
  /** Returns the list of a sender, for brands that come and go. A result that is no string means that it is unknown. */
  readonly resolve?: ((from: string) => string | undefined) | undefined;
}

/** Returns the one form of a sender: digits without `+` and separators, or a sender id in lower case. */
export function canonicalSender(sender: string): string {
  const trimmed = sender.trim();
  const digits = trimmed.replaceAll(/[\s().+/-]/g, '');
  return /^\d+$/.test(digits) ? digits.replace(/^00/, '') : trimmed.toLowerCase();
}

/** Longest sender that is cached, in characters; real senders are far shorter. */
const LONGEST_CACHED = 64;
/** How many senders are cached. After that the cache is emptied. */
const CACHE_LIMIT = 10_000;

/**
 * Creates the look-up of senders.
 *
 * @returns a function from a sender to the name of its list; `undefined` if the sender is unknown. It never throws.
 */
export function createSenderLookup({ lists, resolve }: SenderTable): (from: unknown) => string | undefined {
  const listBySender = new Map<string, string>();
  let defaultList: string | undefined;
  for (const { name, senders } of lists) {
    if (senders === undefined) defaultList = name;
    for (const sender of senders ?? []) listBySender.set(canonicalSender(sender), name);
  }
  const cache = new Map<string, string | undefined>();

  function find(from: string): string | undefined {
    const name = listBySender.get(canonicalSender(from));
    if (name !== undefined || resolve === undefined) return name ?? defaultList;
    try {
      const resolved: unknown = resolve(from);
      // An async function names no list. Its rejection must not stay unhandled.
      if (resolved instanceof Promise) resolved.catch(() => undefined);
      const isName = typeof resolved === 'string' && resolved !== '' && resolved !== EVERYWHERE;
      return isName ? resolved : defaultList;
    } catch {
      return defaultList;
    }
  }

  return (given) => {
    const from = typeof given === 'number' ? String(given) : given;
    if (typeof from !== 'string' || from === '') {
      return listBySender.size === 0 && !resolve ? defaultList : undefined;
    }
    if (resolve !== undefined || from.length > LONGEST_CACHED) return find(from);
    const cached = cache.get(from);
    if (cached !== undefined || cache.has(from)) return cached;
    if (cache.size >= CACHE_LIMIT) cache.clear();
    const found = find(from);
    cache.set(from, found);
    return found;
  };
}
