/** What one read of memory takes that no cache holds and that has to wait for the one before: the unit beside checks. */

/** The words of a memory that no cache holds. */
const WORDS = 2 ** 28;

/** @returns a function that reads so many words one after the other, each of which says where the next one lies. */
export function createMemoryRead(): (reads: number) => void {
  // A cycle through all of them, in no order.
  const next = new Int32Array(WORDS);
  for (let word = 0; word < WORDS; word++) {
    next[word] = (Math.imul(word, 0x5_deece66d) + 0x3c6e_f35f) & (WORDS - 1);
  }
  let word = 1;
  return (reads) => {
    for (let read = 0; read < reads; read++) word = next[word] as number;
  };
}
