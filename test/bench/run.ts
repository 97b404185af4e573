/**
 * What the guard costs, beside what one would use instead, in the same run. Prints ratios; absolute figures are this
 * machine's. `checks`, `store` or `set` runs one part alone; `--large` also loads and saves ten million numbers, and holds
 * a hundred million in a set.
 */

import { benchChecks } from './checks.ts';
import { benchSet } from './numbers-set.ts';
import { benchStore } from './store.ts';

const asked = new Set(process.argv.slice(2));
const isLarge = asked.delete('--large');
const parts = new Map<string, () => Promise<void>>([
  ['checks', () => benchChecks({ isLarge })],
  ['store', () => benchStore({ isLarge })],
  ['set', () => benchSet({ isLarge })],
]);
const unknown = [...asked].filter((name) => !parts.has(name));
if (unknown.length > 0) throw new Error(`expected checks, store, set or --large, not ${unknown.join(', ')}`);

let isFirst = true;
for (const [name, run] of parts) {
  if (asked.size > 0 && !asked.has(name)) continue;
  if (!isFirst) console.log();
  isFirst = false;
  await run();
}
