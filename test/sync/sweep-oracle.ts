/** What sweeps must come to, worked out from every page that was read. It shares no code with the sweeps. */

import type { ProviderPage } from '../../src/providers/provider.ts';

export interface OracleOptions {
  readonly trustsRemoval: boolean;
  readonly clockSlackMs: number;
  readonly lagGraceMs: number;
  readonly shrinkHoldMs: number;
  readonly longestStepMs: number;
}

/** A fact about a person, as it was stored. Times in ms. */
export interface Fact {
  readonly direction: 'out' | 'in';
  readonly kind: 'told' | 'stated' | 'act';
  readonly at: number;
  /** Its place in the log. */
  readonly position: number;
  /** Of an opt-in act: the last place in the log that had been applied when it began. */
  readonly basis?: number;
  /** Of one that the provider's manage endpoint proved. */
  readonly proof?: { readonly sweep: number; readonly optInDate: number | null };
  /** By the monotonic clock of the process that runs; `undefined` for what was loaded. */
  readonly applied: number | undefined;
}

interface Row {
  readonly sweep: number;
  readonly date: number | undefined;
  /** By the monotonic clock of the process that runs; `undefined` for what was loaded. */
  readonly began: number | undefined;
  /** A later process knows it too. */
  isSaved: boolean;
}

/** The rules once more, with every fact and row kept, on numbers that are kept one by one. */
export class Oracle {
  /** In how many complete sweeps in a row a listed number was missing. */
  readonly lacked = new Map<number, number>();
  readonly facts = new Map<number, Fact[]>();
  readonly #rows = new Map<number, Row[]>();
  /** Sweeps that may have read a row after a proven opt-in, until one is read. */
  readonly #assumed = new Map<number, { sweep: number; isSaved: boolean }>();
  readonly #options: OracleOptions;
  /** Of this process: the last complete sweep, and when it first read a row of a person of whom it knew. */
  #lastComplete: { began: number; basis: number } | undefined;
  #firstRowBegan: number | undefined;
  #held: number | undefined;
  lastNumber = 0;
  lastBegun = 0;

  constructor(options: OracleOptions) {
    this.#options = options;
  }

  begin(number: number): void {
    this.lastBegun = number;
  }

