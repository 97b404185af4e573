/**
 * A proxy of an object that replaces the values of some members. All other operations go to the object, which is not
 * changed. A caller that runs methods on the object itself keeps its private fields working.
 */

/**
 * Creates the proxy.
 *
 * @param replace returns the value to show for a member. It is called again only when the member has changed.
 */
export function replaceMembers<T extends object>(
  object: T,
  replace: (name: string | symbol, value: unknown) => unknown,
): T {
  const cache = new Map<string | symbol, { readonly value: unknown; readonly replacement: unknown }>();

  function get(name: string | symbol): unknown {
    const value: unknown = Reflect.get(object, name);
    const cached = cache.get(name);
    if (cached !== undefined && Object.is(cached.value, value)) return cached.replacement;
    const replacement = replace(name, value);
    cache.set(name, { value, replacement });
    return replacement;
  }

  // The proxy has a target of its own: a proxy of the object itself could not replace members that are frozen.
  const target = Object.create(Reflect.getPrototypeOf(object)) as T;
  return new Proxy(target, {
    get: (_, name) => get(name),
    set: (_, name, value) => Reflect.set(object, name, value),
    has: (_, name) => Reflect.has(object, name),
    deleteProperty: (_, name) => Reflect.deleteProperty(object, name),
    defineProperty: (_, name, descriptor) => Reflect.defineProperty(object, name, descriptor),
    ownKeys: () => Reflect.ownKeys(object),
    getPrototypeOf: () => Reflect.getPrototypeOf(object),
    preventExtensions: () => false,
    getOwnPropertyDescriptor(_, name) {
      const own = Reflect.getOwnPropertyDescriptor(object, name);
      if (own === undefined) return undefined;
      return { value: get(name), writable: true, enumerable: own.enumerable === true, configurable: true };
    },
  });
}
