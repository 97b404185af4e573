/**
 * The opt-out list of the simulated provider, the pages of its query endpoint, and the ways in which that endpoint may
 * behave within (and outside of) its documentation.
 */

import { createRows, type Rows } from './rows.ts';

/** How the query endpoint pages and counts. */
export interface ListBehaviour {
  /** The largest number of rows in a page, even if more were requested. */
  pageCap?: number | undefined;
  /** Whether every page is the first one. */
  ignoresPage?: boolean | undefined;
  /** Whether page 1 is the first page (and page 0 too). */
  isOneBased?: boolean | undefined;
  /** The value of `opt-in-count`: all rows, the rows of the page, or none. Default `total`. */
  count?: 'total' | 'page' | 'missing' | number | undefined;
  /** Whether rows have dates. Default `true`. */
  hasDates?: boolean | undefined;
  /**
   * One person in this many has two rows, one after the other, as after opt-outs from two campaigns. Default: no person
   * has two.
   */
  twiceEvery?: number | undefined;
  /** How long a change is not visible in the query, ms. Default 0. */
  lagMs?: number | undefined;
  /** Called after each page: a test can change the list between two pages here. */
  afterPage?: ((page: number) => void) | undefined;
}

/**
 * The opt-out list. A change takes effect for sends at once. The query shows it at once too, except with `isLagging`:
 * after `catchUp()`; and with `behaviour.lagMs`: after that time or `catchUp()`, whichever is first.
 */
export interface OptOutList {
  readonly behaviour: ListBehaviour;
  isLagging: boolean;
  /** Returns whether the person has opted out. */
  has(msisdn: string): boolean;
  /** Opts a person out. `at` is the date of the row, ms UTC. Default now. */
  add(msisdn: string, at?: number): void;
  /** Opts a person in. */
  remove(msisdn: string): void;
  /** Makes all changes visible in the query. */
  catchUp(): void;
  /** How many numbers the query shows. */
  readonly size: number;
  /** Returns the body of a query's reply, for the page `index` (from 0) of `size` rows. */
  page(index: number, size: number): string;
}

export function createOptOutList(initial: Iterable<string> | number, now: () => number): OptOutList {
  const rows = createRows(initial);
  const initialDate = writeDate(now() - 86_400_000);
  // The date of each number that opted out since the start; `undefined` if it opted in.
  const changed = new Map<string, string | undefined>();
  const behaviour: ListBehaviour = {};
  let hidden: { msisdn: string; due: number }[] = [];

  const has = (msisdn: string) =>
    changed.has(msisdn) ? changed.get(msisdn) !== undefined : rows.has(msisdn);
  const showDue = (time: number) => {
    const isDue = ({ due }: { due: number }) => due <= time;
    for (const { msisdn } of hidden.filter(isDue)) {
      if (has(msisdn)) rows.add(msisdn);
      else rows.remove(msisdn);
    }
    hidden = hidden.filter((one) => !isDue(one));
  };
  const change = (msisdn: string, date: string | undefined) => {
    changed.set(msisdn, date);
    hidden.push({ msisdn, due: list.isLagging ? Infinity : now() + (behaviour.lagMs ?? 0) });
    showDue(now());
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
    catchUp: () => showDue(Infinity),
    get size() {
      showDue(now());
      return rows.size;
    },
    page(index, size) {
      const { pageCap = Infinity, ignoresPage, isOneBased, count = 'total', hasDates = true } = behaviour;
      showDue(now());
      const length = Math.min(size, pageCap);
      const pageIndex = ignoresPage ? 0 : isOneBased ? Math.max(0, index - 1) : index;
      const { twiceEvery = Infinity } = behaviour;
      const total = rows.size + Math.floor(rows.size / twiceEvery);
      const pageRows = rowsAt(rows, pageIndex * length, length, twiceEvery).map((msisdn) => ({
        msisdn,
        'opt-in': 'false',
        'opt-out': 'true',
        ...(hasDates ? { 'opt-out-date': changed.get(msisdn) ?? initialDate } : {}),
      }));
      const announced = count === 'total' ? total : count === 'page' ? pageRows.length : count;
      const head = announced === 'missing' ? {} : { 'opt-in-count': String(announced) };
      return JSON.stringify({ ...head, 'opt-in-list': pageRows });
    },
  };
  return list;
}

/** Returns `length` rows from `start` on. The last person of each group of `every` people has a second row. */
function rowsAt(rows: Rows, start: number, length: number, every: number): string[] {
  if (every === Infinity) return rows.slice(start, length);
  const personOf = (row: number) => {
    const group = Math.floor(row / (every + 1));
    return group * every + Math.min(row - group * (every + 1), every - 1);
  };
  const first = personOf(start);
  const people = rows.slice(first, length);
  const pageRows: string[] = [];
  for (let row = start; pageRows.length < length; row++) {
    const msisdn = people[personOf(row) - first];
    if (msisdn === undefined) break;
    pageRows.push(msisdn);
  }
  return pageRows;
}

/** Writes a time as `YYYY-MM-DD HH:MM:SS`, UTC. */
export function writeDate(at: number): string {
  return new Date(at).toISOString().slice(0, 19).replace('T', ' ');
}
