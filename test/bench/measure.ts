/** How it is measured and printed. Nothing in here knows the guard. */

import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';

export const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

export const figure = (value: number): string => Math.round(value).toLocaleString('en');

/** @param share from 0 to 1: 0.99 is what 99 of 100 do not exceed. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

/** What some work took, and the longest time in which nothing else had its turn. */
export interface Timed<T> {
  readonly result: T;
  readonly ms: number;
  readonly stallMs: number;
}

/** Begins to watch the event loop. @returns the end of it, which tells the longest stall, ms. */
export async function watchStalls(): Promise<() => Promise<number>> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  // The watch needs a turn before the work to begin, and one after it to see what the work's last turn took.
  await pause(20);
  return async () => {
    await pause(20);
    delay.disable();
    return delay.max / 1e6;
  };
}

/** Runs work while the event loop is watched. */
export async function timed<T>(work: () => T | Promise<T>): Promise<Timed<T>> {
  const stop = await watchStalls();
  const start = performance.now();
  const result = await work();
  const ms = performance.now() - start;
  return { result, ms, stallMs: await stop() };
}

/** The longest stall of a loop that has nothing to do. */
export const idleStall = async (): Promise<number> => (await timed(() => pause(1_000))).stallMs;

async function collectGarbage(): Promise<void> {
  for (let round = 0; round < 4; round++) {
    globalThis.gc?.();
    await pause(50);
  }
}

/** Collects garbage (`--expose-gc`). @returns the resident memory that is left, bytes. */
export async function residentBytes(): Promise<number> {
  await collectGarbage();
  return process.memoryUsage.rss();
}

/** The same without the pages of files, which come as code is run. Elsewhere than on Linux nobody tells: all of it. */
export async function ownResidentBytes(): Promise<number> {
  const status = '/proc/self/status';
  await collectGarbage();
  const text = existsSync(status) ? readFileSync(status, 'utf8') : '';
  const [, kilobytes] = /^RssAnon:\s+(\d+) kB/m.exec(text) ?? [];
  return kilobytes === undefined ? process.memoryUsage.rss() : Number(kilobytes) * 1024;
}

/** The most memory that was ever resident in this process, bytes. */
export const peakBytes = (): number => process.resourceUsage().maxRSS * 1024;

const TMPFS = 0x0102_1994;

/** Gives a new folder, on a disk where there is one, and removes it afterwards. */
export async function withFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const parents = [tmpdir(), process.cwd()];
  const parent = parents.find((path) => statfsSync(path).type !== TMPFS) ?? tmpdir();
  const folder = mkdtempSync(join(parent, '.sms-send-guard-bench-'));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Bytes of a database file with its log. */
export function bytesOf(file: string): number {
  return [file, `${file}-wal`].reduce((sum, path) => sum + (existsSync(path) ? statSync(path).size : 0), 0);
}

/** Prints a line: what it is about, then figures that stand one below the other. */
export function line(label: string, ...cells: readonly string[]): void {
  console.log(`  ${label.padEnd(44)}${cells.map((cell) => ` ${cell.padStart(15)}`).join('')}`.trimEnd());
}

export const times = (value: number, peer: number): string => {
  const ratio = value / peer;
  return `${ratio < 10 ? ratio.toFixed(2) : figure(ratio)} ×`;
};
export const ms = (value: number): string => `${value < 100 ? value.toFixed(1) : figure(value)} ms`;
export const ns = (values: readonly number[]): string => `${figure(median(values))} ns`;
/** From the least to the most. */
export const spread = (values: readonly number[]): string =>
  `${figure(Math.min(...values))} to ${figure(Math.max(...values))}`;
export const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
