/** Numbers as they really lie: in blocks, each thinned out. Deterministic. */

const LINES_PER_BLOCK = 10_000;
const STEP = 7;
const LISTED_PER_BLOCK = Math.ceil(LINES_PER_BLOCK / STEP);

/** The number at a place; all of them differ. `offset` picks others. */
export function clusteredNumber(index: number, offset = 0): string {
  const block = Math.floor(index / LISTED_PER_BLOCK);
  const base = 12_000_000_000 + ((block * 7_919) % 800_000) * LINES_PER_BLOCK + offset;
  return String(base + (index % LISTED_PER_BLOCK) * STEP);
}

/** @returns `count` different numbers; `offset` picks others. */
export function clusteredNumbers(count: number, offset = 0): string[] {
  return Array.from({ length: count }, (_, index) => clusteredNumber(index, offset));
}
