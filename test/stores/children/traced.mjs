/** Serves webhooks until its input ends, so that its system calls can be traced. */

import { createServer } from 'node:http';
import { writeSync } from 'node:fs';
import { createGuard } from 'sms-send-guard';

const guard = createGuard({ store: `sqlite:${process.env.STORE}` });
await guard.ready();
const server = createServer(guard.webhooks({ unsigned: 'block_only' })).listen(0, '127.0.0.1', () => {
  writeSync(1, `${server.address().port}\n`);
});
process.stdin.resume().on('end', () => {
  server.close();
  server.closeAllConnections();
  void guard.close();
});
