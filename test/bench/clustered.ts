/**
 * Numbers as opt-outs really lie: most in North American exchanges of very different sizes, the rest in wide ranges.
 * Deterministic, any count, none held: the number at any place is computed, as are numbers of the same ranges that are
 * not among them.
 */

/** A range of numbers, some of which are taken: which ones, a permutation of the range tells. */
interface Stretch {
  readonly base: number;
  /** The range has `rows * columns` numbers. */
  readonly rows: number;
  readonly columns: number;
  readonly taken: number;
}

export interface NumberSample {
  readonly count: number;
  /** The least bytes per number with which any code can tell such numbers apart, if it knows the ranges. */
  readonly leastBytes: number;
  /** All of them, range by range in no order, each range's in no order; some thousand at a time, sorted where asked. */
  batches(isSorted?: boolean): Generator<Float64Array, void, undefined>;
  /** The one at a place; all of them differ. */
  at(index: number): number;
  /** One from the same ranges that is not among them; the same index gives the same one. */
  other(index: number): number;
  /** Some of them and as many others from the same ranges, in no order. */
  queries(count: number, seed: number): Float64Array;
}

const EXCHANGES = 155_000;
const AREAS = 350;
const EXCHANGES_PER_AREA = 800;
const LINES = 10_000;
/** How the sizes differ: of areas as rank to this power, of exchanges in one as a lognormal with this deviation. */
const AREA_POWER = -0.6;
const SPREAD = 0.9;
const BATCH = 65_536;

