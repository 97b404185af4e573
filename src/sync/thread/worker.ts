/**
 * The thread of one sweep of a long list: it reads replies and keeps what the sweep has shown, with the code that does
 * so on the main thread for a short one. It knows no list, decides nothing, and ends with its sweep.
 */

import { isMainThread, parentPort, workerData, type MessagePort } from 'node:worker_threads';
import { ProviderError } from '../../errors.ts';
import { createNumberSetFromTransfer, type NumberSetState } from '../../number-set/number-set.ts';
import { createSeenNumbers, type SeenNumbers } from '../../ledger/seen-numbers.ts';
import { slicesOf, type RowSlice } from '../row-columns.ts';
import { inText } from '../../providers/raw-replies.ts';
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

/** Regions of a set that are handed over at once: the other side makes a buffer of each. */
const REGIONS_PER_PIECE = 64;
/** Slices that are handed over at once: the other side copies their numbers in one turn. */
export const SLICES_PER_ANSWER = 32;

type Handlers = {
  [K in ThreadRequestName]: (takes: ThreadRequests[K]['takes']) => ThreadRequests[K]['gives'];
};

/** Serves one sweep. A fault that is not a reply's ends the thread. */
export function serve(port: MessagePort, { start }: ThreadSetup): void {
  // The rows of each page that were not taken yet.
  const pages = new Map<number, Generator<RowSlice, void, undefined>>();
  let shown: SeenNumbers = createSeenNumbers();
  let handing: Generator<SetPiece, undefined> | undefined;

  const handlers: Handlers = {
    begin({ outs, ins }) {
      shown = createSeenNumbers(createNumberSetFromTransfer(outs), createNumberSetFromTransfer(ins));
      return null;
    },
    open({ index, reply }) {
      const page = readPage(inText(reply));
      pages.set(index, slicesOf(page.rows, start));
      return { length: page.rows.length, total: page.total };
    },
    take({ index, isCounted }) {
      const slices: (RowSlice & { fresh?: number })[] = [];
      while (slices.length < SLICES_PER_ANSWER) {
        const next = pages.get(index)?.next();
        if (!next?.value) {
          pages.delete(index);
          return { slices, isLast: true };
        }
        const slice = next.value;
        slices.push(isCounted ? { ...slice, fresh: shown.take(slice) } : slice);
      }
      return { slices, isLast: false };
    },
    handOver() {
      handing ??= piecesOf(shown.outs.transfer().state);
      return handing.next().value as SetPiece;
    },
  };

  port.on('message', ({ id, name, takes }: ThreadRequest) => {
    const say = (message: ThreadMessage, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);
    try {
      const handler = handlers[name] as (given: unknown) => unknown;
      const gives = handler(takes);
      say({ kind: 'answer', id, gives }, name === 'handOver' ? buffersOf(gives as SetPiece) : []);
    } catch (error) {
      if (!(error instanceof ProviderError)) throw error;
      say({ kind: 'refusal', id, refusal: refusalOf(error) });
    }
  });
  port.postMessage({ kind: 'ready' } satisfies ThreadMessage);
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

/** What is handed over with a piece instead of copied. */
function buffersOf({ head, regions }: SetPiece): ArrayBuffer[] {
  return [head?.nodes, ...regions].flatMap((words) => (words ? [words.buffer as ArrayBuffer] : []));
}

if (!isMainThread && parentPort) serve(parentPort, workerData as ThreadSetup);
