/**
 * The dispatcher of whoever names none, in undici and in the global `fetch`, which share it: putting a gate in front of
 * it, and taking it away again. It touches no dispatcher that somebody else has set.
 */

import { getGlobalDispatcher, setGlobalDispatcher, type Dispatcher } from 'undici';

type Dispatch = Dispatcher['dispatch'];

/** Asked with every request; `dispatch` is how it goes on. */
export type Gate = (
  dispatch: Dispatch,
  opts: Dispatcher.DispatchOptions,
  handler: Dispatcher.DispatchHandler,
) => boolean;

/** What makes two gates the same; without options as text they never are. */
export interface GateKey {
  readonly guard: object;
  readonly options: string | undefined;
}

/** A gate in place: what it stands in front of, and how many have put it there. */
interface Place {
  readonly key: GateKey;
  readonly inner: Dispatcher;
  holders: number;
}

const places = new WeakMap<Dispatcher, Place>();

/**
 * Puts a gate in front of the global dispatcher. One of the same key that stands there already is enough.
 *
 * @returns a function that takes it away, once all have who put it there, and tells whether the dispatcher from before
 * is in its place again. Where another one was set or wrapped around it meanwhile, the gate only lets everything pass.
 */
export function placeGate(gate: Gate, key: GateKey): () => boolean {
  const current = getGlobalDispatcher();
  const known = places.get(current);
  const isThere = known !== undefined && known.holders > 0 && isSame(known.key, key);
  const place = isThere ? known : { key, inner: current, holders: 0 };
  const guarded = isThere ? current : guardedDispatcher(place, gate);
  place.holders++;
  places.set(guarded, place);
  if (!isThere) setGlobalDispatcher(guarded);
  let isOver = false;
  return () => {
    if (isOver) return false;
    isOver = true;
    place.holders--;
    if (place.holders > 0 || getGlobalDispatcher() !== guarded) return false;
    setGlobalDispatcher(place.inner);
    return true;
  };
}

const isSame = (one: GateKey, other: GateKey) =>
  one.guard === other.guard && one.options !== undefined && one.options === other.options;

/** A dispatcher like another one, but that requests pass the gate while it has holders. */
function guardedDispatcher(place: Place, gate: Gate): Dispatcher {
  const { inner } = place;
  const onward: Dispatch = (opts, handler) => inner.dispatch(opts, handler);
  const dispatch: Dispatch = (opts, handler) =>
    place.holders > 0 ? gate(onward, opts, handler) : onward(opts, handler);
  return new Proxy(inner, {
    get(target, name) {
      if (name === 'dispatch') return dispatch;
      const value: unknown = Reflect.get(target, name);
      // Ending it is the dispatcher's own affair; what else it has may lead to `dispatch`, which is to be ours.
      const isEnding = (name === 'close' || name === 'destroy') && typeof value === 'function';
      return isEnding ? (value.bind(target) as unknown) : value;
    },
  });
}
