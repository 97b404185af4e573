import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createNumberSet } from '../../src/optouts/number-set.ts';

const msisdn = fc
  .tuple(fc.integer({ min: 1, max: 9 }), fc.stringMatching(/^\d{4,14}$/))
  .map(([first, rest]) => `${first}${rest}`);

describe('a number set', () => {
  it('answers as a Set does, whatever is added and deleted', () => {
    const steps = fc.array(fc.tuple(fc.constantFrom('add', 'delete'), msisdn), { maxLength: 200 });
    fc.assert(
      fc.property(fc.array(msisdn), steps, (initial, acts) => {
        const set = createNumberSet(initial);
        const model = new Set(initial);
        for (const [act, number] of acts) {
          const changes = act === 'add' ? !model.has(number) : model.has(number);
          if (act === 'add') model.add(number);
          else model.delete(number);
          expect(act === 'add' ? set.add(number) : set.delete(number)).toBe(changes);
          expect(set.has(number)).toBe(model.has(number));
        }
        expect([...set].toSorted()).toEqual([...model].toSorted());
        expect(set.size).toBe(model.size);
      }),
    );
  });

  it('holds no words', () => {
    const set = createNumberSet();
    expect([set.has('abc'), set.delete('abc'), set.size]).toEqual([false, false, 0]);
    expect(() => set.add('abc')).toThrow(RangeError);
  });
});
