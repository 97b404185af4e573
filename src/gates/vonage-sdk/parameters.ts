/**
 * The parameters of an SDK call, read once: what is asked about is what leaves, whatever getters, classes and `toJSON` would
 * say later. Pure.
 */

/** The members of an object by the words of their names, and every value that stands under them. */
export type Members = ReadonlyMap<string, readonly unknown[]>;

/** The members that say whom a call reaches; the rest is handed on as it is. */
const READ = new Set(['to', 'from', 'channel', 'number', 'country', 'workflow', 'failover', 'type', 'brand']);

/** Reads the parameters of a call, each member once. An instance of a class stays one. */
export function readOnce(given: unknown): { readonly params: unknown; readonly members: Members } {
  if (typeof given !== 'object' || given === null) return { params: given, members: new Map() };
  const params = copyOf(given);
  return { params, members: membersOf(params) };
}

function copyOf(given: object): object {
  if (Array.isArray(given)) return given.map((value) => settled(value));
  const copy: object = Object.setPrototypeOf(
    entriesOf(given),
    Object.getPrototypeOf(given) as object | null,
  ) as object;
  // What was read is what leaves, whatever the object would write itself as.
  return 'toJSON' in copy
    ? Object.defineProperty(copy, 'toJSON', { value: undefined, enumerable: false })
    : copy;
}

function entriesOf(given: object): object {
  const entries = Object.entries(given).map(
    ([name, value]) => [name, READ.has(wordOf(name)) ? settled(value) : (value as unknown)] as const,
  );
  return Object.fromEntries(entries);
}

/** A value as JSON writes it: plain data, so that it says the same each time. */
function settled(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const { toJSON } = value as { toJSON?: unknown };
  const written: unknown = typeof toJSON === 'function' ? Reflect.apply(toJSON, value, []) : value;
  if (typeof written !== 'object' || written === null) return written;
  if (Array.isArray(written)) return written.map((one) => settled(one));
  const { toJSON: _, ...plain } = entriesOf(written) as { toJSON?: unknown };
  return plain;
}

/** The members of an object by the words of their names: the SDK sends `To` and `to` alike. */
export function membersOf(value: unknown): Members {
  const members = new Map<string, unknown[]>();
  if (typeof value !== 'object' || value === null) return members;
  for (const [name, member] of Object.entries(value)) {
    if (member === undefined) continue;
    const word = wordOf(name);
    members.set(word, [...(members.get(word) ?? []), member]);
  }
  return members;
}

function wordOf(name: string): string {
  return name.replaceAll(/[-_\s]/g, '').toLowerCase();
}

/** `null` stands for what was left out. */
export function isGiven(value: unknown): boolean {
  return value !== null;
}

/** Every value of a member. */
export function named(members: Members, name: string): readonly unknown[] {
  return members.get(name) ?? [];
}

/** A value that may be one or several, as several. */
export function listed(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value];
}
