/** A process that exits without `close()` while it writes: it ends with its own exit code. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { createExitGate, joinExitGate } from '../../src/stores/sqlite/exit-gate.ts';
import { sqliteStore } from '../../src/stores/sqlite/sqlite-store.ts';
import { newFolder } from './folders.ts';

const program = fileURLToPath(new URL('children/exiting.mjs', import.meta.url));
/** `EXITS=300` runs more. */
const EXITS = Number(process.env['EXITS'] ?? 40);
const AT_A_TIME = 2;
const EXIT_CODE = 7;

/** @returns the exit code, or the signal that ended it. */
async function exitAfter(ms: number): Promise<unknown> {
  const child = spawn(process.execPath, [program, newFolder(), String(ms), String(EXIT_CODE)], {
    stdio: 'ignore',
  });
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
  return signal ?? code;
}

describe('process.exit() while a store writes', () => {
  it(
    `ends with the caller's code in each of ${EXITS} runs`,
    async () => {
      const ends: unknown[] = [];
      for (let done = 0; done < EXITS; done += AT_A_TIME) {
        // The exits happen at moments from before the threads are loaded until all of them write.
        const moments = Array.from({ length: AT_A_TIME }, (_, index) => ((done + index) * 7) % 140);
        ends.push(...(await Promise.all(moments.map(exitAfter))));
      }
      expect(ends.filter((end) => end !== EXIT_CODE)).toEqual([]);
    },
    EXITS * 3_000,
  );

  it('has one listener for any number of open stores, and none after they are closed', async () => {
    const before = process.listenerCount('exit');
    const folder = newFolder();
    const stores = Array.from({ length: 12 }, (_, index) => sqliteStore(join(folder, `${index}.db`)));
    await Promise.all(stores.map((store) => store.open()));
    expect(process.listenerCount('exit')).toBe(before + 1);
    await Promise.all(stores.map((store) => store.close()));
    await expect.poll(() => process.listenerCount('exit')).toBe(before);
  });
});

describe('an exit gate', () => {
  it('runs native calls, nested ones too, and returns or throws what they do', () => {
    const gate = createExitGate();
    const native = joinExitGate(gate.memory);
    expect(native(() => native(() => 1) + 1)).toBe(2);
    expect(() =>
      native(() => {
        throw new Error('refused');
      }),
    ).toThrow('refused');
    gate.release();
  });

  it('ends the thread when its call has returned, or at once if there is none', async () => {
    const gate = createExitGate();
    const native = joinExitGate(gate.memory);
    const events: string[] = [];
    const ending = native(() => {
      const ended = gate.end(async () => events.push('ended'));
      events.push('returned');
      return ended;
    });
    await ending;
    expect(events).toEqual(['returned', 'ended']);
    gate.release();
  });

  it('neither waits for ever for a call that does not return nor interrupts it', async () => {
    const gate = createExitGate();
    const events: string[] = [];
    // The gate counts as busy until the thread has loaded SQLite, which it never does here.
    expect(await gate.end(async () => events.push('ended'))).toBeUndefined();
    expect(events).toEqual([]);
    gate.release();
  });
});
