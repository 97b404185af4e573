/** Sweeps with a thread: one that runs in this thread, and a provider whose replies can be read in one. */

import { MessageChannel } from 'node:worker_threads';
import type { PageRequest, Provider, ProviderPage } from '../../src/providers/provider.ts';
import { offerRawReplies } from '../../src/providers/raw-replies.ts';
import type { SpawnThread, Thread } from '../../src/sync/thread/connection.ts';
import type { ThreadRequest } from '../../src/sync/thread/messages.ts';
import { serve } from '../../src/sync/thread/worker.ts';

/** A thread's work without a thread; everything passes through the same messages. */
export function threadHere(onRequest: (request: ThreadRequest, thread: Thread) => void = () => undefined) {
  const exits: (() => void)[] = [];
  let started = 0;
  const spawn: SpawnThread = (setup) => {
    started++;
    const { port1, port2 } = new MessageChannel();
    serve(port2, setup);
    const thread: Thread = {
      on(event: string, heard: (message: never) => void) {
        if (event === 'message') port1.on('message', (message) => heard(message as never));
        else if (event === 'exit') exits.push(heard as () => void);
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

/** The pages of a provider as replies. A page that is none is a reply that is none. */
export function replying(pageOf: (request: PageRequest) => Promise<ProviderPage>): Provider {
  const page: Provider['page'] = (request) => pageOf(request);
  offerRawReplies(page, async (request, read) => {
    const given: { rows?: unknown; total?: unknown } = await pageOf(request);
    const body = { 'opt-in-list': given.rows, 'opt-in-count': given.total };
    return read(reply(JSON.stringify(body)));
  });
  return { page };
}

export function reply(body: string, httpStatus = 200) {
  return { httpStatus, body: Uint8Array.from(Buffer.from(body)) };
}
