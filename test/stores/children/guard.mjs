/**
 * Runs a guard of the built package with a store in a file. It answers messages { id, ask, … }: first `start` with a
 * file, then any of `asks`.
 */

import { createServer } from 'node:http';
import { createGuard } from 'sms-send-guard';

const silent = { debug() {}, info() {}, warn() {}, error() {} };
let guard;
let server;
const errors = [];
const list = new Set();
let pages = 0;

const provider = {
  async page({ index }) {
    pages++;
    return { rows: index === 0 ? [...list] : [] };
  },
};

const asks = {
  async start({ file, uid, listed, every, timeout }) {
    if (uid !== undefined) {
      process.setgid(uid);
      process.setuid(uid);
    }
    for (const number of listed ?? []) list.add(number);
    guard = createGuard({
      logger: silent,
      store: `sqlite:${file}`,
      ...(listed ? { provider, refresh: { every: every ?? '5m' } } : {}),
    });
    guard.on('error', ({ code, message }) => errors.push({ code, message }));
    const handler = guard.webhooks({ unsigned: 'block_only' });
    server = createServer(handler).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const state = await guard.ready({ timeout: timeout ?? '60s' });
    return { state, port: server.address().port, errors };
  },
  canSend: ({ numbers }) => numbers.map((number) => guard.canSend(number)),
  optOut: async ({ number }) =>
    guard.optOut(number).then(
      () => 'stored',
      (error) => error.code,
    ),
  /** Waits until a number is blocked. Returns the time since `since` (ms UTC), ms. */
  async blocked({ number, since }) {
    while (guard.canSend(number)) await new Promise((resolve) => setImmediate(resolve));
    return Date.now() - since;
  },
  setList({ numbers }) {
    list.clear();
    for (const number of numbers) list.add(number);
  },
  refresh: () => guard.refresh(),
  history: ({ number }) => guard.history(number),
  status: () => ({ status: guard.status(), pages, errors }),
  async close() {
    server.close();
    server.closeAllConnections();
    await guard.close();
    setImmediate(() => process.disconnect());
  },
};

async function answer({ id, ask, ...takes }) {
  try {
    process.send?.({ id, gives: await asks[ask](takes) });
  } catch (error) {
    process.send?.({ id, error: String(error?.stack ?? error) });
  }
}

process.on('message', (message) => void answer(message));
