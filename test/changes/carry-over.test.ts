import { describe, expect, it, vi } from 'vitest';
import { createCarryOver } from '../../src/changes/carry-over.ts';
import { createLedger } from '../../src/ledger/ledger.ts';
import type { OptOutChange } from '../../src/ledger/evidence.ts';
import { createFakeClock, settle } from '../fake-clock.ts';
import { LEDGER, inAct, outAct } from '../ledger/evidence.ts';

const number = (index: number) => String(15_550_000_000 + index);

function world(people: number) {
  const clock = createFakeClock();
  const ledger = createLedger(LEDGER);
  for (let index = 0; index < people; index++) ledger.merge(number(index), outAct(index + 1));
  ledger.merge(number(0), inAct(people));
  const lists = { all: () => [{ config: { name: 'default' }, ledger }] as never };
  const store = vi.fn(async (_changes: readonly OptOutChange[]) => undefined);
  const failures: unknown[] = [];
  const carryOver = createCarryOver({ lists, clock, store, onFailure: (cause) => failures.push(cause) });
  const written = () => store.mock.calls.flatMap(([changes]) => changes);
  return { clock, store, failures, carryOver, written };
}

describe('carrying evidence over into another log', () => {
  it('writes all evidence in batches, with the positions it had', async () => {
    const { carryOver, store, written } = world(1_200);
    await carryOver.run();
    expect(written()).toHaveLength(1_201);
    expect(Math.max(...store.mock.calls.map(([changes]) => changes.length))).toBeLessThanOrEqual(501);
    expect(
      written().every(({ list, evidence }) => list === 'default' && evidence.positions?.length === 1),
    ).toBe(true);
  });

  it('writes once more if the log is lost meanwhile', async () => {
    const { carryOver, store } = world(3);
    const first = carryOver.run();
    const second = carryOver.run();
    expect(second).toBe(first);
    await first;
    expect(store).toHaveBeenCalledTimes(2);
    await carryOver.run();
    expect(store).toHaveBeenCalledTimes(3);
  });

  it('reports a failure and tries again later', async () => {
    const { carryOver, store, failures, clock } = world(3);
    store.mockRejectedValueOnce(new Error('down')).mockRejectedValueOnce(new Error('down'));
    const running = carryOver.run();
    await settle();
    expect([failures.length, store.mock.calls.length]).toEqual([1, 1]);
    await clock.advance(500);
    expect(failures).toHaveLength(2);
    await clock.advance(1_000);
    await running;
    expect([failures.length, store.mock.calls.length]).toEqual([2, 3]);
  });

  it('tries one last time when it is stopped during a wait', async () => {
    const { carryOver, store, clock } = world(3);
    store.mockRejectedValue(new Error('down'));
    const running = carryOver.run();
    await settle();
    carryOver.stop();
    await running;
    expect(store).toHaveBeenCalledTimes(2);
    expect(clock.timers).toBe(0);
  });
});
