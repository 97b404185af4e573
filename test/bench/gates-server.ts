/**
 * A server that says of everything that it was accepted, in a process of its own, so that its work is in nobody's
 * figures. A program: its port as a message.
 */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const REPLY = JSON.stringify({
  'message-count': '1',
  messages: [{ to: '447700900000', 'message-id': 'aaaaaaaa-bbbb-cccc-dddd-0123456789ab', status: '0' }],
});
const HEADERS = { 'content-type': 'application/json', 'content-length': REPLY.length };

const server = createServer((req, res) => {
  req.resume().on('end', () => res.writeHead(200, HEADERS).end(REPLY));
});
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));
