/** Computes the expected result of sweeps from every page that was read. It shares no code with the sweeps. */

import type { ProviderPage } from '../../src/providers/provider.ts';

export interface OracleOptions {
  readonly trustsRemoval: boolean;
  readonly clockSlackMs: number;
  readonly lagGraceMs: number;
  readonly shrinkHoldMs: number;
  readonly longestStepMs: number;
}

/** Evidence about a person, as it was stored. Times in ms. */
export interface StoredEvidence {
  readonly direction: 'out' | 'in';
  readonly kind: 'told' | 'stated' | 'act';
  readonly at: number;
  /** Its position in the log. */
  readonly position: number;
  /** For an opt-in act: the last position of the log that had been applied when the act began. */
  readonly basis?: number;
  /** For an opt-in act that the provider's manage endpoint proved. */
  readonly proof?: { readonly sweep: number; readonly optInDate: number | null };
  /** When this process applied it, by the monotonic clock; `undefined` for loaded evidence. */
  readonly applied: number | undefined;
}

/** A row of a sweep. */
interface Row {
  /** The number of the sweep. */
  readonly sweep: number;
  readonly date: number | undefined;
  /** When the sweep began in this process, by the monotonic clock; `undefined` for loaded rows. */
  readonly began: number | undefined;
  /** Whether a later process knows it too. */
  isSaved: boolean;
}

/** A second implementation of the rules, which keeps all evidence and rows of each number. */
export class Oracle {
  /** In how many complete sweeps in a row each listed number was missing. */
  readonly missed = new Map<number, number>();
  readonly evidence = new Map<number, StoredEvidence[]>();
  readonly #rows = new Map<number, Row[]>();
  /** For each number, a sweep that may have read a row after a proven opt-in, until a row is read. */
  readonly #assumed = new Map<number, { sweep: number; isSaved: boolean }>();
  readonly #options: OracleOptions;
  /**
   * In this process: the last complete sweep, and when the sweep began that first read a row of a person with evidence.
   */
  #lastComplete: { began: number; basis: number } | undefined;
  #firstRowBegan: number | undefined;
  #heldMs: number | undefined;
  lastNumber = 0;
  lastBegun = 0;

  constructor(options: OracleOptions) {
    this.#options = options;
  }

  begin(number: number): void {
    this.lastBegun = number;
  }

  record(id: number, evidence: StoredEvidence): void {
    this.evidence.set(id, [...(this.evidence.get(id) ?? []), evidence]);
    if (evidence.proof === undefined || this.#rows.has(id) || this.#assumed.has(id)) return;
    // A sweep that began meanwhile may have read a row after the opt-in, unless the last complete sweep lacked the
    // number.
    if (this.missed.get(id) === 0 && this.lastBegun > evidence.proof.sweep) {
      this.#assumed.set(id, { sweep: this.lastBegun, isSaved: false });
    }
  }

  /** Adds an opted-out row. */
  row(id: number, { number, began }: ExpectedSweep, date: number | undefined): void {
    this.missed.set(id, 0);
    const evidence = this.evidence.get(id);
    if (evidence === undefined) return;
    this.#firstRowBegan ??= began;
    this.#assumed.delete(id);
    const rows = this.#rows.get(id) ?? [];
    // These rows are saved: every row of a number with an opt-in, and else the first row and rows with a later date.
    const isNewDate =
      date !== undefined && rows.every((row) => !(row.date !== undefined && row.date >= date));
    const isSaved = rows.length === 0 || isNewDate || evidence.some(({ direction }) => direction === 'in');
    this.#rows.set(id, [...rows, { sweep: number, date, began, isSaved }]);
  }