function mix(value: number, key: number): number {
  let hash = Math.imul(value ^ key, 0x9e37_79b1);
  hash = Math.imul(hash ^ (hash >>> 15), 0x85eb_ca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** From 0 to 1, neither of them. */
const fraction = (value: number, key: number) => (mix(value, key) + 0.5) / 2 ** 32;

/** A permutation of the numbers below `rows * columns`. */
function scramble(index: number, rows: number, columns: number, key: number): number {
  let column = index % columns;
  let row = Math.floor(index / columns);
  for (let round = 0; round < 4; round++) {
    row = (row + mix(column, key + round)) % rows;
    column = (column + mix(row, key - round)) % columns;
  }
  return row * columns + column;
}

/** The number at a place of a stretch: one that is taken where the place is below how many are. */
const numberAt = ({ base, rows, columns }: Stretch, place: number) =>
  base + scramble(place, rows, columns, Math.floor(base / LINES) | 0);

/** How many numbers of a stretch are not taken. */
const freeIn = ({ rows, columns, taken }: Stretch) => rows * columns - taken;

function exchanges(count: number): Stretch[] {
  const weights = Float64Array.from({ length: EXCHANGES }, (_, index) => {
    const normal =
      Math.sqrt(-2 * Math.log(fraction(index, 11))) * Math.cos(2 * Math.PI * fraction(index, 12));
    return ((index % AREAS) + 1) ** AREA_POWER * Math.exp(SPREAD * normal);
  });
  // None has more than its lines: the scale is found at which all of them together have the count.
  let scale = 0;
  for (let step = 2 ** 50; step > 2 ** -30; step /= 2) {
    let sum = 0;
    for (const weight of weights) sum += Math.min(LINES, weight * (scale + step));
    if (sum <= count) scale += step;
  }
  let due = 0;
  let given = 0;
  return Array.from(weights, (weight, index) => {
    due += Math.min(LINES, weight * scale);
    const taken = Math.min(LINES, Math.round(due) - given);
    given += taken;
    const area = 200 + scramble(index % AREAS, 8, 100, 1);
    const exchange = 200 + scramble(Math.floor(index / AREAS), 8, EXCHANGES_PER_AREA / 8, area);
    return { base: 10_000_000_000 + (area * 1_000 + exchange) * LINES, rows: 100, columns: 100, taken };
  });
}

function stretches(count: number): Stretch[] {
  const part = (share: number) => Math.round(count * share);
  const wide = [
    { base: 447_000_000_000, rows: 10_000, columns: 100_000, taken: part(0.05) },
    { base: 910_000_000_000, rows: 100_000, columns: 100_000, taken: part(0.04) },
    { base: 20_000_000_000, rows: 80_000, columns: 1_000_000, taken: part(0.0075) },
    { base: 500_000_000_000, rows: 400_000, columns: 1_000_000, taken: part(0.0075) },
    { base: 1_000_000_000_000, rows: 9_000_000, columns: 1_000_000, taken: part(0.0075) },
    { base: 10_000_000_000_000, rows: 9_000_000, columns: 10_000_000, taken: part(0.0075) },
  ];
  const rest = wide.reduce((sum, { taken }) => sum - taken, count);
  return [...exchanges(rest), ...wide];
}

/** The logarithm of n! to the base 2. */
const factorialBits = (n: number) =>
  n < 2 ? 0 : (n * Math.log(n) - n + Math.log(2 * Math.PI * n) / 2 + 1 / (12 * n)) / Math.LN2;

function leastBits({ rows, columns, taken }: Stretch): number {
  const all = rows * columns;
  if (all > 1e6) return taken === 0 ? 0 : taken * Math.log2((Math.E * all) / taken);
  return factorialBits(all) - factorialBits(taken) - factorialBits(all - taken);
}

function sampleOf(parts: readonly Stretch[]): NumberSample {
  const ends = new Float64Array(parts.length);
  let count = 0;
  for (const [index, { taken }] of parts.entries()) {
    count += taken;
    ends[index] = count;
  }
  const order = Array.from(parts, (_, index) => index).toSorted((a, b) => mix(a, 5) - mix(b, 5));

  /** Which range has the number at an index. */
  function placeOf(index: number): number {
    let [low, high] = [0, parts.length - 1];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((ends[middle] as number) > index) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  return {
    count,
    at(index) {
      const place = placeOf(index);
      return numberAt(parts[place] as Stretch, index - (place === 0 ? 0 : (ends[place - 1] as number)));
    },
    other(index) {
      const near = parts[placeOf(Math.floor(fraction(index, 20) * count))] as Stretch;
      // The last range is wide: it always has others.
      const part = freeIn(near) > 0 ? near : (parts.at(-1) as Stretch);
      return numberAt(part, part.taken + Math.floor(fraction(index, 21) * freeIn(part)));
    },
    leastBytes: parts.reduce((sum, part) => sum + leastBits(part), 0) / 8 / count,
    *batches(isSorted = false) {
      const batch = new Float64Array(BATCH);
      let end = 0;
      const inOrder = isSorted
        ? order.toSorted((a, b) => (parts[a]?.base ?? 0) - (parts[b]?.base ?? 0))
        : order;
      for (const index of inOrder) {
        const part = parts[index] as Stretch;
        for (let place = 0; place < part.taken; place++) {
          batch[end++] = numberAt(part, place);
          if (end < BATCH) continue;
          yield isSorted ? batch.toSorted() : batch;
          end = 0;
        }
      }
      yield isSorted ? batch.slice(0, end).toSorted() : batch.slice(0, end);
    },
    queries(wanted, seed) {
      return Float64Array.from({ length: wanted }, (_, index) => {
        const part = parts[placeOf(Math.floor(fraction(index, seed) * count))] as Stretch;
        const chance = fraction(index, seed + 1);
        const isHit = (mix(index, seed + 2) & 1) === 0 || freeIn(part) === 0;
        return numberAt(part, Math.floor(isHit ? chance * part.taken : part.taken + chance * freeIn(part)));
      });
    },
  };
}

/** As many numbers as there are opt-outs. */
export const clusteredSample = (count: number): NumberSample => sampleOf(stretches(count));

/** Numbers of 11 digits that lie anywhere. */
export const uniformSample = (count: number): NumberSample =>
  sampleOf([{ base: 10_000_000_000, rows: 900_000, columns: 100_000, taken: count }]);
