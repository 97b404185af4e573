/**
 * Puts gates into the innermost dispatchers, behind all of their interceptors, so that redirected and retried requests
 * pass the gates again. Undici calls an internal method there, whose symbol has the same description in every version
 * since 5. A dispatcher without that method is not changed.
 */

import type { Dispatcher } from 'undici';
import { ConfigError } from '../../errors.ts';
import { failRequest } from './handler.ts';
import type { Dispatch, Gate, NextDispatcher } from './next-dispatcher.ts';

type Members = Record<symbol, unknown>;
type Options = Dispatcher.DispatchOptions;
type Handler = Dispatcher.DispatchHandler;
type Method<A extends readonly unknown[], R> = (this: object, ...args: A) => R;

/** The gates in one dispatcher. */
export interface Layer {
  /** Adds a gate. It is called before the gates that were added earlier. */
  add(gate: Gate): void;
  /** Removes a gate. When the last one is removed, the dispatcher is the same as before. */
  remove(gate: Gate): void;
  readonly isInUse: boolean;
}

/** The member of a dispatcher that has its layer. A composed dispatcher also shows the members of its inner one. */
const LAYER = Symbol('sms-send-guard layer');

/**
 * Returns the innermost layers of a dispatcher, those next to the sockets; `undefined` if one of them cannot be found.
 *
 * @param isOfProxy whether the dispatcher is the one inside a `ProxyAgent`.
 */
export function layersOf(dispatcher: object, isOfProxy = false): readonly Layer[] | undefined {
  const inner = new Map<object, boolean>();
  for (const symbol of Object.getOwnPropertySymbols(dispatcher)) {
    const member = (dispatcher as Members)[symbol];
    if (isDispatcher(member)) inner.set(member, symbol.description === 'proxy agent');
  }
  if (inner.size === 0) {
    const layer = layerIn(dispatcher as Members, isOfProxy);
    return layer && [layer];
  }
  const found = [...inner].map(([member, isProxy]) => layersOf(member, isProxy));
  return found.every((layers) => layers !== undefined) ? found.flat() : undefined;
}

const isDispatcher = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && 'dispatch' in value && 'destroy' in value;

function layerIn(dispatcher: Members, isOfProxy: boolean): Layer | undefined {
  const known = dispatcher[LAYER];
  if (known !== undefined) return known as Layer;
  const [dispatch, close, destroy] = ['dispatch', 'close', 'destroy'].map((name) =>
    symbolOf(dispatcher, name),
  );
  if (dispatch === undefined || close === undefined || destroy === undefined) return undefined;
  if (canInterceptInside(dispatcher, isOfProxy) || !Object.isExtensible(dispatcher)) return undefined;
  return createLayer(dispatcher, { dispatch, close, destroy });
}

/** Returns the symbol with a description, of an object or its prototypes. */
function symbolOf(object: object, description: string): symbol | undefined {
  let owner: object | null = object;
  for (; owner !== null; owner = Object.getPrototypeOf(owner) as object | null) {
    const found = Object.getOwnPropertySymbols(owner).find((symbol) => symbol.description === description);
    if (found !== undefined) return found;
  }
  return undefined;
}

function memberOf(object: Members, description: string): unknown {
  const symbol = symbolOf(object, description);
  return symbol && object[symbol];
}

/** Whether its clients come from a factory of the user, or have interceptors. Such clients may redirect and retry. */
function canInterceptInside(dispatcher: Members, isOfProxy: boolean): boolean {
  const factory = memberOf(dispatcher, 'factory') as { readonly name: string } | undefined;
  const factoriesOfUndici = isOfProxy ? ['factory', 'defaultFactory'] : ['defaultFactory'];
  if (factory !== undefined && !factoriesOfUndici.includes(factory.name)) return true;
  const options = Object(memberOf(dispatcher, 'options')) as { readonly interceptors?: unknown };
  const { Pool, Client } = Object(options.interceptors) as Record<string, unknown>;
  return hasInterceptorsOption(dispatcher) && [Pool, Client].flat().some((one) => one !== undefined);
}

/** Whether a dispatcher is of undici 5 or 6, which have interceptors as an option and follow redirects themselves. */
const hasInterceptorsOption = (dispatcher: object) =>
  (dispatcher as { interceptors?: unknown }).interceptors !== undefined;

/** A request that waits for its body. */
interface WaitingRequest {
  /** Called when the dispatcher is destroyed. */
  readonly onDestroy: (error: Error) => void;
  /** Resolves when the request was dispatched or has failed. */
  readonly done: Promise<void>;
}

/** The symbols of the methods that a layer overrides. */
interface MethodSymbols {
  readonly dispatch: symbol;
  readonly close: symbol;
  readonly destroy: symbol;
}