  /** Saves all notes so far. */
  save(): void {
    for (const assumed of this.#assumed.values()) assumed.isSaved = true;
  }

  /** Continues as another process with the stored data. Monotonic times of the process before have no meaning there. */
  restart(): void {
    for (const [id, { sweep, isSaved }] of this.#assumed) {
      if (isSaved) this.#rows.set(id, [{ sweep, date: undefined, began: undefined, isSaved }]);
    }
    this.#assumed.clear();
    for (const [id, evidence] of this.evidence) {
      this.evidence.set(
        id,
        evidence.map((one) => ({ ...one, applied: undefined })),
      );
      const rows = (this.#rows.get(id) ?? []).filter(({ isSaved }) => isSaved);
      const isProven = evidence.some(({ proof }) => proof !== undefined);
      // The store knows which numbers the last complete sweep lacked. It listed all others.
      const isListed = isProven && this.missed.get(id) === 0;
      const last = { sweep: this.lastNumber, date: undefined, isSaved: true };
      const stored = [...rows, ...(isListed ? [last] : [])].map((row) => ({ ...row, began: undefined }));
      if (stored.length > 0) this.#rows.set(id, stored);
      else this.#rows.delete(id);
    }
    this.#lastComplete = undefined;
    this.#firstRowBegan = undefined;
    this.lastBegun = Math.max(
      this.lastNumber,
      ...[...this.#rows.values()].flat().map(({ sweep }) => sweep),
      ...[...this.evidence.values()].flat().map(({ proof }) => proof?.sweep ?? 0),
    );
  }

  /** Whether a first-hand opt-out counts that no opt-in beats. An opt-in beats all opt-outs of a kind, or none. */
  isFirstHand(id: number): boolean {
    const evidence = this.evidence.get(id) ?? [];
    const ins = evidence.filter(({ direction }) => direction === 'in');
    return (['told', 'stated', 'act'] as const).some((kind) => {
      const outs = evidence.filter((one) => one.direction === 'out' && one.kind === kind);
      const last = Math.max(...outs.map(({ position }) => position));
      const latest = Math.max(...outs.map(({ at }) => at));
      const isBeatenBy = (optIn: StoredEvidence) => {
        if (optIn.kind === 'act') return optIn.basis !== undefined && last <= optIn.basis;
        if (kind === 'act') return false;
        return optIn.at > latest + (kind === 'stated' ? this.#options.clockSlackMs : 0);
      };
      return outs.length > 0 && !ins.some(isBeatenBy);
    });
  }

  blocks(id: number): boolean {
    if (this.isFirstHand(id)) return true;
    if (!this.missed.has(id)) return false;
    return !(this.evidence.get(id) ?? []).some((one) => one.proof && !this.#isOverruled(id, one));
  }

  #isOverruled(id: number, { proof, applied }: StoredEvidence): boolean {
    const { sweep = 0, optInDate = null } = proof ?? {};
    if ((this.#assumed.get(id)?.sweep ?? 0) > sweep) return true;
    return (this.#rows.get(id) ?? []).some((row) => {
      if (optInDate !== null && row.date !== undefined && row.date > optInDate) return true;
      if (row.sweep <= sweep) return false;
      return applied === undefined || (row.began ?? -Infinity) > applied + this.#options.lagGraceMs;
    });
  }

  /** Ends a complete sweep with unreadable rows. */
  completeUnreadable({ number, began, basis }: ExpectedSweep): void {
    this.lastNumber = number;
    this.#lastComplete = { began, basis };
  }

  /**
   * Ends a complete sweep. `canStore`: whether the store takes opt-ins of trusted removals. @returns its expected
   * outcome.
   */
  complete({ number, began, basis, listed }: ExpectedSweep, isAccepted: boolean, canStore: boolean) {
    const { shrinkHoldMs, longestStepMs, trustsRemoval } = this.#options;
    const missing = [...this.missed.keys()].filter((id) => !listed.has(id));
    const isHalf = this.missed.size >= 100 && missing.length * 2 >= this.missed.size;
    const step = Math.min(began - (this.#lastComplete?.began ?? began), longestStepMs);
    const heldMs = this.#heldMs === undefined ? 0 : this.#heldMs + step;
    const isHeld = isHalf && !isAccepted && heldMs < shrinkHoldMs;
    this.#heldMs = isHeld ? heldMs : undefined;
    const leaving = isHeld ? [] : missing.filter((id) => this.missed.get(id) !== 0);
    for (const id of missing) this.missed.set(id, 1);
    // A removal that is trusted becomes an opt-in first. The number leaves the list with a later sweep.
    const trusted = leaving.filter((id) => trustsRemoval && this.isFirstHand(id) && this.wasListedSince(id));
    for (const id of leaving) if (!trusted.includes(id)) this.missed.delete(id);
    const firstBasis = this.#lastComplete?.basis;
    this.#lastComplete = { began, basis };
    this.lastNumber = number;
    const released = firstBasis === undefined || !canStore ? [] : trusted;
    const result = { removed: leaving.length - trusted.length, size: this.missed.size, isHeld };
    return { ...result, status: 'complete', released, firstBasis };
  }

  /** Whether a sweep listed the number that began more than `lagGrace` after its newest opt-out was applied here. */
  wasListedSince(id: number): boolean {
    const newest = (this.evidence.get(id) ?? []).findLast(({ direction }) => direction === 'out');
    const applied = newest?.applied ?? this.#firstRowBegan;
    if (newest === undefined || applied === undefined) return false;
    return (this.#rows.get(id) ?? []).some(
      ({ began }) => began !== undefined && began > applied + this.#options.lagGraceMs,
    );
  }
}

/** A served page. */
export interface Page extends ProviderPage {
  /** The people in its readable rows. */
  readonly ids: readonly number[];
  /** The people in its opted-out rows. */
  readonly outs: readonly number[];
}

/**
 * One sweep, as the contract demands: it ends at an empty page, or at the second page in a row without a new number. A
 * number may be in two rows. So an announced count that the different numbers do not reach is compared with the rows,
 * without pages that only repeat an earlier page. Pages of second rows do not end the list while the count says that
 * more rows may come.
 */
export class ExpectedSweep {
  /** Its number, its start by the wall clock and by the monotonic clock, and the position that was applied then. */
  readonly number: number;
  readonly start: number;
  readonly began: number;
  readonly basis: number;
  /** The people in its rows, and those in its opted-out rows. */
  readonly seen = new Set<number>();
  readonly listed = new Set<number>();
  /**
   * `doubtful`: the rows reach the announced count, but the numbers do not. If the list did not change, the sweep is
   * complete. If it changed, rows may have been read twice, and both outcomes are right.
   */
  state: 'open' | 'ended' | 'doubtful' | 'failed' = 'open';
  unreadable = 0;
  /** Pages that only repeated an earlier page. */
  repeated = 0;
  readonly #pages: Page[] = [];
  readonly #known = new Set<string>();
  #withoutNew = 0;
  #repeatedInRow = 0;
  #unreadableOnce = 0;
  #rowsOnce = 0;

  constructor({ number, start, began, basis }: Pick<ExpectedSweep, 'number' | 'start' | 'began' | 'basis'>) {
    this.number = number;
    this.start = start;
    this.began = began;
    this.basis = basis;
  }

  /** Takes the next page. @returns the people that it lists. */
  take(page: Page | 'torn'): readonly number[] {
    if (page === 'torn') {
      if (this.state === 'open') this.state = 'failed';
      return [];
    }
    const newIds = page.ids.filter((id) => !this.seen.has(id));
    for (const id of page.ids) this.seen.add(id);
    for (const id of page.outs) this.listed.add(id);
    // Rows beyond an empty page: the end was not certain.
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
    const hasNew = newIds.length > 0 || (unreadable > 0 && !isRepeated);
    this.#withoutNew = hasNew ? 0 : this.#withoutNew + 1;
    if (page.rows.length === 0) this.#end(true);
    else if (
      this.#withoutNew >= 2 &&
      (!this.#isShort || this.#repeatedInRow >= 2 || this.#rowsOnce > 2 * this.announced)
    )
      this.#end(false);
    return page.outs;
  }

  get hasEmptyLastPage(): boolean {
    return this.#pages.at(-1)?.rows.length === 0;
  }

  get announced(): number {
    return Math.max(...this.#pages.map(({ total }) => total ?? 0));
  }

  /** Whether fewer different numbers were read than announced, by a count that does not only mean its own page. */
  get #isShort(): boolean {
    const announced = this.announced;
    const isOfPage = this.#pages.some((page) => page.total === announced && page.rows.length === announced);
    return this.seen.size + this.#unreadableOnce < announced && !isOfPage;
  }

  #end(isCertain: boolean): void {
    if (this.#unreadableOnce * 100 > this.#rowsOnce) this.state = 'failed';
    else if (!this.#isShort) this.state = 'ended';
    else this.state = isCertain && this.#rowsOnce >= this.announced ? 'doubtful' : 'failed';
  }
}
