import { describe, expect, it } from 'vitest';
import {
  comparePositions,
  createAppliedPosition,
  joinPositions,
  positionIn,
} from '../../src/ledger/positions.ts';

const at = (position: number, log = 'b') => ({ log, position });

describe('positions', () => {
  it('are found by the name of their log', () => {
    const positions = [at(7), at(3, 'a')];
    expect([positionIn(positions, 'b'), positionIn(positions, 'a'), positionIn(positions, 'c')]).toEqual([
      7,
      3,
      undefined,
    ]);
    expect(positionIn(undefined, 'a')).toBeUndefined();
  });

  it('are larger in a newer log, whatever their value', () => {
    expect(comparePositions(at(1), at(9, 'a'))).toBeGreaterThan(0);
    expect(comparePositions(at(9, 'a'), at(1))).toBeLessThan(0);
    expect(comparePositions(at(2), at(1))).toBeGreaterThan(0);
  });

  it.each([
    ['none and one', [], [at(1)], [at(1)]],
    ['one log: the first counts', [at(2)], [at(1)], [at(1)]],
    ['one log, in the other order: the first counts', [at(1)], [at(2)], [at(1)]],
    ['two logs, newest first', [at(1, 'a')], [at(5)], [at(5), at(1, 'a')]],
    ['three logs: the oldest is dropped', [at(5), at(1, 'a')], [at(2, 'c')], [at(2, 'c'), at(5)]],
  ])('are joined: %s', (_name, a, b, expected) => {
    expect(joinPositions(a, b)).toEqual(expected);
    expect(joinPositions(joinPositions(a, b), b)).toEqual(expected);
  });

  it('are the same array after a join that adds nothing', () => {
    const known = [at(1), at(2, 'a')];
    expect(joinPositions(known, [at(1)])).toBe(known);
    expect(joinPositions(known)).toBe(known);
  });
});

describe('the position that a process has applied', () => {
  it('is undefined before the log is read', () => {
    const applied = createAppliedPosition();
    applied.own(at(1));
    expect(applied.current).toBeUndefined();
  });

  it('advances with entries of the process itself', () => {
    const applied = createAppliedPosition();
    applied.restart(at(4));
    for (const position of [5, 6, 7]) applied.own(at(position));
    expect(applied.current).toEqual(at(7));
  });

  it('waits for entries of other processes that were not read', () => {
    const applied = createAppliedPosition();
    applied.restart(at(4));
    applied.own(at(7));
    applied.own(at(8));
    expect(applied.current).toEqual(at(4));
    applied.follow(at(5));
    expect(applied.current).toEqual(at(5));
    applied.follow(at(6));
    expect(applied.current).toEqual(at(8));
    applied.own(at(9));
    expect(applied.current).toEqual(at(9));
  });

  it('never goes back within one log', () => {
    const applied = createAppliedPosition();
    applied.restart(at(9));
    applied.follow(at(3));
    applied.own(at(5));
    expect(applied.current).toEqual(at(9));
  });

  it('starts again in another log, and forgets the entries ahead in the old one', () => {
    const applied = createAppliedPosition();
    applied.restart(at(1, 'a'));
    applied.own(at(9, 'a'));
    applied.follow(at(2, 'b'));
    applied.own(at(3, 'a'));
    expect(applied.current).toEqual(at(2, 'b'));
    applied.follow(at(8, 'b'));
    expect(applied.current).toEqual(at(8, 'b'));
  });
});
