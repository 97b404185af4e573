/**
 * What the guard costs, beside what one would use instead, in the same run. Prints ratios; absolute figures are this
 * machine's. `checks` or `store` runs one half alone; `--large` also loads and saves ten million numbers.
 */

import { benchChecks } from './checks.ts';
import { benchStore } from './store.ts';

const asked = new Set(process.argv.slice(2));
const isLarge = asked.delete('--large');
const halves = new Map<string, () => Promise<void>>([
  ['checks', benchChecks],
  ['store', () => benchStore({ isLarge })],
]);
const unknown = [...asked].filter((name) => !halves.has(name));
if (unknown.length > 0) throw new Error(`expected checks, store or --large, not ${unknown.join(', ')}`);

let isFirst = true;
for (const [name, run] of halves) {
  if (asked.size > 0 && !asked.has(name)) continue;
  if (!isFirst) console.log();
  isFirst = false;
  await run();
}
