/**
 * A BullMQ worker that checks again when a message leaves the queue: whoever opted out while it waited gets none. It
 * holds no opt-outs of its own and opens no connection but the queue's.
 */

import { Worker, type ConnectionOptions } from 'bullmq';
import { SendBlockedError, type Guard } from 'sms-send-guard';

/** A message that waits. */
export interface MessageJob {
  readonly to: string;
  readonly from: string;
  readonly text: string;
}

/** What became of it. */
export type MessageResult =
  | { readonly sent: true; readonly id: string | undefined }
  | { readonly sent: false; readonly reason: string };

export interface WorkerParts {
  readonly guard: Guard;
  readonly connection: ConnectionOptions;
  readonly queue: string;
  /** Asks the provider. @returns its reply, from which the guard learns. */
  readonly send: (message: MessageJob) => Promise<unknown>;
}

/** Reasons that pass by waiting: the list was not read yet, or not for long. */
const PASSING: readonly string[] = ['not_ready', 'stale', 'expired', 'closed'];

/** Starts a worker; the caller closes it, and the guard after it. */
export function startWorker({ guard, connection, queue, send }: WorkerParts) {
  return new Worker<MessageJob, MessageResult>(
    queue,
    async ({ data }) => {
      const { from } = data;
      try {
        const reply = await guard.send(data.to, (to) => send({ ...data, to }), { from });
        return { sent: true, id: (reply as { id?: string } | undefined)?.id };
      } catch (error) {
        const reason = error instanceof SendBlockedError ? error.decision.reason : undefined;
        // A fault of the provider or of the list is tried again, as the job's `attempts` and `backoff` say.
        if (reason === undefined || PASSING.includes(reason)) throw error;
        // That somebody opted out is an answer and no fault: the job is done, with a note. Were it to fail, even by an
        // UnrecoverableError, it would stand among failures, raise alarms, and go out with the next "retry all".
        return { sent: false, reason };
      }
    },
    { connection },
  );
}
