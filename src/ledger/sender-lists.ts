/**
 * Which list a sender belongs to. Pure. A sender is our number, short code or sender id, in whatever form it is
 * written; who is unknown here is treated the safe way: every list is asked, and an opt-out counts everywhere.
 */

/** The list whose opt-outs hold for every sender. */
export const EVERYWHERE = '*';

/** The senders of each list. `senders: undefined` is the list of every sender that no other list names. */
export interface SenderTable {
  readonly lists: readonly { readonly name: string; readonly senders: readonly string[] | undefined }[];
  /** Names the list of a sender, for brands that come and go; anything but a string means unknown. */
  readonly resolve?: ((from: string) => string | undefined) | undefined;
}

/** Writes a sender one way: digits without `+` and separators, or a sender id in lower case. */
export function canonicalSender(sender: string): string {
  const trimmed = sender.trim();
  const digits = trimmed.replaceAll(/[\s().+/-]/g, '');
  return /^\d+$/.test(digits) ? digits.replace(/^00/, '') : trimmed.toLowerCase();
}

/** Longest sender that is remembered; real ones are far shorter. */
const LONGEST_REMEMBERED = 64;
/** How many senders are remembered before the memory starts anew. */
const MEMO_LIMIT = 10_000;

/**
 * @returns a function from a sender to the name of its list; `undefined` where the sender is unknown. Never throws.
 */
export function createSenderLookup({ lists, resolve }: SenderTable): (from: unknown) => string | undefined {
  const named = new Map<string, string>();
  let rest: string | undefined;
  for (const { name, senders } of lists) {
    if (senders === undefined) rest = name;
    for (const sender of senders ?? []) named.set(canonicalSender(sender), name);
  }
  const memo = new Map<string, string | undefined>();

  function find(from: string): string | undefined {
    const name = named.get(canonicalSender(from));
    if (name !== undefined || resolve === undefined) return name ?? rest;
    try {
      const resolved: unknown = resolve(from);
      // An async function names no list; should it reject, nobody else would hear it.
      if (resolved instanceof Promise) resolved.catch(() => undefined);
      return typeof resolved === 'string' && resolved !== '' && resolved !== EVERYWHERE ? resolved : rest;
    } catch {
      return rest;
    }
  }

  return (given) => {
    const from = typeof given === 'number' ? String(given) : given;
    if (typeof from !== 'string' || from === '') return named.size === 0 && !resolve ? rest : undefined;
    if (resolve !== undefined || from.length > LONGEST_REMEMBERED) return find(from);
    const known = memo.get(from);
    if (known !== undefined || memo.has(from)) return known;
    if (memo.size >= MEMO_LIMIT) memo.clear();
    const found = find(from);
    memo.set(from, found);
    return found;
  };
}
