import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createNumberSet } from '../../src/optouts/number-set.ts';

const anyNumber = fc
  .tuple(fc.integer({ min: 1, max: 9 }), fc.stringMatching(/^\d{4,14}$/))
  .map(([first, rest]) => `${first}${rest}`);

describe('a number set', () => {
  it('answers as a Set does, whatever is added and deleted', () => {
    const steps = fc.array(fc.tuple(fc.constantFrom('add', 'delete'), anyNumber), { maxLength: 200 });
    fc.assert(
      fc.property(fc.array(anyNumber), steps, (initial, acts) => {
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

  it('answers as a Set does where its numbers crowd together', () => {
    const crowd = fc.integer({ min: 15_550_000_000, max: 15_550_000_040 }).map(String);
    const acts = fc.array(fc.tuple(fc.boolean(), crowd), { minLength: 50, maxLength: 400 });
    fc.assert(
      fc.property(acts, (steps) => {
        const set = createNumberSet();
        const model = new Set<string>();
        for (const [isAdded, number] of steps) {
          if (isAdded) expect(set.add(number)).toBe(!model.has(number) && Boolean(model.add(number)));
          else expect(set.delete(number)).toBe(model.delete(number));
        }
        expect([...set].toSorted()).toEqual([...model].toSorted());
      }),
    );
  });

  it('holds more than a Set could, and each number apart', () => {
    const set = createNumberSet();
    const count = 300_000;
    for (let index = 0; index < count; index++) set.add(String(15_550_000_000 + index * 7));
    for (let index = 0; index < count; index += 3) set.delete(String(15_550_000_000 + index * 7));
    expect(set.size).toBe(200_000);
    let wrong = 0;
    for (let index = 0; index < count; index++) {
      if (set.has(String(15_550_000_000 + index * 7)) !== (index % 3 !== 0)) wrong++;
      if (set.has(String(15_550_000_001 + index * 7))) wrong++;
    }
    expect(wrong).toBe(0);
  });

  it('takes and gives batches, and may change while it is read', () => {
    const set = createNumberSet(['15550000001']);
    set.addBatch(new Float64Array([15_550_000_001, 15_550_000_002, 999_999_999_999_999]));
    const seen: string[] = [];
    for (const msisdn of set) {
      seen.push(msisdn);
      set.delete(msisdn);
    }
    expect(seen.toSorted()).toEqual(['15550000001', '15550000002', '999999999999999']);
    expect([set.size, [...set.batches()]]).toEqual([0, []]);
    set.addBatch([12_345]);
    set.deleteBatch([12_345, 54_321]);
    expect(set.size).toBe(0);
  });

  it.each(['abc', '', '1234', '01234567', '1234567890123456', '1555000000x', '+15550000001'])(
    'holds no %j',
    (word) => {
      const set = createNumberSet(['15550000001']);
      expect([set.has(word), set.delete(word), set.size]).toEqual([false, false, 1]);
      expect(() => set.add(word)).toThrow(RangeError);
    },
  );
});
