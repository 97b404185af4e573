/** What sweeps must come to, worked out from every page that was read. It shares no code with the sweeps. */

import type { ProviderPage } from '../../src/provider/provider.ts';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const SLACK = MINUTE;
const GRACE = 10 * MINUTE;

/** The rules once more, for acts told as they happen, on numbers that are kept one by one. */
export class Oracle {
  /** In how many complete sweeps in a row a listed number was missing. */
  readonly lacked = new Map<number, number>();
  readonly outs = new Map<number, number>();
  readonly ins = new Map<number, number>();
  readonly #rows = new Map<number, { start: number; date: number }[]>();
  #heldSince: number | undefined;
  readonly #trustsRemoval: boolean;

  constructor(trustsRemoval: boolean) {
    this.#trustsRemoval = trustsRemoval;
  }

  row(id: number, start: number, date: number): void {
    this.lacked.set(id, 0);
    if (!this.outs.has(id) && !this.ins.has(id)) return;
    this.#rows.set(id, [...(this.#rows.get(id) ?? []), { start, date }]);
  }

  isFirstHand(id: number): boolean {
    const out = this.outs.get(id);
    return out !== undefined && out >= (this.ins.get(id) ?? -Infinity);
  }

  blocks(id: number): boolean {
    if (this.isFirstHand(id) || !this.lacked.has(id)) return this.isFirstHand(id);
    const optIn = this.ins.get(id);
    if (optIn === undefined) return true;
    const rows = this.#rows.get(id) ?? [];
    return rows.some(({ date, start }) => date > optIn + SLACK || start > optIn + GRACE);
  }

  complete({ start, shown }: Reading, isAccepted: boolean, canKeep: boolean) {
    const missing = [...this.lacked.keys()].filter((id) => !shown.has(id));
    const isHalf = this.lacked.size >= 100 && missing.length * 2 >= this.lacked.size;
    const isHeld = isHalf && !isAccepted && start - (this.#heldSince ?? start) < DAY;
    this.#heldSince = isHeld ? (this.#heldSince ?? start) : undefined;
    const leaving = isHeld ? [] : missing.filter((id) => this.lacked.get(id) !== 0);
    for (const id of missing) this.lacked.set(id, 1);
    const released = leaving.filter(
      (id) => this.#trustsRemoval && this.isFirstHand(id) && this.wasListedSince(id),
    );
    for (const id of leaving) if (!released.includes(id)) this.lacked.delete(id);
    if (canKeep) for (const id of released) this.ins.set(id, start);
    return { status: 'complete', removed: leaving.length - released.length, size: this.lacked.size, isHeld };
  }

  /** Whether a sweep that began after the opt-out listed the number. */
  wasListedSince(id: number): boolean {
    return (this.#rows.get(id) ?? []).some(({ start }) => start > (this.outs.get(id) ?? Infinity));
  }
}

export interface Page extends ProviderPage {
  readonly ids: readonly number[];
}

/**
 * One reading of the list by the contract: to an empty page, or to the second page in a row without a new number. A
 * number may be in two rows: then an announced count that the different numbers do not reach is compared with the rows,
 * without pages that only repeat an earlier page, and pages of second rows are no end while the count says that more
 * may come.
 */
export class Reading {
  readonly start: number;
  readonly shown = new Set<number>();
  /**
   * `doubtful`: the rows reach the count and the numbers do not. It is complete where the list stood still; where the
   * list moved, rows may have been read twice, and either answer is right.
   */
  state: 'open' | 'ended' | 'doubtful' | 'failed' = 'open';
  unreadable = 0;
  /** Pages that only repeated an earlier one. */
  repeated = 0;
  readonly #pages: Page[] = [];
  readonly #known = new Set<string>();
  #withoutNews = 0;
  #repeatedInRow = 0;
  #unreadableOnce = 0;
  #rowsOnce = 0;

  constructor(start: number) {
    this.start = start;
  }

  /** @returns the numbers that it showed. */
  take(page: Page | 'torn'): readonly number[] {
    if (page === 'torn') {
      if (this.state === 'open') this.state = 'failed';
      return [];
    }
    const news = page.ids.filter((id) => !this.shown.has(id));
    for (const id of page.ids) this.shown.add(id);
    // Rows behind an empty page: the end was none.
    if (this.state !== 'open') {
      if (page.rows.length > 0) this.state = 'failed';
      return page.ids;
    }
    const unreadable = page.rows.length - page.ids.length;
    const content = JSON.stringify(page.rows.map((row) => JSON.stringify(row)).toSorted());
    const isRepeated = this.#known.has(content);
    this.#known.add(content);
    this.#pages.push(page);
    this.unreadable += unreadable;
    this.#repeatedInRow = isRepeated ? this.#repeatedInRow + 1 : 0;
    if (isRepeated) this.repeated++;
    else {
      this.#unreadableOnce += unreadable;
      this.#rowsOnce += page.rows.length;
    }
    const isNews = news.length > 0 || (unreadable > 0 && !isRepeated);
    this.#withoutNews = isNews ? 0 : this.#withoutNews + 1;
    if (page.rows.length === 0) this.#end(true);
    else if (
      this.#withoutNews >= 2 &&
      (!this.#isShort || this.#repeatedInRow >= 2 || this.#rowsOnce > 2 * this.announced)
    )
      this.#end(false);
    return page.ids;
  }

  get isOverAtEmptyPage(): boolean {
    return this.#pages.at(-1)?.rows.length === 0;
  }

  get announced(): number {
    return Math.max(...this.#pages.map(({ total }) => total ?? 0));
  }

  /** Whether fewer different numbers were read than announced, by a count that can be believed. */
  get #isShort(): boolean {
    const announced = this.announced;
    const isOfPage = this.#pages.some((page) => page.total === announced && page.rows.length === announced);
    return this.shown.size + this.#unreadableOnce < announced && !isOfPage;
  }

  #end(isCertain: boolean): void {
    if (this.#unreadableOnce * 100 > this.#rowsOnce) this.state = 'failed';
    else if (!this.#isShort) this.state = 'ended';
    else this.state = isCertain && this.#rowsOnce >= this.announced ? 'doubtful' : 'failed';
  }
}
