/** A guard and a server on loopback for each test of a file. */

import { afterEach, beforeEach } from 'vitest';
import { createTestGuard, type TestGuard } from '../../../src/testing/index.ts';
import { startLoopback, type Loopback } from '../loopback.ts';

/** The number that has opted out. */
export const LISTED = '15551230001';
export const CLEAN = '15551230002';

/** Functions to call after the test, the last one first. */
export const open: (() => unknown)[] = [];
/** Of the test that runs. */
export let guard: TestGuard;
/** Of the test that runs. */
export let server: Loopback;

/** Starts both before each test of the file that calls it, and closes them after each. */
export function startForEachTest(): void {
  beforeEach(async () => {
    guard = await createTestGuard({ optedOut: [LISTED] });
    server = await startLoopback();
    open.push(
      () => guard.close(),
      () => server[Symbol.asyncDispose](),
    );
  });
  afterEach(async () => {
    for (const close of open.splice(0).toReversed()) await close();
  });
}
