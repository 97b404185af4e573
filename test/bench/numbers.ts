/** Numbers as they really lie: in blocks, each thinned out. Deterministic. */

/** @returns `count` different numbers; `offset` picks others. */
export function clusteredNumbers(count: number, offset = 0): string[] {
  const numbers: string[] = [];
  for (let block = 0; numbers.length < count; block++) {
    const base = 12_000_000_000 + ((block * 7_919) % 800_000) * 10_000 + offset;
    for (let line = 0; line < 10_000 && numbers.length < count; line += 7) numbers.push(String(base + line));
  }
  return numbers;
}
