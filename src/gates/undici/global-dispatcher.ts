/**
 * The dispatchers of every request that names none, in undici and in the global `fetch`: puts a gate into them and takes
 * it away again. Versions of undici share them by symbols of the global object: 5, 6 and the `fetch` of Node 20 and 22
 * use the first, 7 and Node 24 both, 8 and Node 26 the second. It replaces no dispatcher.
 */

import { Agent, type Dispatcher } from 'undici';
import { ConfigError } from '../../errors.ts';
import type { Gate } from './exit.ts';
import { failRequest } from './handler.ts';
import { layersOf, type Layer } from './innermost-dispatcher.ts';
import { isProbe, isSeenBy, probeAnswer } from './probe.ts';

/** What makes two gates the same; without options as text they never are. */
export interface GateKey {
  readonly guard: object;
  readonly options: string | undefined;
}

/** A gate in the global dispatchers. */
export interface Place {
  readonly isNew: boolean;
  /**
   * Takes the gate away, once as often as it was placed.
   *
   * @returns whether the global dispatchers are as they were before it, without any gate of this package.
   */
  remove(): boolean;
}

interface Standing {
  readonly key: GateKey;
  readonly globals: readonly unknown[];
  holders: number;
  /** Takes the gate out of the dispatchers. @returns whether no other gate is in them. */
  end(): boolean;
}

/** An agent of ours under a symbol that had none: a version of undici that is loaded later takes it for its own. */
interface Filler {
  readonly agent: Agent;
  /** How the symbol shows the agent, where it tells who sees it. */
  readonly get: () => Agent;
  /** Takes the agent away, unless another module has seen it and may depend on it. */
  empty(): void;
}

const SYMBOLS = [Symbol.for('undici.globalDispatcher.1'), Symbol.for('undici.globalDispatcher.2')];
const standing = new Set<Standing>();
const fillers = new Map<symbol, Filler>();

/**
 * Puts a gate into the global dispatchers. One of the same key that is there already is enough.
 *
 * @throws ConfigError `dispatcher_composed` if a dispatcher redirects or retries where no gate can be put behind it.
 */
export function placeGate(gate: Gate, key: GateKey): Place {
  const known = [...standing].find((one) => isSame(one.key, key) && isUnchanged(one));
  const place = known ?? stand(gate, key);
  place.holders++;
  let isOver = false;
  return {
    isNew: known === undefined,
    remove() {
      if (isOver) return false;
      isOver = true;
      if (--place.holders > 0) return false;
      standing.delete(place);
      return place.end() && isUnchanged(place);
    },
  };
}

const isSame = (one: GateKey, other: GateKey) =>
  one.guard === other.guard && one.options !== undefined && one.options === other.options;

const isUnchanged = ({ globals }: Standing) =>
  SYMBOLS.every((symbol, index) => globals[index] === ofOthers(symbol));

/** The dispatcher that others have put under a symbol. */
function ofOthers(symbol: symbol): Dispatcher | undefined {
  const dispatcher = dispatcherAt(symbol);
  return dispatcher === fillers.get(symbol)?.agent ? undefined : dispatcher;
}

/** The dispatcher under a symbol. An agent of ours is not seen by this. */
function dispatcherAt(symbol: symbol): Dispatcher | undefined {
  const filler = fillers.get(symbol);
  if (filler !== undefined && getterOf(symbol) === filler.get) return filler.agent;
  return Reflect.get(globalThis, symbol) as Dispatcher | undefined;
}

const getterOf = (symbol: symbol) => Object.getOwnPropertyDescriptor(globalThis, symbol)?.get;

/** Fills a symbol that is empty, so that what is loaded later cannot put a dispatcher without a gate there. */
function fill(symbol: symbol): void {
  if (dispatcherAt(symbol) !== undefined) return;
  const agent = new Agent();
  let isSeen = false;
  const get = () => {
    isSeen = true;
    return agent;
  };
  const set = (value: unknown) => void Reflect.defineProperty(globalThis, symbol, { value, writable: true });
  // A property that undici has made can be written, and not defined again.
  const isDefined = Reflect.defineProperty(globalThis, symbol, { get, set, configurable: true });
  if (!isDefined) Reflect.set(globalThis, symbol, agent);
  fillers.set(symbol, {
    agent,
    get,
    empty() {
      if (isSeen || dispatcherAt(symbol) !== agent) return;
      if (!isDefined) Reflect.set(globalThis, symbol, undefined);
      else Reflect.deleteProperty(globalThis, symbol);
      fillers.delete(symbol);
    },
  });
}

function stand(gate: Gate, key: GateKey): Standing {
  const place: Standing = { key, globals: SYMBOLS.map(ofOthers), holders: 0, end };
  for (const symbol of SYMBOLS) fill(symbol);
  const guarded: Gate = (exit, opts, handler) => {
    if (isProbe(opts, place)) {
      failRequest(handler, probeAnswer());
      return true;
    }
    return gate(exit, opts, handler);
  };
  const layers = new Set<Layer>();
  const hidden: Dispatcher[] = [];
  const dispatchers = SYMBOLS.map(dispatcherAt).filter((dispatcher) => dispatcher !== undefined);
  for (const dispatcher of new Set(dispatchers)) {
    const found = layersOf(dispatcher);
    if (found === undefined) hidden.push(dispatcher);
    // One layer may be found twice: once it has a gate, it is known.
    for (const layer of found ?? []) if (!layers.has(layer)) layer.add(guarded);
    for (const layer of found ?? []) layers.add(layer);
  }

  function end(): boolean {
    for (const layer of layers) layer.remove(guarded);
    const isFree = [...layers].every(({ isInUse }) => !isInUse);
    if (isFree) for (const filler of fillers.values()) filler.empty();
    return isFree;
  }

  // A dispatcher that shows nothing of what it was made of may lead to one that has the gate now.
  if (!hidden.every((dispatcher) => isSeenBy(dispatcher, place))) {
    end();
    throw new ConfigError('dispatcher_composed', 'installGlobalGuard', COMPOSED);
  }
  standing.add(place);
  return place;
}

const COMPOSED = `installGlobalGuard: the global dispatcher redirects, retries or intercepts where no guard can be put behind it. Compose it with the guard first, and do without installGlobalGuard:
  const dispatcher = new Agent().compose(guardDispatcher(guard), interceptors.redirect(), interceptors.retry());
  setGlobalDispatcher(dispatcher);`;
