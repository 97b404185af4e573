/** Variants that have their turns round by round, each beside the bare one of its round. */

import { figure, line, median } from './measure.ts';

/** What one variant did in its turn. */
export interface Turn {
  readonly done: number;
  readonly ms: number;
  /** The processor's time for it, the kernel's included. */
  readonly usedMs: number;
}

/** A value a round. */
export interface Rates {
  /** Per second. */
  readonly rates: number[];
  /** Microseconds of the processor's time for each. */
  readonly costs: number[];
}

const WARMUPS = 2;

const share = (values: readonly number[], peers: readonly number[]): number[] =>
  values.map((value, round) => (value / (peers[round] ?? Number.NaN)) * 100);
const percent = (values: readonly number[]) => `${median(values).toFixed(1)} %`;
const range = (values: readonly number[]) =>
  `${Math.min(...values).toFixed(0)} to ${Math.max(...values).toFixed(0)}`;

/** Turns that each variant has in a round: what slows the machine for a while then slows all of them. */
const TURNS = 8;

/** Lets each have its turns, every time at another place. */
export async function ratesOf(
  names: readonly string[],
  rounds: number,
  take: (name: string) => Promise<Turn>,
): Promise<Record<string, Rates>> {
  const measured: Record<string, Rates> = {};
  for (let round = -WARMUPS; round < rounds; round++) {
    const sums = names.map(() => ({ done: 0, ms: 0, usedMs: 0 }));
    for (let turn = 0; turn < TURNS * names.length; turn++) {
      // Each name is next to others in every turn, and at another place in every round.
      const place = (turn + Math.floor(turn / names.length) + round + WARMUPS) % names.length;
      const { done, ms, usedMs } = await take(names[place] as string);
      const sum = sums[place] as { done: number; ms: number; usedMs: number };
      sum.done += done;
      sum.ms += ms;
      sum.usedMs += usedMs;
    }
    if (round < 0) continue;
    for (const [place, { done, ms, usedMs }] of sums.entries()) {
      const { rates, costs } = (measured[names[place] as string] ??= { rates: [], costs: [] });
      rates.push((done / ms) * 1_000);
      costs.push((usedMs / done) * 1_000);
    }
  }
  return Object.fromEntries(names.map((name) => [name, measured[name] ?? { rates: [], costs: [] }]));
}

/** Prints them, each beside the first. */
export function printRates(heading: string, measured: Readonly<Record<string, Rates>>): void {
  const [bare] = Object.values(measured);
  if (bare === undefined) throw new Error('expected a bare variant');
  line(heading, 'requests/s', 'of bare', 'spread, %', 'processor', 'spread, %');
  for (const [name, { rates, costs }] of Object.entries(measured)) {
    const [rate, cost] = [share(rates, bare.rates), share(costs, bare.costs)];
    line(name, figure(median(rates)), percent(rate), range(rate), percent(cost), range(cost));
  }
}
