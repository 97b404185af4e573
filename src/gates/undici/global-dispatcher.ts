/**
 * Puts a gate into the global dispatchers, which dispatch every request that names no dispatcher, in undici and in the
 * global `fetch`, and takes it out again. No dispatcher is replaced.
 *
 * Versions of undici share these dispatchers by symbols of the global object: undici 5 and 6 and the `fetch` of Node 20
 * and 22 use the first symbol, undici 7 and Node 24 both, undici 8 and Node 26 the second.
 */

import { Agent, type Dispatcher } from 'undici';
import { ConfigError } from '../../errors.ts';
import { failRequest } from './handler.ts';
import { layersOf, type Layer } from './innermost-dispatcher.ts';
import type { Gate } from './next-dispatcher.ts';
import { isProbe, isSeenBy, probeError } from './probe.ts';

/** Two gates with an equal key are the same gate. */
export interface GateKey {
  readonly guard: object;
  /** The options as text. Without it the key equals no other. */
  readonly options: string | undefined;
}

/** A gate in the global dispatchers, as one caller installed it. */
export interface InstalledGate {
  readonly isNew: boolean;
  /**
   * Removes the gate for this caller. The gate is taken out when every caller that installed it has removed it.
   *
   * @returns whether it was taken out, and the global dispatchers are the same as before, without any gate of this
   * package.
   */
  remove(): boolean;
}

interface Installation {
  readonly key: GateKey;
  /** The dispatchers of other modules when the gate was installed, by symbol. */
  readonly globals: readonly unknown[];
  /** How many callers installed the gate and have not removed it. */
  users: number;
  /** Takes the gate out of the dispatchers. @returns whether no other gate is in them. */
  uninstall(): boolean;
}

/** An agent of this module under a symbol that had no value. An undici that is loaded later uses it as its own. */
interface Placeholder {
  readonly agent: Agent;
  /** The getter of the symbol, which records that another module has read it. */
  readonly get: () => Agent;
  /** Removes the agent, unless another module has read it and may depend on it. */
  remove(): void;
}

const SYMBOLS = [Symbol.for('undici.globalDispatcher.1'), Symbol.for('undici.globalDispatcher.2')];
const installations = new Set<Installation>();
const placeholders = new Map<symbol, Placeholder>();

/**
 * Installs a gate in the global dispatchers. If a gate with the same key is installed already, no second one is added.
 *
 * @throws ConfigError `dispatcher_composed` if a dispatcher redirects or retries and no gate can be put behind it.
 */
export function installGate(gate: Gate, key: GateKey): InstalledGate {
  const existing = [...installations].find((one) => isSame(one.key, key) && isUnchanged(one));
  const installation = existing ?? install(gate, key);
  installation.users++;
  let isRemoved = false;
  return {
    isNew: existing === undefined,
    remove() {
      if (isRemoved) return false;
      isRemoved = true;
      if (--installation.users > 0) return false;
      installations.delete(installation);
      return installation.uninstall() && isUnchanged(installation);
    },
  };
}

const isSame = (one: GateKey, other: GateKey) =>
  one.guard === other.guard && one.options !== undefined && one.options === other.options;

/** Whether no other module has set a global dispatcher since the gate was installed. */
const isUnchanged = ({ globals }: Installation) =>
  SYMBOLS.every((symbol, index) => globals[index] === foreignDispatcherAt(symbol));

/** Returns the dispatcher that another module has put under a symbol. */
function foreignDispatcherAt(symbol: symbol): Dispatcher | undefined {
  const dispatcher = dispatcherAt(symbol);
  return dispatcher === placeholders.get(symbol)?.agent ? undefined : dispatcher;
}

/** Returns the dispatcher under a symbol. It does not call the getter of a placeholder. */
function dispatcherAt(symbol: symbol): Dispatcher | undefined {
  const placeholder = placeholders.get(symbol);
  if (placeholder !== undefined && getterOf(symbol) === placeholder.get) return placeholder.agent;
  return Reflect.get(globalThis, symbol) as Dispatcher | undefined;
}

const getterOf = (symbol: symbol) => Object.getOwnPropertyDescriptor(globalThis, symbol)?.get;

/**
 * Puts a placeholder under a symbol without a value, so that no later module puts a dispatcher without a gate there.
 */
function addPlaceholder(symbol: symbol): void {
  if (dispatcherAt(symbol) !== undefined) return;
  const agent = new Agent();
  let isSeen = false;
  const get = () => {
    isSeen = true;
    return agent;
  };
  const set = (value: unknown) => void Reflect.defineProperty(globalThis, symbol, { value, writable: true });
  // If undici has defined the property, it is writable, but cannot be defined again.
  const isDefined = Reflect.defineProperty(globalThis, symbol, { get, set, configurable: true });
  if (!isDefined) Reflect.set(globalThis, symbol, agent);
  placeholders.set(symbol, {
    agent,
    get,
    remove() {
      if (isSeen || dispatcherAt(symbol) !== agent) return;
      if (!isDefined) Reflect.set(globalThis, symbol, undefined);
      else Reflect.deleteProperty(globalThis, symbol);
      placeholders.delete(symbol);
    },
  });
}

function install(gate: Gate, key: GateKey): Installation {
  const installation: Installation = {
    key,
    globals: SYMBOLS.map(foreignDispatcherAt),
    users: 0,
    uninstall,
  };
  for (const symbol of SYMBOLS) addPlaceholder(symbol);
  const probedGate: Gate = (next, opts, handler) => {
    if (isProbe(opts, installation)) {
      failRequest(handler, probeError());
      return true;
    }
    return gate(next, opts, handler);
  };
  const layers = new Set<Layer>();
  const opaque: Dispatcher[] = [];
  const dispatchers = SYMBOLS.map(dispatcherAt).filter((dispatcher) => dispatcher !== undefined);
  for (const dispatcher of new Set(dispatchers)) {
    const found = layersOf(dispatcher);
    if (found === undefined) opaque.push(dispatcher);
    // Two dispatchers may lead to the same layer. It is recognised once it has a gate, and does not get the gate twice.
    for (const layer of found ?? []) {
      if (!layers.has(layer)) layer.add(probedGate);
      layers.add(layer);
    }
  }

  function uninstall(): boolean {
    for (const layer of layers) layer.remove(probedGate);
    const isFree = [...layers].every(({ isInUse }) => !isInUse);
    if (isFree) for (const placeholder of placeholders.values()) placeholder.remove();
    return isFree;
  }

  // A dispatcher whose inner dispatchers cannot be found may still lead to one that has the gate now.
  if (!opaque.every((dispatcher) => isSeenBy(dispatcher, installation))) {
    uninstall();
    throw new ConfigError('dispatcher_composed', 'installGlobalGuard', COMPOSED);
  }
  installations.add(installation);
  return installation;
}

const COMPOSED = `installGlobalGuard: the global dispatcher redirects, retries or intercepts where no guard can be put behind it. Compose it with the guard first, and do without installGlobalGuard:
  const dispatcher = new Agent().compose(guardDispatcher(guard), interceptors.redirect(), interceptors.retry());
  setGlobalDispatcher(dispatcher);`;
