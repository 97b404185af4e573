/** For sweeps with a thread: a thread that runs on the main thread, and a provider that offers raw replies. */

import { MessageChannel } from 'node:worker_threads';
import type { PageRequest, Provider, ProviderPage } from '../../src/providers/provider.ts';
import { offerRawReplies } from '../../src/providers/raw-replies.ts';
import type { SpawnThread, Thread } from '../../src/sync/thread/connection.ts';
import type { ThreadRequest } from '../../src/sync/thread/messages.ts';
import { serve } from '../../src/sync/thread/worker.ts';

/** Creates threads whose program runs on the main thread. It sends and receives the same messages as in a thread. */
export function threadHere(onRequest: (request: ThreadRequest, thread: Thread) => void = () => undefined) {
  const exits: (() => void)[] = [];
  let started = 0;
  const spawn: SpawnThread = (setup) => {
    started++;
    const { port1, port2 } = new MessageChannel();
    serve(port2, setup);
    const thread: Thread = {
      on(event: string, listener: (message: never) => void) {
        if (event === 'message') port1.on('message', (message) => listener(message as never));
        else if (event === 'exit') exits.push(listener as () => void);
      },
      postMessage(message, transfer) {
        onRequest(message, thread);
        port1.postMessage(message, transfer);
      },
      unref: () => port1.unref(),
      async terminate() {
        port1.close();
        port2.close();
        for (const exit of exits.splice(0)) exit();
      },
    };
    return thread;
  };
  return {
    spawn,
    get started() {
      return started;
    },
  };
}

/** Creates a provider that offers its pages as raw replies. A malformed page becomes a malformed reply. */
export function replying(pageOf: (request: PageRequest) => Promise<ProviderPage>): Provider {
  const page: Provider['page'] = (request) => pageOf(request);
  offerRawReplies(page, async (request, parse) => {
    const { rows, total }: { rows?: unknown; total?: unknown } = await pageOf(request);
    const body = { 'opt-in-list': rows, 'opt-in-count': total };
    return parse(reply(JSON.stringify(body)));
  });
  return { page };
}

export function reply(body: string, httpStatus = 200) {
  return { httpStatus, body: Uint8Array.from(Buffer.from(body)) };
}
