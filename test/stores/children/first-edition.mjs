/** Runs a guard of the first edition with a store in a file. It answers the messages of guard.mjs. */

import { createGuard, firstEditionStore } from '../fixtures/first-edition.mjs';

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const errors = [];
let guard;

const asks = {
  async start({ file, now }) {
    const store = firstEditionStore(file, now === undefined ? undefined : () => now);
    guard = createGuard({ logger: silent, store });
    guard.on('error', ({ code, message }) => errors.push({ code, message }));
    const state = await guard.ready({ timeout: '60s' });
    return { state, port: 0, errors };
  },
  canSend: ({ numbers }) => numbers.map((number) => guard.canSend(number, { from: undefined })),
  optOut: ({ number }) => guard.optOut(number, { list: 'default' }),
  resubscribe: ({ number }) => guard.resubscribe(number, { localOnly: true }),
  history: ({ number }) => guard.history(number),
  status: () => ({ status: guard.status(), errors }),
  close: () => guard.close(),
};

async function answer({ id, ask, ...takes }) {
  try {
    process.send?.({ id, gives: await asks[ask](takes) });
  } catch (error) {
    process.send?.({ id, error: String(error?.stack ?? error) });
  }
}

process.on('message', (message) => void answer(message));
