/**
 * Puts gates into the innermost dispatchers, behind every interceptor of theirs, so that redirected and retried requests
 * come back to the gates. Undici calls a method of its own there, under a symbol that every version from 5 on describes
 * in the same way. A dispatcher in which that is not found is left as it is.
 */

import type { Dispatcher } from 'undici';
import { ConfigError } from '../../errors.ts';
import type { Dispatch, Gate } from './exit.ts';
import { failRequest } from './handler.ts';

type Members = Record<symbol, unknown>;
type Options = Dispatcher.DispatchOptions;
type Handler = Dispatcher.DispatchHandler;
type Method<A extends readonly unknown[], R> = (this: object, ...args: A) => R;

/** The gates in one dispatcher. */
export interface Layer {
  /** Adds a gate; it is asked before those that are there. */
  add(gate: Gate): void;
  /** Takes a gate away. Without gates the dispatcher is as it was. */
  remove(gate: Gate): void;
  readonly isInUse: boolean;
}

/** The layer of a dispatcher, kept on it: a composed dispatcher shows the members of the one it was made of. */
const LAYER = Symbol('sms-send-guard layer');

/** The layers behind which `dispatcher` has nothing but sockets; `undefined` if one of them cannot be reached. */
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
  if (mayInterceptInside(dispatcher, isOfProxy) || !Object.isExtensible(dispatcher)) return undefined;
  return createLayer(dispatcher, { dispatch, close, destroy });
}

/** The symbol with a description, of an object or what it inherits. */
function symbolOf(object: object, description: string): symbol | undefined {
  for (let one: object | null = object; one !== null; one = Object.getPrototypeOf(one) as object | null) {
    const found = Object.getOwnPropertySymbols(one).find((symbol) => symbol.description === description);
    if (found !== undefined) return found;
  }
  return undefined;
}

function memberOf(object: Members, description: string): unknown {
  const symbol = symbolOf(object, description);
  return symbol && object[symbol];
}

/** Whether clients come from a factory of the user's, or have interceptors: they may redirect and retry by themselves. */
function mayInterceptInside(dispatcher: Members, isOfProxy: boolean): boolean {
  const factory = memberOf(dispatcher, 'factory') as { readonly name: string } | undefined;
  const own = isOfProxy ? ['factory', 'defaultFactory'] : ['defaultFactory'];
  if (factory !== undefined && !own.includes(factory.name)) return true;
  const options = Object(memberOf(dispatcher, 'options')) as { readonly interceptors?: unknown };
  const { Pool, Client } = Object(options.interceptors) as Record<string, unknown>;
  return interceptsByOption(dispatcher) && [Pool, Client].flat().some((one) => one !== undefined);
}

/** Whether a dispatcher is one of undici 5 or 6, which follow redirects by themselves and have interceptors as an option. */
const interceptsByOption = (dispatcher: object) =>
  (dispatcher as { interceptors?: unknown }).interceptors !== undefined;

/** A request that waits for its body. */
interface Held {
  readonly fail: (error: Error) => void;
  readonly over: Promise<void>;
}

function createLayer(
  dispatcher: Members,
  names: { readonly dispatch: symbol; readonly close: symbol; readonly destroy: symbol },
): Layer {
  const dispatchIt = dispatcher[names.dispatch] as Method<Parameters<Dispatch>, boolean>;
  const closeIt = dispatcher[names.close] as Method<[], Promise<unknown>>;
  const destroyIt = dispatcher[names.destroy] as Method<[Error], Promise<unknown>>;
  // Agents keep their clients by origin, in a map; pools keep a list, and clients have none.
  const isAgent = memberOf(dispatcher, 'clients') instanceof Map;
  const held = new Set<Held>();
  let gates: readonly Gate[] = [];
  let isDestroyed = false;

  /** Asks gates, the last one first, and dispatches. */
  function pass(self: object, asked: readonly Gate[], opts: Options, handler: Handler): boolean {
    const gate = asked.at(-1);
    if (gate === undefined) return leave(self, opts, handler);
    const dispatch: Dispatch = (given, told) => pass(self, asked.slice(0, -1), given, told);
    return gate({ dispatch, honoursOrigin: () => isAgent, watch }, opts, handler);
  }

  function leave(self: object, opts: Options, handler: Handler): boolean {
    const { maxRedirections } = opts as { maxRedirections?: unknown };
    if (!interceptsByOption(dispatcher) || !maxRedirections) return dispatchIt.call(self, opts, handler);
    failRequest(handler, new ConfigError('dispatcher_composed', 'maxRedirections', REDIRECTED));
    return true;
  }

  function watch(fail: (error: Error) => void): () => void {
    let end: () => void = () => undefined;
    const one: Held = { fail, over: new Promise((resolve) => (end = resolve)) };
    held.add(one);
    return () => {
      held.delete(one);
      end();
    };
  }

  const overrides = new Map<symbol, unknown>([
    [
      names.dispatch,
      function (this: object, opts: Options, handler: Handler) {
        return pass(this, gates, opts, handler);
      },
    ],
    [
      names.close,
      function (this: object) {
        if (held.size === 0) return closeIt.call(this);
        const over = Promise.all([...held].map((one) => one.over));
        return over.then(() => (isDestroyed ? undefined : closeIt.call(this)));
      },
    ],
    [
      names.destroy,
      function (this: object, error: Error) {
        isDestroyed = true;
        for (const one of held) one.fail(error);
        return destroyIt.call(this, error);
      },
    ],
  ]);
  let restore: () => void = () => undefined;

  const layer: Layer = {
    get isInUse() {
      return gates.length > 0;
    },
    add(gate) {
      if (gates.length === 0) {
        restore = override(dispatcher, overrides.set(LAYER, layer));
        forgetInterceptors(dispatcher);
      }
      gates = [...gates, gate];
    },
    remove(gate) {
      gates = gates.filter((one) => one !== gate);
      if (gates.length > 0) return;
      restore();
      forgetInterceptors(dispatcher);
    },
  };
  return layer;
}

const REDIRECTED =
  'maxRedirections: a client of undici 5 or 6 follows redirects where no guard sees them; use an Agent, or maxRedirections: 0';

/** @returns a function that puts back what was there, but for members that somebody has changed since. */
function override(object: Members, members: ReadonlyMap<symbol, unknown>): () => void {
  const before = [...members].map(([name, value]) => {
    const own = Object.getOwnPropertyDescriptor(object, name);
    Object.defineProperty(object, name, { value, writable: true, enumerable: false, configurable: true });
    return { name, value, own };
  });
  return () => {
    for (const { name, value, own } of before) {
      if (object[name] !== value) continue;
      if (own === undefined) Reflect.deleteProperty(object, name);
      else Object.defineProperty(object, name, own);
    }
  };
}

/** Undici 5 and 6 keep the chain of their interceptors, and make it anew from the method where there is none. */
function forgetInterceptors(dispatcher: Members): void {
  const chain = Object.getOwnPropertySymbols(dispatcher).find(
    ({ description }) => description === 'Intercepted Dispatch',
  );
  if (chain !== undefined) Reflect.deleteProperty(dispatcher, chain);
}
