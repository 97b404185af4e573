/**
 * What the guard costs, beside what one would use instead, in the same run. Prints ratios; absolute figures are this
 * machine's. A part's name runs it alone; without one all run but those that need what the project does not depend on.
 * `--large` adds what takes long: ten million numbers where there is one million, a hundred where there are ten.
 */

import { benchChecks } from './checks.ts';
import { benchGates } from './gates.ts';
import { benchMiddleware } from './middleware.ts';
import { benchSet } from './numbers-set.ts';
import { benchPeers } from './peers.ts';
import { benchStalls } from './stalls.ts';
import { benchStart } from './start.ts';
import { benchStore } from './store.ts';
import { benchStream } from './stream.ts';
import { benchSweep } from './sweep.ts';
import { benchWords } from './words.ts';

const asked = new Set(process.argv.slice(2));
const isLarge = asked.delete('--large');
const parts: Readonly<Record<string, (given: { readonly isLarge: boolean }) => Promise<void>>> = {
  checks: benchChecks,
  set: benchSet,
  store: benchStore,
  sweep: benchSweep,
  stalls: benchStalls,
  middleware: benchMiddleware,
  start: benchStart,
  gates: benchGates,
  stream: benchStream,
  words: benchWords,
  peers: benchPeers,
};
/** These run only where they are asked for. */
const optional: readonly string[] = ['peers'];
const unknown = [...asked].filter((name) => !Object.hasOwn(parts, name));
if (unknown.length > 0) {
  throw new Error(`expected ${Object.keys(parts).join(', ')} or --large, not ${unknown.join(', ')}`);
}

let isFirst = true;
for (const [name, run] of Object.entries(parts)) {
  if (asked.size > 0 ? !asked.has(name) : optional.includes(name)) continue;
  if (!isFirst) console.log();
  isFirst = false;
  await run({ isLarge });
}
