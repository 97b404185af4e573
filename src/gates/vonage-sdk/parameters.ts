/**
 * Reads the parameters of an SDK call once. So the values that are checked are the values that are sent, even if
 * getters, classes or `toJSON` would return other values later. Pure.
 */

/** The members of an object by normalised name (see {@link membersOf}), and all values of each name. */
export type Members = ReadonlyMap<string, readonly unknown[]>;

/** The members that name recipients, senders and channels. All other members are passed on unchanged. */
const COPIED = new Set([
  'to',
  'from',
  'channel',
  'number',
  'country',
  'workflow',
  'failover',
  'type',
  'brand',
]);

/**
 * Copies the parameters of a call and reads each member once. The copy of a class instance has the same prototype.
 *
 * @returns the copy, and its members.
 */
export function readOnce(original: unknown): { readonly params: unknown; readonly members: Members } {
  if (typeof original !== 'object' || original === null) return { params: original, members: new Map() };
  const params = copyOf(original);
  return { params, members: membersOf(params) };
}

function copyOf(original: object): object {
  if (Array.isArray(original)) return original.map((value) => toPlainData(value));
  const copy: object = Object.setPrototypeOf(
    copyEntries(original),
    Object.getPrototypeOf(original) as object | null,
  ) as object;
  // Without its `toJSON`, the copy is serialised with the values that were read.
  return 'toJSON' in copy
    ? Object.defineProperty(copy, 'toJSON', { value: undefined, enumerable: false })
    : copy;
}

function copyEntries(original: object): object {
  const entries = Object.entries(original).map(
    ([name, value]) =>
      [name, COPIED.has(normalName(name)) ? toPlainData(value) : (value as unknown)] as const,
  );
  return Object.fromEntries(entries);
}

/** Converts a value to the plain data that JSON writes for it, so that it has the same content each time. */
function toPlainData(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const { toJSON } = value as { toJSON?: unknown };
  const serialised: unknown = typeof toJSON === 'function' ? Reflect.apply(toJSON, value, []) : value;
  if (typeof serialised !== 'object' || serialised === null) return serialised;
  if (Array.isArray(serialised)) return serialised.map((item) => toPlainData(item));
  const { toJSON: _, ...plain } = copyEntries(serialised) as { toJSON?: unknown };
  return plain;
}

/** Returns the members of an object by normalised name: the SDK treats `To` and `to` as the same parameter. */
export function membersOf(value: unknown): Members {
  const members = new Map<string, unknown[]>();
  if (typeof value !== 'object' || value === null) return members;
  for (const [name, member] of Object.entries(value)) {
    if (member === undefined) continue;
    const normal = normalName(name);
    members.set(normal, [...(members.get(normal) ?? []), member]);
  }
  return members;
}

/** Returns a name in lower case, without hyphens, underscores and spaces. */
function normalName(name: string): string {
  return name.replaceAll(/[-_\s]/g, '').toLowerCase();
}

/** A member that is `null` counts as missing. */
export function isNotNull(value: unknown): boolean {
  return value !== null;
}

/** Returns all values of a member. */
export function valuesOf(members: Members, name: string): readonly unknown[] {
  return members.get(name) ?? [];
}

/** Returns a value that may be one or several as an array. */
export function asArray(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value];
}
