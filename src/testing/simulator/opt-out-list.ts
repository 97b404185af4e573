/**
 * The list of the simulated provider: who has opted out, what its query endpoint shows of it, and every way in which
 * that endpoint may behave within (and outside of) its documentation.
 */

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
  /** Called when a page has been written: the place to make the list move. */
  afterPage?: ((page: number) => void) | undefined;
}

/** The list. Changes count for the provider at once; with `isLagging` the query shows them after `catchUp()`. */
export interface OptOutList {
  readonly behaviour: ListBehaviour;
  isLagging: boolean;
  has(msisdn: string): boolean;
  add(msisdn: string, at?: number): void;
  remove(msisdn: string): void;
  catchUp(): void;
  readonly size: number;
  /** The body of a query's reply. */
  page(index: number, size: number): string;
}

/** A number for each index: US numbers of one block after the other. */
export function generatedNumber(index: number): string {
  return String(15_550_000_000 + index);
}

export function createOptOutList(initial: Iterable<string> | number, now: () => number): OptOutList {
  const numbers =
    typeof initial === 'number'
      ? Array.from({ length: initial }, (_, index) => generatedNumber(index))
      : [...new Set(initial)];
  const since = writeDate(now() - 86_400_000);
  const optedOut = new Map(numbers.map((msisdn) => [msisdn, since]));
  const behaviour: ListBehaviour = {};
  const waiting: (() => void)[] = [];
  const change = (apply: () => void) => void (list.isLagging ? waiting.push(apply) : apply());

  const list: OptOutList = {
    behaviour,
    isLagging: false,
    has: (msisdn) => optedOut.has(msisdn),
    add(msisdn, at = now()) {
      if (optedOut.has(msisdn)) return;
      optedOut.set(msisdn, writeDate(at));
      change(() => {
        if (!numbers.includes(msisdn)) numbers.push(msisdn);
      });
    },
    remove(msisdn) {
      optedOut.delete(msisdn);
      change(() => {
        const place = numbers.indexOf(msisdn);
        if (place !== -1) numbers.splice(place, 1);
      });
    },
    catchUp() {
      for (const apply of waiting.splice(0)) apply();
    },
    get size() {
      return numbers.length;
    },
    page(index, size) {
      const { pageCap = Infinity, ignoresPage, isOneBased, count = 'total', hasDates = true } = behaviour;
      const length = Math.min(size, pageCap);
      const place = ignoresPage ? 0 : isOneBased ? Math.max(0, index - 1) : index;
      const rows = numbers.slice(place * length, (place + 1) * length).map((msisdn) => ({
        msisdn,
        'opt-in': 'false',
        'opt-out': 'true',
        ...(hasDates ? { 'opt-out-date': optedOut.get(msisdn) ?? since } : {}),
      }));
      const said = count === 'total' ? numbers.length : count === 'page' ? rows.length : count;
      const head = said === 'missing' ? {} : { 'opt-in-count': String(said) };
      return JSON.stringify({ ...head, 'opt-in-list': rows });
    },
  };
  return list;
}

/** `YYYY-MM-DD HH:MM:SS`, UTC. */
export function writeDate(at: number): string {
  return new Date(at).toISOString().slice(0, 19).replace('T', ' ');
}
