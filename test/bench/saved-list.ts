/** The list that is saved in one process and started from in others. */

import { clusteredSample, type NumberSample } from './clustered.ts';

export interface Saved {
  readonly file: string;
  readonly count: number;
}

/** Numbers that differ between the first and the following sweep: half of them come, half of them leave. */
export const CHANGED = 100;

/** The numbers of both sweeps: the first `count` are those of the first. */
export const numbersOf = (count: number): NumberSample => clusteredSample(count + CHANGED);
