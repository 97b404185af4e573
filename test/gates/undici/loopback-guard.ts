/** A guard and a server on loopback for each test of a file. */

import { afterEach, beforeEach } from 'vitest';
import { createTestGuard, type TestGuard } from '../../../src/testing/index.ts';
import { startLoopback, type Loopback } from '../loopback.ts';

/** A number that has opted out. */
export const LISTED = '15551230001';
export const CLEAN = '15551230002';

/** Functions that are called after each test, the last one first. */
export const open: (() => unknown)[] = [];
/** The guard of the current test. */
export let guard: TestGuard;
/** The server of the current test. */
export let server: Loopback;

/** Starts guard and server before each test of the calling file, and closes them after it. */
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
