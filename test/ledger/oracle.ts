/**
 * A second implementation of the rules of the ledger, as simple as possible. It keeps all evidence and every row, and
 * computes each answer from all of it. It shares no code with the ledger.
 */

import type { Evidence } from '../../src/ledger/evidence.ts';

export interface OracleOptions {
  readonly clockSlackMs: number;
  readonly lagGraceMs: number;
}

interface Row {
  readonly sweep: number;
  /** When the sweep began, ms; `undefined` for a row that was loaded. */
  readonly began: number | undefined;
  readonly date: number | undefined;
  /** Whether the row was saved in the store. */
  readonly isSaved?: boolean;
}

const positionIn = ({ positions = [] }: Evidence, log: string) =>
  positions.find((one) => one.log === log)?.position;

export class Oracle {
  readonly told = new Map<string, Evidence[]>();
  readonly rows = new Map<string, Row[]>();
  /** The sweep that may have read a row after a proven opt-in, by number, until a row is noted. */
  readonly assumed = new Map<string, number>();
  /** When proven acts were applied, by id. Acts that were loaded are missing. */
  readonly appliedAt = new Map<string, number>();
  listed = new Set<string>();
  missingOnce = new Set<string>();
  lastNumber = 0;
  lastBegun = 0;
  readonly #options: OracleOptions;

  constructor(options: OracleOptions) {
    this.#options = options;
  }

  tell(number: string, evidence: Evidence, appliedAt?: number): void {
    const { id, proof } = evidence;
    const known = this.told.get(number) ?? [];
    if (known.some((one) => one.id === id)) return;
    this.told.set(number, [...known, evidence]);
    if (proof === undefined) return;
    if (appliedAt !== undefined) this.appliedAt.set(id, appliedAt);
    const isUnseen = !this.rows.has(number) && !this.assumed.has(number);
    if (isUnseen && this.hasNotMissing(number) && this.lastBegun > proof.sweep) {
      this.assumed.set(number, this.lastBegun);
    }
  }

  begin(number: number): void {
    this.lastBegun = number;
  }

  /** Returns whether the list has the number, and the last complete sweep did not lack it. */
  hasNotMissing(number: string): boolean {
    return this.listed.has(number) && !this.missingOnce.has(number);
  }

  /** Restarts: assumed rows are saved like others, and all times of the former process are lost. */
  restart(): void {
    for (const [number, sweep] of this.assumed) {
      this.rows.set(number, [{ sweep, began: undefined, date: undefined, isSaved: true }]);
    }
    for (const [number, rows] of this.rows) {
      this.rows.set(
        number,
        rows.map((row) => ({ ...row, began: undefined })),
      );
    }
    this.assumed.clear();
    this.appliedAt.clear();
    const saved = [...this.rows.values()].flat().filter(({ isSaved }) => isSaved);
    this.lastBegun = Math.max(this.lastNumber, ...saved.map(({ sweep }) => sweep));
    for (const [number, told] of this.told) {
      const proofs = told.flatMap(({ proof }) => proof ?? []);
      if (proofs.length === 0) continue;
      this.lastBegun = Math.max(this.lastBegun, ...proofs.map(({ sweep }) => sweep));
      if (!this.hasNotMissing(number)) continue;
      const last = { sweep: this.lastNumber, began: undefined, date: undefined };
      this.rows.set(number, [...(this.rows.get(number) ?? []), last]);
    }
  }

  row(number: string, row: Row): void {
    this.listed.add(number);
    this.missingOnce.delete(number);
    const told = this.told.get(number);
    if (told === undefined) return;
    this.assumed.delete(number);
    const rows = this.rows.get(number) ?? [];
    const { date } = row;
    const isLater = date !== undefined && rows.every((one) => one.date === undefined || one.date < date);
    const isSaved = rows.length === 0 || isLater || told.some(({ direction }) => direction === 'in');
    this.rows.set(number, [...rows, { ...row, isSaved }]);
  }

  complete(numbers: readonly string[], sweep: number): void {
    const missing = [...this.listed].filter((number) => !numbers.includes(number));
    for (const number of missing) if (this.missingOnce.has(number)) this.listed.delete(number);
    this.missingOnce = new Set(missing.filter((number) => this.listed.has(number)));
    this.lastNumber = sweep;
  }

  #beats(
    optIn: Evidence,
    out: { kind: string; at: number; isSeenBy: (optIn: Evidence) => boolean },
  ): boolean {
    if (optIn.kind === 'act') return optIn.basis !== undefined && out.isSeenBy(optIn);
    if (out.kind === 'act') return false;
    return optIn.at > out.at + (out.kind === 'stated' ? this.#options.clockSlackMs : 0);
  }

  static #isSeen(out: Evidence, { basis }: Evidence): boolean {
    const position = basis && positionIn(out, basis.log);
    return position !== undefined && basis !== undefined && position <= basis.position;
  }

  /** Returns whether each opt-out, for itself, is beaten by an opt-in. */
  isBeaten(number: string): boolean {
    const told = this.told.get(number) ?? [];
    const ins = told.filter(({ direction }) => direction === 'in');
    const outs = told.filter(({ direction }) => direction === 'out');
    return outs.every((out) =>
      ins.some((optIn) => this.#beats(optIn, { ...out, isSeenBy: (by) => Oracle.#isSeen(out, by) })),
    );
  }

  /**
   * The same by slots: all opt-outs of a kind count as one, with the latest time and seen only if all of them were
   * seen.
   */
  isBeatenBySlots(number: string): boolean {
    const told = this.told.get(number) ?? [];
    const ins = told.filter(({ direction }) => direction === 'in');
    return ['told', 'stated', 'act'].every((kind) => {
      const outs = told.filter((one) => one.direction === 'out' && one.kind === kind);
      if (outs.length === 0) return true;
      const slot = {
        kind,
        at: Math.max(...outs.map(({ at }) => at)),
        isSeenBy: (by: Evidence) => outs.every((out) => Oracle.#isSeen(out, by)),
      };
      return ins.some((optIn) => this.#beats(optIn, slot));
    });
  }

  #isOverruled(number: string, { id, proof }: Evidence): boolean {
    const sweep = proof?.sweep ?? 0;
    const optInDate = proof?.optInDate ?? undefined;
    const applied = this.appliedAt.get(id);
    if ((this.assumed.get(number) ?? 0) > sweep) return true;
    return (this.rows.get(number) ?? []).some((row) => {
      if (optInDate !== undefined && row.date !== undefined && row.date > optInDate) return true;
      if (row.sweep <= sweep) return false;
      // A loaded act is overruled by any later sweep. A loaded row is older than all that is applied now.
      if (applied === undefined) return true;
      return row.began !== undefined && row.began > applied + this.#options.lagGraceMs;
    });
  }

  #isReleased(number: string): boolean {
    return (this.told.get(number) ?? []).some(
      (one) => one.direction === 'in' && one.proof !== undefined && !this.#isOverruled(number, one),
    );
  }

  blocked(number: string, isBeaten = this.isBeatenBySlots(number)): boolean {
    return !isBeaten || (this.listed.has(number) && !this.#isReleased(number));
  }
}
