/**
 * The rules of the ledger once more, as slowly and plainly as can be: everything that was ever told is kept, and each
 * answer is worked out from all of it. It shares no code with the ledger.
 */

import type { Evidence } from '../../src/optouts/change.ts';

export interface OracleOptions {
  readonly clockSlackMs: number;
  readonly lagGraceMs: number;
}

export class Oracle {
  readonly told = new Map<string, Evidence[]>();
  readonly rows = new Map<string, { start: number; date: number }[]>();
  /** Rows that may have been newer than an opt-in that came late, until one is read. */
  readonly assumed = new Map<string, { start: number; date: number }>();
  listed = new Set<string>();
  missingOnce = new Set<string>();
  lastStart = -Infinity;
  lastBegun = -Infinity;
  readonly #options: OracleOptions;

  constructor(options: OracleOptions) {
    this.#options = options;
  }

  tell(number: string, evidence: Evidence): void {
    const { direction, at, seenAt } = evidence;
    const start = this.lastBegun;
    const isFirst = !this.told.has(number) && this.listed.has(number);
    if (isFirst && direction === 'in' && at < start && start <= seenAt) {
      this.assumed.set(number, { start, date: start });
    }
    this.told.set(number, [...(this.told.get(number) ?? []), evidence]);
  }

  begin(start: number): void {
    this.lastBegun = start;
  }

  /** What was assumed was saved as if it had been read. */
  restart(): void {
    for (const [number, row] of this.assumed) this.rows.set(number, [row]);
    this.assumed.clear();
    this.lastBegun = this.lastStart;
  }

  row(number: string, start: number, date: number): void {
    this.listed.add(number);
    this.missingOnce.delete(number);
    if (this.told.has(number)) {
      this.assumed.delete(number);
      this.rows.set(number, [...(this.rows.get(number) ?? []), { start, date }]);
    }
  }

  complete(numbers: readonly string[], start: number): void {
    if (start < this.lastStart) return;
    const missing = [...this.listed].filter((number) => !numbers.includes(number));
    for (const number of missing) if (this.missingOnce.has(number)) this.listed.delete(number);
    this.missingOnce = new Set(missing.filter((number) => this.listed.has(number)));
    this.lastStart = start;
  }

  /** The newest evidence of one direction and clock: when it was, and when the last of it was first seen. */
  #newest(number: string, direction: string, clock: string): { at: number; seenAt: number } | undefined {
    const all = (this.told.get(number) ?? []).filter((e) => e.direction === direction && e.clock === clock);
    if (all.length === 0) return undefined;
    const at = Math.max(...all.map((e) => e.at));
    const tied = all.filter((e) => e.at === at);
    const firstSeen = tied.map(({ id }) => Math.min(...tied.filter((e) => e.id === id).map((e) => e.seenAt)));
    return { at, seenAt: Math.max(...firstSeen) };
  }

  blocked(number: string): boolean {
    const { clockSlackMs, lagGraceMs } = this.#options;
    const clocks = ['provider', 'local'];
    const ins = clocks.flatMap((clock) => {
      const newest = this.#newest(number, 'in', clock);
      return newest ? [{ clock, ...newest }] : [];
    });
    const outs = clocks.flatMap((clock) => {
      const newest = this.#newest(number, 'out', clock);
      return newest ? [{ clock, ...newest }] : [];
    });
    const isDirect = outs.some(
      (out) =>
        !ins.some((optIn) =>
          optIn.clock === out.clock
            ? optIn.at > out.at
            : out.seenAt <= optIn.at || out.at + clockSlackMs < optIn.at,
        ),
    );
    if (isDirect) return true;
    if (!this.listed.has(number)) return false;
    const assumed = this.assumed.get(number);
    const rows = this.rows.get(number) ?? (assumed ? [assumed] : []);
    const holds = ins.some(
      (optIn) =>
        !rows.some(
          ({ start, date }) =>
            date > optIn.at + (optIn.clock === 'local' ? clockSlackMs : 0) ||
            start > optIn.seenAt + lagGraceMs,
        ),
    );
    return !holds;
  }
}