function createLayer(dispatcher: Members, symbols: MethodSymbols): Layer {
  const dispatchOriginal = dispatcher[symbols.dispatch] as Method<Parameters<Dispatch>, boolean>;
  // Agents keep their clients by origin, in a map. Pools have a list of clients, and clients have none.
  const isAgent = memberOf(dispatcher, 'clients') instanceof Map;
  const requests = createWaitingRequests(dispatcher, symbols);
  let gates: readonly Gate[] = [];

  /** Calls gates, the last one first, and then the dispatcher. */
  function callGates(self: object, remaining: readonly Gate[], opts: Options, handler: Handler): boolean {
    const gate = remaining.at(-1);
    if (gate === undefined) return dispatchUngated(self, opts, handler);
    const dispatch: Dispatch = (nextOpts, nextHandler) =>
      callGates(self, remaining.slice(0, -1), nextOpts, nextHandler);
    return gate({ dispatch, isRoutedByOrigin: () => isAgent, watch: requests.watch }, opts, handler);
  }

  function dispatchUngated(self: object, opts: Options, handler: Handler): boolean {
    const { maxRedirections } = opts as { maxRedirections?: unknown };
    if (!hasInterceptorsOption(dispatcher) || !maxRedirections) {
      return dispatchOriginal.call(self, opts, handler);
    }
    failRequest(handler, new ConfigError('dispatcher_composed', 'maxRedirections', REDIRECTED));
    return true;
  }

  const overrides = new Map<symbol, unknown>([
    [
      symbols.dispatch,
      function (this: object, opts: Options, handler: Handler) {
        return callGates(this, gates, opts, handler);
      },
    ],
    ...requests.overrides,
  ]);
  let restore: () => void = () => undefined;

  const layer: Layer = {
    get isInUse() {
      return gates.length > 0;
    },
    add(gate) {
      if (gates.length === 0) {
        restore = override(dispatcher, overrides.set(LAYER, layer));
        resetInterceptorChain(dispatcher);
      }
      gates = [...gates, gate];
    },
    remove(gate) {
      gates = gates.filter((one) => one !== gate);
      if (gates.length > 0) return;
      restore();
      resetInterceptorChain(dispatcher);
    },
  };
  return layer;
}

/** The requests that wait for their bodies at a dispatcher, and overrides of the methods that end it. */
interface WaitingRequests {
  readonly watch: NextDispatcher['watch'];
  readonly overrides: ReadonlyMap<symbol, unknown>;
}

/**
 * Makes a dispatcher wait for waiting requests when it is closed, and fail them when it is destroyed. Undici itself
 * does not know these requests yet.
 */
function createWaitingRequests(dispatcher: Members, symbols: MethodSymbols): WaitingRequests {
  const closeOriginal = dispatcher[symbols.close] as Method<[], Promise<unknown>>;
  const destroyOriginal = dispatcher[symbols.destroy] as Method<[Error], Promise<unknown>>;
  const waiting = new Set<WaitingRequest>();
  let isDestroyed = false;

  function watch(onDestroy: (error: Error) => void): () => void {
    let resolveDone: () => void = () => undefined;
    const request = { onDestroy, done: new Promise<void>((resolve) => (resolveDone = resolve)) };
    waiting.add(request);
    return () => {
      waiting.delete(request);
      resolveDone();
    };
  }

  function close(this: object): Promise<unknown> {
    if (waiting.size === 0) return closeOriginal.call(this);
    const allDone = Promise.all([...waiting].map(({ done }) => done));
    return allDone.then(() => (isDestroyed ? undefined : closeOriginal.call(this)));
  }

  function destroy(this: object, error: Error): Promise<unknown> {
    isDestroyed = true;
    for (const { onDestroy } of waiting) onDestroy(error);
    return destroyOriginal.call(this, error);
  }

  return {
    watch,
    overrides: new Map<symbol, unknown>([
      [symbols.close, close],
      [symbols.destroy, destroy],
    ]),
  };
}

const REDIRECTED =
  'maxRedirections: a client of undici 5 or 6 follows redirects where no guard sees them; use an Agent, or maxRedirections: 0';

/**
 * Overrides members of an object.
 *
 * @returns a function that restores them, except members that other code has changed since.
 */
function override(object: Members, members: ReadonlyMap<symbol, unknown>): () => void {
  const originals = [...members].map(([name, value]) => {
    const own = Object.getOwnPropertyDescriptor(object, name);
    Object.defineProperty(object, name, { value, writable: true, enumerable: false, configurable: true });
    return { name, value, own };
  });
  return () => {
    for (const { name, value, own } of originals) {
      if (object[name] !== value) continue;
      if (own === undefined) Reflect.deleteProperty(object, name);
      else Object.defineProperty(object, name, own);
    }
  };
}

/** Deletes the chain of interceptors that undici 5 and 6 store. They then create it again from the current method. */
function resetInterceptorChain(dispatcher: Members): void {
  const chain = Object.getOwnPropertySymbols(dispatcher).find(
    ({ description }) => description === 'Intercepted Dispatch',
  );
  if (chain !== undefined) Reflect.deleteProperty(dispatcher, chain);
}
