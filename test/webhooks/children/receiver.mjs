/** A receiver in a process of its own, whose memory a test measures. Started with --expose-gc; runs what is built. */

import { createServer } from 'node:http';
import { createGuard } from 'sms-send-guard';

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const guard = createGuard({ logger: silent });
await guard.ready();
const server = createServer({ requestTimeout: 0 }, guard.webhooks({ unsigned: 'block_only' }));
let received = 0;
const sockets = new Set();
server.on('connection', (socket) => {
  sockets.add(socket);
  socket.on('error', () => undefined);
  socket.on('close', () => {
    received += socket.bytesRead;
    sockets.delete(socket);
  });
});
process.on('message', () => {
  global.gc();
  const { heapUsed, external } = process.memoryUsage();
  let bytes = received;
  for (const socket of sockets) bytes += socket.bytesRead;
  process.send({ kept: heapUsed + external, bytes });
});
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
