/** The global dispatchers of every version of undici, for tests that change them. */

export const SYMBOLS = [
  Symbol.for('undici.globalDispatcher.1'),
  Symbol.for('undici.globalDispatcher.2'),
] as const;

type Globals = Record<symbol, unknown>;

export const globalDispatchers = (): unknown[] => SYMBOLS.map((symbol) => (globalThis as Globals)[symbol]);

/** Saves the global dispatchers. @returns a function that restores them. */
export function keepGlobalDispatchers(): () => void {
  const before = globalDispatchers();
  return () => setGlobalDispatchers(...before);
}

/** Sets the dispatcher of each symbol. */
export function setGlobalDispatchers(...dispatchers: readonly unknown[]): void {
  for (const [index, symbol] of SYMBOLS.entries()) (globalThis as Globals)[symbol] = dispatchers[index];
}
