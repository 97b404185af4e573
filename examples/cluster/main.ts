/**
 * The sending service of ../express-service in several processes: the primary starts workers that listen on one port,
 * starts another one for each that dies, and passes signals on. It holds no opt-outs: the workers share a store file.
 *
 *   API_KEY=… API_SECRET=… SIGNATURE_SECRET=… STORE_FILE=/var/lib/sms/opt-outs.db PORT=3000 \
 *   node .build/examples/cluster/main.js
 *
 * Optional: HOST, WORKERS (4), PROVIDER_URL (the real one), REFRESH_SECONDS (300).
 */

import cluster, { type Worker } from 'node:cluster';
import { setTimeout as pause } from 'node:timers/promises';

const REQUIRED = ['API_KEY', 'API_SECRET', 'SIGNATURE_SECRET', 'STORE_FILE', 'PORT'];
/** Pause before a worker that died is replaced: doubles with each that dies young. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 10_000;
const GROWN_UP_MS = 30_000;
/** How long workers may take to end. */
const STOP_WITHIN_MS = 15_000;

if (cluster.isPrimary) await supervise();
else await import('./worker.ts');

async function supervise(): Promise<void> {
  // Said once and here: workers would die of it again and again.
  const missing = REQUIRED.filter((name) => !process.env[name]);
  if (missing.length > 0) {
    console.error(`not in the environment: ${missing.join(', ')}`);
    process.exitCode = 1;
    return;
  }
  const stopping = new AbortController();
  const signalAll = (signal: NodeJS.Signals) => {
    for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill(signal);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      stopping.abort();
      signalAll(signal);
      setTimeout(signalAll, STOP_WITHIN_MS, 'SIGKILL').unref();
    });
  }

  cluster.once('listening', (_worker, { port }) => console.log(`listening on port ${port}`));
  cluster.on('listening', ({ id, process: { pid } }) => console.log(`worker ${id} is process ${pid}`));
  const workers = Number(process.env['WORKERS'] ?? 4);
  await Promise.all(Array.from({ length: workers }, () => keepRunning(stopping.signal)));
}

/** Keeps one worker running until the signal. */
async function keepRunning(stopping: AbortSignal): Promise<void> {
  let wait = FIRST_PAUSE_MS;
  while (!stopping.aborted) {
    const startedAt = performance.now();
    const worker = cluster.fork();
    const end = await endOf(worker);
    if (stopping.aborted) {
      // By a signal that came before it could be heard, nothing was lost; by SIGKILL perhaps a request.
      if (end !== 0 && end !== 'SIGTERM' && end !== 'SIGINT') process.exitCode = 1;
      return;
    }
    if (performance.now() - startedAt > GROWN_UP_MS) wait = FIRST_PAUSE_MS;
    console.error(`worker ${worker.id} ended (${end}); another one starts in ${wait} ms`);
    await pause(wait, undefined, { signal: stopping }).catch(() => undefined);
    wait = Math.min(2 * wait, LONGEST_PAUSE_MS);
  }
}

/** How a worker ended: exit code, signal, or why it never began. */
function endOf(worker: Worker): Promise<number | string> {
  return new Promise((resolve) => {
    worker.on('exit', (code: number | null, signal: string | null) => resolve(code ?? signal ?? 'unknown'));
    // Handing a connection to a worker that is dying is an error as well: its exit is still to come.
    worker.on('error', (error) => {
      if (worker.process.pid === undefined) resolve(error.message);
    });
  });
}
