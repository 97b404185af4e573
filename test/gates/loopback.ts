/** A server on loopback that records the requests that it gets, byte for byte, and counts connections. */

import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Loopback extends AsyncDisposable {
  readonly origin: string;
  readonly host: string;
  readonly received: Received[];
  /** The number of connections since the start. */
  connections(): number;
  /** The number of bytes that were received on all connections. */
  bytes(): number;
  /** Answers a request. Default: 200 and `{}`. */
  answer: (request: Received, response: ServerResponse) => void;
}

export async function startLoopback(): Promise<Loopback> {
  const sockets: Socket[] = [];
  const received: Received[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url: path = '', headers } = request;
      const one = { method, path, headers, body: Buffer.concat(chunks).toString('latin1') };
      received.push(one);
      loopback.answer(one, response);
    });
  });
  server.on('connection', (socket: Socket) => sockets.push(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const loopback: Loopback = {
    origin: `http://127.0.0.1:${port}`,
    host: `127.0.0.1:${port}`,
    received,
    connections: () => sockets.length,
    bytes: () => sockets.reduce((sum, { bytesRead }) => sum + bytesRead, 0),
    answer: (_request, response) => response.end('{}'),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return loopback;
}
