import { describe, expect, it } from 'vitest';
import { addInSteps } from '../../src/number-set/chunked.ts';
import { createNumberSet } from '../../src/number-set/number-set.ts';
import { mergeDelta, createUnsavedDelta } from '../../src/ledger/unsaved-delta.ts';

const A = '15551230001';
const B = '15551230002';
const C = '15551230003';

describe('mergeDelta', () => {
  it('lets the later change of a number replace the earlier one', () => {
    const delta = createUnsavedDelta();
    delta.added.add(A);
    delta.removed.add(B);
    mergeDelta(delta, { added: createNumberSet([B, C]), removed: createNumberSet([A]) });
    expect([[...delta.added], [...delta.removed]]).toEqual([[B, C], [A]]);
  });
});

describe('addInSteps', () => {
  it('adds all numbers of a set, in steps of a few hundred', () => {
    const from = createNumberSet(
      Array.from({ length: 1_201 }, (_, index) => String(15_550_000_000 + index * 7)),
    );
    const to = createNumberSet([A]);
    expect([...addInSteps(from, to)].length).toBe(2);
    expect([to.size, [...from].every((msisdn) => to.has(msisdn))]).toEqual([1_202, true]);
  });
});
