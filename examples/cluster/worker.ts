/** One worker of ./main: the sending service over the store file that all of them share. */

import cluster from 'node:cluster';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createService } from '../express-service/service.ts';

const { env } = process;
const { app, guard } = createService({
  // The primary has seen to it that what is required is there.
  apiKey: env['API_KEY'] ?? '',
  apiSecret: env['API_SECRET'] ?? '',
  signatureSecret: env['SIGNATURE_SECRET'] ?? '',
  store: `sqlite:${env['STORE_FILE']}`,
  refresh: { every: `${Number(env['REFRESH_SECONDS'] ?? 300)}s` },
  ...(env['PROVIDER_URL'] === undefined ? {} : { providerUrl: env['PROVIDER_URL'] }),
});
let isStopping = false;

const server = createServer((req, res) => {
  res.setHeader('x-worker', String(cluster.worker?.id));
  // A client that keeps its connection busy would keep a closing server from its end.
  res.shouldKeepAlive &&= !isStopping;
  app(req, res);
});

async function stop(): Promise<void> {
  // Ctrl+C comes twice: from the terminal, and passed on by the primary.
  if (isStopping) return;
  isStopping = true;
  if (server.listening) {
    server.close();
    await once(server, 'close');
  }
  // Not before: a closed guard refuses the requests still under way.
  await guard.close();
  // Nothing else keeps the process alive.
  cluster.worker?.disconnect();
}
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => void stop());

// Until then every send would be refused.
await guard.ready();
if (!isStopping) server.listen(Number(env['PORT']), env['HOST']);
