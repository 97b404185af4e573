/** Reads the words and phrases of a pack from a text, where commas separate them. */
export function list(text: string): readonly string[] {
  return text.trim().split(/,\s+/);
}