  tell(id: number, fact: Fact): void {
    this.facts.set(id, [...(this.facts.get(id) ?? []), fact]);
    if (fact.proof === undefined || this.#rows.has(id) || this.#assumed.has(id)) return;
    // Nobody knows whether a sweep that began meanwhile read a row after it, unless the last complete one read none.
    if (this.lacked.get(id) === 0 && this.lastBegun > fact.proof.sweep) {
      this.#assumed.set(id, { sweep: this.lastBegun, isSaved: false });
    }
  }

  row(id: number, { number, began }: Reading, date: number | undefined): void {
    this.lacked.set(id, 0);
    const facts = this.facts.get(id);
    if (facts === undefined) return;
    this.#firstRowBegan ??= began;
    this.#assumed.delete(id);
    const rows = this.#rows.get(id) ?? [];
    // The store hears of a row that says something new: with an opt-in each, else a first one and a later date.
    const isNewDate =
      date !== undefined && rows.every((row) => !(row.date !== undefined && row.date >= date));
    const isNews = rows.length === 0 || isNewDate || facts.some(({ direction }) => direction === 'in');
    this.#rows.set(id, [...rows, { sweep: number, date, began, isSaved: isNews }]);
  }

  /** What was noted so far is stored. */
  save(): void {
    for (const assumed of this.#assumed.values()) assumed.isSaved = true;
  }

  /** Another process goes on with what is stored: no time of the one before means anything to it. */
  restart(): void {
    for (const [id, { sweep, isSaved }] of this.#assumed) {
      if (isSaved) this.#rows.set(id, [{ sweep, date: undefined, began: undefined, isSaved }]);
    }
    this.#assumed.clear();
    for (const [id, facts] of this.facts) {
      this.facts.set(
        id,
        facts.map((fact) => ({ ...fact, applied: undefined })),
      );
      const rows = (this.#rows.get(id) ?? []).filter(({ isSaved }) => isSaved);
      const isProven = facts.some(({ proof }) => proof !== undefined);
      // Of what the last complete sweep lacked it is known that it lacked it. All else of the list it listed.
      const isListed = isProven && this.lacked.get(id) === 0;
      const last = { sweep: this.lastNumber, date: undefined, isSaved: true };
      const known = [...rows, ...(isListed ? [last] : [])].map((row) => ({ ...row, began: undefined }));
      if (known.length > 0) this.#rows.set(id, known);
      else this.#rows.delete(id);
    }
    this.#lastComplete = undefined;
    this.#firstRowBegan = undefined;
    this.lastBegun = Math.max(
      this.lastNumber,
      ...[...this.#rows.values()].flat().map(({ sweep }) => sweep),
      ...[...this.facts.values()].flat().map(({ proof }) => proof?.sweep ?? 0),
    );
  }

  /** Whether some opt-out holds that no opt-in answers: all of a kind are answered as one, or none. */
  isFirstHand(id: number): boolean {
    const facts = this.facts.get(id) ?? [];
    const ins = facts.filter(({ direction }) => direction === 'in');
    return (['told', 'stated', 'act'] as const).some((kind) => {
      const outs = facts.filter((one) => one.direction === 'out' && one.kind === kind);
      const last = Math.max(...outs.map(({ position }) => position));
      const latest = Math.max(...outs.map(({ at }) => at));
      const isAnsweredBy = (optIn: Fact) => {
        if (optIn.kind === 'act') return optIn.basis !== undefined && last <= optIn.basis;
        if (kind === 'act') return false;
        return optIn.at > latest + (kind === 'stated' ? this.#options.clockSlackMs : 0);
      };
      return outs.length > 0 && !ins.some(isAnsweredBy);
    });
  }

  blocks(id: number): boolean {
    if (this.isFirstHand(id)) return true;
    if (!this.lacked.has(id)) return false;
    return !(this.facts.get(id) ?? []).some((fact) => fact.proof && !this.#isOverruled(id, fact));
  }

  #isOverruled(id: number, { proof, applied }: Fact): boolean {
    const { sweep = 0, optInDate = null } = proof ?? {};
    if ((this.#assumed.get(id)?.sweep ?? 0) > sweep) return true;
    return (this.#rows.get(id) ?? []).some((row) => {
      if (optInDate !== null && row.date !== undefined && row.date > optInDate) return true;
      if (row.sweep <= sweep) return false;
      return applied === undefined || (row.began ?? -Infinity) > applied + this.#options.lagGraceMs;
    });
  }

  /** Ends a complete sweep in which some rows could not be read. */
  completeUnreadable({ number, began, basis }: Reading): void {
    this.lastNumber = number;
    this.#lastComplete = { began, basis };
  }

  complete({ number, began, basis, listed }: Reading, isAccepted: boolean, canKeep: boolean) {
    const { shrinkHoldMs, longestStepMs, trustsRemoval } = this.#options;
    const missing = [...this.lacked.keys()].filter((id) => !listed.has(id));
    const isHalf = this.lacked.size >= 100 && missing.length * 2 >= this.lacked.size;
    const watched = Math.min(began - (this.#lastComplete?.began ?? began), longestStepMs);
    const held = this.#held === undefined ? 0 : this.#held + watched;
    const isHeld = isHalf && !isAccepted && held < shrinkHoldMs;
    this.#held = isHeld ? held : undefined;
    const leaving = isHeld ? [] : missing.filter((id) => this.lacked.get(id) !== 0);
    for (const id of missing) this.lacked.set(id, 1);
    // Those who were opted in again in the provider's dashboard leave with a later sweep.
    const trusted = leaving.filter((id) => trustsRemoval && this.isFirstHand(id) && this.wasListedSince(id));
    for (const id of leaving) if (!trusted.includes(id)) this.lacked.delete(id);
    const firstBasis = this.#lastComplete?.basis;
    this.#lastComplete = { began, basis };
    this.lastNumber = number;
    const released = firstBasis === undefined || !canKeep ? [] : trusted;
    const result = { removed: leaving.length - trusted.length, size: this.lacked.size, isHeld };
    return { ...result, status: 'complete', released, firstBasis };
  }

  /** Whether a sweep listed the number that began long enough after its newest opt-out was applied here. */
  wasListedSince(id: number): boolean {
    const newest = (this.facts.get(id) ?? []).findLast(({ direction }) => direction === 'out');
    const applied = newest?.applied ?? this.#firstRowBegan;
    if (newest === undefined || applied === undefined) return false;
    return (this.#rows.get(id) ?? []).some(
      ({ began }) => began !== undefined && began > applied + this.#options.lagGraceMs,
    );
  }
}

export interface Page extends ProviderPage {
  /** The people of its readable rows. */
  readonly ids: readonly number[];
  /** Those of its rows that are opted out. */
  readonly outs: readonly number[];
}

/**
 * One reading of the list by the contract: to an empty page, or to the second page in a row without a new number. A
 * number may be in two rows: then an announced count that the different numbers do not reach is compared with the rows,
 * without pages that only repeat an earlier page, and pages of second rows are no end while the count says that more
 * may come.
 */
export class Reading {
  /** Number of the sweep, its start by the wall clock and by the monotonic one, and what was applied of the log then. */
  readonly number: number;
  readonly start: number;
  readonly began: number;
  readonly basis: number;
  /** The people it showed, and those of them who were opted out. */
  readonly shown = new Set<number>();
  readonly listed = new Set<number>();
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

  constructor({ number, start, began, basis }: Pick<Reading, 'number' | 'start' | 'began' | 'basis'>) {
    this.number = number;
    this.start = start;
    this.began = began;
    this.basis = basis;
  }

  /** @returns the numbers that it listed. */
  take(page: Page | 'torn'): readonly number[] {
    if (page === 'torn') {
      if (this.state === 'open') this.state = 'failed';
      return [];
    }
    const news = page.ids.filter((id) => !this.shown.has(id));
    for (const id of page.ids) this.shown.add(id);
    for (const id of page.outs) this.listed.add(id);
    // Rows behind an empty page: the end was none.
    if (this.state !== 'open') {
      if (page.rows.length > 0) this.state = 'failed';
      return page.outs;
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
    return page.outs;
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
