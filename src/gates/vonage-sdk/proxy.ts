/**
 * A stand-in for an object: it looks like it and hands everything on to it, but what it shows may be something else.
 * The object itself is not touched, and is what its methods run on, so that its private fields work.
 */

/**
 * Creates a stand-in.
 *
 * @param shown what to show for a member; asked again only when the member has changed.
 */
export function standIn<T extends object>(
  real: T,
  shown: (name: string | symbol, value: unknown) => unknown,
): T {
  const seen = new Map<string | symbol, { readonly value: unknown; readonly shown: unknown }>();

  function show(name: string | symbol): unknown {
    const value: unknown = Reflect.get(real, name);
    const known = seen.get(name);
    if (known !== undefined && Object.is(known.value, value)) return known.shown;
    const made = { value, shown: shown(name, value) };
    seen.set(name, made);
    return made.shown;
  }

  // Were the object itself the target, what is frozen in it would have to be shown as it is.
  const shadow = Object.create(Reflect.getPrototypeOf(real)) as T;
  return new Proxy(shadow, {
    get: (_, name) => show(name),
    set: (_, name, value) => Reflect.set(real, name, value),
    has: (_, name) => Reflect.has(real, name),
    deleteProperty: (_, name) => Reflect.deleteProperty(real, name),
    defineProperty: (_, name, descriptor) => Reflect.defineProperty(real, name, descriptor),
    ownKeys: () => Reflect.ownKeys(real),
    getPrototypeOf: () => Reflect.getPrototypeOf(real),
    preventExtensions: () => false,
    getOwnPropertyDescriptor(_, name) {
      const own = Reflect.getOwnPropertyDescriptor(real, name);
      if (own === undefined) return undefined;
      return { value: show(name), writable: true, enumerable: own.enumerable === true, configurable: true };
    },
  });
}
