/** Writes to stores without a pause and exits meanwhile. Arguments: folder, time until the exit in ms, exit code. */

import { join } from 'node:path';
import { createGuard } from 'sms-send-guard';

const [folder, afterMs, exitCode] = process.argv.slice(2);
const logger = { debug() {}, info() {}, warn() {}, error() {} };
let next = 15_550_000_000;

async function write(guard) {
  for (;;) await guard.optOut(String(next++));
}

for (const name of ['a', 'b', 'c']) {
  const guard = createGuard({ logger, store: `sqlite:${join(folder, name)}.db` });
  for (let writer = 0; writer < 4; writer++) write(guard).catch(() => undefined);
}
setTimeout(() => process.exit(Number(exitCode)), Number(afterMs));
