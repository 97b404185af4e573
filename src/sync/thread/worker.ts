/**
 * The program of the thread of one sweep of a long list. It parses replies and counts new numbers with the same code
 * that does so on the main thread for a short list. It decides nothing about the list, and it ends with its sweep.
 */

import { isMainThread, parentPort, workerData, type MessagePort } from 'node:worker_threads';
import { ProviderError } from '../../errors.ts';
import { createNumberSetFromTransfer, type NumberSetState } from '../../number-set/number-set.ts';
import { createSeenNumbers, type SeenNumbers } from '../../ledger/seen-numbers.ts';
import { sliceRows, type RowSlice } from '../row-columns.ts';
import { withTextBody } from '../../providers/raw-replies.ts';
import { readPage } from '../../providers/vonage/reply.ts';
import type {
  Refusal,
  SetPiece,
  ThreadMessage,
  ThreadRequest,
  ThreadRequestName,
  ThreadRequests,
  ThreadSetup,
} from './messages.ts';

/** Regions of a set per message: the main thread creates a buffer for each of them when it receives the message. */
const REGIONS_PER_PIECE = 64;
/** Slices per message: the main thread copies the numbers of all of them when it receives the message. */
export const SLICES_PER_ANSWER = 32;

type Handlers = {
  [K in ThreadRequestName]: (takes: ThreadRequests[K]['takes']) => ThreadRequests[K]['gives'];
};

/** Serves the requests of one sweep. An error other than a `ProviderError` ends the thread. */
export function serve(port: MessagePort, { sweepStart }: ThreadSetup): void {
  // The rows of each open page that were not requested yet.
  const pages = new Map<number, Generator<RowSlice, void, undefined>>();
  let seen: SeenNumbers = createSeenNumbers();
  let pieces: Generator<SetPiece, undefined> | undefined;

  const handlers: Handlers = {
    begin({ outs, ins }) {
      seen = createSeenNumbers(createNumberSetFromTransfer(outs), createNumberSetFromTransfer(ins));
      return null;
    },
    openPage({ index, reply }) {
      const page = readPage(withTextBody(reply));
      pages.set(index, sliceRows(page.rows, sweepStart));
      return { length: page.rows.length, total: page.total };
    },
    nextRows({ index, isCounted }) {
      const slices: (RowSlice & { fresh?: number })[] = [];
      while (slices.length < SLICES_PER_ANSWER) {
        const next = pages.get(index)?.next();
        if (!next?.value) {
          pages.delete(index);
          return { slices, isLast: true };
        }
        const slice = next.value;
        slices.push(isCounted ? { ...slice, fresh: seen.take(slice) } : slice);
      }
      return { slices, isLast: false };
    },
    transferBack() {
      pieces ??= piecesOf(seen.outs.transfer().state);
      return pieces.next().value as SetPiece;
    },
  };

  function post(message: ThreadMessage, transfer: ArrayBuffer[] = []): void {
    port.postMessage(message, transfer);
  }

  port.on('message', ({ id, name, takes }: ThreadRequest) => {
    try {
      const handler = handlers[name] as (takes: unknown) => unknown;
      const gives = handler(takes);
      post({ kind: 'answer', id, gives }, name === 'transferBack' ? buffersOf(gives as SetPiece) : []);
    } catch (error) {
      if (!(error instanceof ProviderError)) throw error;
      post({ kind: 'refusal', id, refusal: refusalOf(error) });
    }
  });
  post({ kind: 'ready' });
}

function refusalOf({ code, message, httpStatus, providerStatus, retryAfterMs }: ProviderError): Refusal {
  return {
    code,
    message,
    details: {
      ...(httpStatus === undefined ? {} : { httpStatus }),
      ...(providerStatus === undefined ? {} : { providerStatus }),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    },
  };
}

function* piecesOf({ regions, ...rest }: NumberSetState): Generator<SetPiece, undefined> {
  let head: SetPiece['head'] = rest;
  for (let from = 0; from < regions.length; from += REGIONS_PER_PIECE) {
    const until = from + REGIONS_PER_PIECE;
    yield { head, regions: regions.slice(from, until), isLast: until >= regions.length };
    head = undefined;
  }
}

/** Returns the buffers of a piece, which are transferred instead of copied. */
function buffersOf({ head, regions }: SetPiece): ArrayBuffer[] {
  return [head?.nodes, ...regions].flatMap((words) => (words ? [words.buffer as ArrayBuffer] : []));
}

if (!isMainThread && parentPort) serve(parentPort, workerData as ThreadSetup);
