/** A client that costs little beside the server: requests written ahead, over connections that stay open. */

import { once } from 'node:events';
import { connect } from 'node:net';

const CONNECTIONS = 16;
const ACCEPTED = 'HTTP/1.1 202';

/** POSTs of JSON bodies, as they go over the wire. */
export const requestsOf = (bodies: readonly object[]): Buffer[] =>
  bodies.map((body) => {
    const text = JSON.stringify(body);
    const head = `POST /messages HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json`;
    return Buffer.from(`${head}\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
  });

/** Sends requests one after the other over each of some connections, for a time. @returns how many were answered. */
export async function answered(port: number, requests: readonly Buffer[], ms: number): Promise<number> {
  const until = performance.now() + ms;
  let sent = 0;
  const loops = Array.from({ length: CONNECTIONS }, async () => {
    const socket = connect(port, '127.0.0.1').setNoDelay();
    await once(socket, 'connect');
    let done = 0;
    const next = () => socket.write(requests[sent++ % requests.length] as Buffer);
    socket.on('data', (reply) => {
      // Its body is empty, so that it comes in one piece.
      if (!reply.toString('latin1', 0, ACCEPTED.length).startsWith(ACCEPTED)) {
        socket.destroy(new Error('a request was refused'));
      } else {
        done++;
        if (performance.now() < until) next();
        else socket.end();
      }
    });
    next();
    await once(socket, 'close');
    return done;
  });
  return (await Promise.all(loops)).reduce((sum, done) => sum + done, 0);
}
