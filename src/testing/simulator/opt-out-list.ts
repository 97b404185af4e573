/**
 * The list of the simulated provider: who has opted out, what its query endpoint shows of it, and every way in which
 * that endpoint may behave within (and outside of) its documentation.
 */

import { createRows, type Rows } from './rows.ts';

/** How the query endpoint pages and counts. */
export interface ListBehaviour {
  /** Most rows of a page, whatever was asked for. */
  pageCap?: number | undefined;
  /** Every page is the first one. */
  ignoresPage?: boolean | undefined;
  /** Page 1 is the first page (and so is page 0). */
  isOneBased?: boolean | undefined;
  /** What `opt-in-count` says. Default `total`. */
  count?: 'total' | 'page' | 'missing' | number | undefined;
  /** Whether rows have dates. Default `true`. */
  hasDates?: boolean | undefined;
  /** Every so many-th person has two rows, one behind the other: two campaigns, two opt-outs. Default: nobody has. */
  twiceEvery?: number | undefined;
  /** How long a change stays unseen in the query, ms. Default 0. */
  lagMs?: number | undefined;
  /** Called when a page has been written: the place to make the list move. */
  afterPage?: ((page: number) => void) | undefined;
}

/**
 * The list. Changes count for the provider at once; with `isLagging` the query shows them after `catchUp()`, with
 * `behaviour.lagMs` after that time or `catchUp()`, whichever is first.
 */
export interface OptOutList {
  readonly behaviour: ListBehaviour;
  isLagging: boolean;
  has(msisdn: string): boolean;
  add(msisdn: string, at?: number): void;
  remove(msisdn: string): void;
  catchUp(): void;
  /** How many the query shows. */
  readonly size: number;
  /** The body of a query's reply. */
  page(index: number, size: number): string;
}

export function createOptOutList(initial: Iterable<string> | number, now: () => number): OptOutList {
  const rows = createRows(initial);
  const since = writeDate(now() - 86_400_000);
  // Opted out at that date, or opted in: who is not here is as the rows say.
  const changed = new Map<string, string | undefined>();
  const behaviour: ListBehaviour = {};
  let waiting: { msisdn: string; due: number }[] = [];

  const has = (msisdn: string) =>
    changed.has(msisdn) ? changed.get(msisdn) !== undefined : rows.has(msisdn);
  const showUntil = (time: number) => {
    const isDue = ({ due }: { due: number }) => due <= time;
    for (const { msisdn } of waiting.filter(isDue)) {
      if (has(msisdn)) rows.add(msisdn);
      else rows.remove(msisdn);
    }
    waiting = waiting.filter((one) => !isDue(one));
  };
  const change = (msisdn: string, date: string | undefined) => {
    changed.set(msisdn, date);
    waiting.push({ msisdn, due: list.isLagging ? Infinity : now() + (behaviour.lagMs ?? 0) });
    showUntil(now());
  };

  const list: OptOutList = {
    behaviour,
    isLagging: false,
    has,
    add(msisdn, at = now()) {
      if (!has(msisdn)) change(msisdn, writeDate(at));
    },
    remove(msisdn) {
      if (has(msisdn)) change(msisdn, undefined);
    },
    catchUp: () => showUntil(Infinity),
    get size() {
      showUntil(now());
      return rows.size;
    },
    page(index, size) {
      const { pageCap = Infinity, ignoresPage, isOneBased, count = 'total', hasDates = true } = behaviour;
      showUntil(now());
      const length = Math.min(size, pageCap);
      const place = ignoresPage ? 0 : isOneBased ? Math.max(0, index - 1) : index;
      const { twiceEvery = Infinity } = behaviour;
      const total = rows.size + Math.floor(rows.size / twiceEvery);
      const shown = rowsAt(rows, place * length, length, twiceEvery).map((msisdn) => ({
        msisdn,
        'opt-in': 'false',
        'opt-out': 'true',
        ...(hasDates ? { 'opt-out-date': changed.get(msisdn) ?? since } : {}),
      }));
      const said = count === 'total' ? total : count === 'page' ? shown.length : count;
      const head = said === 'missing' ? {} : { 'opt-in-count': String(said) };
      return JSON.stringify({ ...head, 'opt-in-list': shown });
    },
  };
  return list;
}

/** Rows from `start` on, where the last of every `every` people has a second row. */
function rowsAt(rows: Rows, start: number, length: number, every: number): string[] {
  if (every === Infinity) return rows.slice(start, length);
  const personOf = (row: number) => {
    const group = Math.floor(row / (every + 1));
    return group * every + Math.min(row - group * (every + 1), every - 1);
  };
  const first = personOf(start);
  const people = rows.slice(first, length);
  const shown: string[] = [];
  for (let row = start; shown.length < length; row++) {
    const msisdn = people[personOf(row) - first];
    if (msisdn === undefined) break;
    shown.push(msisdn);
  }
  return shown;
}

/** `YYYY-MM-DD HH:MM:SS`, UTC. */
export function writeDate(at: number): string {
  return new Date(at).toISOString().slice(0, 19).replace('T', ' ');
}
