/**
 * Constructors for the objects of the hot path. V8 watches the first objects that an object literal creates. If they
 * survive a garbage collection, it allocates all later ones of that literal in the old generation ("allocation site
 * pretenuring"). A batch of decisions then takes twice as long. V8 does not do this to objects that a constructor
 * creates.
 */

/** `T` with writable members, while it is created. */
export type Writable<T> = { -readonly [K in keyof T]: T[K] };

/**
 * Turns a function that assigns the members of `this` into a constructor of plain objects: their prototype is
 * `Object.prototype`, so that they are deeply equal to an object literal with the same members.
 */
export function plainConstructor<T, Parameters extends readonly unknown[]>(
  assign: (this: Writable<T>, ...parameters: Parameters) => void,
): new (...parameters: Parameters) => T {
  assign.prototype = Object.prototype;
  return assign as unknown as new (...parameters: Parameters) => T;
}
